//! The table of listings.
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, ListingName, Principal, SpaceName, VendorProfileName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::domain::{Listing, State};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    profile: Uuid,
    space: Uuid,
    app: Uuid,
    state: String,
    submitter: String,
    request_id: Option<Uuid>,
    create_time: Timestamp,
    update_time: Timestamp,
    revision: i64,
}

fn undecodable(what: &'static str) -> Error {
    Error::from(sqlx::Error::Decode(what.into()))
}

impl TryFrom<Row> for Listing {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let state = State::ALL.into_iter().find(|state| state.name() == row.state);
        let submitter = row.submitter.parse::<Principal>().ok();
        let Row { request_id, create_time, update_time, revision, .. } = row;
        Ok(Self {
            name: ListingName(row.id),
            profile: VendorProfileName(row.profile),
            space: SpaceName(row.space),
            app: AppName(row.app),
            state: state.ok_or_else(|| undecodable("an unknown state is stored"))?,
            submitter: submitter.ok_or_else(|| undecodable("a malformed name is stored"))?,
            request_id,
            create_time,
            update_time,
            revision,
        })
    }
}

/// Listings with their profiles, which are looked up and not joined.
fn select(rest: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "SELECT l.id, (SELECT p.id FROM vendor_profile p WHERE p.space = l.space) AS profile, l.space, l.app, l.state,
           l.submitter, l.request_id, l.create_time, l.update_time, l.revision
         FROM listing l WHERE {rest}"
    ))
}

/// A listing, also one that is still an intent.
pub(crate) async fn find_even_if_reserving(
    db: &mut Conn,
    name: ListingName,
) -> Result<Option<Listing>, Error> {
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(select("l.id = $1")).bind(name.0).fetch_optional(c).await)?;
    row.map(Listing::try_from).transpose()
}

/// A listing.
pub(crate) async fn find(db: &mut Conn, name: ListingName) -> Result<Option<Listing>, Error> {
    Ok(find_even_if_reserving(db, name).await?.filter(|listing| listing.state != State::Reserving))
}

/// The listing that an app of a space has, or is to have.
pub(crate) async fn of_app(db: &mut Conn, space: SpaceName, app: AppName) -> Result<Option<Listing>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(select("l.space = $1 AND l.app = $2 AND l.state <> 'WITHDRAWN'"))
            .bind(space.0)
            .bind(app.0)
            .fetch_optional(c)
            .await
    })?;
    row.map(Listing::try_from).transpose()
}

/// The listing of a call, by who called and with which `request_id`; also one that is still an intent.
pub(crate) async fn of_request(
    db: &mut Conn,
    submitter: &Principal,
    request_id: Uuid,
) -> Result<Option<Listing>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(select("l.submitter = $1 AND l.request_id = $2"))
            .bind(submitter.to_string())
            .bind(request_id)
            .fetch_optional(c)
            .await
    })?;
    row.map(Listing::try_from).transpose()
}

/// The listings of a space after one, the earliest first, intents aside.
pub(crate) async fn list(
    db: &mut Conn,
    space: SpaceName,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Listing>, Error> {
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(select("l.space = $1 AND l.id > $2 AND l.state <> 'RESERVING' ORDER BY l.id LIMIT $3"))
            .bind(space.0)
            .bind(after)
            .bind(limit)
            .fetch_all(c)
            .await
    })?;
    rows.into_iter().map(Listing::try_from).collect()
}

/// Intents after one that were there by a time, the earliest first.
pub(crate) async fn reserving(
    db: &mut Conn,
    after: ListingName,
    by: Timestamp,
    limit: i64,
) -> Result<Vec<Listing>, Error> {
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(select(
            "l.state = 'RESERVING' AND l.id > $1 AND l.create_time <= $2 ORDER BY l.id LIMIT $3",
        ))
        .bind(after.0)
        .bind(by)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    rows.into_iter().map(Listing::try_from).collect()
}

/// Stores a new listing; false if its submitter has another by the same `request_id`.
pub(crate) async fn insert(db: &mut Conn, listing: &Listing) -> Result<bool, Error> {
    let inserted = on!(db, |c| {
        sqlx::query(
            "INSERT INTO listing (id, space, app, state, submitter, request_id, create_time, update_time, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        )
        .bind(listing.name.0)
        .bind(listing.space.0)
        .bind(listing.app.0)
        .bind(listing.state.name())
        .bind(listing.submitter.to_string())
        .bind(listing.request_id)
        .bind(listing.create_time)
        .bind(listing.update_time)
        .bind(listing.revision)
        .execute(c)
        .await
        .map(|done| done.rows_affected())
    })?;
    Ok(inserted == 1)
}

/// Stores what has become of a listing.
pub(crate) async fn update(db: &mut Conn, listing: &Listing) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query("UPDATE listing SET state = $2, update_time = $3, revision = $4 WHERE id = $1")
            .bind(listing.name.0)
            .bind(listing.state.name())
            .bind(listing.update_time)
            .bind(listing.revision)
            .execute(c)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Removes an intent that came to nothing.
pub(crate) async fn remove(db: &mut Conn, name: ListingName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM listing WHERE id = $1").bind(name.0).execute(c).await.map(drop))?;
    Ok(())
}
