use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::Conn;

/// How many rows the texts of a batch statement take. Few sizes, so that few statements are prepared.
const SIZES: [usize; 6] = [1, 4, 16, 64, 128, 256];

/// A statement that takes many rows of parameters in one round: `WITH row (n, a, b) AS (VALUES (0, $1, $2), …) …`.
#[derive(Debug)]
pub struct BatchSql {
    postgres: [String; SIZES.len()],
    sqlite: [String; SIZES.len()],
}

impl BatchSql {
    /// The most rows that a statement takes.
    pub const MAX_ROWS: usize = SIZES[SIZES.len() - 1];

    /// `before` and `after` are the text around the rows, without parameters; each row is its number, from 0, and so many
    /// parameters.
    #[must_use]
    pub fn new(before: &str, columns: usize, after: &str) -> Self {
        let text = |parameter: &dyn Fn(usize) -> String, size| {
            let row = |n: usize| {
                let parameters: Vec<String> =
                    (1..=columns).map(|column| parameter(n * columns + column)).collect();
                format!("({n}, {})", parameters.join(", "))
            };
            let rows: Vec<String> = (0..size).map(row).collect();
            format!("{before}{}{after}", rows.join(", "))
        };
        Self {
            postgres: SIZES.map(|size| text(&|number| format!("${number}"), size)),
            // With numbers they would be names to SQLite, of which it searches the list for each that is bound.
            sqlite: SIZES.map(|size| text(&|_| "?".to_owned(), size)),
        }
    }

    /// The statements for all of the rows, each with its own, filled up with the last of them to the text's size: the
    /// results of the rows that fill up are to be left out.
    pub fn statements<'a, T>(
        &'static self,
        db: &Conn,
        rows: &'a [T],
    ) -> impl Iterator<Item = (impl SqlSafeStr + use<T>, impl Iterator<Item = &'a T> + use<'a, T>)> + use<'a, T>
    {
        Self::of(if db.is_postgres() { &self.postgres } else { &self.sqlite }, rows)
    }

    fn of<'a, T>(
        texts: &'static [String; SIZES.len()],
        rows: &'a [T],
    ) -> impl Iterator<Item = (impl SqlSafeStr + use<T>, impl Iterator<Item = &'a T> + use<'a, T>)> + use<'a, T>
    {
        rows.chunks(Self::MAX_ROWS).filter_map(|rows| {
            let size = SIZES.iter().position(|size| *size >= rows.len())?;
            let filled = rows.iter().chain(std::iter::repeat(rows.last()?)).take(SIZES[size]);
            Some((AssertSqlSafe(texts[size].as_str()), filled))
        })
    }
}

/// How many parts the texts of a union have.
const PARTS: [usize; 4] = [1, 4, 16, 64];

/// A statement that puts together what one query gives for each of several values, each with a limit of its own: for
/// lists out of many places in one order, without reading more of any place than a page holds.
#[derive(Debug)]
pub struct UnionSql {
    texts: [String; PARTS.len()],
}

impl UnionSql {
    /// The most values that a statement takes.
    pub const MAX_PARTS: usize = PARTS[PARTS.len() - 1];

    /// The parameters of all parts come first, so many. `part` is the query for one value, given the name of the value's
    /// parameter; `after` orders and limits the whole. No two values may have a row in common: it would be given twice.
    #[must_use]
    pub fn new(shared: usize, part: impl Fn(&str) -> String, after: &str) -> Self {
        let text = |size| {
            let part =
                |n: usize| format!("SELECT * FROM ({}) AS part{n}", part(&format!("${}", shared + 1 + n)));
            let parts: Vec<String> = (0..size).map(part).collect();
            format!("{} {after}", parts.join(" UNION ALL "))
        };
        Self { texts: PARTS.map(text) }
    }

    /// The text for at least so many values, and the values themselves, filled up to the text's size with one that has
    /// no rows. `None` if there are no values or too many.
    pub fn fill<'a, T>(
        &'static self,
        values: &'a [T],
        nothing: &'a T,
    ) -> Option<(impl SqlSafeStr + use<T>, impl Iterator<Item = &'a T>)> {
        let size = PARTS.iter().position(|size| (1..=*size).contains(&values.len()))?;
        let filled = values.iter().chain(std::iter::repeat(nothing)).take(PARTS[size]);
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
        let (text, rows) = BatchSql::of(&SQL.postgres, &[1, 2]).next().unwrap();
        assert_eq!(text.into_sql_str().as_str(), "V (0, $1, $2), (1, $3, $4), (2, $5, $6), (3, $7, $8) W");
        assert_eq!(rows.copied().collect::<Vec<_>>(), [1, 2, 2, 2]);
    }

    static UNION: LazyLock<UnionSql> =
        LazyLock::new(|| UnionSql::new(1, |value| format!("Q {value} $1"), "LIMIT $1"));

    #[test]
    fn each_value_has_a_part_of_its_own() {
        let (text, values) = UNION.fill(&["a"], &"-").unwrap();
        assert_eq!(text.into_sql_str().as_str(), "SELECT * FROM (Q $2 $1) AS part0 LIMIT $1");
        assert_eq!(values.count(), 1);
        let (text, values) = UNION.fill(&["a", "b"], &"-").unwrap();
        assert!(
            text.into_sql_str()
                .as_str()
                .contains("AS part0 UNION ALL SELECT * FROM (Q $3 $1) AS part1 UNION")
        );
        assert_eq!(values.copied().collect::<String>(), "ab--");
        assert!(UNION.fill(&[], &"-").is_none());
        assert!(UNION.fill(&["a"; UnionSql::MAX_PARTS + 1], &"-").is_none());
    }

    #[test]
    fn many_rows_have_several_statements_and_none_has_none() {
        let rows: Vec<_> = (0..=BatchSql::MAX_ROWS).collect();
        let statements: Vec<Vec<_>> =
            BatchSql::of(&SQL.sqlite, &rows).map(|(_, rows)| rows.copied().collect()).collect();
        assert_eq!(statements.concat(), rows);
        assert_eq!(statements.len(), 2);
        assert_eq!(BatchSql::of::<i32>(&SQL.sqlite, &[]).count(), 0);
    }

    #[test]
    fn parameters_are_numbered_for_postgres_alone() {
        let (text, _) = BatchSql::of(&SQL.sqlite, &[1]).next().unwrap();
        assert_eq!(text.into_sql_str().as_str(), "V (0, ?, ?) W");
    }
}
