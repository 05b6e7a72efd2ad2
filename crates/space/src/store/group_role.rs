//! The roles that groups have on apps (R-M11).
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, GroupName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use uuid::Uuid;

use super::role;
use crate::domain::GivenRole;

/// The role that a group has on an app at a time.
pub(crate) async fn find(
    db: &mut Conn,
    group: GroupName,
    app: AppName,
    now: Timestamp,
) -> Result<Option<GivenRole>, Error> {
    let row: Option<(String, Option<Timestamp>)> = on!(db, |c| sqlx::query_as(
        "SELECT role, expire_time FROM group_role
         WHERE app = $1 AND group_id = $2 AND (expire_time IS NULL OR expire_time > $3)"
    )
    .bind(app.0)
    .bind(group.id)
    .bind(now)
    .fetch_optional(c)
    .await)?;
    row.map(|(role, expire_time)| Ok(GivenRole { role: role::contributor(&role)?, expire_time })).transpose()
}

/// Stores a role that is given now, in place of what the group had on the app.
pub(crate) async fn put(
    db: &mut Conn,
    group: GroupName,
    app: AppName,
    given: &GivenRole,
    now: Timestamp,
) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "INSERT INTO group_role (app, group_id, space, role, expire_time, update_time)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (app, group_id) DO UPDATE SET role = excluded.role, expire_time = excluded.expire_time,
           update_time = excluded.update_time"
    )
    .bind(app.0)
    .bind(group.id)
    .bind(group.space.0)
    .bind(given.role.name())
    .bind(given.expire_time)
    .bind(now)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// Takes the role that a group has on an app.
pub(crate) async fn remove(db: &mut Conn, group: GroupName, app: AppName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM group_role WHERE app = $1 AND group_id = $2")
        .bind(app.0)
        .bind(group.id)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// R-M11, R-A11: ends what groups have on an app that is deleted or leaves its space, and takes it out of all app groups.
pub(crate) async fn end(db: &mut Conn, app: AppName) -> Result<(), Error> {
    for sql in ["DELETE FROM group_role WHERE app = $1", "DELETE FROM app_group_app WHERE app = $1"] {
        on!(db, |c| sqlx::query(sql).bind(app.0).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// On how many apps a group has roles, and how many groups have roles on an app, at a time.
pub(crate) async fn count(
    db: &mut Conn,
    group: GroupName,
    app: AppName,
    now: Timestamp,
) -> Result<(i64, i64), Error> {
    Ok(on!(db, |c| sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM group_role
                 WHERE group_id = $1 AND (expire_time IS NULL OR expire_time > $3)),
                (SELECT COUNT(*) FROM group_role
                 WHERE app = $2 AND (expire_time IS NULL OR expire_time > $3))"
    )
    .bind(group.id)
    .bind(app.0)
    .bind(now)
    .fetch_one(c)
    .await)?)
}

/// The roles that a group has on apps after one at a time, in the order of the apps' ids.
pub(crate) async fn list(
    db: &mut Conn,
    group: GroupName,
    after: AppName,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(AppName, GivenRole)>, Error> {
    let rows: Vec<(Uuid, String, Option<Timestamp>)> = on!(db, |c| {
        sqlx::query_as(
        "SELECT app, role, expire_time FROM group_role
         WHERE group_id = $1 AND app > $2 AND (expire_time IS NULL OR expire_time > $4) ORDER BY app LIMIT $3"
    )
    .bind(group.id)
    .bind(after.0)
    .bind(limit)
    .bind(now)
    .fetch_all(c)
    .await
    })?;
    rows.into_iter()
        .map(|(app, role, expire_time)| {
            Ok((AppName(app), GivenRole { role: role::contributor(&role)?, expire_time }))
        })
        .collect()
}
