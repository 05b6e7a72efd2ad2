//! Events and voidings in the order of the journal's entries that vouch for them (R-B16).
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use uuid::Uuid;

use super::stored::{decimal, dimensions, meter};
use crate::domain::{line_event::LineEvent, usage::Event};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    sequence: i64,
    id: String,
    app: Uuid,
    meter: String,
    quantity: String,
    time: Timestamp,
    dimensions: String,
    held_from: Option<Timestamp>,
    billable: Option<bool>,
    voiding: bool,
    voided: bool,
}

impl TryFrom<Row> for LineEvent {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let event = Event {
            id: row.id,
            app: AppName(row.app),
            meter: meter(&row.meter)?,
            quantity: decimal(&row.quantity)?,
            time: row.time,
            dimensions: dimensions(&row.dimensions)?,
        };
        let Row { sequence, held_from, billable, voiding, voided, .. } = row;
        Ok(Self { event, sequence, held_from, billable, voiding, voided })
    }
}

/// What was taken and what was voided in a space after a place and up to an entry, in the order of entries and ids, at most
/// `limit` of it.
pub(crate) async fn after(
    db: &mut Conn,
    space: SpaceName,
    after: &(i64, String),
    last: i64,
    limit: usize,
) -> Result<Vec<LineEvent>, Error> {
    let mut rows = Vec::new();
    for sql in [TAKEN, VOIDED] {
        let found: Vec<Row> = on!(db, |c| {
            sqlx::query_as(sql)
                .bind(space.0)
                .bind(after.0)
                .bind(&after.1)
                .bind(last)
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(c)
                .await
        })?;
        rows.extend(found);
    }
    // An entry is of a report or of a voiding: both are never in one.
    rows.sort_unstable_by(|one, other| (one.sequence, &one.id).cmp(&(other.sequence, &other.id)));
    rows.truncate(limit);
    rows.into_iter().map(LineEvent::try_from).collect()
}

const TAKEN: &str = "SELECT e.sequence, e.id, e.app, e.meter, e.quantity, e.time, e.dimensions, e.held_from, e.billable,
       FALSE AS voiding, v.event IS NOT NULL AS voided
     FROM usage_event e LEFT JOIN usage_void v ON v.event = e.id
     WHERE e.space = $1 AND (e.sequence, e.id) > ($2, $3) AND e.sequence <= $4 ORDER BY e.sequence, e.id LIMIT $5";

const VOIDED: &str = "SELECT v.sequence, e.id, e.app, e.meter, e.quantity, e.time, e.dimensions, e.held_from, e.billable,
       TRUE AS voiding, TRUE AS voided
     FROM usage_void v JOIN usage_event e ON e.id = v.event
     WHERE v.space = $1 AND (v.sequence, v.event) > ($2, $3) AND v.sequence <= $4 ORDER BY v.sequence, v.event LIMIT $5";
