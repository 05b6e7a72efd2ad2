//! The table of invitations (R-M9).
use devspaces_kit::{
    clock::Timestamp,
    name::{InvitationName, SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::member::role;
use crate::domain::{Address, Invitation, Invitee, Membership, State};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    space: Uuid,
    id: Uuid,
    person: Option<String>,
    email: Option<String>,
    role: String,
    view_all_apps: bool,
    role_expire_time: Option<Timestamp>,
    state: String,
    inviter: String,
    token_digest: Vec<u8>,
    create_time: Timestamp,
    update_time: Timestamp,
    expire_time: Timestamp,
    made: i64,
    revision: i64,
}

fn undecodable(what: &'static str) -> Error {
    Error::from(sqlx::Error::Decode(what.into()))
}

impl TryFrom<Row> for Invitation {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let state = State::ALL.into_iter().find(|state| state.name() == row.state);
        let invitee = match (row.person, row.email) {
            (Some(person), None) => Invitee::Person(UserName::from_stored(person)),
            (None, Some(email)) => Invitee::Email(Address::from_stored(email)),
            _ => return Err(undecodable("an invitation of nobody is stored")),
        };
        let offer = Membership {
            role: role(&row.role)?,
            view_all_apps: row.view_all_apps,
            expire_time: row.role_expire_time,
        };
        Ok(Self {
            name: InvitationName { space: SpaceName(row.space), id: row.id },
            invitee,
            offer,
            state: state.ok_or_else(|| undecodable("an unknown state is stored"))?,
            inviter: UserName::from_stored(row.inviter),
            token_digest: row.token_digest,
            create_time: row.create_time,
            update_time: row.update_time,
            expire_time: row.expire_time,
            made: row.made,
            revision: row.revision,
        })
    }
}

fn select(rest: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "SELECT space, id, person, email, role, view_all_apps, role_expire_time, state, inviter, token_digest,
           create_time, update_time, expire_time, made, revision
         FROM invitation WHERE {rest}"
    ))
}

/// An invitation.
pub(crate) async fn find(db: &mut Conn, name: InvitationName) -> Result<Option<Invitation>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(select("space = $1 AND id = $2"))
            .bind(name.space.0)
            .bind(name.id)
            .fetch_optional(c)
            .await
    })?;
    row.map(Invitation::try_from).transpose()
}

/// The invitation of somebody that is stored as pending.
pub(crate) async fn pending_of(
    db: &mut Conn,
    space: SpaceName,
    invitee: &Invitee,
) -> Result<Option<Invitation>, Error> {
    let (sql, key) = match invitee {
        Invitee::Person(person) => ("space = $1 AND person = $2 AND state = 'PENDING'", person.id()),
        Invitee::Email(address) => ("space = $1 AND email = $2 AND state = 'PENDING'", address.as_str()),
    };
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(select(sql)).bind(space.0).bind(key).fetch_optional(c).await)?;
    row.map(Invitation::try_from).transpose()
}

/// The spaces that somebody is invited to by an invitation that is stored as pending.
pub(crate) async fn spaces_inviting(db: &mut Conn, person: &UserName) -> Result<Vec<SpaceName>, Error> {
    let ids: Vec<Uuid> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT space FROM invitation WHERE person = $1 AND state = 'PENDING' ORDER BY space",
        )
        .bind(person.id())
        .fetch_all(c)
        .await
    })?;
    Ok(ids.into_iter().map(SpaceName).collect())
}

/// The invitations that somebody made and that are pending at `now`.
pub(crate) async fn pending_by(
    db: &mut Conn,
    space: SpaceName,
    inviter: &UserName,
    now: Timestamp,
) -> Result<Vec<Invitation>, Error> {
    let rows: Vec<Row> = on!(db, |c| {
        let pending = "space = $1 AND inviter = $2 AND state = 'PENDING' AND expire_time > $3 ORDER BY id";
        sqlx::query_as(select(pending)).bind(space.0).bind(inviter.id()).bind(now).fetch_all(c).await
    })?;
    rows.into_iter().map(Invitation::try_from).collect()
}

/// Ends the invitations that somebody made and that are stored as pending, for good: those that had expired, too.
pub(crate) async fn void_by(
    db: &mut Conn,
    space: SpaceName,
    inviter: &UserName,
    now: Timestamp,
    revision: i64,
) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "UPDATE invitation SET state = 'VOID', update_time = $3, revision = $4
         WHERE space = $1 AND inviter = $2 AND state = 'PENDING'"
    )
    .bind(space.0)
    .bind(inviter.id())
    .bind(now)
    .bind(revision)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// How many invitations are pending at `now`, but for one, if it is counted: those of this inviter, or all.
pub(crate) async fn count_pending(
    db: &mut Conn,
    space: SpaceName,
    inviter: Option<&UserName>,
    apart_from: Uuid,
    now: Timestamp,
) -> Result<i64, Error> {
    let sql = match inviter {
        Some(_) => {
            "SELECT count(*) FROM invitation
             WHERE space = $1 AND state = 'PENDING' AND expire_time > $2 AND id <> $3 AND inviter = $4"
        }
        None => {
            "SELECT count(*) FROM invitation
             WHERE space = $1 AND state = 'PENDING' AND expire_time > $2 AND id <> $3"
        }
    };
    Ok(on!(db, |c| {
        let query = sqlx::query_scalar(sql).bind(space.0).bind(now).bind(apart_from);
        match inviter {
            Some(inviter) => query.bind(inviter.id()).fetch_one(c).await,
            None => query.fetch_one(c).await,
        }
    })?)
}

/// Which part of a space's invitations to list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) space: SpaceName,
    /// Those that are in this state at `now`.
    pub(crate) state: Option<State>,
    pub(crate) now: Timestamp,
    /// The id after which the page begins.
    pub(crate) after: Uuid,
    pub(crate) limit: i64,
}

/// Invitations, the oldest first.
pub(crate) async fn list(db: &mut Conn, page: &Page) -> Result<Vec<Invitation>, Error> {
    let of_state = match page.state {
        None => "$4 IS NOT NULL AND $5 = ''",
        Some(State::Pending) => "state = $5 AND expire_time > $4",
        Some(State::Expired) => "(state = $5 OR (state = 'PENDING' AND expire_time <= $4))",
        Some(_) => "$4 IS NOT NULL AND state = $5",
    };
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(select(&format!("space = $1 AND id > $2 AND {of_state} ORDER BY id LIMIT $3")))
            .bind(page.space.0)
            .bind(page.after)
            .bind(page.limit)
            .bind(page.now)
            .bind(page.state.map_or("", State::name))
            .fetch_all(c)
            .await
    })?;
    rows.into_iter().map(Invitation::try_from).collect()
}

/// Stores an invitation, in place of what was stored of it.
pub(crate) async fn put(db: &mut Conn, invitation: &Invitation) -> Result<(), Error> {
    let (person, email) = match &invitation.invitee {
        Invitee::Person(person) => (Some(person.id()), None),
        Invitee::Email(address) => (None, Some(address.as_str())),
    };
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO invitation (space, id, person, email, role, view_all_apps, role_expire_time, state, inviter,
               token_digest, create_time, update_time, expire_time, made, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
             ON CONFLICT (space, id) DO UPDATE SET state = excluded.state, token_digest = excluded.token_digest,
               update_time = excluded.update_time, expire_time = excluded.expire_time, revision = excluded.revision",
        )
        .bind(invitation.name.space.0)
        .bind(invitation.name.id)
        .bind(person)
        .bind(email)
        .bind(invitation.offer.role.name())
        .bind(invitation.offer.view_all_apps)
        .bind(invitation.offer.expire_time)
        .bind(invitation.state.name())
        .bind(invitation.inviter.id())
        .bind(&invitation.token_digest)
        .bind(invitation.create_time)
        .bind(invitation.update_time)
        .bind(invitation.expire_time)
        .bind(invitation.made)
        .bind(invitation.revision)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// Spaces with some that ended before this, by a call or by their time.
pub(crate) async fn spaces_of_ended(
    db: &mut Conn,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<SpaceName>, Error> {
    let spaces: Vec<Uuid> = on!(db, |c| sqlx::query_scalar(
        "SELECT DISTINCT space FROM (
           SELECT * FROM (SELECT space FROM invitation WHERE state <> 'PENDING' AND update_time < $1
                          ORDER BY update_time LIMIT $2) ended
           UNION ALL
           SELECT * FROM (SELECT space FROM invitation WHERE state = 'PENDING' AND expire_time < $1
                          ORDER BY expire_time LIMIT $2) expired) due"
    )
    .bind(before)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    Ok(spaces.into_iter().map(SpaceName).collect())
}

/// Forgets those of a space that ended before this.
pub(crate) async fn forget(db: &mut Conn, space: SpaceName, before: Timestamp) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "DELETE FROM invitation WHERE space = $1 AND
           ((state <> 'PENDING' AND update_time < $2) OR (state = 'PENDING' AND expire_time < $2))"
    )
    .bind(space.0)
    .bind(before)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// Forgets all of a space that is gone.
pub(crate) async fn remove_all(db: &mut Conn, space: SpaceName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM invitation WHERE space = $1")
        .bind(space.0)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}
