//! Usage summed up by hour, day and month (R-B14).
use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql, Value},
    on,
};
use uuid::Uuid;

use super::stored::{decimal, dimensions, meter, unreadable};
use crate::domain::usage::{
    Sum,
    query::{Quantity, Step, Used},
};

/// A quantity as it is stored.
pub(super) fn quantity_of(decimal: rust_decimal::Decimal) -> Result<Quantity, Error> {
    Quantity::of(decimal).ok_or_else(|| unreadable("a quantity beyond all limits is stored"))
}

/// What a space's usage is summed up by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    start: Timestamp,
    app: Uuid,
    meter: String,
    dimensions: String,
}

impl Key {
    pub(super) fn new(start: Timestamp, app: AppName, meter: &str, dimensions: &str) -> Self {
        Self { start, app: app.0, meter: meter.to_owned(), dimensions: dimensions.to_owned() }
    }

    fn row(&self, space: SpaceName) -> [Value<'_>; 5] {
        [
            space.0.into(),
            self.start.into(),
            self.app.into(),
            self.meter.as_str().into(),
            self.dimensions.as_str().into(),
        ]
    }
}

const KEY: [&str; 5] = ["space", "start", "app", "meter", "dimensions"];

/// The statements for one table.
struct Table {
    find: RowsSql,
    put: RowsSql,
    of_space: String,
    of_app: String,
    of_app_in_space: String,
}

impl Table {
    fn new(name: &str) -> Self {
        let find = format!(
            "SELECT s.start, s.app, s.meter, s.dimensions, s.quantity, s.events FROM wanted w JOIN {name} s
               ON s.space = w.space AND s.start = w.start AND s.app = w.app AND s.meter = w.meter
               AND s.dimensions = w.dimensions"
        );
        let put = format!(
            "INSERT INTO {name} (space, start, app, meter, dimensions, quantity, events)
             SELECT space, start, app, meter, dimensions, quantity, events FROM summed WHERE TRUE
             ON CONFLICT (space, start, app, meter, dimensions) DO UPDATE SET quantity = excluded.quantity, events = excluded.events"
        );
        let columns = "SELECT space, start, app, meter, dimensions, quantity, events";
        let [space, start, app, meter, dimensions] = KEY;
        Self {
            find: RowsSql::new("wanted", &KEY, &find),
            put: RowsSql::new(
                "summed",
                &[space, start, app, meter, dimensions, "quantity", "events"],
                &put,
            ),
            of_space: format!(
                "{columns} FROM {name} WHERE space = $1 AND (start, app, meter, dimensions) > ($2, $3, $4, $5) AND start < $6
                 ORDER BY start, app, meter, dimensions LIMIT $7"
            ),
            of_app: format!(
                "{columns} FROM {name} WHERE app = $1 AND (start, meter, dimensions, space) > ($2, $3, $4, $5) AND start < $6
                 ORDER BY start, meter, dimensions, space LIMIT $7"
            ),
            of_app_in_space: format!(
                "{columns} FROM {name} WHERE app = $1 AND (start, meter, dimensions, space) > ($2, $3, $4, $5) AND start < $6
                 AND space = $8 ORDER BY start, meter, dimensions, space LIMIT $7"
            ),
        }
    }
}

static HOURS: LazyLock<Table> = LazyLock::new(|| Table::new("usage_hour"));
static DAYS: LazyLock<Table> = LazyLock::new(|| Table::new("usage_day"));
static MONTHS: LazyLock<Table> = LazyLock::new(|| Table::new("usage_month"));

fn table(step: Step) -> &'static Table {
    match step {
        Step::Hour => &HOURS,
        Step::Day => &DAYS,
        Step::Month => &MONTHS,
    }
}

/// A sum that is stored.
#[derive(Debug, sqlx::FromRow)]
struct SumRow {
    start: Timestamp,
    app: Uuid,
    meter: String,
    dimensions: String,
    quantity: String,
    events: i64,
}

/// Adds to the sums of a space.
pub(crate) async fn add(
    db: &mut Conn,
    space: SpaceName,
    step: Step,
    sums: BTreeMap<Key, Sum>,
) -> Result<(), Error> {
    let keys: Vec<Key> = sums.keys().cloned().collect();
    let rows: Vec<SumRow> = table(step).find.fetch_all(db, &keys, |key| key.row(space)).await?;
    let mut before: HashMap<Key, Sum> = HashMap::with_capacity(rows.len());
    for SumRow { start, app, meter, dimensions, quantity, events } in rows {
        let sum = Sum { quantity: decimal(&quantity)?, events };
        before.insert(Key { start, app, meter, dimensions }, sum);
    }
    let mut after = Vec::with_capacity(sums.len());
    for (key, sum) in sums {
        let sum = sum.and(before.get(&key).copied().unwrap_or_default());
        let sum = sum.ok_or_else(|| unreadable("quantities beyond all limits are stored"))?;
        after.push((key, sum));
    }
    table(step).put.execute(db, &after, |it| sum_row(space, it)).await.map(drop)
}

fn sum_row(space: SpaceName, (key, sum): &(Key, Sum)) -> [Value<'_>; 7] {
    let [space, start, app, meter, dimensions] = key.row(space);
    [space, start, app, meter, dimensions, sum.quantity.to_string().into(), sum.events.into()]
}

/// Of whom usage is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Space(SpaceName),
    App(AppName),
    AppInSpace(AppName, SpaceName),
}

/// A row of sums, and what the rows after it come after.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Row {
    space: Uuid,
    start: Timestamp,
    app: Uuid,
    meter: String,
    dimensions: String,
    quantity: String,
    events: i64,
}

impl Row {
    /// What comes before all rows that start then, of this app and the apps after it.
    pub(crate) fn before(start: Timestamp, app: AppName) -> Self {
        let (meter, dimensions, quantity) = (String::new(), String::new(), String::new());
        Self { space: Uuid::nil(), start, app: app.0, meter, dimensions, quantity, events: 0 }
    }

    pub(crate) fn used(&self) -> Result<Used, Error> {
        Ok(Used {
            start: self.start,
            app: AppName(self.app),
            meter: meter(&self.meter)?,
            dimensions: dimensions(&self.dimensions)?,
            quantity: quantity_of(decimal(&self.quantity)?)?,
            events: self.events,
        })
    }
}

/// The sums after a row and before a time, in the order of time and then of apps.
pub(crate) async fn rows(
    db: &mut Conn,
    whose: Whose,
    step: Step,
    after: &Row,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<Row>, Error> {
    let table = table(step);
    Ok(match whose {
        Whose::Space(space) => on!(db, |c| {
            sqlx::query_as(sqlx::AssertSqlSafe(table.of_space.as_str()))
                .bind(space.0)
                .bind(after.start)
                .bind(after.app)
                .bind(&after.meter)
                .bind(&after.dimensions)
                .bind(before)
                .bind(limit)
                .fetch_all(c)
                .await
        })?,
        Whose::App(app) => on!(db, |c| {
            sqlx::query_as(sqlx::AssertSqlSafe(table.of_app.as_str()))
                .bind(app.0)
                .bind(after.start)
                .bind(&after.meter)
                .bind(&after.dimensions)
                .bind(after.space)
                .bind(before)
                .bind(limit)
                .fetch_all(c)
                .await
        })?,
        Whose::AppInSpace(app, space) => on!(db, |c| {
            sqlx::query_as(sqlx::AssertSqlSafe(table.of_app_in_space.as_str()))
                .bind(app.0)
                .bind(after.start)
                .bind(&after.meter)
                .bind(&after.dimensions)
                .bind(after.space)
                .bind(before)
                .bind(limit)
                .bind(space.0)
                .fetch_all(c)
                .await
        })?,
    })
}

/// The spaces in which an app was used.
pub(crate) async fn spaces_of(db: &mut Conn, app: AppName) -> Result<Vec<SpaceName>, Error> {
    let spaces: Vec<Uuid> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT space FROM usage_sums WHERE app = $1 UNION SELECT space FROM usage_month WHERE app = $1 ORDER BY space",
        )
        .bind(app.0)
        .fetch_all(c)
        .await
    })?;
    Ok(spaces.into_iter().map(SpaceName).collect())
}
