//! The space table.
use std::{collections::HashMap, sync::LazyLock};

use devspaces_authz::{AppCreation, SpaceState, Suspension};
use devspaces_kit::{clock::Timestamp, name::SpaceName};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use super::suspension;
use crate::domain::{Metadata, Space};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    display_name: String,
    description: String,
    logo_uri: String,
    state: String,
    published: bool,
    app_creation: String,
    suspended_for: String,
    has_account: bool,
    delete_time: Option<Timestamp>,
    create_time: Timestamp,
    update_time: Timestamp,
    revision: i64,
}

/// The state that is stored by this name. The table's CHECK allows no other.
pub(crate) fn state(name: &str) -> Result<SpaceState, Error> {
    let known = SpaceState::ALL.into_iter().find(|state| state.name() == name && *state != SpaceState::None);
    known.ok_or_else(|| Error::from(sqlx::Error::Decode("an unknown state is stored".into())))
}

/// The setting that is stored by this name. The table's CHECK allows no other.
pub(crate) fn app_creation(name: &str) -> Result<AppCreation, Error> {
    let known = AppCreation::ALL.into_iter().find(|setting| setting.name() == name);
    known.ok_or_else(|| Error::from(sqlx::Error::Decode("an unknown app_creation is stored".into())))
}

impl TryFrom<Row> for Space {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let Row {
            display_name,
            description,
            logo_uri,
            published,
            has_account,
            delete_time,
            create_time,
            update_time,
            revision,
            ..
        } = row;
        Ok(Self {
            name: SpaceName(row.id),
            metadata: Metadata { display_name, description, logo_uri },
            state: state(&row.state)?,
            published,
            app_creation: app_creation(&row.app_creation)?,
            suspension: suspension::read(&row.suspended_for)?,
            has_account,
            delete_time,
            create_time,
            update_time,
            revision,
        })
    }
}

/// A space.
pub(crate) async fn find(db: &mut Conn, name: SpaceName) -> Result<Option<Space>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(
        "SELECT id, display_name, description, logo_uri, state, published, app_creation, suspended_for, has_account, delete_time, create_time,
           update_time, revision
         FROM space WHERE id = $1"
    )
    .bind(name.0)
    .fetch_optional(c)
    .await
    })?;
    row.map(Space::try_from).transpose()
}

/// The reasons for which a space is suspended (R-A12).
pub(crate) async fn suspension_of(db: &mut Conn, name: SpaceName) -> Result<Suspension, Error> {
    let stored: Option<String> =
        on!(db, |c| sqlx::query_scalar("SELECT suspended_for FROM space WHERE id = $1")
            .bind(name.0)
            .fetch_optional(c)
            .await)?;
    suspension::read(&stored.unwrap_or_default())
}

static FIND_ALL: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["id"],
        "SELECT DISTINCT s.id, s.display_name, s.description, s.logo_uri, s.state, s.published, s.app_creation,
           s.suspended_for, s.has_account, s.delete_time, s.create_time, s.update_time, s.revision
         FROM wanted w JOIN space s ON s.id = w.id",
    )
});

/// Those of these spaces that there are.
pub(crate) async fn find_all(db: &mut Conn, names: &[SpaceName]) -> Result<HashMap<SpaceName, Space>, Error> {
    let rows: Vec<Row> = FIND_ALL.fetch_all(db, names, |name| [name.0.into()]).await?;
    rows.into_iter().map(|row| Ok((SpaceName(row.id), row.try_into()?))).collect()
}

/// The spaces after one that are not deleted, in the order of their ids.
pub(crate) async fn existing(db: &mut Conn, after: SpaceName, limit: i64) -> Result<Vec<Space>, Error> {
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(
            "SELECT id, display_name, description, logo_uri, state, published, app_creation, suspended_for, has_account, delete_time, create_time,
               update_time, revision
             FROM space WHERE id > $1 AND delete_time IS NULL ORDER BY id LIMIT $2",
        )
        .bind(after.0)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    rows.into_iter().map(Space::try_from).collect()
}

/// Stores a space, in place of what was stored of it.
pub(crate) async fn put(db: &mut Conn, space: &Space) -> Result<(), Error> {
    let Space { name, metadata, .. } = space;
    on!(db, |c| {
        sqlx::query(
        "INSERT INTO space (id, display_name, description, logo_uri, state, published, app_creation, suspended_for,
           has_account, delete_time, create_time, update_time, revision)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name, description = excluded.description,
           logo_uri = excluded.logo_uri, state = excluded.state, published = excluded.published,
           app_creation = excluded.app_creation, suspended_for = excluded.suspended_for,
           has_account = excluded.has_account, delete_time = excluded.delete_time, update_time = excluded.update_time, revision = excluded.revision"
    )
    .bind(name.0)
    .bind(&metadata.display_name)
    .bind(&metadata.description)
    .bind(&metadata.logo_uri)
    .bind(space.state.name())
    .bind(space.published)
    .bind(space.app_creation.name())
    .bind(suspension::stored(space.suspension))
    .bind(space.has_account)
    .bind(space.delete_time)
    .bind(space.create_time)
    .bind(space.update_time)
    .bind(space.revision)
    .execute(c)
    .await
    .map(drop)
    })?;
    Ok(())
}

/// Spaces that were deleted at this time or before, the longest deleted first.
pub(crate) async fn deleted_by(db: &mut Conn, time: Timestamp, limit: i64) -> Result<Vec<SpaceName>, Error> {
    let ids: Vec<Uuid> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT id FROM space WHERE delete_time IS NOT NULL AND delete_time <= $1
             ORDER BY delete_time LIMIT $2",
        )
        .bind(time)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(ids.into_iter().map(SpaceName).collect())
}

/// Removes a space for good.
pub(crate) async fn remove(db: &mut Conn, name: SpaceName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM space WHERE id = $1").bind(name.0).execute(c).await.map(drop))?;
    Ok(())
}
