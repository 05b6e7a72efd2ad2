//! The table of payment methods. Nothing here reads a token (R-B3).
use devspaces_kit::{clock::Timestamp, name::SpaceName};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

use crate::domain::{Instrument, PaymentMethod, Token};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    brand: String,
    last_four: String,
    expiry: String,
    update_time: Timestamp,
    revision: i64,
}

impl TryFrom<Row> for PaymentMethod {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let Row { brand, last_four, expiry, update_time, revision } = row;
        let expiry = expiry.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Self { instrument: Instrument { brand, last_four, expiry }, update_time, revision })
    }
}

/// How a space's account is paid.
pub(crate) async fn find(db: &mut Conn, space: SpaceName) -> Result<Option<PaymentMethod>, Error> {
    let row: Option<Row> = on!(db, |c| sqlx::query_as(
        "SELECT brand, last_four, expiry, update_time, revision FROM payment_method WHERE space = $1"
    )
    .bind(space.0)
    .fetch_optional(c)
    .await)?;
    row.map(PaymentMethod::try_from).transpose()
}

/// Stores how a space's account is paid, in place of what was stored.
pub(crate) async fn put(
    db: &mut Conn,
    space: SpaceName,
    token: &Token,
    method: &PaymentMethod,
) -> Result<(), Error> {
    let instrument = &method.instrument;
    on!(db, |c| sqlx::query(
        "INSERT INTO payment_method (space, token, brand, last_four, expiry, update_time, revision)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (space) DO UPDATE SET token = excluded.token, brand = excluded.brand,
           last_four = excluded.last_four, expiry = excluded.expiry, update_time = excluded.update_time,
           revision = excluded.revision"
    )
    .bind(space.0)
    .bind(&token.0)
    .bind(&instrument.brand)
    .bind(&instrument.last_four)
    .bind(instrument.expiry.to_string())
    .bind(method.update_time)
    .bind(method.revision)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// Removes a space's payment method, token and all.
pub(crate) async fn remove(db: &mut Conn, space: SpaceName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM payment_method WHERE space = $1")
        .bind(space.0)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}
