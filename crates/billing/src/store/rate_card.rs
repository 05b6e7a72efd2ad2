//! The rate cards (R-B6).
use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use devspaces_kit::clock::Timestamp;
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};

use super::stored::{decimal, metric, month, unreadable};
use crate::domain::{Metric, Month, Rate, RateCard};

#[derive(Debug, sqlx::FromRow)]
struct CardRow {
    version: i32,
    currency: String,
    effective_month: String,
    create_time: Timestamp,
}

#[derive(Debug, sqlx::FromRow)]
struct RateRow {
    version: i32,
    metric: String,
    allowance: String,
    unit_price: String,
}

/// The card that is in force in a month: the latest that is effective by then. The first is in force from the beginning.
pub(crate) async fn for_month(db: &mut Conn, month: Month) -> Result<RateCard, Error> {
    let card: Option<CardRow> = on!(db, |c| {
        sqlx::query_as(
            "SELECT version, currency, effective_month, create_time FROM rate_card
             WHERE effective_month <= $1 ORDER BY effective_month DESC LIMIT 1",
        )
        .bind(month.to_string())
        .fetch_optional(c)
        .await
    })?;
    let card = cards(db, card.into_iter().collect()).await?.pop();
    card.map(|(card, _)| card).ok_or_else(|| unreadable("no rate card is in force"))
}

/// The cards that come into force before a month, or all, with when they were made; the latest first.
pub(crate) async fn before(
    db: &mut Conn,
    month: Option<Month>,
    limit: i64,
) -> Result<Vec<(RateCard, Timestamp)>, Error> {
    // Sorts after every month.
    let month = month.map_or("end".to_owned(), |month| month.to_string());
    let rows: Vec<CardRow> = on!(db, |c| {
        sqlx::query_as(
            "SELECT version, currency, effective_month, create_time FROM rate_card
             WHERE effective_month < $1 ORDER BY effective_month DESC LIMIT $2",
        )
        .bind(month)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    cards(db, rows).await
}

static RATES: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["version"],
        "SELECT r.version, r.metric, r.allowance, r.unit_price FROM wanted w JOIN rate r ON r.version = w.version",
    )
});

/// Cards with their rates.
async fn cards(db: &mut Conn, rows: Vec<CardRow>) -> Result<Vec<(RateCard, Timestamp)>, Error> {
    let mut rates: HashMap<i32, BTreeMap<Metric, Rate>> = HashMap::new();
    let found: Vec<RateRow> = RATES.fetch_all(db, &rows, |card| [i64::from(card.version).into()]).await?;
    for row in found {
        let (version, (metric, rate)) = (row.version, rate(&row)?);
        rates.entry(version).or_default().insert(metric, rate);
    }
    let card = |row: CardRow| {
        let CardRow { version, currency, create_time, .. } = row;
        let effective_month = month(&row.effective_month)?;
        let rates = complete(rates.remove(&version).unwrap_or_default())?;
        Ok((RateCard { version, currency, effective_month, rates }, create_time))
    };
    rows.into_iter().map(card).collect()
}

/// The version of the card that was made last.
pub(crate) async fn last_version(db: &mut Conn) -> Result<i32, Error> {
    let version: Option<i32> = on!(db, |c| {
        sqlx::query_scalar("SELECT version FROM rate_card ORDER BY version DESC LIMIT 1")
            .fetch_optional(c)
            .await
    })?;
    Ok(version.unwrap_or_default())
}

/// Adds a card.
pub(crate) async fn add(db: &mut Conn, card: &RateCard, now: Timestamp) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO rate_card (version, currency, effective_month, create_time) VALUES ($1, $2, $3, $4)",
        )
        .bind(card.version)
        .bind(&card.currency)
        .bind(card.effective_month.to_string())
        .bind(now)
        .execute(c)
        .await
        .map(drop)
    })?;
    for (metric, rate) in &card.rates {
        on!(db, |c| {
            sqlx::query("INSERT INTO rate (version, metric, allowance, unit_price) VALUES ($1, $2, $3, $4)")
                .bind(card.version)
                .bind(metric.name())
                .bind(rate.allowance.to_string())
                .bind(rate.unit_price.to_string())
                .execute(c)
                .await
                .map(drop)
        })?;
    }
    Ok(())
}

fn rate(row: &RateRow) -> Result<(Metric, Rate), Error> {
    let rate = Rate { allowance: decimal(&row.allowance)?, unit_price: decimal(&row.unit_price)? };
    Ok((metric(&row.metric)?, rate))
}

/// A card without a rate for some metric would give that away.
fn complete(rates: BTreeMap<Metric, Rate>) -> Result<BTreeMap<Metric, Rate>, Error> {
    if rates.len() == Metric::ALL.len() { Ok(rates) } else { Err(unreadable("a rate card lacks a rate")) }
}
