//! The table of deliveries.
use devspaces_kit::{
    clock::Timestamp,
    name::{SpaceName, WebhookName},
    status::Fault,
    steady::Steady,
};
use sqlx::AssertSqlSafe;
use std::time::Duration;
use uuid::Uuid;

use super::{Claim, Webhook, lane, store};
use crate::{
    db::{Conn, Error, Pool},
    on,
    tx::Tx,
};

/// How long deliveries are kept, whatever has become of them. Stated in the API.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// How many are forgotten in one transaction, and in one round.
const BATCH: i64 = 500;
/// How the lanes begin of what was asked for.
const ASKED: &str = "asked/";

/// What has become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits.
    Pending,
    /// The receiver has confirmed it.
    Delivered,
    /// It is not sent again unless it is asked for.
    Failed,
}

impl DeliveryState {
    /// The name by which it is stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Failed => "FAILED",
        }
    }

    fn of(name: &str) -> Self {
        [Self::Pending, Self::Delivered].into_iter().find(|it| it.name() == name).unwrap_or(Self::Failed)
    }
}

/// An event on its way to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The webhook's id.
    pub webhook: Uuid,
    /// Its own.
    pub id: Uuid,
    /// Those of a lane are sent one after another.
    pub lane: String,
    /// Of the entry in the journal's order, and the event's place among those that it makes.
    pub place: (i64, i64),
    /// The entry by scope and sequence; of a test none.
    pub entry: Option<(String, i64)>,
    /// The event's place among those of its type that the entry makes.
    pub nth: i64,
    /// The type of the event.
    pub kind: String,
    /// By which receivers know the event.
    pub event: String,
    /// What has become of it.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: i64,
    /// What came of the last attempt.
    pub last: Outcome,
    /// When that was.
    pub last_attempt_time: Option<Timestamp>,
    /// When it is to be sent again.
    pub next_attempt_time: Option<Timestamp>,
    /// When the event happened.
    pub event_time: Timestamp,
    /// When this was noted.
    pub create_time: Timestamp,
}

/// What came of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The status of the response; 0 if there was none.
    pub response_code: i64,
    /// What was wrong, by its name in the API; empty if nothing was.
    pub failure: String,
}

impl Delivery {
    /// Whether somebody asked for it: it is sent once, and beside the others.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.lane.starts_with(ASKED)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    webhook: Uuid,
    id: Uuid,
    lane: String,
    position: i64,
    part: i64,
    scope: String,
    sequence: i64,
    nth: i64,
    #[sqlx(rename = "type")]
    kind: String,
    event: String,
    state: String,
    attempts: i64,
    response_code: i64,
    failure: String,
    last_attempt_time: Option<Timestamp>,
    next_attempt_time: Option<Timestamp>,
    event_time: Timestamp,
    create_time: Timestamp,
}

impl From<Row> for Delivery {
    fn from(row: Row) -> Self {
        Self {
            webhook: row.webhook,
            id: row.id,
            lane: row.lane,
            place: (row.position, row.part),
            entry: Some((row.scope, row.sequence)).filter(|(scope, _)| !scope.is_empty()),
            nth: row.nth,
            kind: row.kind,
            event: row.event,
            state: DeliveryState::of(&row.state),
            attempts: row.attempts,
            last: Outcome { response_code: row.response_code, failure: row.failure },
            last_attempt_time: row.last_attempt_time,
            next_attempt_time: row.next_attempt_time,
            event_time: row.event_time,
            create_time: row.create_time,
        }
    }
}

fn select(rest: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "SELECT webhook, id, lane, position, part, scope, sequence, nth, type, event, state, attempts, response_code,
           failure, last_attempt_time, next_attempt_time, event_time, create_time
         FROM webhook_delivery {rest}"
    ))
}

/// Notes a delivery, and has its lane looked at.
pub async fn add(db: &mut Conn, delivery: &Delivery, now: Timestamp) -> Result<(), Error> {
    let (scope, sequence) = delivery.entry.as_ref().map_or(("", 0), |(scope, sequence)| (scope, *sequence));
    on!(db, |c| {
        sqlx::query(
        "INSERT INTO webhook_delivery (webhook, id, lane, position, part, scope, sequence, nth, type, event, state,
           attempts, response_code, failure, event_time, create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'PENDING', 0, 0, '', $11, $12)"
    )
    .bind(delivery.webhook)
    .bind(delivery.id)
    .bind(&delivery.lane)
    .bind(delivery.place.0)
    .bind(delivery.place.1)
    .bind(scope)
    .bind(sequence)
    .bind(delivery.nth)
    .bind(&delivery.kind)
    .bind(&delivery.event)
    .bind(delivery.event_time)
    .bind(delivery.create_time)
    .execute(c)
    .await
    .map(drop)
    })?;
    lane::call(db, delivery.webhook, &delivery.lane, now).await
}

/// The lane of a delivery that is asked for: its own.
#[must_use]
pub fn asked(id: Uuid) -> String {
    format!("{ASKED}{id}")
}

/// How many deliveries that were asked for wait, of all webhooks of a space or of the platform.
pub async fn count_asked(db: &mut Conn, space: Option<SpaceName>) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar(
        "SELECT count(*) FROM webhook w JOIN webhook_delivery d ON d.webhook = w.id
         WHERE w.space = $1 AND d.state = 'PENDING' AND d.lane > 'asked/' AND d.lane < 'asked0'"
    )
    .bind(space.unwrap_or(SpaceName::NIL).0)
    .fetch_one(c)
    .await)?)
}

/// A delivery to a webhook.
pub async fn find_delivery(db: &mut Conn, webhook: WebhookName, id: Uuid) -> Result<Option<Delivery>, Error> {
    let row: Option<Row> = on!(db, |c| sqlx::query_as(select("WHERE webhook = $1 AND id = $2"))
        .bind(webhook.id)
        .bind(id)
        .fetch_optional(c)
        .await)?;
    Ok(row.map(Delivery::from))
}

/// The deliveries to a webhook that were noted before one, the latest first.
pub async fn list(db: &mut Conn, webhook: Uuid, before: Uuid, limit: i64) -> Result<Vec<Delivery>, Error> {
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(select("WHERE webhook = $1 AND id < $2 ORDER BY id DESC LIMIT $3"))
            .bind(webhook)
            .bind(before)
            .bind(limit)
            .fetch_all(c)
            .await)?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// The first that waits in a claimed lane, and the webhook that it is for, if there are both.
pub async fn first(db: &mut Conn, claim: &Claim) -> Result<Option<(Webhook, Delivery)>, Error> {
    let Some(webhook) = store::of_id(db, claim.webhook).await? else { return Ok(None) };
    let row: Option<Row> = on!(db, |c| sqlx::query_as(select(
        "WHERE webhook = $1 AND lane = $2 AND state = 'PENDING' ORDER BY position, part LIMIT 1"
    ))
    .bind(claim.webhook)
    .bind(&claim.lane)
    .fetch_optional(c)
    .await)?;
    Ok(row.map(|row| (webhook, row.into())))
}

/// Whether something waits in a lane.
async fn waits(db: &mut Conn, claim: &Claim) -> Result<bool, Error> {
    let first: Option<Uuid> = on!(db, |c| sqlx::query_scalar(
        "SELECT id FROM webhook_delivery WHERE webhook = $1 AND lane = $2 AND state = 'PENDING'
         ORDER BY position, part LIMIT 1"
    )
    .bind(claim.webhook)
    .bind(&claim.lane)
    .fetch_optional(c)
    .await)?;
    Ok(first.is_some())
}

/// Leaves a claimed lane in which nothing waits. It looks again while nobody can add to it.
pub async fn leave(pool: &Pool, claim: &Claim, now: Timestamp) -> Result<(), Error> {
    let mut db = pool.transaction().await?;
    if lane::hold(&mut db, claim, now).await? {
        if store::of_id(&mut db, claim.webhook).await?.is_none() {
            // What was noted while the webhook was deleted is sent to nobody.
            lane::end(&mut db, claim).await?;
        } else {
            let due = if waits(&mut db, claim).await? { now } else { lane::never() };
            lane::set_due(&mut db, claim, due).await?;
        }
    }
    db.commit().await
}

/// Notes what came of an attempt after which a delivery is over, and claims its lane anew, for the next. False if that is
/// somebody else's by now, or was only this one's.
pub async fn ended(
    pool: &Pool,
    claim: &Claim,
    delivery: &Delivery,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<bool, Error> {
    let mut db = pool.transaction().await?;
    let held = lane::hold(&mut db, claim, now).await?;
    let state = if outcome.failure.is_empty() { DeliveryState::Delivered } else { DeliveryState::Failed };
    note(&mut db, delivery, state, outcome, (now, None)).await?;
    if delivery.is_asked() {
        lane::end(&mut db, claim).await?;
    }
    db.commit().await?;
    Ok(held && !delivery.is_asked())
}

/// Notes a failed attempt that is followed by another at a time, and leaves the lane until then.
pub async fn retried(
    pool: &Pool,
    claim: &Claim,
    delivery: &Delivery,
    outcome: &Outcome,
    (now, next): (Timestamp, Timestamp),
) -> Result<(), Error> {
    let mut db = pool.transaction().await?;
    if lane::hold(&mut db, claim, now).await? {
        note(&mut db, delivery, DeliveryState::Pending, outcome, (now, Some(next))).await?;
        lane::set_due(&mut db, claim, next).await?;
    }
    db.commit().await
}

/// Notes the last failed attempt, as a part of what else becomes of the webhook.
pub async fn fail(tx: &mut Tx, delivery: &Delivery, outcome: &Outcome) -> Result<(), Error> {
    let now = tx.time();
    note(tx, delivery, DeliveryState::Failed, outcome, (now, None)).await
}

async fn note(
    db: &mut Conn,
    delivery: &Delivery,
    state: DeliveryState,
    outcome: &Outcome,
    (now, next): (Timestamp, Option<Timestamp>),
) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
        "UPDATE webhook_delivery SET state = $3, attempts = $4, response_code = $5, failure = $6, last_attempt_time = $7,
           next_attempt_time = $8
         WHERE webhook = $1 AND id = $2 AND state = 'PENDING'"
    )
    .bind(delivery.webhook)
    .bind(delivery.id)
    .bind(state.name())
    .bind(delivery.attempts + 1)
    .bind(outcome.response_code)
    .bind(&outcome.failure)
    .bind(now)
    .bind(next)
    .execute(c)
    .await
    .map(drop)
    })?;
    Ok(())
}

/// What waits to be sent to webhooks that are enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Backlog {
    /// How many deliveries.
    pub deliveries: i64,
    /// When the first of them was noted.
    pub oldest: Option<Timestamp>,
}

/// What waits.
pub async fn backlog(pool: &Pool) -> Result<Backlog, Error> {
    let mut db = pool.read().await?;
    Ok(on!(db, |c| sqlx::query_as(
        "SELECT count(*) AS deliveries, min(d.create_time) AS oldest
         FROM webhook w JOIN webhook_delivery d ON d.webhook = w.id WHERE w.enabled AND d.state = 'PENDING'"
    )
    .fetch_one(c)
    .await)?)
}

/// Erases secrets whose time is over, and forgets some of the deliveries that are older than is kept. Done again and again, it forgets all of them.
///
/// # Errors
/// `CLOCK_STEPPED` while the clock is doubted: nothing is forgotten then. Faults of the database.
pub async fn forget(pool: &Pool, steady: &Steady) -> Result<(), Fault> {
    let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
    let now = steady.now()?;
    store::erase_old_secrets(pool, now).await?;
    let before = Timestamp::from_micros(now.micros().saturating_sub(kept));
    let mut db = pool.read().await?;
    let oldest: Option<Timestamp> = on!(db, |c| sqlx::query_scalar(
        "SELECT create_time FROM webhook_delivery ORDER BY create_time LIMIT 1"
    )
    .fetch_optional(c)
    .await)
    .map_err(Error::from)?;
    drop(db);
    if oldest.is_none_or(|oldest| oldest >= before) {
        return Ok(());
    }
    let mut db = pool.write().await?;
    on!(db, |c| sqlx::query(
        "DELETE FROM webhook_delivery WHERE (webhook, id) IN
           (SELECT webhook, id FROM webhook_delivery WHERE create_time < $1 ORDER BY create_time LIMIT $2)"
    )
    .bind(before)
    .bind(BATCH)
    .execute(c)
    .await
    .map(drop))
    .map_err(Error::from)?;
    Ok(())
}
