//! The account table.
use devspaces_kit::{
    clock::Timestamp,
    name::{AccountName, SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

use uuid::Uuid;

use crate::domain::{Account, invoice::State};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    terms_version: String,
    consented_by: String,
    create_time: Timestamp,
    update_time: Timestamp,
    revision: i64,
}

/// A space's account.
pub(crate) async fn find(db: &mut Conn, space: SpaceName) -> Result<Option<Account>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(
        "SELECT terms_version, consented_by, create_time, update_time, revision FROM account WHERE space = $1"
    )
    .bind(space.0)
    .fetch_optional(c)
    .await
    })?;
    Ok(row.map(|row| {
        let Row { terms_version, consented_by, create_time, update_time, revision } = row;
        let consented_by = UserName::from_stored(consented_by);
        Account { name: AccountName(space), terms_version, consented_by, create_time, update_time, revision }
    }))
}

/// Stores a new account, of which the space service is told with it or knows already. A space that has one is a defect (R-B1).
pub(crate) async fn insert(db: &mut Conn, account: &Account) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "INSERT INTO account (space, terms_version, consented_by, create_time, update_time, revision, told)
         VALUES ($1, $2, $3, $4, $5, $6, TRUE)"
    )
    .bind(account.name.0.0)
    .bind(&account.terms_version)
    .bind(account.consented_by.id())
    .bind(account.create_time)
    .bind(account.update_time)
    .bind(account.revision)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// The spaces after one with an account that the space service has not been told of.
pub(crate) async fn untold(db: &mut Conn, after: SpaceName, limit: i64) -> Result<Vec<SpaceName>, Error> {
    let ids: Vec<Uuid> = on!(db, |c| {
        sqlx::query_scalar("SELECT space FROM account WHERE NOT told AND space > $1 ORDER BY space LIMIT $2")
            .bind(after.0)
            .bind(limit)
            .fetch_all(c)
            .await
    })?;
    Ok(ids.into_iter().map(SpaceName).collect())
}

/// Notes that the space service is told of a space's account; false if it was before.
pub(crate) async fn tell(db: &mut Conn, space: SpaceName) -> Result<bool, Error> {
    let told = on!(db, |c| sqlx::query("UPDATE account SET told = TRUE WHERE space = $1 AND NOT told")
        .bind(space.0)
        .execute(c)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(told == 1)
}

/// Notes that something was changed that is shown as part of a space's account.
pub(crate) async fn touch(
    db: &mut Conn,
    space: SpaceName,
    now: Timestamp,
    revision: i64,
) -> Result<(), Error> {
    on!(db, |c| sqlx::query("UPDATE account SET update_time = $2, revision = $3 WHERE space = $1")
        .bind(space.0)
        .bind(now)
        .bind(revision)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// Whether an invoice of a space is past due (R-B10).
pub(crate) async fn is_past_due(db: &mut Conn, space: SpaceName) -> Result<bool, Error> {
    super::invoice::is_any(db, space, State::PastDue).await
}
