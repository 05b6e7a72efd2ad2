//! The groups of spaces and who is in them, as the membership service tells (R-M11).
use std::sync::LazyLock;

use devspaces_kit::name::{GroupName, SpaceName, UserName};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};

/// What a group is called.
pub(crate) async fn find(db: &mut Conn, name: GroupName) -> Result<Option<String>, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT display_name FROM member_group WHERE id = $1 AND space = $2")
        .bind(name.id)
        .bind(name.space.0)
        .fetch_optional(c)
        .await)?)
}

/// Stores what a group is called.
pub(crate) async fn put(db: &mut Conn, name: GroupName, display_name: &str) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "INSERT INTO member_group (id, space, display_name) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name"
    )
    .bind(name.id)
    .bind(name.space.0)
    .bind(display_name)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

static ADD: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "added",
        &["group_id", "person", "space"],
        "INSERT INTO group_member (group_id, person, space) SELECT group_id, person, space FROM added WHERE TRUE
         ON CONFLICT (group_id, person) DO NOTHING",
    )
});

/// Puts people into a group.
pub(crate) async fn add(db: &mut Conn, name: GroupName, people: &[UserName]) -> Result<(), Error> {
    if people.is_empty() {
        return Ok(());
    }
    let row = |person: &UserName| [name.id.into(), person.id().to_owned().into(), name.space.0.into()];
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

/// Takes somebody out of all groups of a space; says of how many.
pub(crate) async fn remove_from_all(
    db: &mut Conn,
    space: SpaceName,
    person: &UserName,
) -> Result<u64, Error> {
    Ok(on!(db, |c| sqlx::query("DELETE FROM group_member WHERE space = $1 AND person = $2")
        .bind(space.0)
        .bind(person.id())
        .execute(c)
        .await
        .map(|done| done.rows_affected()))?)
}

/// Removes a group with its members and all roles that it has.
pub(crate) async fn delete(db: &mut Conn, name: GroupName) -> Result<(), Error> {
    for sql in [
        "DELETE FROM group_role WHERE group_id = $1",
        "DELETE FROM app_group_role WHERE group_id = $1",
        "DELETE FROM group_member WHERE group_id = $1",
        "DELETE FROM member_group WHERE id = $1",
    ] {
        on!(db, |c| sqlx::query(sql).bind(name.id).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Removes all that is known of a space's groups and app groups. It has no apps any more.
pub(crate) async fn remove_all(db: &mut Conn, space: SpaceName) -> Result<(), Error> {
    for sql in [
        "DELETE FROM group_role WHERE space = $1",
        "DELETE FROM app_group_role WHERE space = $1",
        "DELETE FROM group_member WHERE space = $1",
        "DELETE FROM member_group WHERE space = $1",
        "DELETE FROM app_group_app WHERE app_group IN (SELECT id FROM app_group WHERE space = $1)",
        "DELETE FROM app_group WHERE space = $1",
        "DELETE FROM group_stamp WHERE space = $1",
    ] {
        on!(db, |c| sqlx::query(sql).bind(space.0).execute(c).await.map(drop))?;
    }
    Ok(())
}
