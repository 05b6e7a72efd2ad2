//! Positions: the order in which a service's entries, of all scopes, are given to whoever follows its journal (R-J4).
//!
//! A position that were taken while an entry is written would be of no use: its transaction may commit after one with
//! a higher position has been read, and the reader would never come back for it. So entries are numbered after their
//! commit, by those who follow, one after another.
use super::{Entry, Stored};
use crate::{
    db::{Conn, Error, Pool},
    on,
};

/// How many entries are numbered in one transaction. A writer of SQLite waits for no more than that.
pub const BATCH: i64 = 256;

/// An entry that has its position.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbered {
    /// The position, from 1. Later ones are higher.
    pub position: i64,
    /// The entry.
    pub entry: Entry,
}

#[derive(sqlx::FromRow)]
struct Row {
    position: i64,
    #[sqlx(flatten)]
    stored: Stored,
}

/// Numbers committed entries that have no position, at most [`BATCH`] of them.
///
/// The lock on the one row of the last position lasts until the commit. So whoever numbers next sees what is numbered
/// here, gives higher positions, and sees no fewer commits: of one scope, an entry is never numbered after a later one.
pub async fn number(pool: &Pool) -> Result<(), Error> {
    let mut db = pool.transaction().await?;
    let last: i64 = on!(db, |c| sqlx::query_scalar(
        "UPDATE journal_numbering SET position = position RETURNING position"
    )
    .fetch_one(c)
    .await)?;
    let given: Vec<i64> = on!(db, |c| sqlx::query_scalar(
        "UPDATE journal SET position = numbered.next
         FROM (
             SELECT scope, sequence, $1 + ROW_NUMBER() OVER (ORDER BY scope, sequence) AS next
             FROM (
                 SELECT scope, sequence FROM journal WHERE position IS NULL ORDER BY scope, sequence LIMIT $2
             ) AS unnumbered
         ) AS numbered
         WHERE journal.scope = numbered.scope AND journal.sequence = numbered.sequence
         RETURNING journal.position"
    )
    .bind(last)
    .bind(BATCH)
    .fetch_all(c)
    .await)?;
    if let Some(last) = given.into_iter().max() {
        on!(db, |c| sqlx::query("UPDATE journal_numbering SET position = $1")
            .bind(last)
            .execute(c)
            .await
            .map(drop))?;
    }
    db.commit().await
}

const FIRST_UNNUMBERED: &str =
    "SELECT sequence FROM journal WHERE position IS NULL ORDER BY scope, sequence LIMIT 1";

/// Whether an entry is committed that has no position yet.
pub async fn has_unnumbered(db: &mut Conn) -> Result<bool, Error> {
    // The order has PostgreSQL use the index even while it remembers most entries as unnumbered.
    let first: Option<i64> = on!(db, |c| sqlx::query_scalar(FIRST_UNNUMBERED).fetch_optional(c).await)?;
    Ok(first.is_some())
}

/// The entries after a position, in the order of theirs, at most `limit` of them.
pub async fn numbered(db: &mut Conn, after: i64, limit: i64) -> Result<Vec<Numbered>, Error> {
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(
        "SELECT position, scope, sequence, time, content, personal, hash FROM journal
         WHERE position > $1 ORDER BY position LIMIT $2"
    )
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    Ok(rows.into_iter().map(|row| Numbered { position: row.position, entry: row.stored.into() }).collect())
}

/// The hash of the entry at a position, if there is one.
pub async fn hash_at(db: &mut Conn, position: i64) -> Result<Option<Vec<u8>>, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT hash FROM journal WHERE position = $1")
        .bind(position)
        .fetch_optional(c)
        .await)?)
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Row as _};

    use super::*;
    use crate::db::{SCHEMA, migrate};

    // Of a long journal that nobody has followed yet, each batch must cost no more than itself.
    #[tokio::test]
    async fn sqlite_finds_unnumbered_entries_in_their_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("data.db").display());
        let pool = Pool::open(&url).await.expect("a database");
        migrate(&pool, SCHEMA).await.expect("migrated");
        let Pool::Sqlite { read, .. } = &pool else { panic!("it is SQLite") };
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {FIRST_UNNUMBERED}"));
        let plan = sqlx::query(explain).fetch_all(read).await.expect("a plan");
        let plan: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        assert_eq!(plan, ["SCAN journal USING INDEX journal_unnumbered"]);
    }
}
