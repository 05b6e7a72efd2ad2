//! The table of addresses.
use devspaces_kit::{clock::Timestamp, name::SpaceName};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

use crate::domain::{Address, Addresses};

type Row = (Option<String>, Option<String>, Timestamp, i64);

/// The addresses of a space's account.
pub(crate) async fn find(db: &mut Conn, space: SpaceName) -> Result<Addresses, Error> {
    let row: Option<Row> = on!(db, |c| sqlx::query_as(
        "SELECT billing, sold_to, update_time, revision FROM address WHERE space = $1"
    )
    .bind(space.0)
    .fetch_optional(c)
    .await)?;
    let Some((billing, sold_to, update_time, revision)) = row else { return Ok(Addresses::default()) };
    let (billing, sold_to) = (read(billing)?, read(sold_to)?);
    Ok(Addresses { billing, sold_to, update_time: Some(update_time), revision })
}

fn read(stored: Option<String>) -> Result<Option<Address>, Error> {
    // What serde_json says would quote the address.
    let unreadable = |_| sqlx::Error::Decode("an address that can't be read is stored".into());
    Ok(stored.map(|stored| serde_json::from_str(&stored)).transpose().map_err(unreadable)?)
}

fn written(address: Option<&Address>) -> Result<Option<String>, Error> {
    let unwritable = |_| sqlx::Error::Encode("an address can't be written".into());
    Ok(address.map(serde_json::to_string).transpose().map_err(unwritable)?)
}

/// Stores the addresses of a space's account, in place of what was stored.
pub(crate) async fn put(db: &mut Conn, space: SpaceName, addresses: &Addresses) -> Result<(), Error> {
    let (billing, sold_to) = (written(addresses.billing.as_ref())?, written(addresses.sold_to.as_ref())?);
    on!(db, |c| sqlx::query(
        "INSERT INTO address (space, billing, sold_to, update_time, revision) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (space) DO UPDATE SET billing = excluded.billing, sold_to = excluded.sold_to,
           update_time = excluded.update_time, revision = excluded.revision"
    )
    .bind(space.0)
    .bind(billing)
    .bind(sold_to)
    .bind(addresses.update_time)
    .bind(addresses.revision)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}
