//! Effects: what must follow elsewhere from a commit here. Written in the same transaction, delivered right after it,
//! in the order of their scope and peer, until the peer has them.
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use devspaces_kit::{clock::Timestamp, name::Scope, status::Fault};
use devspaces_proto::facts::v1::ApplyEffectsRequest;
use futures::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use prost::Message as _;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::{
    db::{Error, Pool},
    on,
    personal::Subject,
};

/// Brings one effect to its peer.
pub trait Deliver: Send + Sync + 'static {
    /// Answers once the peer has applied the effects, now or before. Sets `owner` to the peer.
    fn deliver<'a>(&'a self, peer: &'a str, effects: ApplyEffectsRequest)
    -> BoxFuture<'a, Result<(), Fault>>;
}

/// How long the worker waits after a round in which something could not be delivered: doubled each time, from the
/// first to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long a peer may take to apply an effect before it counts as not delivered.
const DELIVERY: Duration = Duration::from_secs(5);
/// How long the worker rests when nobody calls it: what another replica left when it died is found then.
const REST: Duration = Duration::from_secs(5);
/// Scopes that the worker reads at a time.
const PAGE: i64 = 100;

/// The effects of one service.
#[derive(Clone)]
pub struct Outbox {
    pool: Pool,
    deliver: Arc<dyn Deliver>,
    left: Arc<Notify>,
}

#[derive(Debug, sqlx::FromRow)]
struct Effect {
    scope: String,
    sequence: i64,
    peer: String,
    part: i64,
    payload: Vec<u8>,
}

/// What waits to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Backlog {
    /// How many effects.
    pub(crate) effects: i64,
    /// When the first of them was committed.
    pub(crate) oldest: Option<Timestamp>,
}

/// What waits to be delivered from this database.
pub(crate) async fn backlog(pool: &Pool) -> Result<Backlog, Error> {
    let mut db = pool.read().await?;
    Ok(on!(db, |c| {
        sqlx::query_as(
        "SELECT count(*) AS effects, MIN((SELECT journal.time FROM journal
            WHERE journal.scope = outbox.scope AND journal.sequence = outbox.sequence)) AS oldest FROM outbox"
    )
    .fetch_one(c)
    .await
    })?)
}

/// How many of the effects that wait to be delivered tell of a person.
pub(crate) async fn naming(pool: &Pool, subject: &Subject) -> Result<u64, Error> {
    let mut db = pool.read().await?;
    let waiting: Vec<Vec<u8>> =
        on!(db, |c| sqlx::query_scalar("SELECT payload FROM outbox").fetch_all(c).await)?;
    Ok(waiting.iter().filter(|payload| subject.is_in(payload)).count() as u64)
}

/// Why an effect was not delivered.
enum Undelivered {
    /// The peer, or the effect, failed at once. The peer's other scopes may fare better.
    Refused(Fault),
    /// The peer did not answer in time. Its other scopes would wait as long.
    Silent,
}

impl From<Undelivered> for Fault {
    fn from(undelivered: Undelivered) -> Self {
        match undelivered {
            Undelivered::Refused(fault) => fault,
            Undelivered::Silent => Self::deadline_exceeded(),
        }
    }
}

impl Outbox {
    /// The effects in this database, delivered this way.
    #[must_use]
    pub fn new(pool: Pool, deliver: Arc<dyn Deliver>) -> Self {
        Self { pool, deliver, left: Arc::new(Notify::new()) }
    }

    /// Delivers all effects of these scopes. If a peer can't take them now: UNAVAILABLE / `EFFECT_PENDING`, and the
    /// worker goes on trying. A peer that fails keeps no other peer from its effects.
    pub async fn flush(&self, scopes: &[Scope]) -> Result<(), Fault> {
        let mut failed = None;
        for scope in scopes {
            for peer in self.peers_of(&scope.to_string()).await? {
                if let Err(undelivered) = self.flush_lane(&scope.to_string(), &peer).await {
                    tracing::warn!(peer, %scope, fault = %Fault::from(undelivered), "effect not delivered");
                    failed = Some(Fault::effect_pending(&peer));
                }
            }
        }
        if failed.is_some() {
            self.left.notify_one();
        }
        failed.map_or(Ok(()), Err)
    }

    /// Calls the worker: effects may be left of which nobody else knows.
    pub(crate) fn call_worker(&self) {
        self.left.notify_one();
    }

    /// The effects of one scope for one peer, in their order; the first that fails keeps the later ones back.
    async fn flush_lane(&self, scope: &str, peer: &str) -> Result<(), Undelivered> {
        for effect in self.pending(scope, peer).await.map_err(|error| Undelivered::Refused(error.into()))? {
            let request = ApplyEffectsRequest::decode(effect.payload.as_slice());
            let request = request.map_err(|error| Undelivered::Refused(Fault::internal(error)))?;
            match timeout(DELIVERY, self.deliver.deliver(peer, request)).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => return Err(Undelivered::Refused(fault)),
                Err(_) => return Err(Undelivered::Silent),
            }
            self.remove(&effect).await.map_err(|error| Undelivered::Refused(error.into()))?;
        }
        Ok(())
    }

    async fn peers_of(&self, scope: &str) -> Result<Vec<String>, Error> {
        let mut db = self.pool.read().await?;
        Ok(on!(db, |c| sqlx::query_scalar(
            "SELECT DISTINCT peer FROM outbox WHERE scope = $1 ORDER BY peer"
        )
        .bind(scope)
        .fetch_all(c)
        .await)?)
    }

    async fn pending(&self, scope: &str, peer: &str) -> Result<Vec<Effect>, Error> {
        let mut db = self.pool.read().await?;
        Ok(on!(db, |c| {
            sqlx::query_as(
                "SELECT scope, sequence, peer, part, payload FROM outbox WHERE peer = $1 AND scope = $2
             ORDER BY sequence, part",
            )
            .bind(peer)
            .bind(scope)
            .fetch_all(c)
            .await
        })?)
    }

    async fn remove(&self, effect: &Effect) -> Result<(), Error> {
        let mut db = self.pool.write().await?;
        on!(db, |c| sqlx::query(
            "DELETE FROM outbox WHERE scope = $1 AND sequence = $2 AND peer = $3 AND part = $4"
        )
        .bind(&effect.scope)
        .bind(effect.sequence)
        .bind(&effect.peer)
        .bind(effect.part)
        .execute(c)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Delivers what an earlier process left and what calls could not deliver, until the server stops.
    pub async fn run(self, stopping: impl Future<Output = ()>) {
        tokio::select! {
            () = self.work() => {}
            () = stopping => {}
        }
    }

    async fn work(&self) {
        let mut backoff = BACKOFF.0;
        loop {
            let round = AssertUnwindSafe(self.round()).catch_unwind().await;
            match round.unwrap_or_else(|_| Err(Fault::internal("delivering effects panicked"))) {
                Ok(()) => {
                    backoff = BACKOFF.0;
                    // Called, or rested: either way it looks again.
                    let _ = timeout(REST, self.left.notified()).await;
                }
                Err(fault) => {
                    tracing::debug!(%fault, "effects wait");
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF.1);
                }
            }
        }
    }

    /// Takes up all that is left, each peer's beside the others'.
    async fn round(&self) -> Result<(), Fault> {
        let peers: Vec<String> = {
            let mut db = self.pool.read().await?;
            on!(db, |c| sqlx::query_scalar("SELECT DISTINCT peer FROM outbox").fetch_all(c).await)
                .map_err(Error::from)?
        };
        let rounds = join_all(peers.iter().map(|peer| self.round_of(peer))).await;
        rounds.into_iter().collect()
    }

    /// Takes up every scope that has effects for a peer, whether or not another's fail.
    async fn round_of(&self, peer: &str) -> Result<(), Fault> {
        let mut failed = Ok(());
        let mut after = String::new();
        loop {
            let scopes = self.scopes(peer, &after).await?;
            let Some(last) = scopes.last() else { return failed };
            after.clone_from(last);
            for scope in &scopes {
                match self.flush_lane(scope, peer).await {
                    Ok(()) => {}
                    Err(Undelivered::Silent) => return Err(Undelivered::Silent.into()),
                    Err(refused) => failed = Err(refused.into()),
                }
            }
        }
    }

    async fn scopes(&self, peer: &str, after: &str) -> Result<Vec<String>, Error> {
        let mut db = self.pool.read().await?;
        Ok(on!(db, |c| sqlx::query_scalar(
            "SELECT DISTINCT scope FROM outbox WHERE peer = $1 AND scope > $2 ORDER BY scope LIMIT $3"
        )
        .bind(peer)
        .bind(after)
        .bind(PAGE)
        .fetch_all(c)
        .await)?)
    }
}
