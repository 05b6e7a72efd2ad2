//! Usage that is not summed up yet, and up to where each space's is (R-B14).
use std::sync::LazyLock;

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use super::{
    stored::{decimal, dimensions, meter},
    summed::{Key, quantity_of},
};
use crate::domain::usage::{
    Sum,
    query::{Step, Used},
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
        Key::new(step.start(self.time), AppName(self.app), &self.meter, &self.dimensions)
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
