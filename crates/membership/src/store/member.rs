//! The member table.
use std::sync::LazyLock;

use devspaces_authz::ConsoleRole;
use devspaces_gate::{ConsoleHolder, OwnFacts};
use devspaces_kit::{
    clock::Timestamp,
    name::{MemberName, SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql, UnionSql},
    on,
};
use uuid::Uuid;

use crate::domain::{Member, Membership};

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    space: Uuid,
    person: String,
    role: String,
    view_all_apps: bool,
    expire_time: Option<Timestamp>,
    emergency: bool,
    role_time: Timestamp,
    create_time: Timestamp,
    update_time: Timestamp,
    revision: i64,
}

/// The role that is stored by this name. The table's CHECK allows no other.
pub(crate) fn role(name: &str) -> Result<ConsoleRole, Error> {
    let known = ConsoleRole::ALL.into_iter().find(|role| role.name() == name);
    known.ok_or_else(|| Error::from(sqlx::Error::Decode("an unknown console role is stored".into())))
}

impl TryFrom<Row> for Member {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let membership = Membership {
            role: role(&row.role)?,
            view_all_apps: row.view_all_apps,
            expire_time: row.expire_time,
        };
        let name = MemberName { space: SpaceName(row.space), user: UserName::from_stored(row.person) };
        let Row { emergency, role_time, create_time, update_time, revision, .. } = row;
        Ok(Self { name, membership, emergency, role_time, create_time, update_time, revision })
    }
}

/// A member whose role has not expired by `now` (R-M10).
pub(crate) async fn find(db: &mut Conn, name: &MemberName, now: Timestamp) -> Result<Option<Member>, Error> {
    Ok(find_row(db, name).await?.filter(|member| member.membership.is_current(now)))
}

/// A member whose role has expired by `now`, and has had no consequences yet.
pub(crate) async fn find_ended(
    db: &mut Conn,
    name: &MemberName,
    now: Timestamp,
) -> Result<Option<Member>, Error> {
    Ok(find_row(db, name).await?.filter(|member| !member.membership.is_current(now)))
}

async fn find_row(db: &mut Conn, name: &MemberName) -> Result<Option<Member>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(
        "SELECT space, person, role, view_all_apps, expire_time, emergency, role_time, create_time, update_time, revision
         FROM member WHERE space = $1 AND person = $2"
    )
    .bind(name.space.0)
    .bind(name.user.id())
    .fetch_optional(c)
    .await
    })?;
    row.map(Member::try_from).transpose()
}

/// Which part of a space's members to list.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) space: SpaceName,
    pub(crate) role: Option<ConsoleRole>,
    /// The person's id after whom the page begins.
    pub(crate) after: &'a str,
    pub(crate) limit: i64,
}

/// Members in the order of their user names, without those whose role has expired by `now`.
pub(crate) async fn list(db: &mut Conn, page: &Page<'_>, now: Timestamp) -> Result<Vec<Member>, Error> {
    // Two texts, so that each has an index that gives its order.
    let sql = match page.role {
        Some(_) => {
            "SELECT space, person, role, view_all_apps, expire_time, emergency, role_time, create_time, update_time, revision
             FROM member
             WHERE space = $1 AND role = $5 AND person > $2 AND (expire_time IS NULL OR expire_time > $3)
             ORDER BY person LIMIT $4"
        }
        None => {
            "SELECT space, person, role, view_all_apps, expire_time, emergency, role_time, create_time, update_time, revision
             FROM member
             WHERE space = $1 AND person > $2 AND (expire_time IS NULL OR expire_time > $3)
             ORDER BY person LIMIT $4"
        }
    };
    let rows: Vec<Row> = on!(db, |c| {
        let query = sqlx::query_as(sql).bind(page.space.0).bind(page.after).bind(now).bind(page.limit);
        match page.role {
            Some(role) => query.bind(role.name()).fetch_all(c).await,
            None => query.fetch_all(c).await,
        }
    })?;
    rows.into_iter().map(Member::try_from).collect()
}

/// Whether a space has an active Admin whose role does not expire, apart from this person (R-M4).
pub(crate) async fn has_other_lasting_admin(db: &mut Conn, apart_from: &MemberName) -> Result<bool, Error> {
    let found: Option<String> = on!(db, |c| sqlx::query_scalar(
        "SELECT person FROM member
         WHERE space = $1 AND role = 'ADMIN' AND expire_time IS NULL AND person <> $2
           AND NOT EXISTS (SELECT 1 FROM standing d WHERE d.person = member.person AND NOT d.active)
         ORDER BY person LIMIT 1"
    )
    .bind(apart_from.space.0)
    .bind(apart_from.user.id())
    .fetch_optional(c)
    .await)?;
    Ok(found.is_some())
}

static STAFFED: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["space", "now"],
        "SELECT w.space FROM wanted w
         WHERE (SELECT m.person FROM member m
                WHERE m.space = w.space AND m.role = 'ADMIN' AND (m.expire_time IS NULL OR m.expire_time > w.now)
                  AND NOT m.emergency
                  AND NOT EXISTS (SELECT 1 FROM standing d WHERE d.person = m.person AND NOT d.active)
                ORDER BY m.person LIMIT 1) IS NOT NULL",
    )
});

/// Those of some spaces that have an active Admin whose role has not expired by `now`, apart from emergencies (R-M14).
pub(crate) async fn staffed(
    db: &mut Conn,
    spaces: &[SpaceName],
    now: Timestamp,
) -> Result<Vec<SpaceName>, Error> {
    let found: Vec<(Uuid,)> = STAFFED.fetch_all(db, spaces, |space| [space.0.into(), now.into()]).await?;
    Ok(found.into_iter().map(|(space,)| SpaceName(space)).collect())
}

/// R-M8: who has been Admin longest of those who are active, apart from this person, from those whose role has expired by
/// `now`, and from those who are Admin in an emergency only (R-M14).
pub(crate) async fn longest_admin(
    db: &mut Conn,
    apart_from: &MemberName,
    now: Timestamp,
) -> Result<Option<UserName>, Error> {
    let found: Option<String> = on!(db, |c| sqlx::query_scalar(
        "SELECT person FROM member
         WHERE space = $1 AND role = 'ADMIN' AND person <> $2 AND (expire_time IS NULL OR expire_time > $3)
           AND NOT emergency
           AND NOT EXISTS (SELECT 1 FROM standing d WHERE d.person = member.person AND NOT d.active)
         ORDER BY role_time, person LIMIT 1"
    )
    .bind(apart_from.space.0)
    .bind(apart_from.user.id())
    .bind(now)
    .fetch_optional(c)
    .await)?;
    Ok(found.map(UserName::from_stored))
}

fn console_holder((person, name, emergency): (String, String, bool)) -> Result<ConsoleHolder, Error> {
    Ok(ConsoleHolder { user: UserName::from_stored(person), role: role(&name)?, emergency })
}

/// R-A4: those whose role makes them viewers of every app in the space and has not expired by `now`, after one, in the
/// order of their user names.
pub(crate) async fn viewing(
    db: &mut Conn,
    space: SpaceName,
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<ConsoleHolder>, Error> {
    let rows: Vec<(String, String, bool)> = on!(db, |c| sqlx::query_as(
        "SELECT person, role, emergency FROM member
         WHERE space = $1 AND person > $2 AND (role <> 'DEVELOPER' OR view_all_apps)
           AND (expire_time IS NULL OR expire_time > $3)
         ORDER BY person LIMIT $4"
    )
    .bind(space.0)
    .bind(after)
    .bind(now)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    rows.into_iter().map(console_holder).collect()
}

/// The first of each role are read from the index, and the first of all these are kept: however many members have other
/// roles, none of them is looked at.
static HOLDERS: LazyLock<UnionSql> = LazyLock::new(|| {
    UnionSql::new(
        4,
        |role| {
            format!(
                "SELECT person FROM member
                 WHERE space = $1 AND role = {role} AND person > $2 AND (expire_time IS NULL OR expire_time > $3)
                 ORDER BY person LIMIT $4"
            )
        },
        "ORDER BY person LIMIT $4",
    )
});

/// Those who have one of these roles, which has not expired by `now`, after one, in the order of their user names.
pub(crate) async fn holders(
    db: &mut Conn,
    space: SpaceName,
    roles: &[ConsoleRole],
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<UserName>, Error> {
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let Some((sql, filled)) = HOLDERS.fill(&names, &"") else { return Ok(Vec::new()) };
    let people: Vec<String> = on!(db, |c| {
        let mut query = sqlx::query_scalar(sql).bind(space.0).bind(after).bind(now).bind(limit);
        for role in filled {
            query = query.bind(*role);
        }
        query.fetch_all(c).await
    })?;
    Ok(people.into_iter().map(UserName::from_stored).collect())
}

/// R-B13: those whose role lets them create and link apps and has not expired by `now`, after one, in the order of their
/// user names.
pub(crate) async fn building(
    db: &mut Conn,
    space: SpaceName,
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<ConsoleHolder>, Error> {
    let rows: Vec<(String, String, bool)> = on!(db, |c| sqlx::query_as(
        "SELECT person, role, emergency FROM member
         WHERE space = $1 AND person > $2 AND role <> 'VIEWER' AND (expire_time IS NULL OR expire_time > $3)
         ORDER BY person LIMIT $4"
    )
    .bind(space.0)
    .bind(after)
    .bind(now)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    rows.into_iter().map(console_holder).collect()
}

/// Members whose role has expired by `now`, the longest expired first.
pub(crate) async fn ended(db: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<MemberName>, Error> {
    let rows: Vec<(Uuid, String)> = on!(db, |c| sqlx::query_as(
        "SELECT space, person FROM member WHERE expire_time IS NOT NULL AND expire_time <= $1
         ORDER BY expire_time LIMIT $2"
    )
    .bind(now)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    let name = |(space, person)| MemberName { space: SpaceName(space), user: UserName::from_stored(person) };
    Ok(rows.into_iter().map(name).collect())
}

/// Whether a space has, or had, any members whose rows are there, apart from Admins in an emergency (R-M14).
pub(crate) async fn has_members(db: &mut Conn, space: SpaceName) -> Result<bool, Error> {
    // The first: for any at all PostgreSQL may go through the table, and then through all of it if there is none.
    let found: Option<String> = on!(db, |c| sqlx::query_scalar(
        "SELECT person FROM member WHERE space = $1 AND NOT emergency ORDER BY person LIMIT 1"
    )
    .bind(space.0)
    .fetch_optional(c)
    .await)?;
    Ok(found.is_some())
}

/// Stores a member, in place of what was stored of that person.
pub(crate) async fn put(db: &mut Conn, member: &Member) -> Result<(), Error> {
    let Member { name, membership, .. } = member;
    on!(db, |c| {
        sqlx::query(
        "INSERT INTO member (space, person, role, view_all_apps, expire_time, role_time, create_time, update_time,
           revision, emergency)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (space, person) DO UPDATE SET role = excluded.role, view_all_apps = excluded.view_all_apps,
           expire_time = excluded.expire_time, role_time = excluded.role_time, create_time = excluded.create_time,
           update_time = excluded.update_time, revision = excluded.revision,
           emergency = excluded.emergency"
    )
    .bind(name.space.0)
    .bind(name.user.id())
    .bind(membership.role.name())
    .bind(membership.view_all_apps)
    .bind(membership.expire_time)
    .bind(member.role_time)
    .bind(member.create_time)
    .bind(member.update_time)
    .bind(member.revision)
    .bind(member.emergency)
    .execute(c)
    .await
    .map(drop)
    })?;
    Ok(())
}

/// Removes a member.
pub(crate) async fn remove(db: &mut Conn, name: &MemberName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM member WHERE space = $1 AND person = $2")
        .bind(name.space.0)
        .bind(name.user.id())
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// Removes all members of a space; says how many they were.
pub(crate) async fn remove_all(db: &mut Conn, space: SpaceName) -> Result<u64, Error> {
    Ok(on!(db, |c| sqlx::query("DELETE FROM member WHERE space = $1")
        .bind(space.0)
        .execute(c)
        .await
        .map(|done| done.rows_affected()))?)
}

/// The spaces in which a person has a role that has not expired by `now`, after one, in the order of their ids.
pub(crate) async fn spaces_of(
    db: &mut Conn,
    person: &str,
    after: Uuid,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(Uuid, OwnFacts)>, Error> {
    let rows: Vec<(Uuid, String, bool, Option<Timestamp>)> = on!(db, |c| sqlx::query_as(
        "SELECT space, role, view_all_apps, expire_time FROM member
         WHERE person = $1 AND space > $2 AND (expire_time IS NULL OR expire_time > $3)
         ORDER BY space LIMIT $4"
    )
    .bind(person)
    .bind(after)
    .bind(now)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    rows.into_iter()
        .map(|(space, name, view_all_apps, expire_time)| {
            let role = Some(role(&name)?);
            // Of no consequence to what someone who has a role sees.
            let has_admin = false;
            Ok((space, OwnFacts::Membership { role, view_all_apps, expire_time, has_admin }))
        })
        .collect()
}
