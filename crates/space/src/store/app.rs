//! The app table, and which apps a person sees.
use std::{collections::BTreeSet, sync::LazyLock};

use devspaces_authz::AppRole;
use devspaces_gate::PlacedApp;
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, ListingName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql, UnionSql},
    on,
};
use uuid::Uuid;

use super::{suspension, way};
use crate::domain::{App, Details, Listing};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    space: Option<Uuid>,
    display_name: String,
    description: String,
    listing: String,
    listed_by: Option<Uuid>,
    suspended_for: String,
    space_suspended_for: Option<String>,
    delete_time: Option<Timestamp>,
    create_time: Timestamp,
    update_time: Timestamp,
    revision: i64,
}

/// The listing that is stored by this name. The table's CHECK allows no other.
fn listing(name: &str) -> Result<Listing, Error> {
    let known = Listing::ALL.into_iter().find(|listing| listing.name() == name);
    known.ok_or_else(|| Error::from(sqlx::Error::Decode("an unknown listing is stored".into())))
}

impl TryFrom<Row> for App {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let Row { display_name, description, delete_time, create_time, update_time, revision, .. } = row;
        Ok(Self {
            name: AppName(row.id),
            space: row.space.map(SpaceName),
            details: Details { display_name, description },
            listing: listing(&row.listing)?,
            listed_by: row.listed_by.map(ListingName),
            suspension: suspension::read(&row.suspended_for)?,
            suspension_of_space: suspension::read(&row.space_suspended_for.unwrap_or_default())?,
            delete_time,
            create_time,
            update_time,
            revision,
        })
    }
}

/// An app, deleted or not. One that is too old to be had back by `now` is not found (R-A10).
pub(crate) async fn find(db: &mut Conn, name: AppName, now: Timestamp) -> Result<Option<App>, Error> {
    Ok(find_even_if_gone(db, name).await?.filter(|app| !app.is_gone(now)))
}

/// An app, deleted or not, however long ago.
pub(crate) async fn find_even_if_gone(db: &mut Conn, name: AppName) -> Result<Option<App>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(
            "SELECT a.id, a.space, a.display_name, a.description, a.listing, a.listed_by, a.suspended_for,
               (SELECT s.suspended_for FROM space s WHERE s.id = a.space) AS space_suspended_for, a.delete_time,
               a.create_time, a.update_time, a.revision
             FROM app a WHERE a.id = $1",
        )
        .bind(name.0)
        .fetch_optional(c)
        .await
    })?;
    row.map(App::try_from).transpose()
}

static EVEN_IF_GONE: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["id"],
        "SELECT DISTINCT a.id, a.space, a.display_name, a.description, a.listing, a.listed_by, a.suspended_for,
           (SELECT s.suspended_for FROM space s WHERE s.id = a.space) AS space_suspended_for, a.delete_time,
           a.create_time, a.update_time, a.revision
         FROM wanted w JOIN app a ON a.id = w.id
         ORDER BY a.id",
    )
});

/// Those of these apps that there are, deleted or not, however long ago, in the order of their ids.
pub(crate) async fn find_all_even_if_gone(db: &mut Conn, names: &[AppName]) -> Result<Vec<App>, Error> {
    let rows: Vec<Row> = EVEN_IF_GONE.fetch_all(db, names, |name| [name.0.into()]).await?;
    rows.into_iter().map(App::try_from).collect()
}

static SUSPEND: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "changed",
        &["id", "suspended_for", "update_time", "revision"],
        "UPDATE app SET suspended_for = changed.suspended_for, update_time = changed.update_time,
           revision = changed.revision
         FROM changed WHERE app.id = changed.id",
    )
});

/// Stores for what these apps are suspended themselves (R-A12).
pub(crate) async fn put_suspensions(db: &mut Conn, apps: &[App]) -> Result<(), Error> {
    let row = |app: &App| {
        let suspended_for = suspension::stored(app.suspension);
        [app.name.0.into(), suspended_for.into(), app.update_time.into(), app.revision.into()]
    };
    SUSPEND.execute(db, apps, row).await.map(drop)
}

/// Stores an app, in place of what was stored of it.
pub(crate) async fn put(db: &mut Conn, app: &App) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO app (id, space, display_name, description, listing, listed_by, suspended_for, delete_time,
               create_time, update_time, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (id) DO UPDATE SET space = excluded.space, display_name = excluded.display_name,
               description = excluded.description, listing = excluded.listing, listed_by = excluded.listed_by,
               suspended_for = excluded.suspended_for, delete_time = excluded.delete_time, update_time = excluded.update_time, revision = excluded.revision",
        )
        .bind(app.name.0)
        .bind(app.space.map(|space| space.0))
        .bind(&app.details.display_name)
        .bind(&app.details.description)
        .bind(app.listing.name())
        .bind(app.listed_by.map(|listing| listing.0))
        .bind(suspension::stored(app.suspension))
        .bind(app.delete_time)
        .bind(app.create_time)
        .bind(app.update_time)
        .bind(app.revision)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// Removes an app for good.
pub(crate) async fn remove(db: &mut Conn, name: AppName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM app WHERE id = $1").bind(name.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Whether a space has apps. Deleted ones don't count (R-S7).
pub(crate) async fn is_any_in(db: &mut Conn, space: SpaceName) -> Result<bool, Error> {
    // The first: for any at all PostgreSQL may go through the table, and then through all of it if there is none.
    let found: Option<Uuid> = on!(db, |c| sqlx::query_scalar(
        "SELECT id FROM app WHERE space = $1 AND delete_time IS NULL ORDER BY id LIMIT 1"
    )
    .bind(space.0)
    .fetch_optional(c)
    .await)?;
    Ok(found.is_some())
}

/// Apps that were deleted at this time or before, the longest deleted first.
pub(crate) async fn deleted_by(db: &mut Conn, time: Timestamp, limit: i64) -> Result<Vec<App>, Error> {
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(
            "SELECT a.id, a.space, a.display_name, a.description, a.listing, a.listed_by, a.suspended_for,
               (SELECT s.suspended_for FROM space s WHERE s.id = a.space) AS space_suspended_for, a.delete_time,
               a.create_time, a.update_time, a.revision
             FROM app a WHERE a.delete_time IS NOT NULL AND a.delete_time <= $1 ORDER BY a.delete_time LIMIT $2",
        )
        .bind(time)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    rows.into_iter().map(App::try_from).collect()
}

/// The first apps of each space are read from the index, and the first of all these are kept: however many apps the
/// spaces have, no more are looked at than a page holds for each.
static IN_SPACES: LazyLock<UnionSql> = LazyLock::new(|| {
    UnionSql::new(
        2,
        |space| {
            format!(
                "SELECT id FROM app WHERE space = {space} AND delete_time IS NULL AND id > $1 ORDER BY id LIMIT $2"
            )
        },
        "ORDER BY id LIMIT $2",
    )
});

/// The apps in use of these spaces, after one, in the order of their ids.
pub(crate) async fn ids_in(
    db: &mut Conn,
    spaces: &[SpaceName],
    after: AppName,
    limit: i64,
) -> Result<Vec<AppName>, Error> {
    let mut found = Vec::new();
    for spaces in spaces.chunks(UnionSql::MAX_PARTS) {
        let Some((sql, filled)) = IN_SPACES.fill(spaces, &SpaceName::NIL) else { break };
        let ids: Vec<Uuid> = on!(db, |c| {
            let mut query = sqlx::query_scalar(sql).bind(after.0).bind(limit);
            for space in filled {
                query = query.bind(space.0);
            }
            query.fetch_all(c).await
        })?;
        found.extend(ids.into_iter().map(AppName));
    }
    Ok(found)
}

/// The apps in use of these spaces, of the first one those after one, in the order of the spaces given and of their ids.
pub(crate) async fn placed_in(
    db: &mut Conn,
    spaces: &[SpaceName],
    after: AppName,
    limit: i64,
) -> Result<Vec<PlacedApp>, Error> {
    let mut apps = Vec::new();
    // One space after the other, since a page is full after few: together, a page's worth of each would be read.
    for (place, space) in spaces.iter().enumerate() {
        let left = limit - i64::try_from(apps.len()).unwrap_or(limit);
        if left <= 0 {
            break;
        }
        let after = if place == 0 { after } else { AppName::NIL };
        let ids: Vec<Uuid> = on!(db, |c| sqlx::query_scalar(
            "SELECT id FROM app WHERE space = $1 AND delete_time IS NULL AND id > $2 ORDER BY id LIMIT $3"
        )
        .bind(space.0)
        .bind(after.0)
        .bind(left)
        .fetch_all(c)
        .await)?;
        apps.extend(ids.into_iter().map(|id| PlacedApp { space: Some(*space), app: AppName(id) }));
    }
    Ok(apps)
}

/// The apps in use of a space, after one, in the order of their ids, with what people call them.
pub(crate) async fn names_in(
    db: &mut Conn,
    space: SpaceName,
    after: AppName,
    limit: i64,
) -> Result<Vec<(AppName, String)>, Error> {
    let rows: Vec<(Uuid, String)> = on!(db, |c| {
        sqlx::query_as(
            "SELECT id, display_name FROM app WHERE space = $1 AND delete_time IS NULL AND id > $2
             ORDER BY id LIMIT $3",
        )
        .bind(space.0)
        .bind(after.0)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(rows.into_iter().map(|(id, name)| (AppName(id), name)).collect())
}

/// The apps in use to which a person contributes at a time, by whatever way, in this space or in all and none, after one, in
/// the order of their ids.
pub(crate) async fn ids_contributed_to(
    db: &mut Conn,
    person: &str,
    space: Option<SpaceName>,
    after: AppName,
    limit: i64,
    now: Timestamp,
) -> Result<BTreeSet<AppName>, Error> {
    // Two texts, so that each has an index that gives its order. The apps are looked up and not joined: PostgreSQL
    // plans for somebody who contributes to many, and would go through all apps in their order to join them.
    let sql = match space {
        Some(_) => {
            "SELECT c.app FROM contributor c
             WHERE c.person = $1 AND c.app > $2 AND c.space = $5
               AND (c.expire_time IS NULL OR c.expire_time > $4)
               AND (SELECT a.delete_time IS NULL FROM app a WHERE a.id = c.app)
             ORDER BY c.app LIMIT $3"
        }
        None => {
            "SELECT c.app FROM contributor c
             WHERE c.person = $1 AND c.app > $2
               AND (c.expire_time IS NULL OR c.expire_time > $4)
               AND (SELECT a.delete_time IS NULL FROM app a WHERE a.id = c.app)
             ORDER BY c.app LIMIT $3"
        }
    };
    let ids: Vec<Uuid> = on!(db, |c| {
        let query = sqlx::query_scalar(sql).bind(person).bind(after.0).bind(limit).bind(now);
        match space {
            Some(space) => query.bind(space.0).fetch_all(c).await,
            None => query.fetch_all(c).await,
        }
    })?;
    let mut all = way::ids_through(db, person, space, after, limit, now).await?;
    all.extend(ids.into_iter().map(AppName));
    Ok(all)
}

static IN_USE: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["id"],
        "SELECT DISTINCT a.id, a.space, a.display_name, a.description, a.listing, a.listed_by, a.suspended_for,
           (SELECT s.suspended_for FROM space s WHERE s.id = a.space) AS space_suspended_for, a.delete_time,
           a.create_time, a.update_time, a.revision
         FROM wanted w JOIN app a ON a.id = w.id
         WHERE a.delete_time IS NULL
         ORDER BY a.id",
    )
});

/// Those of these apps that are in use, with the highest role that the person has on each at a time, by whatever way, in the
/// order of their ids.
pub(crate) async fn find_all(
    db: &mut Conn,
    names: &[AppName],
    person: &str,
    now: Timestamp,
) -> Result<Vec<(App, Option<AppRole>)>, Error> {
    let rows: Vec<Row> = IN_USE.fetch_all(db, names, |name| [name.0.into()]).await?;
    let roles = way::on_apps(db, names, person).await?;
    let seen = |row: Row| {
        let app = App::try_from(row)?;
        let held = roles.get(&app.name).and_then(|roles| roles.highest_at(now));
        let role = held.map(|held| held.role);
        Ok((app, role))
    };
    rows.into_iter().map(seen).collect()
}
