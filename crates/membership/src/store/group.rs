//! Groups, and who is in them (R-M11).
use std::{collections::BTreeSet, sync::LazyLock};

use devspaces_kit::{
    clock::Timestamp,
    name::{GroupName, MemberName, SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use crate::domain::Group;

#[derive(Debug, sqlx::FromRow)]
struct Row {
    space: Uuid,
    id: Uuid,
    display_name: String,
    create_time: Timestamp,
    update_time: Timestamp,
    revision: i64,
}

impl From<Row> for Group {
    fn from(row: Row) -> Self {
        let Row { space, id, display_name, create_time, update_time, revision } = row;
        let name = GroupName { space: SpaceName(space), id };
        Self { name, display_name, create_time, update_time, revision }
    }
}

/// A group.
pub(crate) async fn find(db: &mut Conn, name: GroupName) -> Result<Option<Group>, Error> {
    let row: Option<Row> = on!(db, |c| sqlx::query_as(
        "SELECT space, id, display_name, create_time, update_time, revision
         FROM member_group WHERE space = $1 AND id = $2"
    )
    .bind(name.space.0)
    .bind(name.id)
    .fetch_optional(c)
    .await)?;
    Ok(row.map(Group::from))
}

/// The groups of a space after one, the oldest first.
pub(crate) async fn list(
    db: &mut Conn,
    space: SpaceName,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Group>, Error> {
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(
        "SELECT space, id, display_name, create_time, update_time, revision
         FROM member_group WHERE space = $1 AND id > $2 ORDER BY id LIMIT $3"
    )
    .bind(space.0)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    Ok(rows.into_iter().map(Group::from).collect())
}

/// How many groups a space has.
pub(crate) async fn count(db: &mut Conn, space: SpaceName) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT COUNT(*) FROM member_group WHERE space = $1")
        .bind(space.0)
        .fetch_one(c)
        .await)?)
}

/// Stores a group, in place of what was stored of it.
pub(crate) async fn put(db: &mut Conn, group: &Group) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO member_group (space, id, display_name, create_time, update_time, revision)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (space, id) DO UPDATE SET display_name = excluded.display_name,
               update_time = excluded.update_time, revision = excluded.revision",
        )
        .bind(group.name.space.0)
        .bind(group.name.id)
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

/// Removes a group with its members.
pub(crate) async fn delete(db: &mut Conn, name: GroupName) -> Result<(), Error> {
    for sql in ["DELETE FROM group_member WHERE group_id = $1", "DELETE FROM member_group WHERE id = $1"] {
        on!(db, |c| sqlx::query(sql).bind(name.id).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Removes all groups of a space.
pub(crate) async fn remove_all(db: &mut Conn, space: SpaceName) -> Result<(), Error> {
    for sql in ["DELETE FROM group_member WHERE space = $1", "DELETE FROM member_group WHERE space = $1"] {
        on!(db, |c| sqlx::query(sql).bind(space.0).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Since when somebody is in a group.
pub(crate) async fn member_since(
    db: &mut Conn,
    name: GroupName,
    person: &UserName,
) -> Result<Option<Timestamp>, Error> {
    Ok(on!(db, |c| sqlx::query_scalar(
        "SELECT create_time FROM group_member WHERE group_id = $1 AND person = $2"
    )
    .bind(name.id)
    .bind(person.id())
    .fetch_optional(c)
    .await)?)
}

/// The members of a group after one, in the order of their user names, each with since when.
pub(crate) async fn members(
    db: &mut Conn,
    name: GroupName,
    after: &str,
    limit: i64,
) -> Result<Vec<(UserName, Timestamp)>, Error> {
    let rows: Vec<(String, Timestamp)> = on!(db, |c| sqlx::query_as(
        "SELECT person, create_time FROM group_member
         WHERE group_id = $1 AND person > $2 ORDER BY person LIMIT $3"
    )
    .bind(name.id)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    Ok(rows.into_iter().map(|(person, since)| (UserName::from_stored(person), since)).collect())
}

/// How many members a group has.
pub(crate) async fn count_members(db: &mut Conn, name: GroupName) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT COUNT(*) FROM group_member WHERE group_id = $1")
        .bind(name.id)
        .fetch_one(c)
        .await)?)
}

/// The groups of a space that somebody is in.
pub(crate) async fn of_person(db: &mut Conn, person: &MemberName) -> Result<BTreeSet<GroupName>, Error> {
    let ids: Vec<Uuid> = on!(db, |c| sqlx::query_scalar(
        "SELECT group_id FROM group_member WHERE space = $1 AND person = $2 ORDER BY group_id"
    )
    .bind(person.space.0)
    .bind(person.user.id())
    .fetch_all(c)
    .await)?;
    Ok(ids.into_iter().map(|id| GroupName { space: person.space, id }).collect())
}

static ADD: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "added",
        &["space", "group_id", "person", "create_time"],
        "INSERT INTO group_member (space, group_id, person, create_time)
         SELECT space, group_id, person, create_time FROM added",
    )
});

/// Puts people into a group from a time on.
pub(crate) async fn add(
    db: &mut Conn,
    name: GroupName,
    people: &[UserName],
    since: Timestamp,
) -> Result<(), Error> {
    let row = |person: &UserName| {
        [name.space.0.into(), name.id.into(), person.id().to_owned().into(), since.into()]
    };
    ADD.execute(db, people, row).await?;
    Ok(())
}

/// Takes somebody out of a group.
pub(crate) async fn remove(db: &mut Conn, name: GroupName, person: &UserName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM group_member WHERE group_id = $1 AND person = $2")
        .bind(name.id)
        .bind(person.id())
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// Takes somebody out of all groups of a space.
pub(crate) async fn remove_from_all(db: &mut Conn, person: &MemberName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM group_member WHERE space = $1 AND person = $2")
        .bind(person.space.0)
        .bind(person.user.id())
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}
