//! Lanes: what is sent one after another. Whoever is at a lane has claimed it for a while, and holds no transaction and no
//! connection while a receiver takes its time.
use std::time::Duration;

use devspaces_kit::clock::Timestamp;
use uuid::Uuid;

use crate::{
    db::{Conn, Error, Pool},
    on,
};

/// For how long a lane is claimed: longer than an attempt takes, and than clocks may differ beside.
const CLAIMED: Duration = Duration::from_mins(2);

/// Never: nothing is to be done.
pub(super) fn never() -> Timestamp {
    Timestamp::from_micros(i64::MAX)
}

/// A lane of a webhook, claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The webhook's id.
    pub webhook: Uuid,
    /// The lane.
    pub lane: String,
    /// By which whoever has it is known.
    pub(super) id: Uuid,
}

/// The lanes in which something is to be done, the most urgent first, at most `limit` of them, 8 of each webhook, and none of these
/// webhooks: one with a thousand spaces keeps no other waiting.
pub async fn due(
    db: &mut Conn,
    now: Timestamp,
    without: [Uuid; 8],
    limit: i64,
) -> Result<Vec<(Uuid, String)>, Error> {
    Ok(on!(db, |c| {
        let query = sqlx::query_as(
            "SELECT webhook, lane FROM (
               SELECT webhook, lane, due, ROW_NUMBER() OVER (PARTITION BY webhook ORDER BY due, lane) AS nth
               FROM webhook_lane WHERE due <= $1 AND webhook NOT IN ($2, $3, $4, $5, $6, $7, $8, $9)
             ) AS lanes WHERE nth <= 8 ORDER BY due, webhook, lane LIMIT $10",
        );
        let query = without.iter().fold(query.bind(now), |query, webhook| query.bind(*webhook));
        query.bind(limit).fetch_all(c).await
    })?)
}

/// Claims a lane that is due. Nothing if somebody else was quicker.
pub async fn claim(
    pool: &Pool,
    (webhook, lane): (Uuid, String),
    now: Timestamp,
    id: Uuid,
) -> Result<Option<Claim>, Error> {
    let mut db = pool.write().await?;
    let claimed = on!(db, |c| sqlx::query(
        "UPDATE webhook_lane SET due = $4, claim = $5 WHERE webhook = $1 AND lane = $2 AND due <= $3"
    )
    .bind(webhook)
    .bind(&lane)
    .bind(now)
    .bind(now + CLAIMED)
    .bind(id)
    .execute(c)
    .await
    .map(|done| done.rows_affected()))?;
    Ok((claimed == 1).then_some(Claim { webhook, lane, id }))
}

/// Leaves a claimed lane in which nothing is to be done before a time.
pub async fn postpone(pool: &Pool, claim: &Claim, due: Timestamp) -> Result<(), Error> {
    set_due(&mut pool.write().await?, claim, due).await
}

/// Leaves a claimed lane of a webhook that is disabled: who enables it has it looked at.
pub async fn rest(pool: &Pool, claim: &Claim) -> Result<(), Error> {
    postpone(pool, claim, never()).await
}

/// Holds a claimed lane until the transaction ends, and claims it anew. False if it is somebody else's by now.
pub(super) async fn hold(db: &mut Conn, claim: &Claim, now: Timestamp) -> Result<bool, Error> {
    let held = on!(db, |c| sqlx::query(
        "UPDATE webhook_lane SET due = $4 WHERE webhook = $1 AND lane = $2 AND claim = $3"
    )
    .bind(claim.webhook)
    .bind(&claim.lane)
    .bind(claim.id)
    .bind(now + CLAIMED)
    .execute(c)
    .await
    .map(|done| done.rows_affected()))?;
    Ok(held == 1)
}

pub(super) async fn set_due(db: &mut Conn, claim: &Claim, due: Timestamp) -> Result<(), Error> {
    Ok(on!(db, |c| sqlx::query(
        "UPDATE webhook_lane SET due = $4, claim = NULL WHERE webhook = $1 AND lane = $2 AND claim = $3"
    )
    .bind(claim.webhook)
    .bind(&claim.lane)
    .bind(claim.id)
    .bind(due)
    .execute(c)
    .await
    .map(drop))?)
}

/// Makes sure that a lane is looked at, now that something was added to it; one that is claimed will be.
pub(super) async fn call(db: &mut Conn, webhook: Uuid, lane: &str, now: Timestamp) -> Result<(), Error> {
    Ok(on!(db, |c| sqlx::query(
        "INSERT INTO webhook_lane (webhook, lane, due, claim) VALUES ($1, $2, $3, NULL)
         ON CONFLICT (webhook, lane) DO UPDATE
           SET due = CASE WHEN webhook_lane.due = $4 THEN excluded.due ELSE webhook_lane.due END"
    )
    .bind(webhook)
    .bind(lane)
    .bind(now)
    .bind(never())
    .execute(c)
    .await
    .map(drop))?)
}

/// Has all lanes of a webhook looked at that is enabled again, or leads elsewhere. What failed has three days anew. Whoever just found it
/// disabled has them no longer; what was asked for is sent in any case.
pub async fn resume(db: &mut Conn, webhook: Uuid, now: Timestamp) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "UPDATE webhook_delivery SET attempts = 0, next_attempt_time = NULL
         WHERE webhook = $1 AND state = 'PENDING' AND lane NOT LIKE 'asked/%' AND attempts > 0"
    )
    .bind(webhook)
    .execute(c)
    .await
    .map(drop))?;
    Ok(on!(db, |c| sqlx::query(
        "UPDATE webhook_lane SET due = $2, claim = NULL WHERE webhook = $1 AND lane NOT LIKE 'asked/%'"
    )
    .bind(webhook)
    .bind(now)
    .execute(c)
    .await
    .map(drop))?)
}

/// Takes a lane away in which nothing more will be.
pub(super) async fn end(db: &mut Conn, claim: &Claim) -> Result<(), Error> {
    Ok(on!(db, |c| sqlx::query("DELETE FROM webhook_lane WHERE webhook = $1 AND lane = $2 AND claim = $3")
        .bind(claim.webhook)
        .bind(&claim.lane)
        .bind(claim.id)
        .execute(c)
        .await
        .map(drop))?)
}
