//! The tables of what was taken over from other systems (R-K7).
use devspaces_kit::name::{AppName, SpaceName};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use uuid::Uuid;

/// What was taken over by this name: the digest of its content, and the profile's space.
pub(crate) async fn find(db: &mut Conn, source_id: &str) -> Result<Option<(Vec<u8>, SpaceName)>, Error> {
    let row: Option<(Vec<u8>, Uuid)> = on!(db, |c| {
        sqlx::query_as("SELECT content, space FROM takeover WHERE source_id = $1")
            .bind(source_id)
            .fetch_optional(c)
            .await
    })?;
    Ok(row.map(|(content, space)| (content, SpaceName(space))))
}

/// Notes what is taken over by this name; false if something was already.
pub(crate) async fn claim(
    db: &mut Conn,
    source_id: &str,
    content: &[u8],
    space: SpaceName,
) -> Result<bool, Error> {
    let claimed = on!(db, |c| {
        sqlx::query(
            "INSERT INTO takeover (source_id, content, space) VALUES ($1, $2, $3)
             ON CONFLICT (source_id) DO NOTHING",
        )
        .bind(source_id)
        .bind(content)
        .bind(space.0)
        .execute(c)
        .await
        .map(|done| done.rows_affected())
    })?;
    Ok(claimed == 1)
}

/// Notes the apps that come with a profile.
pub(crate) async fn put_apps(db: &mut Conn, space: SpaceName, apps: &[AppName]) -> Result<(), Error> {
    for (place, app) in (0_i64..).zip(apps) {
        on!(db, |c| {
            sqlx::query("INSERT INTO takeover_app (space, place, app) VALUES ($1, $2, $3)")
                .bind(space.0)
                .bind(place)
                .bind(app.0)
                .execute(c)
                .await
                .map(drop)
        })?;
    }
    Ok(())
}

/// The apps that came with a profile, in the order of the request.
pub(crate) async fn apps(db: &mut Conn, space: SpaceName) -> Result<Vec<AppName>, Error> {
    let apps: Vec<Uuid> = on!(db, |c| {
        sqlx::query_scalar("SELECT app FROM takeover_app WHERE space = $1 ORDER BY place")
            .bind(space.0)
            .fetch_all(c)
            .await
    })?;
    Ok(apps.into_iter().map(AppName).collect())
}
