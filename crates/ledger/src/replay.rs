//! First results, by `request_id` (R-J5): what a call is answered that is made again. They are kept for a week, and not
//! for ever: see decision 0023.
use std::time::Duration;

use devspaces_kit::{clock::Timestamp, status::Fault, steady::Steady};
use prost::Message;
use uuid::Uuid;

use crate::{
    call::Call,
    db::{Conn, Error, Pool},
    on, personal,
    tx::Tx,
};

/// How long a `request_id` is good at least: longer than any retry lasts, that of a queue over a week-end included. Stated
/// in rules.md and at every `request_id` in the API.
pub const KEPT: Duration = Duration::from_hours(7 * 24);

/// How many are forgotten in one transaction, and in one round: 500 a second are more than a service makes.
const BATCH: i64 = 500;
/// Rows that are read at a time when all are looked through.
const PAGE: i64 = 1000;

/// What is kept of a call.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Replay {
    pub(crate) request_hash: Vec<u8>,
    pub(crate) response: Vec<u8>,
    pub(crate) scopes: String,
}

/// The first result of a `request_id`, if there is one.
pub(crate) async fn first_result(
    db: &mut Conn,
    call: &Call,
    request_id: Uuid,
) -> Result<Option<Replay>, Error> {
    Ok(on!(db, |c| {
        sqlx::query_as(
        "SELECT request_hash, response, scopes FROM replay WHERE caller = $1 AND method = $2 AND request_id = $3"
    )
    .bind(call.caller.principal.to_string())
    .bind(call.method)
    .bind(request_id)
    .fetch_optional(c)
    .await
    })?)
}

/// Stores the first result of a `request_id`; false if there is one.
pub(crate) async fn remember(tx: &mut Tx, call: &Call, response: &impl Message) -> Result<bool, Error> {
    let Some(request_id) = call.request_id() else { return Ok(true) };
    let scopes: Vec<String> = tx.scopes().iter().map(ToString::to_string).collect();
    let time = tx.time();
    let stored = on!(tx, |c| sqlx::query(
        "INSERT INTO replay (caller, method, request_id, request_hash, response, scopes, create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (caller, method, request_id) DO NOTHING"
    )
    .bind(call.caller.principal.to_string())
    .bind(call.method)
    .bind(request_id)
    .bind(call.request_hash())
    .bind(response.encode_to_vec())
    .bind(scopes.join(" "))
    .bind(time)
    .execute(c)
    .await
    .map(|done| done.rows_affected()))?;
    Ok(stored == 1)
}

/// Forgets some of the first results that are older than [`KEPT`]. Done again and again, it forgets all of them.
///
/// # Errors
/// `CLOCK_STEPPED` while the clock is doubted: nothing is forgotten then. Faults of the database.
pub async fn forget(pool: &Pool, steady: &Steady) -> Result<(), Fault> {
    let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
    let before = Timestamp::from_micros(steady.now()?.micros().saturating_sub(kept));
    Ok(forget_before(pool, before).await?)
}

async fn forget_before(pool: &Pool, before: Timestamp) -> Result<(), Error> {
    // Looked for by a reader first: there are mostly none, and SQLite's one writer has other things to do.
    let mut db = pool.read().await?;
    let oldest: Option<Timestamp> =
        on!(db, |c| sqlx::query_scalar("SELECT create_time FROM replay ORDER BY create_time LIMIT 1")
            .fetch_optional(c)
            .await)?;
    drop(db);
    if oldest.is_none_or(|oldest| oldest >= before) {
        return Ok(());
    }
    let mut db = pool.write().await?;
    on!(db, |c| {
        sqlx::query(
        "DELETE FROM replay WHERE (caller, method, request_id) IN
           (SELECT caller, method, request_id FROM replay WHERE create_time < $1 ORDER BY create_time LIMIT $2)"
    )
    .bind(before)
    .bind(BATCH)
    .execute(c)
    .await
    .map(drop)
    })?;
    Ok(())
}

/// Those that are a person's, or tell of the person: how many they are. They are forgotten, unless this is a preview: a
/// call that is made again is then a new one.
pub(crate) async fn erase(pool: &Pool, subject: &personal::Subject, preview: bool) -> Result<u64, Error> {
    let (mut caller, mut method, mut id, mut found) = (String::new(), String::new(), Uuid::nil(), 0);
    loop {
        let mut db = pool.write().await?;
        let page: Vec<(String, String, Uuid, Vec<u8>)> = on!(db, |c| sqlx::query_as(
            "SELECT caller, method, request_id, response FROM replay
             WHERE (caller, method, request_id) > ($1, $2, $3) ORDER BY caller, method, request_id LIMIT $4"
        )
        .bind(&caller)
        .bind(&method)
        .bind(id)
        .bind(PAGE)
        .fetch_all(c)
        .await)?;
        let Some(last) = page.last() else { return Ok(found) };
        (caller, method, id) = (last.0.clone(), last.1.clone(), last.2);
        for (caller, method, id, response) in &page {
            if !subject.is_named_by(caller) && !subject.is_in(response) {
                continue;
            }
            found += 1;
            if !preview {
                on!(db, |c| sqlx::query(
                    "DELETE FROM replay WHERE caller = $1 AND method = $2 AND request_id = $3"
                )
                .bind(caller)
                .bind(method)
                .bind(id)
                .execute(c)
                .await
                .map(drop))?;
            }
        }
    }
}
