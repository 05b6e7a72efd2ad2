//! The table of webhooks.
use devspaces_kit::{
    clock::Timestamp,
    name::{SpaceName, WebhookName},
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{Secret, Webhook};
use crate::{
    db::{Conn, Error, Pool},
    on,
    tx::Tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    space: Uuid,
    url: String,
    types: String,
    enabled: bool,
    disabled_reason: String,
    secret: Vec<u8>,
    old_secret: Option<Vec<u8>>,
    old_secret_expire_time: Option<Timestamp>,
    older_secret: Option<Vec<u8>>,
    older_secret_expire_time: Option<Timestamp>,
    create_time: Timestamp,
    update_time: Timestamp,
    revision: i64,
}

impl From<Row> for Webhook {
    fn from(row: Row) -> Self {
        let space = Some(SpaceName(row.space)).filter(|space| *space != SpaceName::NIL);
        let old = row.old_secret.map(Secret).zip(row.old_secret_expire_time);
        let older = row.older_secret.map(Secret).zip(row.older_secret_expire_time);
        Self {
            name: WebhookName { space, id: row.id },
            url: row.url,
            types: row.types.split(' ').map(str::to_owned).collect(),
            enabled: row.enabled,
            disabled_reason: row.disabled_reason,
            secret: Secret(row.secret),
            old_secrets: old.into_iter().chain(older).collect(),
            create_time: row.create_time,
            update_time: row.update_time,
            revision: row.revision,
        }
    }
}

fn select(rest: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "SELECT id, space, url, types, enabled, disabled_reason, secret, old_secret, old_secret_expire_time,
           older_secret, older_secret_expire_time, create_time, update_time, revision
         FROM webhook {rest}"
    ))
}

/// How a webhook's space is stored.
fn stored(space: Option<SpaceName>) -> Uuid {
    space.unwrap_or(SpaceName::NIL).0
}

/// Whether there are any.
pub async fn any(db: &mut Conn) -> Result<bool, Error> {
    let first: Option<Uuid> = on!(db, |c| sqlx::query_scalar("SELECT id FROM webhook ORDER BY id LIMIT 1")
        .fetch_optional(c)
        .await)?;
    Ok(first.is_some())
}

/// A webhook of this name.
pub async fn find(db: &mut Conn, name: WebhookName) -> Result<Option<Webhook>, Error> {
    Ok(of_id(db, name.id).await?.filter(|found| found.name == name))
}

/// The webhook with this id, whosever it is.
pub(super) async fn of_id(db: &mut Conn, id: Uuid) -> Result<Option<Webhook>, Error> {
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(select("WHERE id = $1")).bind(id).fetch_optional(c).await)?;
    Ok(row.map(Webhook::from))
}

/// Those of a space, or of the platform, the oldest first.
pub async fn of_space(db: &mut Conn, space: Option<SpaceName>) -> Result<Vec<Webhook>, Error> {
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(select("WHERE space = $1 ORDER BY id"))
        .bind(stored(space))
        .fetch_all(c)
        .await)?;
    Ok(rows.into_iter().map(Webhook::from).collect())
}

/// How many a space has, or the platform.
pub async fn count(db: &mut Conn, space: Option<SpaceName>) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT count(*) FROM webhook WHERE space = $1")
        .bind(stored(space))
        .fetch_one(c)
        .await)?)
}

/// Stores one. When it is enabled, what waits for it is due.
pub async fn put(tx: &mut Tx, webhook: &Webhook) -> Result<(), Error> {
    let Webhook { name, url, types, enabled, disabled_reason, secret, old_secrets, create_time, .. } =
        webhook;
    let [old, older] = [old_secrets.first(), old_secrets.get(1)];
    on!(tx, |c| {
        sqlx::query(
        "INSERT INTO webhook (id, space, url, types, enabled, disabled_reason, secret, old_secret,
           old_secret_expire_time, older_secret, older_secret_expire_time, create_time, update_time, revision)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (id) DO UPDATE SET url = excluded.url, types = excluded.types, enabled = excluded.enabled,
           disabled_reason = excluded.disabled_reason, secret = excluded.secret, old_secret = excluded.old_secret,
           old_secret_expire_time = excluded.old_secret_expire_time, older_secret = excluded.older_secret,
           older_secret_expire_time = excluded.older_secret_expire_time, update_time = excluded.update_time,
           revision = excluded.revision"
    )
    .bind(name.id)
    .bind(stored(name.space))
    .bind(url)
    .bind(types.join(" "))
    .bind(*enabled)
    .bind(disabled_reason)
    .bind(&secret.0)
    .bind(old.map(|(secret, _)| secret.0.as_slice()))
    .bind(old.map(|(_, end)| *end))
    .bind(older.map(|(secret, _)| secret.0.as_slice()))
    .bind(older.map(|(_, end)| *end))
    .bind(*create_time)
    .bind(webhook.update_time)
    .bind(webhook.revision)
    .execute(c)
    .await
    .map(drop)
    })?;
    Ok(())
}

/// Takes one away. What is left of its deliveries is forgotten with the rest.
pub async fn remove(tx: &mut Tx, name: WebhookName) -> Result<(), Error> {
    for statement in ["DELETE FROM webhook WHERE id = $1", "DELETE FROM webhook_lane WHERE webhook = $1"] {
        on!(tx, |c| sqlx::query(statement).bind(name.id).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Takes away those of a space that is gone for good. What is left of their deliveries is forgotten with the rest.
pub async fn remove_of_space(tx: &mut Tx, space: SpaceName) -> Result<(), Error> {
    for statement in [
        "DELETE FROM webhook_lane WHERE webhook IN (SELECT id FROM webhook WHERE space = $1)",
        "DELETE FROM webhook WHERE space = $1",
    ] {
        on!(tx, |c| sqlx::query(statement).bind(space.0).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Erases secrets whose time is over.
pub(super) async fn erase_old_secrets(pool: &Pool, now: Timestamp) -> Result<(), Error> {
    let mut db = pool.read().await?;
    let over: Option<Uuid> = on!(db, |c| {
        sqlx::query_scalar(
        "SELECT id FROM webhook WHERE old_secret_expire_time <= $1 OR older_secret_expire_time <= $1 LIMIT 1"
    )
    .bind(now)
    .fetch_optional(c)
    .await
    })?;
    drop(db);
    if over.is_none() {
        return Ok(());
    }
    let mut db = pool.write().await?;
    for statement in [
        "UPDATE webhook SET old_secret = NULL, old_secret_expire_time = NULL WHERE old_secret_expire_time <= $1",
        "UPDATE webhook SET older_secret = NULL, older_secret_expire_time = NULL WHERE older_secret_expire_time <= $1",
    ] {
        on!(db, |c| sqlx::query(statement).bind(now).execute(c).await.map(drop))?;
    }
    Ok(())
}
