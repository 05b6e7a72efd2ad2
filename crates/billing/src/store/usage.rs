//! Usage: the events, each once, and what decides where they count (R-B5).
use std::{
    collections::{HashMap, HashSet},
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

use super::stored::{decimal, dimensions, meter, month};
use crate::domain::{
    Month,
    usage::{Event, Placed, Taken},
};

const COLUMNS: [&str; 10] =
    ["id", "app", "meter", "quantity", "time", "space", "dimensions", "held_from", "billable", "sequence"];

const NEW: &str =
    "INSERT INTO usage_event (id, app, meter, quantity, time, space, dimensions, held_from, billable, sequence)
    SELECT id, app, meter, quantity, time, space, dimensions, held_from, billable, sequence FROM event WHERE TRUE
    ON CONFLICT (id) DO NOTHING";

static INSERT: LazyLock<RowsSql> = LazyLock::new(|| RowsSql::new("event", &COLUMNS, NEW));

static INSERT_AND_TELL: LazyLock<RowsSql> =
    LazyLock::new(|| RowsSql::new("event", &COLUMNS, &format!("{NEW} RETURNING id")));

/// Stores events of which the ids are new, and says which those are: also of several writers at once, one stores each
/// id. They come in the order of their ids, so that writers can't wait for each other.
///
/// Most batches are new as a whole, and those that are sent again are not at all: then their number says which. To be told
/// of each id takes longer than all else of writing it, so that is asked only of a batch that is new in part, from the
/// beginning.
pub(crate) async fn insert(
    db: &mut Conn,
    events: &[(&Event, &Placed)],
    sequences: &HashMap<SpaceName, i64>,
) -> Result<HashSet<String>, Error> {
    let row = |event| row(event, sequences);
    on!(db, |c| sqlx::query("SAVEPOINT no_event").execute(c).await.map(drop))?;
    let inserted = INSERT.execute(db, events, row).await?;
    if inserted == events.len() as u64 {
        return Ok(events.iter().map(|(event, _)| event.id.clone()).collect());
    }
    if inserted == 0 {
        return Ok(HashSet::new());
    }
    on!(db, |c| sqlx::query("ROLLBACK TO SAVEPOINT no_event").execute(c).await.map(drop))?;
    let inserted: Vec<(String,)> = INSERT_AND_TELL.fetch_all(db, events, row).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

/// `sequences`: the entry of each space by which its events are taken.
fn row<'a>(
    (event, placed): &'a (&'a Event, &'a Placed),
    sequences: &HashMap<SpaceName, i64>,
) -> [Value<'a>; 10] {
    [
        (&event.id).into(),
        event.app.0.into(),
        event.meter.id().into(),
        event.quantity.to_string().into(),
        event.time.into(),
        placed.total.space.0.into(),
        event.dimensions_text().into(),
        placed.total.held_from.into(),
        placed.total.billable.into(),
        sequences.get(&placed.total.space).copied().unwrap_or_default().into(),
    ]
}

#[derive(Debug, sqlx::FromRow)]
struct EventRow {
    id: String,
    app: Uuid,
    meter: String,
    quantity: String,
    time: Timestamp,
    dimensions: String,
    space: Uuid,
    held_from: Option<Timestamp>,
    billable: Option<bool>,
    is_voided: bool,
}

impl TryFrom<EventRow> for Taken {
    type Error = Error;

    fn try_from(row: EventRow) -> Result<Self, Error> {
        let event = Event {
            id: row.id,
            app: AppName(row.app),
            meter: meter(&row.meter)?,
            quantity: decimal(&row.quantity)?,
            time: row.time,
            dimensions: dimensions(&row.dimensions)?,
        };
        let EventRow { held_from, billable, is_voided, .. } = row;
        Ok(Self { event, space: SpaceName(row.space), held_from, billable, is_voided })
    }
}

static EVENTS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["id"],
        "SELECT e.id, e.app, e.meter, e.quantity, e.time, e.dimensions, e.space, e.held_from, e.billable, v.event IS NOT NULL AS is_voided
         FROM wanted w JOIN usage_event e ON e.id = w.id LEFT JOIN usage_void v ON v.event = e.id",
    )
});

/// Those events that are stored, by their ids.
pub(crate) async fn events(db: &mut Conn, ids: &[&str]) -> Result<HashMap<String, Taken>, Error> {
    let rows: Vec<EventRow> = EVENTS.fetch_all(db, ids, |id| [(*id).into()]).await?;
    rows.into_iter().map(|row| Ok((row.id.clone(), row.try_into()?))).collect()
}

static VOID: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "voided",
        &["event", "space", "sequence"],
        "INSERT INTO usage_void (event, space, sequence) SELECT event, space, sequence FROM voided",
    )
});

/// Notes that events count no longer, which did.
pub(crate) async fn void(
    db: &mut Conn,
    events: &[&Taken],
    sequences: &HashMap<SpaceName, i64>,
) -> Result<(), Error> {
    let row = |it: &&Taken| {
        let sequence = sequences.get(&it.space).copied().unwrap_or_default();
        [it.event.id.clone().into(), it.space.0.into(), sequence.into()]
    };
    VOID.execute(db, events, row).await.map(drop)
}

static ACCOUNTS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["space"],
        "SELECT a.space, a.create_time FROM wanted w JOIN account a ON a.space = w.space",
    )
});

/// Since when these spaces have an account; those that have one.
pub(crate) async fn accounts(
    db: &mut Conn,
    spaces: &[SpaceName],
) -> Result<HashMap<SpaceName, Timestamp>, Error> {
    let rows: Vec<(Uuid, Timestamp)> = ACCOUNTS.fetch_all(db, spaces, |space| [space.0.into()]).await?;
    Ok(rows.into_iter().map(|(space, since)| (SpaceName(space), since)).collect())
}

static LAST_ISSUED: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["space"],
        "SELECT w.space, (SELECT i.month FROM invoice i WHERE i.space = w.space AND i.state <> 'DRAFT'
           ORDER BY i.month DESC LIMIT 1) FROM wanted w",
    )
});

/// The last month of which each of these spaces' invoices are issued; of those of which any is.
pub(crate) async fn last_issued(
    db: &mut Conn,
    spaces: &[SpaceName],
) -> Result<HashMap<SpaceName, Month>, Error> {
    let rows: Vec<(Uuid, Option<String>)> =
        LAST_ISSUED.fetch_all(db, spaces, |space| [space.0.into()]).await?;
    let issued = rows.into_iter().filter_map(|(space, last)| Some((SpaceName(space), last?)));
    issued.map(|(space, last)| Ok((space, month(&last)?))).collect()
}

static ISSUED: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["space", "month"],
        "SELECT DISTINCT i.space, i.month FROM wanted w
         JOIN invoice i ON i.space = w.space AND i.month = w.month AND i.state <> 'DRAFT'",
    )
});

/// Which of these months of spaces have an issued invoice.
pub(crate) async fn issued_months(
    db: &mut Conn,
    months: &[(SpaceName, Month)],
) -> Result<HashSet<(SpaceName, Month)>, Error> {
    let row = |(space, month): &(SpaceName, Month)| [space.0.into(), month.to_string().into()];
    let rows: Vec<(Uuid, String)> = ISSUED.fetch_all(db, months, row).await?;
    rows.into_iter().map(|(space, name)| Ok((SpaceName(space), month(&name)?))).collect()
}
