use std::{borrow::Cow, iter};

use devspaces_kit::clock::Timestamp;
use sqlx::{
    AssertSqlSafe, FromRow, Postgres, Sqlite,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use super::{Conn, Engine, Error, in_time};

/// How many rows the texts for SQLite take. Few sizes, so that few statements are prepared.
const SIZES: [usize; 6] = [1, 4, 16, 64, 128, 256];
/// The most rows that PostgreSQL is given at once.
const MOST: usize = 1024;
const _: () = assert!(RowsSql::MAX_ROWS <= MOST);

/// A parameter of a [`RowsSql`]. All of a column are of one kind.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// An id.
    Uuid(Uuid),
    /// A moment.
    Time(Timestamp),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Uuid> for Value<'_> {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

/// Binds one value, on either engine.
macro_rules! bind {
    ($query:expr, $value:expr) => {
        match $value {
            Value::Text(text) => $query.bind(text),
            Value::Uuid(id) => $query.bind(id),
            Value::Time(time) => $query.bind(time),
            Value::Number(number) => $query.bind(number),
            Value::Flag(flag) => $query.bind(flag),
            Value::Bytes(bytes) => $query.bind(bytes),
        }
    };
}

/// A statement on many rows of parameters, which it finds by a name: numbered from 0 by the column `place`, and with columns
/// of their own. PostgreSQL is given an array of each column, and reads it in a fraction of the time that as many
/// parameters take; SQLite, which has no arrays, is given VALUES.
#[derive(Debug)]
pub struct RowsSql {
    /// For a single row, as most have, for which arrays would cost more than they save.
    one: String,
    arrays: String,
    sqlite: [String; SIZES.len()],
}

impl RowsSql {
    /// The most rows that are given to one statement on either engine, so that what it reads is of one moment.
    pub const MAX_ROWS: usize = SIZES[SIZES.len() - 1];

    /// A statement on rows of this name with these columns.
    #[must_use]
    pub fn new(name: &str, columns: &[&str], statement: &str) -> Self {
        let count = columns.len();
        let list = columns.join(", ");
        let with = |rows: &str| format!("WITH {name} (place, {list}) AS ({rows}) {statement}");
        let numbered: Vec<String> = (1..=count).map(|n| format!("${n}")).collect();
        let numbered = numbered.join(", ");
        let row = |n| format!("({n}, {})", vec!["?"; count].join(", "));
        // The texts have few sizes, so what is left of one is filled up with the last row, and cut off here.
        let sqlite = |size| {
            let values = (0..size).map(row).collect::<Vec<_>>().join(", ");
            format!(
                "WITH filled (place, {list}) AS (VALUES {values}), \
                 {name} (place, {list}) AS (SELECT place, {list} FROM filled WHERE place < ?) {statement}"
            )
        };
        Self {
            one: with(&format!("VALUES (0, {numbered})")),
            arrays: with(&format!(
                "SELECT ordinality - 1, {list} FROM UNNEST({numbered}) WITH ORDINALITY AS given ({list}, ordinality)"
            )),
            sqlite: SIZES.map(sqlite),
        }
    }

    /// Runs it on these rows, and says how many rows of tables that wrote.
    pub async fn execute<'a, T, const N: usize>(
        &'static self,
        db: &mut Conn,
        rows: &'a [T],
        values: impl Fn(&'a T) -> [Value<'a>; N],
    ) -> Result<u64, Error> {
        let mut written = 0;
        match db.engine() {
            Engine::Sqlite(c) => {
                for rows in rows.chunks(Self::MAX_ROWS) {
                    if let Some(query) = self.sqlite(rows, &values) {
                        written += query.execute(&mut *c).await?.rows_affected();
                    }
                }
            }
            Engine::Postgres(c) => {
                for rows in rows.chunks(MOST) {
                    let query = self.postgres(rows, &values)?;
                    written += in_time(query.execute(&mut *c)).await?.rows_affected();
                }
            }
        }
        Ok(written)
    }

    /// Runs it on these rows, and gives what it finds.
    pub async fn fetch_all<'a, T, R, const N: usize>(
        &'static self,
        db: &mut Conn,
        rows: &'a [T],
        values: impl Fn(&'a T) -> [Value<'a>; N],
    ) -> Result<Vec<R>, Error>
    where
        R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow>,
    {
        let mut found = Vec::new();
        match db.engine() {
            Engine::Sqlite(c) => {
                for rows in rows.chunks(Self::MAX_ROWS) {
                    if let Some(query) = self.sqlite(rows, &values) {
                        for row in query.fetch_all(&mut *c).await? {
                            found.push(R::from_row(&row)?);
                        }
                    }
                }
            }
            Engine::Postgres(c) => {
                for rows in rows.chunks(MOST) {
                    for row in in_time(self.postgres(rows, &values)?.fetch_all(&mut *c)).await? {
                        found.push(R::from_row(&row)?);
                    }
                }
            }
        }
        Ok(found)
    }

    fn sqlite<'a, T, const N: usize>(
        &'static self,
        rows: &'a [T],
        values: impl Fn(&'a T) -> [Value<'a>; N],
    ) -> Option<Query<'static, Sqlite, SqliteArguments>> {
        let size = SIZES.iter().position(|size| *size >= rows.len())?;
        let mut query = sqlx::query(AssertSqlSafe(self.sqlite[size].as_str()));
        for row in rows.iter().chain(iter::repeat(rows.last()?)).take(SIZES[size]) {
            for value in values(row) {
                query = bind!(query, value);
            }
        }
        Some(query.bind(i64::try_from(rows.len()).unwrap_or(i64::MAX)))
    }

    fn postgres<'a, T, const N: usize>(
        &'static self,
        rows: &'a [T],
        values: impl Fn(&'a T) -> [Value<'a>; N],
    ) -> Result<Query<'static, Postgres, PgArguments>, Error> {
        if let [row] = rows {
            let mut query = sqlx::query(AssertSqlSafe(self.one.as_str()));
            for value in values(row) {
                query = bind!(query, value);
            }
            return Ok(query);
        }
        let mut columns = [const { Column::Empty }; N];
        for row in rows {
            for (column, value) in columns.iter_mut().zip(values(row)) {
                column.push(value, rows.len())?;
            }
        }
        let query = sqlx::query(AssertSqlSafe(self.arrays.as_str()));
        Ok(columns.into_iter().fold(query, |query, column| match column {
            Column::Empty => query,
            Column::Text(texts) => query.bind(texts),
            Column::Uuid(ids) => query.bind(ids),
            Column::Time(times) => query.bind(times),
            Column::Number(numbers) => query.bind(numbers),
            Column::Flag(flags) => query.bind(flags),
            Column::Bytes(bytes) => query.bind(bytes),
        }))
    }
}

/// A column of rows, as PostgreSQL takes it.
enum Column<'a> {
    Empty,
    Text(Vec<Cow<'a, str>>),
    Uuid(Vec<Uuid>),
    Time(Vec<Timestamp>),
    Number(Vec<i64>),
    Flag(Vec<bool>),
    Bytes(Vec<&'a [u8]>),
}

impl<'a> Column<'a> {
    /// Adds what stands in the next row.
    fn push(&mut self, value: Value<'a>, rows: usize) -> Result<(), Error> {
        macro_rules! push {
            ($kind:ident, $value:expr) => {{
                if matches!(self, Self::Empty) {
                    *self = Self::$kind(Vec::with_capacity(rows));
                }
                let Self::$kind(column) = self else {
                    let message = "a column of rows has values of two kinds";
                    return Err(Error::Defect(sqlx::Error::Configuration(message.into())));
                };
                column.push($value);
            }};
        }
        match value {
            Value::Text(text) => push!(Text, text),
            Value::Uuid(id) => push!(Uuid, id),
            Value::Time(time) => push!(Time, time),
            Value::Number(number) => push!(Number, number),
            Value::Flag(flag) => push!(Flag, flag),
            Value::Bytes(bytes) => push!(Bytes, bytes),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_values_or_arrays() {
        let sql = RowsSql::new("row", &["a", "b"], "SELECT a, b FROM row");
        assert_eq!(sql.one, "WITH row (place, a, b) AS (VALUES (0, $1, $2)) SELECT a, b FROM row");
        assert_eq!(
            sql.arrays,
            "WITH row (place, a, b) AS (SELECT ordinality - 1, a, b FROM UNNEST($1, $2) WITH ORDINALITY AS given (a, b, ordinality)) \
             SELECT a, b FROM row"
        );
        assert_eq!(
            sql.sqlite[1],
            "WITH filled (place, a, b) AS (VALUES (0, ?, ?), (1, ?, ?), (2, ?, ?), (3, ?, ?)), \
             row (place, a, b) AS (SELECT place, a, b FROM filled WHERE place < ?) SELECT a, b FROM row"
        );
    }

    #[test]
    fn a_column_has_values_of_one_kind() {
        let mut column = Column::Empty;
        column.push("a".into(), 2).unwrap();
        column.push("b".into(), 2).unwrap();
        assert!(matches!(&column, Column::Text(texts) if *texts == ["a", "b"]));
        assert!(matches!(column.push(1.into(), 2), Err(Error::Defect(_))));
    }

    #[tokio::test]
    async fn many_rows_are_written_and_found_each_once() {
        static WRITE: std::sync::LazyLock<RowsSql> = std::sync::LazyLock::new(|| {
            RowsSql::new(
                "row",
                &["key", "text"],
                "INSERT INTO kept (key, text) SELECT key, text FROM row WHERE TRUE ON CONFLICT (key) DO NOTHING",
            )
        });
        static FIND: std::sync::LazyLock<RowsSql> = std::sync::LazyLock::new(|| {
            RowsSql::new("row", &["key"], "SELECT k.key, k.text FROM row r JOIN kept k ON k.key = r.key")
        });
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("rows.db").display());
        let pool = super::super::Pool::open(&url).await.unwrap();
        let mut db = pool.write().await.unwrap();
        let table = "CREATE TABLE kept (key BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL)";
        crate::on!(db, |c| sqlx::query(table).execute(c).await.map(drop)).unwrap();
        let rows: Vec<i64> = (0..300).collect();
        let written = WRITE.execute(&mut db, &rows, |key| [(*key).into(), format!("text {key}").into()]);
        assert_eq!(written.await.unwrap(), 300);
        let again = WRITE.execute(&mut db, &[7, 300, 301], |key: &i64| [(*key).into(), "other".into()]);
        assert_eq!(again.await.unwrap(), 2);
        let mut found: Vec<(i64, String)> =
            FIND.fetch_all(&mut db, &[300, 7, 999, 5], |key: &i64| [(*key).into()]).await.unwrap();
        found.sort();
        assert_eq!(found, [(5, "text 5".into()), (7, "text 7".into()), (300, "other".into())]);
        assert_eq!(WRITE.execute(&mut db, &[], |key: &i64| [(*key).into(), "".into()]).await.unwrap(), 0);
    }
}
