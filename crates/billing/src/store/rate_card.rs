//! The rate cards (R-B6).
use std::collections::BTreeMap;

use devspaces_kit::{
    db::{Conn, Error},
    on,
};
use rust_decimal::Decimal;

use crate::domain::{Metric, Month, Rate, RateCard};

#[derive(Debug, sqlx::FromRow)]
struct CardRow {
    version: i32,
    currency: String,
    effective_month: String,
}

#[derive(Debug, sqlx::FromRow)]
struct RateRow {
    metric: String,
    allowance: String,
    unit_price: String,
}

/// Something is stored that this service does not write.
fn unreadable(what: &'static str) -> Error {
    sqlx::Error::Decode(what.into()).into()
}

/// The card that is in force in a month: the latest that is effective by then. The first is in force from the beginning.
pub(crate) async fn for_month(db: &mut Conn, month: Month) -> Result<RateCard, Error> {
    let card: CardRow = on!(db, |c| {
        sqlx::query_as(
            "SELECT version, currency, effective_month FROM rate_card
             WHERE effective_month <= $1 ORDER BY effective_month DESC LIMIT 1",
        )
        .bind(month.to_string())
        .fetch_one(c)
        .await
    })?;
    read(db, card).await
}

async fn read(db: &mut Conn, card: CardRow) -> Result<RateCard, Error> {
    let rates: Vec<RateRow> = on!(db, |c| {
        sqlx::query_as("SELECT metric, allowance, unit_price FROM rate WHERE version = $1 ORDER BY metric")
            .bind(card.version)
            .fetch_all(c)
            .await
    })?;
    let effective_month =
        card.effective_month.parse().map_err(|_| unreadable("an unreadable month is stored"))?;
    let rates = rates.into_iter().map(rate).collect::<Result<_, _>>()?;
    Ok(RateCard { version: card.version, currency: card.currency, effective_month, rates: complete(rates)? })
}

fn rate(row: RateRow) -> Result<(Metric, Rate), Error> {
    let decimal =
        |text: &str| Decimal::from_str_exact(text).map_err(|_| unreadable("an unreadable decimal is stored"));
    let metric = Metric::parse(&row.metric).ok_or_else(|| unreadable("an unknown metric is stored"))?;
    Ok((metric, Rate { allowance: decimal(&row.allowance)?, unit_price: decimal(&row.unit_price)? }))
}

/// A card without a rate for some metric would give that away.
fn complete(rates: BTreeMap<Metric, Rate>) -> Result<BTreeMap<Metric, Rate>, Error> {
    if rates.len() == Metric::ALL.len() { Ok(rates) } else { Err(unreadable("a rate card lacks a rate")) }
}
