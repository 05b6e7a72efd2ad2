//! The table of billing admins.
use devspaces_kit::{
    clock::Timestamp,
    name::{AccountName, BillingAdminName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

use crate::domain::Admin;

/// A billing admin.
pub(crate) async fn find(db: &mut Conn, name: &BillingAdminName) -> Result<Option<Admin>, Error> {
    let create_time: Option<Timestamp> = on!(db, |c| sqlx::query_scalar(
        "SELECT create_time FROM billing_admin WHERE space = $1 AND person = $2"
    )
    .bind(name.account.0.0)
    .bind(name.user.id())
    .fetch_optional(c)
    .await)?;
    Ok(create_time.map(|create_time| Admin { name: name.clone(), create_time }))
}

/// The billing admins of an account after one, an encoded id, in the order of their user names.
pub(crate) async fn list(
    db: &mut Conn,
    account: AccountName,
    after: &str,
    limit: i64,
) -> Result<Vec<Admin>, Error> {
    let rows: Vec<(String, Timestamp)> = on!(db, |c| {
        sqlx::query_as(
        "SELECT person, create_time FROM billing_admin WHERE space = $1 AND person > $2 ORDER BY person LIMIT $3"
    )
    .bind(account.0.0)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await
    })?;
    let name = |person| BillingAdminName { account, user: UserName::from_stored(person) };
    Ok(rows.into_iter().map(|(person, create_time)| Admin { name: name(person), create_time }).collect())
}

/// Whether an account has an active billing admin apart from this one (R-B2).
pub(crate) async fn has_other(db: &mut Conn, name: &BillingAdminName) -> Result<bool, Error> {
    let found: Option<String> = on!(db, |c| sqlx::query_scalar(
        "SELECT person FROM billing_admin
         WHERE space = $1 AND person <> $2
           AND NOT EXISTS (SELECT 1 FROM standing d WHERE d.person = billing_admin.person AND NOT d.active)
         ORDER BY person LIMIT 1"
    )
    .bind(name.account.0.0)
    .bind(name.user.id())
    .fetch_optional(c)
    .await)?;
    Ok(found.is_some())
}

/// Stores a new billing admin. One who is there already is a defect.
pub(crate) async fn insert(db: &mut Conn, admin: &Admin) -> Result<(), Error> {
    on!(db, |c| sqlx::query("INSERT INTO billing_admin (space, person, create_time) VALUES ($1, $2, $3)")
        .bind(admin.name.account.0.0)
        .bind(admin.name.user.id())
        .bind(admin.create_time)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// Removes a billing admin.
pub(crate) async fn remove(db: &mut Conn, name: &BillingAdminName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM billing_admin WHERE space = $1 AND person = $2")
        .bind(name.account.0.0)
        .bind(name.user.id())
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}
