//! The rate cards (R-B6).
use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use devspaces_kit::{clock::Timestamp, name::MeterName};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql, Value},
    on,
};

use super::stored::{decimal, meter, month, unreadable};
use crate::domain::{DimensionValue, Month, Rate, RateCard, Rates};

#[derive(Debug, sqlx::FromRow)]
struct CardRow {
    version: i32,
    currency: String,
    effective_month: String,
    create_time: Timestamp,
}

/// A rate, or an exemption.
#[derive(Debug, sqlx::FromRow)]
struct RateRow {
    version: i32,
    meter: String,
    /// Empty for the meter's own rate.
    dimension: String,
    dimension_value: String,
    exempt: bool,
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
        "SELECT r.version, r.meter, r.dimension, r.dimension_value, r.exempt, r.allowance, r.unit_price
         FROM wanted w JOIN rate r ON r.version = w.version
         ORDER BY r.version, r.meter, r.exempt, r.dimension, r.dimension_value",
    )
});

/// Cards with their rates.
async fn cards(db: &mut Conn, rows: Vec<CardRow>) -> Result<Vec<(RateCard, Timestamp)>, Error> {
    let mut meters: HashMap<i32, BTreeMap<MeterName, Rates>> = HashMap::new();
    let found: Vec<RateRow> = RATES.fetch_all(db, &rows, |card| [i64::from(card.version).into()]).await?;
    for row in found {
        add_rate(meters.entry(row.version).or_default(), row)?;
    }
    let card = |row: CardRow| {
        let CardRow { version, currency, create_time, .. } = row;
        let effective_month = month(&row.effective_month)?;
        // A card without rates would give everything away.
        let meters = meters.remove(&version).ok_or_else(|| unreadable("a rate card lacks its rates"))?;
        Ok((RateCard { version, currency, effective_month, meters }, create_time))
    };
    rows.into_iter().map(card).collect()
}

/// Adds a rate or an exemption to those of its card. A meter's own rate comes first.
fn add_rate(meters: &mut BTreeMap<MeterName, Rates>, row: RateRow) -> Result<(), Error> {
    let rate = Rate { allowance: decimal(&row.allowance)?, unit_price: decimal(&row.unit_price)? };
    let meter = meter(&row.meter)?;
    if row.dimension.is_empty() {
        meters.insert(meter, Rates { own: rate, by_value: None, exemptions: [].into() });
        return Ok(());
    }
    let rates = meters.get_mut(&meter).ok_or_else(|| unreadable("a rate card lacks a meter's own rate"))?;
    if row.exempt {
        rates.exemptions.insert(DimensionValue { dimension: row.dimension, value: row.dimension_value });
        return Ok(());
    }
    let (dimension, values) = rates.by_value.get_or_insert_with(|| (row.dimension.clone(), BTreeMap::new()));
    if *dimension != row.dimension {
        return Err(unreadable("a rate card prices a meter by two dimensions"));
    }
    values.insert(row.dimension_value, rate);
    Ok(())
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
    let rows: Vec<_> = card.meters.iter().flat_map(|(meter, rates)| rows(meter, rates)).collect();
    let version = i64::from(card.version);
    ADD.execute(db, &rows, |row| row.values(version)).await.map(drop)
}

static ADD: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "rates",
        &["version", "meter", "dimension", "dimension_value", "exempt", "allowance", "unit_price"],
        "INSERT INTO rate (version, meter, dimension, dimension_value, exempt, allowance, unit_price)
         SELECT version, meter, dimension, dimension_value, exempt, allowance, unit_price FROM rates",
    )
});

/// A rate of a meter, or of a value; without one, the value is exempt.
struct Row<'a> {
    meter: &'a MeterName,
    dimension: &'a str,
    value: &'a str,
    rate: Option<&'a Rate>,
}

impl Row<'_> {
    fn values(&self, version: i64) -> [Value<'_>; 7] {
        let text = |of: fn(&Rate) -> String| self.rate.map_or_else(|| "0".to_owned(), of);
        [
            version.into(),
            self.meter.id().into(),
            self.dimension.into(),
            self.value.into(),
            self.rate.is_none().into(),
            text(|rate| rate.allowance.to_string()).into(),
            text(|rate| rate.unit_price.to_string()).into(),
        ]
    }
}

fn rows<'a>(meter: &'a MeterName, rates: &'a Rates) -> Vec<Row<'a>> {
    let mut rows = vec![Row { meter, dimension: "", value: "", rate: Some(&rates.own) }];
    if let Some((dimension, values)) = &rates.by_value {
        rows.extend(values.iter().map(|(value, rate)| Row { meter, dimension, value, rate: Some(rate) }));
    }
    rows.extend(rates.exemptions.iter().map(|DimensionValue { dimension, value }| Row {
        meter,
        dimension,
        value,
        rate: None,
    }));
    rows
}
