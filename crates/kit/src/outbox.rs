//! Effects: what must follow elsewhere from a commit here. Written in the same transaction, delivered right after it,
//! in the order of their scope, until the peer has them.
use std::{sync::Arc, time::Duration};

use devspaces_proto::facts::v1::ApplyEffectsRequest;
use futures::future::BoxFuture;
use prost::Message as _;
use tokio::{sync::Notify, time::timeout};

use crate::{
    db::{Error, Pool},
    name::Scope,
    on,
    status::Fault,
};

/// Brings one effect to its peer.
pub trait Deliver: Send + Sync + 'static {
    /// Answers once the peer has applied the effects, now or before. Fills in `owner`.
    fn deliver<'a>(&'a self, peer: &'a str, effects: ApplyEffectsRequest)
    -> BoxFuture<'a, Result<(), Fault>>;
}

/// How long the worker waits after a failed round: doubled each time, from the first to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long a peer may take to apply an effect before it counts as not delivered.
const DELIVERY: Duration = Duration::from_secs(5);
/// Scopes that the worker takes up in one round.
const ROUND: i64 = 100;

/// The effects of one service.
#[derive(Clone)]
pub struct Outbox {
    pool: Pool,
    deliver: Arc<dyn Deliver>,
    left: Arc<Notify>,
}

#[derive(Debug, sqlx::FromRow)]
struct Effect {
    sequence: i64,
    peer: String,
    payload: Vec<u8>,
}

impl Outbox {
    /// The effects in this database, delivered this way.
    #[must_use]
    pub fn new(pool: Pool, deliver: Arc<dyn Deliver>) -> Self {
        Self { pool, deliver, left: Arc::new(Notify::new()) }
    }

    /// Delivers all effects of these scopes. If a peer can't take them now: UNAVAILABLE / `EFFECT_PENDING`, and the
    /// worker goes on trying.
    pub async fn flush(&self, scopes: &[Scope]) -> Result<(), Fault> {
        for scope in scopes {
            if let Err(fault) = self.flush_scope(&scope.to_string()).await {
                self.left.notify_one();
                return Err(fault);
            }
        }
        Ok(())
    }

    async fn flush_scope(&self, scope: &str) -> Result<(), Fault> {
        for effect in self.pending(scope).await? {
            let request = ApplyEffectsRequest::decode(effect.payload.as_slice()).map_err(Fault::internal)?;
            let delivered = timeout(DELIVERY, self.deliver.deliver(&effect.peer, request)).await;
            if let Err(fault) = delivered.unwrap_or_else(|_| Err(Fault::deadline_exceeded())) {
                tracing::warn!(peer = effect.peer, scope, sequence = effect.sequence, %fault, "effect not delivered");
                return Err(Fault::effect_pending(&effect.peer));
            }
            self.remove(scope, &effect).await?;
        }
        Ok(())
    }

    async fn pending(&self, scope: &str) -> Result<Vec<Effect>, Error> {
        let mut db = self.pool.read().await?;
        Ok(on!(db, |c| sqlx::query_as(
            "SELECT sequence, peer, payload FROM outbox WHERE scope = $1 ORDER BY sequence, peer"
        )
        .bind(scope)
        .fetch_all(c)
        .await)?)
    }

    async fn remove(&self, scope: &str, effect: &Effect) -> Result<(), Error> {
        let mut db = self.pool.write().await?;
        on!(db, |c| sqlx::query("DELETE FROM outbox WHERE scope = $1 AND sequence = $2 AND peer = $3")
            .bind(scope)
            .bind(effect.sequence)
            .bind(&effect.peer)
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    async fn scopes(&self) -> Result<Vec<String>, Error> {
        let mut db = self.pool.read().await?;
        Ok(on!(db, |c| sqlx::query_scalar("SELECT DISTINCT scope FROM outbox ORDER BY scope LIMIT $1")
            .bind(ROUND)
            .fetch_all(c)
            .await)?)
    }

    /// Delivers what an earlier process left and what calls could not deliver, until the server stops.
    pub async fn run(self, stopping: impl Future<Output = ()>) {
        tokio::select! {
            () = self.deliver_all() => {}
            () = stopping => {}
        }
    }

    async fn deliver_all(&self) {
        let mut backoff = BACKOFF.0;
        loop {
            match self.round().await {
                Ok(0) => {
                    backoff = BACKOFF.0;
                    self.left.notified().await;
                }
                Ok(_) => backoff = BACKOFF.0,
                Err(fault) => {
                    tracing::debug!(%fault, "effects wait");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF.1);
                }
            }
        }
    }

    /// Takes up every scope that has effects, whether or not another's fail; says how many scopes there were.
    async fn round(&self) -> Result<usize, Fault> {
        let scopes = self.scopes().await?;
        let mut failed = None;
        for scope in &scopes {
            failed = self.flush_scope(scope).await.err().or(failed);
        }
        failed.map_or(Ok(scopes.len()), Err)
    }
}
