//! SQL on a service's database, beside the service: what tests look at that no method shows, and what somebody does who
//! has broken in.
use devspaces_ledger::db::Pool;
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction, raw_sql};
use uuid::Uuid;

/// Counts the entries of a service's journal.
pub const ENTRIES: &str = "SELECT COUNT(*) FROM journal";
/// Counts the effects that a service has still to deliver.
pub const EFFECTS: &str = "SELECT COUNT(*) FROM outbox";

/// The number that a query answers with.
pub async fn count(pool: &Pool, query: &'static str) -> i64 {
    match pool {
        Pool::Sqlite { read, .. } => sqlx::query_scalar(query).fetch_one(read).await.expect("a count"),
        Pool::Postgres(server) => sqlx::query_scalar(query).fetch_one(&server.main()).await.expect("a count"),
    }
}

/// The texts of a column, one for each row.
pub async fn texts(pool: &Pool, query: &'static str) -> Vec<String> {
    match pool {
        Pool::Sqlite { read, .. } => sqlx::query_scalar(query).fetch_all(read).await.expect("texts"),
        Pool::Postgres(server) => sqlx::query_scalar(query).fetch_all(&server.main()).await.expect("texts"),
    }
}

/// Pairs of texts, one for each row.
pub async fn pairs(pool: &Pool, query: &'static str) -> Vec<(String, String)> {
    match pool {
        Pool::Sqlite { read, .. } => sqlx::query_as(query).fetch_all(read).await.expect("pairs"),
        Pool::Postgres(server) => sqlx::query_as(query).fetch_all(&server.main()).await.expect("pairs"),
    }
}

/// Runs a statement that must change something.
pub async fn tamper(pool: &Pool, statement: &str) {
    let sql = AssertSqlSafe(statement.to_owned());
    let rows = match pool {
        Pool::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.expect("done").rows_affected(),
        Pool::Postgres(server) => {
            sqlx::query(sql).execute(&server.main()).await.expect("done").rows_affected()
        }
    };
    assert!(rows > 0, "{statement} changed nothing");
}

/// Runs statements that need not change any row.
pub async fn execute(pool: &Pool, statements: &str) {
    let sql = AssertSqlSafe(statements.to_owned());
    match pool {
        Pool::Sqlite { write, .. } => raw_sql(sql).execute(write).await.map(drop),
        Pool::Postgres(server) => raw_sql(sql).execute(&server.main()).await.map(drop),
    }
    .expect("done");
}

/// Keeps everybody else from writing to the journal, until it is dropped. Reading goes on.
pub enum WriteLock {
    /// SQLite's one writer.
    Sqlite(Transaction<'static, Sqlite>),
    /// The table of heads, which every change begins with.
    Postgres(Transaction<'static, Postgres>),
}

impl WriteLock {
    /// Takes the lock.
    pub async fn take(pool: &Pool) -> Self {
        match pool {
            Pool::Sqlite { write, .. } => {
                Self::Sqlite(write.begin_with("BEGIN IMMEDIATE").await.expect("the writer's turn"))
            }
            Pool::Postgres(server) => {
                let mut tx = server.main().begin().await.expect("a transaction");
                sqlx::query("LOCK TABLE head IN EXCLUSIVE MODE").execute(&mut *tx).await.expect("the lock");
                Self::Postgres(tx)
            }
        }
    }

    /// Takes the lock of PostgreSQL's table of billing admins alone: whoever changes one is kept in the midst of a transaction.
    pub async fn of_billing_admins(pool: &Pool) -> Self {
        let Pool::Postgres(server) = pool else { panic!("SQLite has one lock for all") };
        let mut tx = server.main().begin().await.expect("a transaction");
        let lock = sqlx::query("LOCK TABLE billing_admin IN EXCLUSIVE MODE").execute(&mut *tx).await;
        lock.expect("the lock");
        Self::Postgres(tx)
    }

    /// Lets others write again.
    pub async fn release(self) {
        match self {
            Self::Sqlite(tx) => tx.rollback().await.expect("released"),
            Self::Postgres(tx) => tx.rollback().await.expect("released"),
        }
    }
}

/// How many rows one statement inserts.
const AT_ONCE: usize = 1000;

/// Puts rows into a table, which is given with its columns. Each row is the text of its values.
pub async fn insert(pool: &Pool, table: &str, rows: &[String]) {
    for rows in rows.chunks(AT_ONCE) {
        let rows = rows.join("), (");
        tamper(pool, &format!("INSERT INTO {table} VALUES ({rows})")).await;
    }
}

/// How a UUID is written in a statement.
#[must_use]
pub fn uuid(pool: &Pool, id: Uuid) -> String {
    match pool {
        Pool::Sqlite { .. } => format!("x'{}'", id.simple()),
        Pool::Postgres(_) => format!("'{id}'"),
    }
}

/// How bytes are written in a statement.
#[must_use]
pub fn bytes(pool: &Pool, bytes: &[u8]) -> String {
    let digits = hex::encode(bytes);
    match pool {
        Pool::Sqlite { .. } => format!("x'{digits}'"),
        Pool::Postgres(_) => format!("'\\x{digits}'"),
    }
}

/// Does at once what the engine does by itself some time after many rows were written: PostgreSQL's autovacuum notes
/// what the tables hold. SQLite does nothing of the kind unless it is told to, and the suite does not tell it.
pub async fn settle(pool: &Pool) {
    if let Pool::Postgres(server) = pool {
        sqlx::query("VACUUM (ANALYZE)").execute(&server.main()).await.expect("done");
    }
}

/// Whether the database refuses a statement that would change something.
pub async fn refuses(pool: &Pool, statement: &str) -> bool {
    let sql = AssertSqlSafe(statement.to_owned());
    match pool {
        Pool::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.is_err(),
        Pool::Postgres(server) => sqlx::query(sql).execute(&server.main()).await.is_err(),
    }
}
