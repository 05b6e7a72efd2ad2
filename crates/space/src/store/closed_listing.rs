//! Listings that have no app, and never will (R-K6).
use devspaces_kit::name::ListingName;
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

/// Notes that a listing has no app, for good. What was noted first stays.
pub(crate) async fn put(db: &mut Conn, listing: ListingName, blockers: &str) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query("INSERT INTO closed_listing (id, blockers) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
            .bind(listing.0)
            .bind(blockers)
            .execute(c)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Why a listing has no app, if that is so for good: names of reasons, with a space between each two.
pub(crate) async fn find(db: &mut Conn, listing: ListingName) -> Result<Option<String>, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT blockers FROM closed_listing WHERE id = $1")
        .bind(listing.0)
        .fetch_optional(c)
        .await)?)
}
