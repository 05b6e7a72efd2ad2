//! The table of Marketplace admins.
use devspaces_kit::{
    clock::Timestamp,
    name::{SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

/// Since when a person is Marketplace admin of a space's profile, if so.
pub(crate) async fn since(
    db: &mut Conn,
    space: SpaceName,
    user: &UserName,
) -> Result<Option<Timestamp>, Error> {
    Ok(on!(db, |c| {
        sqlx::query_scalar("SELECT create_time FROM marketplace_admin WHERE space = $1 AND person = $2")
            .bind(space.0)
            .bind(user.id())
            .fetch_optional(c)
            .await
    })?)
}

/// The Marketplace admins of a space's profile after one, in the order of their user names.
pub(crate) async fn list(
    db: &mut Conn,
    space: SpaceName,
    after: &str,
    limit: i64,
) -> Result<Vec<(UserName, Timestamp)>, Error> {
    let rows: Vec<(String, Timestamp)> = on!(db, |c| {
        sqlx::query_as(
            "SELECT person, create_time FROM marketplace_admin WHERE space = $1 AND person > $2
             ORDER BY person LIMIT $3",
        )
        .bind(space.0)
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(rows.into_iter().map(|(person, since)| (UserName::from_stored(person), since)).collect())
}

/// Whether a space's profile has an active Marketplace admin apart from this one (R-K4).
pub(crate) async fn has_other(db: &mut Conn, space: SpaceName, user: &UserName) -> Result<bool, Error> {
    let found: Option<String> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT person FROM marketplace_admin
             WHERE space = $1 AND person <> $2
               AND NOT EXISTS (SELECT 1 FROM standing d WHERE d.person = marketplace_admin.person AND NOT d.active)
             ORDER BY person LIMIT 1",
        )
        .bind(space.0)
        .bind(user.id())
        .fetch_optional(c)
        .await
    })?;
    Ok(found.is_some())
}

/// Stores a Marketplace admin who was none.
pub(crate) async fn add(
    db: &mut Conn,
    space: SpaceName,
    user: &UserName,
    now: Timestamp,
) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query("INSERT INTO marketplace_admin (space, person, create_time) VALUES ($1, $2, $3)")
            .bind(space.0)
            .bind(user.id())
            .bind(now)
            .execute(c)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Removes a Marketplace admin.
pub(crate) async fn remove(db: &mut Conn, space: SpaceName, user: &UserName) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query("DELETE FROM marketplace_admin WHERE space = $1 AND person = $2")
            .bind(space.0)
            .bind(user.id())
            .execute(c)
            .await
            .map(drop)
    })?;
    Ok(())
}
