use sqlx::{AssertSqlSafe, SqlSafeStr};

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
}
