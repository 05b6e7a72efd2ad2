//! Who has roles on app groups (R-A11).
use devspaces_kit::{
    clock::Timestamp,
    name::{AppGroupName, GroupName, RoleHolder, SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use uuid::Uuid;

use super::role;
use crate::domain::GivenRole;

/// The columns of a holder: one of them is filled.
fn columns(holder: &RoleHolder) -> (Option<Uuid>, Option<&str>) {
    match holder {
        RoleHolder::Group(group) => (Some(group.id), None),
        RoleHolder::User(user) => (None, Some(user.id())),
    }
}

fn given((role, expire_time): (String, Option<Timestamp>)) -> Result<GivenRole, Error> {
    Ok(GivenRole { role: role::contributor(&role)?, expire_time })
}

/// The role that somebody has on an app group at a time.
pub(crate) async fn find(
    db: &mut Conn,
    name: AppGroupName,
    holder: &RoleHolder,
    now: Timestamp,
) -> Result<Option<GivenRole>, Error> {
    let sql = match holder {
        RoleHolder::Group(_) => {
            "SELECT role, expire_time FROM app_group_role
             WHERE app_group = $1 AND group_id = $2 AND (expire_time IS NULL OR expire_time > $3)"
        }
        RoleHolder::User(_) => {
            "SELECT role, expire_time FROM app_group_role
             WHERE app_group = $1 AND person = $2 AND (expire_time IS NULL OR expire_time > $3)"
        }
    };
    let row: Option<(String, Option<Timestamp>)> = on!(db, |c| {
        let query = sqlx::query_as(sql).bind(name.id);
        match holder {
            RoleHolder::Group(group) => query.bind(group.id).bind(now).fetch_optional(c).await,
            RoleHolder::User(user) => query.bind(user.id()).bind(now).fetch_optional(c).await,
        }
    })?;
    row.map(given).transpose()
}

/// Stores a role that is given now, in place of what the holder had on the app group.
pub(crate) async fn put(
    db: &mut Conn,
    name: AppGroupName,
    holder: &RoleHolder,
    given: &GivenRole,
    now: Timestamp,
) -> Result<(), Error> {
    remove(db, name, holder).await?;
    let (group, person) = columns(holder);
    on!(db, |c| sqlx::query(
        "INSERT INTO app_group_role (app_group, group_id, person, space, role, expire_time, update_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7)"
    )
    .bind(name.id)
    .bind(group)
    .bind(person)
    .bind(name.space.0)
    .bind(given.role.name())
    .bind(given.expire_time)
    .bind(now)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// Takes the role that somebody has on an app group.
pub(crate) async fn remove(db: &mut Conn, name: AppGroupName, holder: &RoleHolder) -> Result<(), Error> {
    let sql = match holder {
        RoleHolder::Group(_) => "DELETE FROM app_group_role WHERE app_group = $1 AND group_id = $2",
        RoleHolder::User(_) => "DELETE FROM app_group_role WHERE app_group = $1 AND person = $2",
    };
    on!(db, |c| {
        let query = sqlx::query(sql).bind(name.id);
        let query = match holder {
            RoleHolder::Group(group) => query.bind(group.id),
            RoleHolder::User(user) => query.bind(user.id()),
        };
        query.execute(c).await.map(drop)
    })?;
    Ok(())
}

/// Takes all roles that a person has on app groups of a space; says how many.
pub(crate) async fn remove_of(db: &mut Conn, space: SpaceName, person: &UserName) -> Result<u64, Error> {
    Ok(on!(db, |c| sqlx::query("DELETE FROM app_group_role WHERE space = $1 AND person = $2")
        .bind(space.0)
        .bind(person.id())
        .execute(c)
        .await
        .map(|done| done.rows_affected()))?)
}

/// How many have roles on an app group at a time.
pub(crate) async fn count(db: &mut Conn, name: AppGroupName, now: Timestamp) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar(
        "SELECT COUNT(*) FROM app_group_role
         WHERE app_group = $1 AND (expire_time IS NULL OR expire_time > $2)"
    )
    .bind(name.id)
    .bind(now)
    .fetch_one(c)
    .await)?)
}

/// The groups after one that have roles on an app group at a time, in the order of their ids.
pub(crate) async fn groups(
    db: &mut Conn,
    name: AppGroupName,
    after: Uuid,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(RoleHolder, GivenRole)>, Error> {
    let rows: Vec<(Uuid, String, Option<Timestamp>)> = on!(db, |c| sqlx::query_as(
        "SELECT group_id, role, expire_time FROM app_group_role
         WHERE app_group = $1 AND group_id > $2 AND (expire_time IS NULL OR expire_time > $4)
         ORDER BY group_id LIMIT $3"
    )
    .bind(name.id)
    .bind(after)
    .bind(limit)
    .bind(now)
    .fetch_all(c)
    .await)?;
    rows.into_iter()
        .map(|(id, role, end)| {
            Ok((RoleHolder::Group(GroupName { space: name.space, id }), given((role, end))?))
        })
        .collect()
}

/// The people after one who have roles of their own on an app group at a time, in the order of their user names.
pub(crate) async fn people(
    db: &mut Conn,
    name: AppGroupName,
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(RoleHolder, GivenRole)>, Error> {
    let rows: Vec<(String, String, Option<Timestamp>)> = on!(db, |c| sqlx::query_as(
        "SELECT person, role, expire_time FROM app_group_role
         WHERE app_group = $1 AND person > $2 AND (expire_time IS NULL OR expire_time > $4)
         ORDER BY person LIMIT $3"
    )
    .bind(name.id)
    .bind(after)
    .bind(limit)
    .bind(now)
    .fetch_all(c)
    .await)?;
    rows.into_iter()
        .map(|(person, role, end)| Ok((RoleHolder::User(UserName::from_stored(person)), given((role, end))?)))
        .collect()
}

/// The app groups of a space after one on which a holder has a role at a time, in the order of their ids.
pub(crate) async fn of_holder(
    db: &mut Conn,
    space: SpaceName,
    holder: &RoleHolder,
    after: Uuid,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(AppGroupName, GivenRole)>, Error> {
    let sql = match holder {
        RoleHolder::Group(_) => {
            "SELECT app_group, role, expire_time FROM app_group_role
             WHERE space = $1 AND group_id = $2 AND app_group > $3 AND (expire_time IS NULL OR expire_time > $5)
             ORDER BY app_group LIMIT $4"
        }
        RoleHolder::User(_) => {
            "SELECT app_group, role, expire_time FROM app_group_role
             WHERE space = $1 AND person = $2 AND app_group > $3 AND (expire_time IS NULL OR expire_time > $5)
             ORDER BY app_group LIMIT $4"
        }
    };
    let rows: Vec<(Uuid, String, Option<Timestamp>)> = on!(db, |c| {
        let query = sqlx::query_as(sql).bind(space.0);
        let query = match holder {
            RoleHolder::Group(group) => query.bind(group.id),
            RoleHolder::User(user) => query.bind(user.id()),
        };
        query.bind(after).bind(limit).bind(now).fetch_all(c).await
    })?;
    rows.into_iter().map(|(id, role, end)| Ok((AppGroupName { space, id }, given((role, end))?))).collect()
}
