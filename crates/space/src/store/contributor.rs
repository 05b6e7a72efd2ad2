//! The contributor table.
use std::sync::LazyLock;

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, ContributorName, SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use uuid::Uuid;

use super::{role, way};
use crate::domain::Contributor;

#[derive(Debug, sqlx::FromRow)]
struct Row {
    app: Uuid,
    person: String,
    role: String,
    space: Option<Uuid>,
    expire_time: Option<Timestamp>,
    create_time: Timestamp,
    update_time: Timestamp,
    revision: i64,
}

impl TryFrom<Row> for Contributor {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let name = ContributorName { app: AppName(row.app), user: UserName::from_stored(row.person) };
        let Row { expire_time, create_time, update_time, revision, .. } = row;
        let (role, space) = (role::contributor(&row.role)?, row.space.map(SpaceName));
        Ok(Self { name, role, space, expire_time, create_time, update_time, revision })
    }
}

/// A contributor, also one whose role has ended.
pub(crate) async fn find(db: &mut Conn, name: &ContributorName) -> Result<Option<Contributor>, Error> {
    let row: Option<Row> = on!(db, |c| sqlx::query_as(
        "SELECT app, person, role, space, expire_time, create_time, update_time, revision
         FROM contributor WHERE app = $1 AND person = $2"
    )
    .bind(name.app.0)
    .bind(name.user.id())
    .fetch_optional(c)
    .await)?;
    row.map(Contributor::try_from).transpose()
}

/// A contributor whose role has not ended by a time.
pub(crate) async fn find_current(
    db: &mut Conn,
    name: &ContributorName,
    now: Timestamp,
) -> Result<Option<Contributor>, Error> {
    Ok(find(db, name).await?.filter(|contributor| contributor.is_current(now)))
}

/// The contributors of an app after one, in the order of their user names.
pub(crate) async fn list(
    db: &mut Conn,
    app: AppName,
    after: &str,
    limit: i64,
) -> Result<Vec<Contributor>, Error> {
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(
        "SELECT app, person, role, space, expire_time, create_time, update_time, revision
         FROM contributor WHERE app = $1 AND person > $2 ORDER BY person LIMIT $3"
    )
    .bind(app.0)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    rows.into_iter().map(Contributor::try_from).collect()
}

/// The contributors of an app after one whose roles have not ended by a time, in the order of their user names.
pub(crate) async fn list_current(
    db: &mut Conn,
    app: AppName,
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Contributor>, Error> {
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(
        "SELECT app, person, role, space, expire_time, create_time, update_time, revision
         FROM contributor
         WHERE app = $1 AND person > $2 AND (expire_time IS NULL OR expire_time > $4) ORDER BY person LIMIT $3"
    )
    .bind(app.0)
    .bind(after)
    .bind(limit)
    .bind(now)
    .fetch_all(c)
    .await
    })?;
    rows.into_iter().map(Contributor::try_from).collect()
}

/// A person's roles on the apps of a space after one, deleted apps included, in the order of the apps' ids, without those that have
/// ended by `now`.
pub(crate) async fn list_in_space(
    db: &mut Conn,
    space: SpaceName,
    person: &UserName,
    after: AppName,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Contributor>, Error> {
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(
        "SELECT app, person, role, space, expire_time, create_time, update_time, revision
         FROM contributor
         WHERE person = $1 AND space = $2 AND app > $3 AND (expire_time IS NULL OR expire_time > $5)
         ORDER BY app LIMIT $4"
    )
    .bind(person.id())
    .bind(space.0)
    .bind(after.0)
    .bind(limit)
    .bind(now)
    .fetch_all(c)
    .await)?;
    rows.into_iter().map(Contributor::try_from).collect()
}

/// Everybody's roles on the apps of a space, deleted apps included, after one of a person on an app, in the order of the
/// people's user names and of the apps' ids. With a time, only those that end before it.
pub(crate) async fn list_of_space(
    db: &mut Conn,
    space: SpaceName,
    ends_before: Option<Timestamp>,
    (person, app): (&str, AppName),
    limit: i64,
) -> Result<Vec<Contributor>, Error> {
    // Two texts, so that each has an index that gives its order.
    let sql = match ends_before {
        Some(_) => {
            "SELECT app, person, role, space, expire_time, create_time, update_time, revision
             FROM contributor
             WHERE space = $1 AND (person, app) > ($2, $3) AND expire_time IS NOT NULL AND expire_time < $5
             ORDER BY person, app LIMIT $4"
        }
        None => {
            "SELECT app, person, role, space, expire_time, create_time, update_time, revision
             FROM contributor WHERE space = $1 AND (person, app) > ($2, $3) ORDER BY person, app LIMIT $4"
        }
    };
    let rows: Vec<Row> = on!(db, |c| {
        let query = sqlx::query_as(sql).bind(space.0).bind(person).bind(app.0).bind(limit);
        match ends_before {
            Some(before) => query.bind(before).fetch_all(c).await,
            None => query.fetch_all(c).await,
        }
    })?;
    rows.into_iter().map(Contributor::try_from).collect()
}

/// Stores a contributor, in place of what was stored of that person on that app.
pub(crate) async fn put(db: &mut Conn, contributor: &Contributor) -> Result<(), Error> {
    let Contributor { name, .. } = contributor;
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO contributor (app, person, role, space, expire_time, create_time, update_time, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (app, person) DO UPDATE SET role = excluded.role, space = excluded.space,
               expire_time = excluded.expire_time, create_time = excluded.create_time,
               update_time = excluded.update_time, revision = excluded.revision",
        )
        .bind(name.app.0)
        .bind(name.user.id())
        .bind(contributor.role.name())
        .bind(contributor.space.map(|space| space.0))
        .bind(contributor.expire_time)
        .bind(contributor.create_time)
        .bind(contributor.update_time)
        .bind(contributor.revision)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// Removes a contributor.
pub(crate) async fn remove(db: &mut Conn, name: &ContributorName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM contributor WHERE app = $1 AND person = $2")
        .bind(name.app.0)
        .bind(name.user.id())
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// Removes every contributor of an app.
pub(crate) async fn remove_all(db: &mut Conn, app: AppName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM contributor WHERE app = $1")
        .bind(app.0)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// Moves an app's contributors with it to a space.
pub(crate) async fn move_to(db: &mut Conn, app: AppName, space: SpaceName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("UPDATE contributor SET space = $2 WHERE app = $1")
        .bind(app.0)
        .bind(space.0)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// SQL: whether a person contributes to an app in use of a space in their own right, by a role `k` of which a condition holds.
/// All are given as SQL.
///
/// What any one row would answer is asked for as the first row of an index. For any row at all, PostgreSQL goes through
/// the table if it thinks that many would do, and so through all of it if there is none.
pub(crate) fn contributes(person: &str, space: &str, condition: &str) -> String {
    format!(
        "(SELECT k.app FROM contributor k
          WHERE k.person = {person} AND k.space = {space} AND {condition}
            AND (SELECT l.delete_time IS NULL FROM app l WHERE l.id = k.app)
          ORDER BY k.app LIMIT 1) IS NOT NULL"
    )
}

/// From one space to the next in the index, however many apps the person contributes to in each. Each step gives one
/// row, and so they come in order.
static SPACES_OF: LazyLock<String> = LazyLock::new(|| {
    let contributes = contributes("$1", "held.space", "(k.expire_time IS NULL OR k.expire_time > $4)");
    format!(
        "WITH RECURSIVE held (space) AS (
           SELECT (SELECT c.space FROM contributor c WHERE c.person = $1 AND c.space > $2
                   ORDER BY c.space LIMIT 1)
           UNION ALL
           SELECT (SELECT c.space FROM contributor c WHERE c.person = $1 AND c.space > held.space
                   ORDER BY c.space LIMIT 1)
           FROM held WHERE held.space IS NOT NULL
         )
         SELECT space FROM held WHERE {contributes} LIMIT $3"
    )
});

/// The spaces after one in which a person contributes to an app in use at a time, by whatever way, in the order of their ids.
pub(crate) async fn spaces_of(
    db: &mut Conn,
    person: &str,
    after: Uuid,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<SpaceName>, Error> {
    spaces_by(db, &SPACES_OF, person, after, limit, now).await
}

/// The spaces after one in which a person has a role at a time, in the order of their ids: also one that grants nothing as things
/// are, on an app group without apps or on a soft-deleted app.
pub(crate) async fn spaces_with_roles(
    db: &mut Conn,
    person: &str,
    after: Uuid,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<SpaceName>, Error> {
    let sql = "SELECT space FROM contributor
               WHERE person = $1 AND space > $2 AND (expire_time IS NULL OR expire_time > $4)
               UNION
               SELECT space FROM app_group_role
               WHERE person = $1 AND space > $2 AND (expire_time IS NULL OR expire_time > $4)
               ORDER BY space LIMIT $3";
    spaces_by(db, sql, person, after, limit, now).await
}

/// The spaces that a statement finds, and those in which the person has roles through groups and app groups.
async fn spaces_by(
    db: &mut Conn,
    sql: &'static str,
    person: &str,
    after: Uuid,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<SpaceName>, Error> {
    let own: Vec<Uuid> = on!(db, |c| sqlx::query_scalar(sql)
        .bind(person)
        .bind(after)
        .bind(limit)
        .bind(now)
        .fetch_all(c)
        .await)?;
    let mut spaces = way::spaces_through(db, person, after, limit, now).await?;
    spaces.extend(own.into_iter().map(SpaceName));
    // Each list was cut at the limit, so the first of them together are complete.
    Ok(spaces.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
}
