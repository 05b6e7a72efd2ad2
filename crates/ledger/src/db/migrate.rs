use sha2::{Digest, Sha256};
use sqlx::raw_sql;

use super::{Conn, Engine, Error, Pool};
use crate::on;

/// One step of a schema. Steps are only ever appended: the text of one that has been applied never changes.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Whose schema: the service's name, or "kit" for the tables that every service has. Databases keep that name, which is
    /// older than this crate.
    pub component: &'static str,
    /// Its number within the component, from 1.
    pub version: i64,
    /// The SQL that both engines take.
    pub sql: &'static str,
    /// The SQL for SQLite where the engines must differ.
    pub sqlite: Option<&'static str>,
}

/// The tables that every service has: journal, heads, effects, replays.
pub const SCHEMA: &[Migration] = &[
    step(1, include_str!("../../migrations/1_journal_and_effects.sql")),
    step(2, include_str!("../../migrations/2_journal_by_time.sql")),
    step(3, include_str!("../../migrations/3_journal_positions.sql")),
    Migration {
        sqlite: Some(include_str!("../../migrations/4_replay_time.sqlite.sql")),
        ..step(4, include_str!("../../migrations/4_replay_time.sql"))
    },
    step(5, include_str!("../../migrations/5_standing.sql")),
    step(6, include_str!("../../migrations/6_effects_in_parts.sql")),
    step(7, include_str!("../../migrations/7_webhooks.sql")),
    step(8, include_str!("../../migrations/8_webhook_secrets.sql")),
];

const fn step(version: i64, sql: &'static str) -> Migration {
    Migration { component: "kit", version, sql, sqlite: None }
}

const BOOK: &str = "
CREATE TABLE IF NOT EXISTS migration_lock (only_row INTEGER NOT NULL PRIMARY KEY, holders BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS migration (
    component TEXT NOT NULL, version BIGINT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (component, version)
);";

impl Migration {
    fn text(&self, db: &mut Conn) -> &'static str {
        match (db.engine(), self.sqlite) {
            (Engine::Sqlite(_), Some(sqlite)) => sqlite,
            _ => self.sql,
        }
    }
}

/// As [`on!`], for what takes its time: another process's turn, and steps that go through large tables.
macro_rules! untimed {
    ($db:expr, |$c:ident| $body:expr) => {
        match $db.engine() {
            Engine::Sqlite($c) => $body,
            Engine::Postgres($c) => $body,
        }
    };
}

/// Brings the schema up to date; says how many steps that took. Several processes may do it at once: they take turns.
pub async fn migrate(pool: &Pool, steps: &[Migration]) -> Result<usize, Error> {
    make_book(pool).await?;
    sort_in(pool, "PRAGMA temp_store = FILE").await?;
    let applied = apply(pool, steps).await;
    sort_in(pool, "PRAGMA temp_store = MEMORY").await?;
    applied
}

/// Where SQLite's writer sorts. Steps sort whole tables, for which there may not be the memory.
async fn sort_in(pool: &Pool, pragma: &'static str) -> Result<(), Error> {
    if let Engine::Sqlite(c) = pool.write().await?.engine() {
        raw_sql(pragma).execute(c).await?;
    }
    Ok(())
}

async fn apply(pool: &Pool, steps: &[Migration]) -> Result<usize, Error> {
    let mut db = pool.transaction().await?;
    // The row lock of this upsert is the turn: it lasts until the commit.
    untimed!(db, |c| sqlx::query(
        "INSERT INTO migration_lock (only_row, holders) VALUES (1, 1)
         ON CONFLICT (only_row) DO UPDATE SET holders = migration_lock.holders + 1"
    )
    .execute(c)
    .await
    .map(drop))?;
    let mut applied = 0;
    for step in steps {
        let text = step.text(&mut db);
        let digest = hex::encode(Sha256::digest(text));
        match digest_of(&mut db, step).await? {
            Some(found) if found == digest => {}
            Some(_) => return Err(Error::Defect(sqlx::Error::Configuration(changed(step).into()))),
            None => {
                untimed!(db, |c| raw_sql(text).execute(c).await.map(drop))?;
                on!(db, |c| sqlx::query(
                    "INSERT INTO migration (component, version, digest) VALUES ($1, $2, $3)"
                )
                .bind(step.component)
                .bind(step.version)
                .bind(&digest)
                .execute(c)
                .await
                .map(drop))?;
                applied += 1;
            }
        }
    }
    db.commit().await?;
    Ok(applied)
}

fn changed(step: &Migration) -> String {
    format!("migration {} {} has changed since it was applied", step.component, step.version)
}

/// PostgreSQL's IF NOT EXISTS is no help against another process that is making the same table: the loser fails once.
async fn make_book(pool: &Pool) -> Result<(), Error> {
    let mut db = pool.write().await?;
    if on!(db, |c| raw_sql(BOOK).execute(c).await.map(drop)).is_err() {
        on!(db, |c| raw_sql(BOOK).execute(c).await.map(drop))?;
    }
    Ok(())
}

async fn digest_of(db: &mut Conn, step: &Migration) -> Result<Option<String>, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT digest FROM migration WHERE component = $1 AND version = $2")
        .bind(step.component)
        .bind(step.version)
        .fetch_optional(c)
        .await)?)
}

/// Whether every step has been applied.
pub async fn is_current(pool: &Pool, steps: &[Migration]) -> Result<bool, Error> {
    let mut db = pool.read().await?;
    for step in steps {
        match digest_of(&mut db, step).await {
            Ok(Some(_)) => {}
            // Without the book there is no schema at all.
            Ok(None) | Err(Error::Defect(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
