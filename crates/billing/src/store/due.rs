//! Which accounts have a draft or an issue due (R-B7).
use devspaces_kit::{clock::Timestamp, name::SpaceName};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use uuid::Uuid;

/// Accounts in the order in which they fall due, after one.
pub(crate) async fn accounts(
    db: &mut Conn,
    now: Timestamp,
    after: (Timestamp, SpaceName),
    limit: i64,
) -> Result<Vec<(Timestamp, SpaceName)>, Error> {
    let rows: Vec<(Timestamp, Uuid)> = on!(db, |c| {
        sqlx::query_as(
            "SELECT next_billing, space FROM account
             WHERE next_billing <= $1 AND (next_billing, space) > ($2, $3)
             ORDER BY next_billing, space LIMIT $4",
        )
        .bind(now)
        .bind(after.0)
        .bind(after.1.0)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(rows.into_iter().map(|(due, space)| (due, SpaceName(space))).collect())
}

/// How many accounts come after one in that order.
pub(crate) async fn count(
    db: &mut Conn,
    now: Timestamp,
    after: (Timestamp, SpaceName),
) -> Result<i64, Error> {
    let count = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT COUNT(*) FROM account WHERE next_billing <= $1 AND (next_billing, space) > ($2, $3)",
        )
        .bind(now)
        .bind(after.0)
        .bind(after.1.0)
        .fetch_one(c)
        .await
    })?;
    Ok(count)
}

/// Whether an account has something due.
pub(crate) async fn is_due(db: &mut Conn, space: SpaceName, now: Timestamp) -> Result<bool, Error> {
    let due: Option<Uuid> = on!(db, |c| {
        sqlx::query_scalar("SELECT space FROM account WHERE space = $1 AND next_billing <= $2")
            .bind(space.0)
            .bind(now)
            .fetch_optional(c)
            .await
    })?;
    Ok(due.is_some())
}

/// Notes when an account falls due next.
pub(crate) async fn set_next(db: &mut Conn, space: SpaceName, next: Timestamp) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query("UPDATE account SET next_billing = $2 WHERE space = $1")
            .bind(space.0)
            .bind(next)
            .execute(c)
            .await
            .map(drop)
    })?;
    Ok(())
}
