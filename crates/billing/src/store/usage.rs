//! Usage: the events, each once, and their sums (R-B5).
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::LazyLock,
};

use devspaces_kit::{
    clock::Timestamp,
    db::{BatchSql, Conn, Error},
    name::{AppName, SpaceName},
    on,
};
use uuid::Uuid;

use super::{
    stored::{decimal, metric, month, unreadable},
    total::TotalRow,
};
use crate::domain::{
    Metric, Month,
    usage::{Event, Sum, TotalKey},
};

static INSERT: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH event (place, id, app, metric, quantity, time, space) AS (VALUES ",
        6,
        ") INSERT INTO usage_event (id, app, metric, quantity, time, space)
           SELECT id, app, metric, quantity, time, space FROM event WHERE TRUE
           ON CONFLICT (id) DO NOTHING RETURNING id",
    )
});

/// Stores events of which the ids are new, and says which those are: also of several writers at once, one stores each
/// id. They come in the order of their ids, so that writers can't wait for each other.
pub(crate) async fn insert(db: &mut Conn, events: &[(&Event, TotalKey)]) -> Result<HashSet<String>, Error> {
    let mut inserted = HashSet::with_capacity(events.len());
    for (sql, filled) in INSERT.statements(db, events) {
        let ids: Vec<String> = on!(db, |c| {
            let mut query = sqlx::query_scalar(sql);
            for (event, total) in filled {
                query = query
                    .bind(&event.id)
                    .bind(event.app.0)
                    .bind(event.metric.name())
                    .bind(event.quantity.to_string())
                    .bind(event.time)
                    .bind(total.space.0);
            }
            query.fetch_all(c).await
        })?;
        inserted.extend(ids);
    }
    Ok(inserted)
}

#[derive(Debug, sqlx::FromRow)]
struct EventRow {
    id: String,
    app: Uuid,
    metric: String,
    quantity: String,
    time: Timestamp,
}

impl TryFrom<EventRow> for Event {
    type Error = Error;

    fn try_from(row: EventRow) -> Result<Self, Error> {
        let (metric, quantity) = (metric(&row.metric)?, decimal(&row.quantity)?);
        Ok(Self { id: row.id, app: AppName(row.app), metric, quantity, time: row.time })
    }
}

static EVENTS: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH wanted (place, id) AS (VALUES ",
        1,
        ") SELECT e.id, e.app, e.metric, e.quantity, e.time FROM wanted w JOIN usage_event e ON e.id = w.id",
    )
});

/// Those events that are stored, by their ids.
pub(crate) async fn events(db: &mut Conn, ids: &[&str]) -> Result<HashMap<String, Event>, Error> {
    let mut found = HashMap::new();
    for (sql, filled) in EVENTS.statements(db, ids) {
        let rows: Vec<EventRow> = on!(db, |c| {
            let mut query = sqlx::query_as(sql);
            for id in filled {
                query = query.bind(*id);
            }
            query.fetch_all(c).await
        })?;
        for row in rows {
            found.insert(row.id.clone(), Event::try_from(row)?);
        }
    }
    Ok(found)
}

static ACCOUNTS: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH wanted (place, space) AS (VALUES ",
        1,
        ") SELECT a.space, a.create_time FROM wanted w JOIN account a ON a.space = w.space",
    )
});

/// Since when these spaces have an account; those that have one.
pub(crate) async fn accounts(
    db: &mut Conn,
    spaces: &[SpaceName],
) -> Result<HashMap<SpaceName, Timestamp>, Error> {
    let mut found = HashMap::new();
    for (sql, filled) in ACCOUNTS.statements(db, spaces) {
        let rows: Vec<(Uuid, Timestamp)> = on!(db, |c| {
            let mut query = sqlx::query_as(sql);
            for space in filled {
                query = query.bind(space.0);
            }
            query.fetch_all(c).await
        })?;
        found.extend(rows.into_iter().map(|(space, since)| (SpaceName(space), since)));
    }
    Ok(found)
}

static ISSUED: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH wanted (place, space, month) AS (VALUES ",
        2,
        ") SELECT DISTINCT i.space, i.month FROM wanted w
           JOIN invoice i ON i.space = w.space AND i.month = w.month AND i.state <> 'DRAFT'",
    )
});

/// Which of these months of spaces have an issued invoice.
pub(crate) async fn issued_months(
    db: &mut Conn,
    months: &[(SpaceName, Month)],
) -> Result<HashSet<(SpaceName, Month)>, Error> {
    let mut found = HashSet::new();
    for (sql, filled) in ISSUED.statements(db, months) {
        let rows: Vec<(Uuid, String)> = on!(db, |c| {
            let mut query = sqlx::query_as(sql);
            for (space, month) in filled {
                query = query.bind(space.0).bind(month.to_string());
            }
            query.fetch_all(c).await
        })?;
        for (space, name) in rows {
            found.insert((SpaceName(space), month(&name)?));
        }
    }
    Ok(found)
}

// By what few keys share: of an app and month there are hardly more rows than metrics.
static TOTALS: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH wanted (place, space, billed_month, app) AS (VALUES ",
        3,
        ") SELECT t.space, t.billed_month, t.app, t.metric, t.usage_month, t.held_from, t.billable, t.quantity, t.events
           FROM wanted w JOIN usage_total t
           ON t.space = w.space AND t.billed_month = w.billed_month AND t.app = w.app",
    )
});

/// These sums as they stand; those that there are.
pub(crate) async fn totals(
    db: &mut Conn,
    keys: &BTreeMap<TotalKey, Sum>,
) -> Result<BTreeMap<TotalKey, Sum>, Error> {
    let apps: BTreeSet<_> = keys.keys().map(|key| (key.space, key.billed_month, key.app)).collect();
    let apps: Vec<_> = apps.into_iter().collect();
    let mut found = BTreeMap::new();
    for (sql, filled) in TOTALS.statements(db, &apps) {
        let rows: Vec<TotalRow> = on!(db, |c| {
            let mut query = sqlx::query_as(sql);
            for (space, billed_month, app) in filled {
                query = query.bind(space.0).bind(billed_month.to_string()).bind(app.0);
            }
            query.fetch_all(c).await
        })?;
        for row in rows {
            let (key, sum) = row.try_into()?;
            if keys.contains_key(&key) {
                found.insert(key, sum);
            }
        }
    }
    Ok(found)
}

// DISTINCT, since a statement may not write a row twice, and rows are filled up with the last.
static PUT: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH total (place, space, billed_month, app, metric, usage_month, held_from, billable, quantity, events)
           AS (VALUES ",
        9,
        ") INSERT INTO usage_total
             (space, billed_month, app, metric, usage_month, held_from, billable, quantity, events)
           SELECT DISTINCT space, billed_month, app, metric, usage_month, held_from, billable, quantity, events
             FROM total WHERE TRUE
           ON CONFLICT (space, billed_month, app, metric, usage_month, held_from, billable)
           DO UPDATE SET quantity = excluded.quantity, events = excluded.events",
    )
});

/// Stores sums in place of what they were.
pub(crate) async fn put_totals(db: &mut Conn, totals: &[(TotalKey, Sum)]) -> Result<(), Error> {
    for (sql, filled) in PUT.statements(db, totals) {
        on!(db, |c| {
            let mut query = sqlx::query(sql);
            for (key, sum) in filled {
                query = query
                    .bind(key.space.0)
                    .bind(key.billed_month.to_string())
                    .bind(key.app.0)
                    .bind(key.metric.name())
                    .bind(key.usage_month.to_string())
                    .bind(key.held_from)
                    .bind(key.billable)
                    .bind(sum.quantity.to_string())
                    .bind(sum.events);
            }
            query.execute(c).await.map(drop)
        })?;
    }
    Ok(())
}

/// Which sums of a month's usage to read.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) space: SpaceName,
    /// The month in which it was used.
    pub(crate) month: Month,
    /// Only of this app.
    pub(crate) app: Option<AppName>,
    /// Only what comes after this app and metric.
    pub(crate) after: Option<(AppName, Metric)>,
    pub(crate) limit: usize,
}

/// A month's usage by app and metric, in the order of both, whichever invoice bills it.
pub(crate) async fn sums(db: &mut Conn, wanted: &Wanted) -> Result<Vec<(AppName, Metric, Sum)>, Error> {
    let mut sums: BTreeMap<(AppName, &str), (Metric, Sum)> = BTreeMap::new();
    // Late usage is billed by the invoice of the month after (R-B8), and by no later one.
    for billed_month in BTreeSet::from([wanted.month, wanted.month.next()]) {
        for (key, sum) in billed_by(db, wanted, billed_month).await? {
            let (_, total) = sums.entry((key.app, key.metric.name())).or_insert((key.metric, Sum::default()));
            *total = total.and(sum).ok_or_else(|| unreadable("sums are too large to be added"))?;
        }
    }
    let sums = sums.into_iter().map(|((app, _), (metric, sum))| (app, metric, sum));
    Ok(sums.take(wanted.limit).collect())
}

/// The rows of what an invoice bills of a month's usage: those of so many apps and metrics, each with all its rows.
async fn billed_by(
    db: &mut Conn,
    wanted: &Wanted,
    billed_month: Month,
) -> Result<Vec<(TotalKey, Sum)>, Error> {
    let (mut after, mut rows) = (Place::before(wanted), Vec::new());
    let mut groups = BTreeSet::new();
    loop {
        let page = rows_after(db, wanted, billed_month, &after).await?;
        let more = page.len() == PAGE;
        for row in page {
            let (key, sum) = row.try_into()?;
            after = Place::of(&key);
            groups.insert((key.app, key.metric));
            if groups.len() > wanted.limit {
                return Ok(rows);
            }
            rows.push((key, sum));
        }
        if !more {
            return Ok(rows);
        }
    }
}

/// How many rows are read at once.
const PAGE: usize = 1000;

/// Where a row stands among those of one invoice and one month of usage.
struct Place {
    app: Uuid,
    metric: &'static str,
    held_from: Timestamp,
    billable: bool,
}

impl Place {
    fn of(key: &TotalKey) -> Self {
        let TotalKey { app, metric, held_from, billable, .. } = *key;
        Self { app: app.0, metric: metric.name(), held_from, billable }
    }

    /// Before all that is wanted.
    fn before(wanted: &Wanted) -> Self {
        let start = Self {
            app: wanted.app.unwrap_or(AppName::NIL).0,
            metric: "",
            held_from: Timestamp::EPOCH,
            billable: false,
        };
        match wanted.after {
            // After all rows of that app and metric.
            Some((app, metric)) => Self {
                app: app.0,
                metric: metric.name(),
                held_from: Timestamp::from_micros(i64::MAX),
                billable: true,
            },
            None => start,
        }
    }
}

async fn rows_after(
    db: &mut Conn,
    wanted: &Wanted,
    billed_month: Month,
    after: &Place,
) -> Result<Vec<TotalRow>, Error> {
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    Ok(on!(db, |c| {
        sqlx::query_as(
            "SELECT space, billed_month, app, metric, usage_month, held_from, billable, quantity, events
             FROM usage_total
             WHERE space = $1 AND billed_month = $2 AND (app, metric, usage_month, held_from, billable) > ($3, $4, $5, $6, $7)
             AND app <= $8 AND usage_month = $5
             ORDER BY app, metric, usage_month, held_from, billable LIMIT $9",
        )
        .bind(wanted.space.0)
        .bind(billed_month.to_string())
        .bind(after.app)
        .bind(after.metric)
        .bind(wanted.month.to_string())
        .bind(after.held_from)
        .bind(after.billable)
        .bind(wanted.app.map_or(Uuid::max(), |app| app.0))
        .bind(limit)
        .fetch_all(c)
        .await
    })?)
}
