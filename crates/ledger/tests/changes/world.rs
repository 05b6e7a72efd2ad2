//! A database, peers and a clock of the test's making, and changes to make.
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use devspaces_kit::{
    clock::{Clock, SystemClock, Timestamp},
    identity::Caller,
    name::{Principal, Scope},
    server::Tasks,
    status::Fault,
    steady::Steady,
};
use devspaces_ledger::{
    Abort, Act, Call, Change, Mutation, Mutations, Tx,
    db::{self, Pool},
    outbox::{Deliver, Outbox},
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, ApplyEffectsResponse, Effect};
use futures::future::BoxFuture;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;
use uuid::Uuid;

/// Peers that take effects, or refuse those of some peers and scopes.
#[derive(Default)]
pub(crate) struct Peers {
    delivered: Mutex<Vec<(String, String, i64)>>,
    pub(crate) digests: Mutex<Vec<Vec<u8>>>,
    refused: Mutex<HashSet<String>>,
    pub(crate) taken: Notify,
}

impl Peers {
    pub(crate) fn refuse(&self, peer_or_scope: impl std::fmt::Display) {
        self.refused.lock().unwrap().insert(peer_or_scope.to_string());
    }

    pub(crate) fn accept_all(&self) {
        self.refused.lock().unwrap().clear();
    }

    pub(crate) fn delivered(&self) -> Vec<(String, String, i64)> {
        self.delivered.lock().unwrap().clone()
    }
}

impl Deliver for Peers {
    fn deliver<'a>(
        &'a self,
        peer: &'a str,
        effects: ApplyEffectsRequest,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let refused = self.refused.lock().unwrap();
            if refused.contains(peer) || refused.contains(&effects.scope) {
                return Err(Fault::overloaded());
            }
            self.delivered.lock().unwrap().push((peer.to_owned(), effects.scope, effects.sequence));
            self.digests.lock().unwrap().push(effects.digest.clone());
            if effects.effects.len() > 1 {
                drop(refused);
                self.refuse(peer);
            }
            self.taken.notify_one();
            Ok(())
        })
    }
}

/// The machine's clock, which a test puts forward while no time passes.
#[derive(Default)]
pub(crate) struct Hands(AtomicI64);

impl Hands {
    pub(crate) fn put_forward(&self, hours: i64) {
        self.0.fetch_add(hours * 3_600_000_000, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().micros() + self.0.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Duration {
        SystemClock.uptime()
    }

    fn new_id(&self) -> Uuid {
        SystemClock.new_id()
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<Hands>,
    pub(crate) steady: Arc<Steady>,
    pub(crate) pool: Pool,
    pub(crate) peers: Arc<Peers>,
    pub(crate) outbox: Outbox,
    pub(crate) mutations: Mutations,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::open(&format!("sqlite:{}", folder.path().join("data.db").display())).await.unwrap();
        db::migrate(&pool, db::SCHEMA).await.unwrap();
        let peers = Arc::new(Peers::default());
        let outbox = Outbox::new(pool.clone(), peers.clone());
        let clock = Arc::new(Hands::default());
        let steady = Arc::new(Steady::new(clock.clone()));
        let mutations =
            Mutations::new(pool.clone(), clock.clone(), steady.clone(), outbox.clone(), Tasks::new());
        Self { clock, steady, pool, peers, outbox, mutations, _folder: folder }
    }

    pub(crate) async fn change<M: Mutation>(&self, scope: Scope, change: M) -> Result<M::Reply, Fault> {
        self.change_once(None, scope, change).await
    }

    pub(crate) async fn change_once<M: Mutation>(
        &self,
        request_id: Option<Uuid>,
        scope: Scope,
        change: M,
    ) -> Result<M::Reply, Fault> {
        let caller = Caller { principal: Principal::user("alice"), email: None, suite: None, expires: None };
        let call = Call::new(caller, "test/Change", &ApplyEffectsResponse {}, request_id);
        self.mutations.run(call, vec![scope], change).await
    }
}

pub(crate) fn scope(number: u128) -> Scope {
    Scope::Space(Uuid::from_u128(number))
}

pub(crate) fn act(time: Timestamp) -> Act {
    Act { actor: Principal::user("alice"), on_behalf_of: None, method: "test/Change".to_owned(), time }
}

pub(crate) fn entry(scope: Scope) -> Change {
    Change { scope, resources: vec![scope.to_string()], before: Value::Null, after: Value::Null, facts: true }
}

/// A change with effects for these peers.
#[derive(Clone)]
pub(crate) struct Grant(pub(crate) Scope, pub(crate) &'static [&'static str]);

/// A change that takes away, with effects for these peers.
pub(crate) struct Revocation(pub(crate) Grant);

impl Mutation for Grant {
    type Reply = ApplyEffectsResponse;

    fn takes_away(&self) -> bool {
        false
    }

    async fn once(&self, tx: &mut Tx) -> Result<ApplyEffectsResponse, Abort> {
        tx.record(entry(self.0)).await?;
        for peer in self.1 {
            tx.emit(self.0, peer, vec![Effect::default()]).await?;
        }
        Ok(ApplyEffectsResponse {})
    }
}

impl Mutation for Revocation {
    type Reply = ApplyEffectsResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<ApplyEffectsResponse, Abort> {
        self.0.once(tx).await
    }
}

/// A change that ends for good what was to end by now.
pub(crate) struct Ending(pub(crate) Grant);

impl Mutation for Ending {
    type Reply = ApplyEffectsResponse;
    const FALLS_DUE: bool = true;

    fn takes_away(&self) -> bool {
        false
    }

    async fn once(&self, tx: &mut Tx) -> Result<ApplyEffectsResponse, Abort> {
        self.0.once(tx).await
    }
}

pub(crate) async fn sequence(pool: &Pool, scope: Scope) -> i64 {
    let heads = devspaces_ledger::journal::heads(&mut pool.read().await.unwrap()).await.unwrap().heads;
    heads.get(&scope.to_string()).map_or(0, |head| head.0)
}
