//! App groups and the apps in them (R-A11).
use std::{collections::BTreeSet, sync::LazyLock};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppGroupName, AppName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::way::{OWN, THROUGH, Way, all_of};
use crate::domain::AppGroup;

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    space: Uuid,
    display_name: String,
    create_time: Timestamp,
    update_time: Timestamp,
    revision: i64,
}

impl From<Row> for AppGroup {
    fn from(row: Row) -> Self {
        let Row { id, space, display_name, create_time, update_time, revision } = row;
        let name = AppGroupName { space: SpaceName(space), id };
        Self { name, display_name, create_time, update_time, revision }
    }
}

/// An app group.
pub(crate) async fn find(db: &mut Conn, name: AppGroupName) -> Result<Option<AppGroup>, Error> {
    let row: Option<Row> = on!(db, |c| sqlx::query_as(
        "SELECT id, space, display_name, create_time, update_time, revision
         FROM app_group WHERE id = $1 AND space = $2"
    )
    .bind(name.id)
    .bind(name.space.0)
    .fetch_optional(c)
    .await)?;
    Ok(row.map(AppGroup::from))
}

/// How many app groups a space has.
pub(crate) async fn count(db: &mut Conn, space: SpaceName) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT COUNT(*) FROM app_group WHERE space = $1")
        .bind(space.0)
        .fetch_one(c)
        .await)?)
}

/// Stores an app group, in place of what was stored of it.
pub(crate) async fn put(db: &mut Conn, group: &AppGroup) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO app_group (id, space, display_name, create_time, update_time, revision)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name,
               update_time = excluded.update_time, revision = excluded.revision",
        )
        .bind(group.name.id)
        .bind(group.name.space.0)
        .bind(&group.display_name)
        .bind(group.create_time)
        .bind(group.update_time)
        .bind(group.revision)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// Removes an app group with all that it holds.
pub(crate) async fn delete(db: &mut Conn, name: AppGroupName) -> Result<(), Error> {
    for sql in [
        "DELETE FROM app_group_role WHERE app_group = $1",
        "DELETE FROM app_group_app WHERE app_group = $1",
        "DELETE FROM app_group WHERE id = $1",
    ] {
        on!(db, |c| sqlx::query(sql).bind(name.id).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// The app groups of a space after one, in the order of their ids.
pub(crate) async fn list(
    db: &mut Conn,
    space: SpaceName,
    after: Uuid,
    limit: i64,
) -> Result<Vec<AppGroup>, Error> {
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(
        "SELECT id, space, display_name, create_time, update_time, revision
         FROM app_group WHERE space = $1 AND id > $2 ORDER BY id LIMIT $3"
    )
    .bind(space.0)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    Ok(rows.into_iter().map(AppGroup::from).collect())
}

/// The app groups with an app in use on which a person has a role that is current at $5, by any way.
static SEEN: LazyLock<String> = LazyLock::new(|| {
    let part = |way: &Way| {
        let ((tables, on), Way { app, person, .. }) = (way.between(), way);
        format!(
            "SELECT s.app_group FROM {tables}, app_group_app s
             WHERE {on} AND s.app = {app} AND {person} = $1 AND r.space = $2 AND (r.expire_time IS NULL OR r.expire_time > $5)"
        )
    };
    let seen = all_of([&OWN].into_iter().chain(&THROUGH).map(part));
    format!(
        "SELECT id, space, display_name, create_time, update_time, revision FROM app_group
         WHERE space = $2 AND id > $3 AND id IN ({seen}) ORDER BY id LIMIT $4"
    )
});

/// R-A5: the app groups of a space after one in which there is an app on which a person has a role, in the order of their ids.
pub(crate) async fn list_seen(
    db: &mut Conn,
    space: SpaceName,
    person: &str,
    after: Uuid,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<AppGroup>, Error> {
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(AssertSqlSafe(SEEN.as_str()))
        .bind(person)
        .bind(space.0)
        .bind(after)
        .bind(limit)
        .bind(now)
        .fetch_all(c)
        .await)?;
    Ok(rows.into_iter().map(AppGroup::from).collect())
}

/// The apps in an app group after one, in the order of their ids.
pub(crate) async fn apps(
    db: &mut Conn,
    name: AppGroupName,
    after: AppName,
    limit: i64,
) -> Result<Vec<AppName>, Error> {
    let ids: Vec<Uuid> = on!(db, |c| sqlx::query_scalar(
        "SELECT app FROM app_group_app WHERE app_group = $1 AND app > $2 ORDER BY app LIMIT $3"
    )
    .bind(name.id)
    .bind(after.0)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    Ok(ids.into_iter().map(AppName).collect())
}

static SEEN_APPS: LazyLock<String> = LazyLock::new(|| {
    let part = |way: &Way| {
        let (from, Way { app, person, .. }) = (way.starting_at_person(), way);
        format!(
            "SELECT {app} AS app FROM {from} AND {person} = $1 AND r.space = $2 AND (r.expire_time IS NULL OR r.expire_time > $6)"
        )
    };
    let seen = all_of([&OWN].into_iter().chain(&THROUGH).map(part));
    format!(
        "SELECT app FROM app_group_app WHERE app_group = $3 AND app > $4 AND app IN ({seen})
         ORDER BY app LIMIT $5"
    )
});

/// R-A5: the apps in an app group after one on which a person has a role, in the order of their ids.
pub(crate) async fn apps_seen(
    db: &mut Conn,
    name: AppGroupName,
    person: &str,
    after: AppName,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<AppName>, Error> {
    let ids: Vec<Uuid> = on!(db, |c| sqlx::query_scalar(AssertSqlSafe(SEEN_APPS.as_str()))
        .bind(person)
        .bind(name.space.0)
        .bind(name.id)
        .bind(after.0)
        .bind(limit)
        .bind(now)
        .fetch_all(c)
        .await)?;
    Ok(ids.into_iter().map(AppName).collect())
}

static HELD: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["id", "space"],
        "SELECT a.id FROM wanted w JOIN app a ON a.id = w.id AND a.space = w.space WHERE a.delete_time IS NULL",
    )
});

/// Those of these apps that are in use and in the space.
pub(crate) async fn in_space(
    db: &mut Conn,
    space: SpaceName,
    apps: &[AppName],
) -> Result<BTreeSet<AppName>, Error> {
    let ids: Vec<(Uuid,)> = HELD.fetch_all(db, apps, |app| [app.0.into(), space.0.into()]).await?;
    Ok(ids.into_iter().map(|(id,)| AppName(id)).collect())
}

static ADD: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "added",
        &["app_group", "app"],
        "INSERT INTO app_group_app (app_group, app) SELECT app_group, app FROM added WHERE TRUE
         ON CONFLICT (app_group, app) DO NOTHING",
    )
});

/// Puts apps into an app group.
pub(crate) async fn add(db: &mut Conn, name: AppGroupName, apps: &[AppName]) -> Result<(), Error> {
    ADD.execute(db, apps, |app| [name.id.into(), app.0.into()]).await?;
    Ok(())
}

/// Takes an app out of an app group; says whether it was in it.
pub(crate) async fn remove(db: &mut Conn, name: AppGroupName, app: AppName) -> Result<bool, Error> {
    let done = on!(db, |c| sqlx::query("DELETE FROM app_group_app WHERE app_group = $1 AND app = $2")
        .bind(name.id)
        .bind(app.0)
        .execute(c)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done > 0)
}

/// How many apps are in an app group.
pub(crate) async fn count_apps(db: &mut Conn, name: AppGroupName) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT COUNT(*) FROM app_group_app WHERE app_group = $1")
        .bind(name.id)
        .fetch_one(c)
        .await)?)
}

/// In how many app groups an app is.
pub(crate) async fn count_of(db: &mut Conn, app: AppName) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT COUNT(*) FROM app_group_app WHERE app = $1")
        .bind(app.0)
        .fetch_one(c)
        .await)?)
}

/// Whether an app is in an app group.
pub(crate) async fn holds(db: &mut Conn, name: AppGroupName, app: AppName) -> Result<bool, Error> {
    let found: Option<Uuid> =
        on!(db, |c| sqlx::query_scalar("SELECT app FROM app_group_app WHERE app_group = $1 AND app = $2")
            .bind(name.id)
            .bind(app.0)
            .fetch_optional(c)
            .await)?;
    Ok(found.is_some())
}
