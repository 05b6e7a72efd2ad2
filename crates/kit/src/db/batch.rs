use sqlx::{AssertSqlSafe, SqlSafeStr};

/// How many rows the texts of a batch statement take. Few sizes, so that few statements are prepared.
const SIZES: [usize; 5] = [1, 4, 16, 64, 256];

/// A statement that takes many rows of parameters in one round: `WITH row (n, a, b) AS (VALUES (0, $1, $2), …) …`.
#[derive(Debug)]
pub struct BatchSql {
    texts: [String; SIZES.len()],
}

impl BatchSql {
    /// The most rows that a batch takes.
    pub const MAX_ROWS: usize = SIZES[SIZES.len() - 1];

    /// `before` and `after` are the text around the rows; each row is its number, from 0, and so many parameters.
    #[must_use]
    pub fn new(before: &str, columns: usize, after: &str) -> Self {
        let row = |n: usize| {
            let parameters: Vec<String> =
                (1..=columns).map(|column| format!("${}", n * columns + column)).collect();
            format!("({n}, {})", parameters.join(", "))
        };
        let text = |size| {
            let rows: Vec<String> = (0..size).map(row).collect();
            format!("{before}{}{after}", rows.join(", "))
        };
        Self { texts: SIZES.map(text) }
    }

    /// The text for at least so many rows, and the rows themselves, filled up with the last to the text's size: the
    /// results of the rows that fill up are to be left out. `None` if there are no rows or too many.
    pub fn fill<'a, T>(
        &'static self,
        rows: &'a [T],
    ) -> Option<(impl SqlSafeStr + use<T>, impl Iterator<Item = &'a T>)> {
        let last = rows.last()?;
        let size = SIZES.iter().position(|size| *size >= rows.len())?;
        let filled = rows.iter().chain(std::iter::repeat(last)).take(SIZES[size]);
        Some((AssertSqlSafe(self.texts[size].as_str()), filled))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static SQL: LazyLock<BatchSql> = LazyLock::new(|| BatchSql::new("V ", 2, " W"));

    #[test]
    fn rows_are_filled_up_to_the_next_size() {
        let (text, rows) = SQL.fill(&[1, 2]).unwrap();
        assert_eq!(text.into_sql_str().as_str(), "V (0, $1, $2), (1, $3, $4), (2, $5, $6), (3, $7, $8) W");
        assert_eq!(rows.copied().collect::<Vec<_>>(), [1, 2, 2, 2]);
    }

    #[test]
    fn no_rows_and_too_many_rows_have_no_statement() {
        assert!(SQL.fill::<i32>(&[]).is_none());
        assert!(SQL.fill(&vec![0; BatchSql::MAX_ROWS + 1]).is_none());
    }
}
