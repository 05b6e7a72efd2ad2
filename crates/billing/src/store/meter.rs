//! The table of meters (R-B6).
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use devspaces_kit::{clock::Timestamp, name::MeterName};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use serde_json::{Map, Value};

use super::stored::{meter, unreadable};
use crate::domain::{Meter, meter::Allowed};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: String,
    unit: String,
    description: String,
    dimensions: String,
    create_time: Timestamp,
    update_time: Timestamp,
    retire_time: Option<Timestamp>,
    revision: i64,
}

impl TryFrom<Row> for Meter {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            name: meter(&row.id)?,
            unit: row.unit,
            description: row.description,
            dimensions: dimensions(&row.dimensions)?,
            create_time: row.create_time,
            update_time: row.update_time,
            retire_time: row.retire_time,
            revision: row.revision,
        })
    }
}

/// The dimensions that are stored as a JSON object: of each its values, or the length of a text.
fn dimensions(text: &str) -> Result<BTreeMap<String, Allowed>, Error> {
    let unreadable = || unreadable("unreadable dimensions of a meter are stored");
    let stored: Map<String, Value> = serde_json::from_str(text).map_err(|_| unreadable())?;
    let one = |(name, value): (String, Value)| {
        Allowed::from_json(&value).map(|allowed| (name, allowed)).ok_or_else(unreadable)
    };
    stored.into_iter().map(one).collect()
}

/// The meters after this id, in the order of their ids.
pub(crate) async fn after(db: &mut Conn, id: &str, limit: i64) -> Result<Vec<Meter>, Error> {
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(
            "SELECT id, unit, description, dimensions, create_time, update_time, retire_time, revision FROM meter
             WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(id)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many there are.
pub(crate) async fn count(db: &mut Conn) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT count(*) FROM meter").fetch_one(c).await)?)
}

static OF_IDS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["id"],
        "SELECT m.id, m.unit, m.description, m.dimensions, m.create_time, m.update_time, m.retire_time, m.revision
         FROM wanted w JOIN meter m ON m.id = w.id",
    )
});

/// Those of these meters that there are.
pub(crate) async fn of_names(
    db: &mut Conn,
    names: &BTreeSet<MeterName>,
) -> Result<BTreeMap<MeterName, Meter>, Error> {
    let names: Vec<&MeterName> = names.iter().collect();
    let rows: Vec<Row> = OF_IDS.fetch_all(db, &names, |name| [name.id().into()]).await?;
    let meter = |row: Row| Meter::try_from(row).map(|meter| (meter.name.clone(), meter));
    rows.into_iter().map(meter).collect()
}

/// A meter, if there is one of this name.
pub(crate) async fn find(db: &mut Conn, name: &MeterName) -> Result<Option<Meter>, Error> {
    Ok(of_names(db, &BTreeSet::from([name.clone()])).await?.remove(name))
}

/// Stores a meter, in place of what was stored of it.
pub(crate) async fn put(db: &mut Conn, meter: &Meter) -> Result<(), Error> {
    let dimensions = meter.dimensions.iter().map(|(name, allowed)| (name.clone(), allowed.to_json()));
    let dimensions = Value::Object(dimensions.collect()).to_string();
    on!(db, |c| {
        sqlx::query(
        "INSERT INTO meter (id, unit, description, dimensions, create_time, update_time, retire_time, revision)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (id) DO UPDATE SET description = excluded.description, dimensions = excluded.dimensions,
           update_time = excluded.update_time, retire_time = excluded.retire_time, revision = excluded.revision"
    )
    .bind(meter.name.id())
    .bind(&meter.unit)
    .bind(&meter.description)
    .bind(&dimensions)
    .bind(meter.create_time)
    .bind(meter.update_time)
    .bind(meter.retire_time)
    .bind(meter.revision)
    .execute(c)
    .await
    .map(drop)
    })?;
    Ok(())
}
