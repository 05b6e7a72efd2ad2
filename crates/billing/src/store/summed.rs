//! Usage summed up by hour, day and month, and what comes after (R-B14).
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

/// The last event and the last voiding of a space that are summed up: the entry's sequence, and the id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) event: (i64, String),
    pub(crate) void: (i64, String),
}

/// Up to where a space's usage is summed up.
pub(crate) async fn place(db: &mut Conn, space: SpaceName) -> Result<Place, Error> {
    let row: Option<(i64, String, i64, String)> = on!(db, |c| {
        sqlx::query_as("SELECT event_sequence, event, void_sequence, void FROM usage_summed WHERE space = $1")
            .bind(space.0)
            .fetch_optional(c)
            .await
    })?;
    let place = |(sequence, event, void_sequence, void)| Place {
        event: (sequence, event),
        void: (void_sequence, void),
    };
    Ok(row.map_or_else(|| Place { event: (-1, String::new()), void: (-1, String::new()) }, place))
}

/// Notes up to where a space's usage is summed up.
pub(crate) async fn put_place(db: &mut Conn, space: SpaceName, place: &Place) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO usage_summed (space, event_sequence, event, void_sequence, void) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (space) DO UPDATE SET event_sequence = excluded.event_sequence, event = excluded.event,
               void_sequence = excluded.void_sequence, void = excluded.void",
        )
        .bind(space.0)
        .bind(place.event.0)
        .bind(&place.event.1)
        .bind(place.void.0)
        .bind(&place.void.1)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// An event or a voiding that is not summed up yet.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Next {
    /// The entry's sequence.
    sequence: i64,
    id: String,
    app: Uuid,
    meter: String,
    quantity: String,
    time: Timestamp,
    dimensions: String,
}

impl Next {
    pub(crate) fn place(&self) -> (i64, String) {
        (self.sequence, self.id.clone())
    }

    /// The sum that it is added to.
    pub(crate) fn key(&self, step: Step) -> Key {
        Key {
            start: step.start(self.time),
            app: self.app,
            meter: self.meter.clone(),
            dimensions: self.dimensions.clone(),
        }
    }

    /// What it adds to that.
    pub(crate) fn sum(&self, is_voided: bool) -> Result<Sum, Error> {
        let sum = Sum::of(decimal(&self.quantity)?);
        Ok(if is_voided { Sum { quantity: -sum.quantity, events: -sum.events } } else { sum })
    }

    /// What was used, or by its voiding was not.
    pub(crate) fn used(&self, step: Step, is_voided: bool) -> Result<Used, Error> {
        let Sum { quantity, events } = self.sum(is_voided)?;
        Ok(Used {
            start: step.start(self.time),
            app: AppName(self.app),
            meter: meter(&self.meter)?,
            dimensions: dimensions(&self.dimensions)?,
            quantity: quantity_of(quantity)?,
            events,
        })
    }
}

fn quantity_of(decimal: rust_decimal::Decimal) -> Result<Quantity, Error> {
    Quantity::of(decimal).ok_or_else(|| unreadable("a quantity beyond all limits is stored"))
}

/// The events of a space after a place, in their order.
pub(crate) async fn events(
    db: &mut Conn,
    space: SpaceName,
    after: &(i64, String),
    limit: i64,
) -> Result<Vec<Next>, Error> {
    Ok(on!(db, |c| {
        sqlx::query_as(
            "SELECT sequence, id, app, meter, quantity, time, dimensions FROM usage_event
             WHERE space = $1 AND (sequence, id) > ($2, $3) ORDER BY sequence, id LIMIT $4",
        )
        .bind(space.0)
        .bind(after.0)
        .bind(&after.1)
        .bind(limit)
        .fetch_all(c)
        .await
    })?)
}

/// The events of a space that were voided after a place, in the order of that.
pub(crate) async fn voids(
    db: &mut Conn,
    space: SpaceName,
    after: &(i64, String),
    limit: i64,
) -> Result<Vec<Next>, Error> {
    Ok(on!(db, |c| {
        sqlx::query_as(
            "SELECT v.sequence, e.id, e.app, e.meter, e.quantity, e.time, e.dimensions
             FROM usage_void v JOIN usage_event e ON e.id = v.event
             WHERE v.space = $1 AND (v.sequence, v.event) > ($2, $3) ORDER BY v.sequence, v.event LIMIT $4",
        )
        .bind(space.0)
        .bind(after.0)
        .bind(&after.1)
        .bind(limit)
        .fetch_all(c)
        .await
    })?)
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

static KNOW: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "used",
        &["space"],
        "INSERT INTO usage_summed (space) SELECT space FROM used WHERE TRUE ON CONFLICT (space) DO NOTHING",
    )
});

/// Notes that something is used in spaces.
pub(crate) async fn know(db: &mut Conn, spaces: &[SpaceName]) -> Result<(), Error> {
    KNOW.execute(db, spaces, |space| [space.0.into()]).await.map(drop)
}

/// The spaces after one in which something was ever used, in the order of their ids, and the sequences of their journals when they were
/// last looked at.
pub(crate) async fn looks(
    db: &mut Conn,
    after: SpaceName,
    limit: i64,
) -> Result<Vec<(SpaceName, i64)>, Error> {
    let rows: Vec<(Uuid, i64)> = on!(db, |c| {
        sqlx::query_as(
            "SELECT space, look_sequence FROM usage_summed WHERE space > $1 ORDER BY space LIMIT $2",
        )
        .bind(after.0)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(rows.into_iter().map(|(space, sequence)| (SpaceName(space), sequence)).collect())
}

/// Notes that was looked whether something of a space is to be summed up, up to this entry of its journal.
pub(crate) async fn put_look(db: &mut Conn, space: SpaceName, sequence: i64) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query("UPDATE usage_summed SET look_sequence = $2 WHERE space = $1")
            .bind(space.0)
            .bind(sequence)
            .execute(c)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// How many events and voidings of a space come after a place; of each no more than `limit` are counted.
pub(crate) async fn length(db: &mut Conn, space: SpaceName, after: &Place, limit: i64) -> Result<i64, Error> {
    Ok(on!(db, |c| {
        sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM (SELECT 1 AS one FROM usage_event WHERE space = $1 AND (sequence, id) > ($2, $3)
               LIMIT $6) AS events)
             + (SELECT COUNT(*) FROM (SELECT 1 AS one FROM usage_void WHERE space = $1 AND (sequence, event) > ($4, $5)
               LIMIT $6) AS voids)",
        )
        .bind(space.0)
        .bind(after.event.0)
        .bind(&after.event.1)
        .bind(after.void.0)
        .bind(&after.void.1)
        .bind(limit)
        .fetch_one(c)
        .await
    })?)
}
