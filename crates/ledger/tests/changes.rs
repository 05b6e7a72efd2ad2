//! Changes and their effects, on a database of their own and with peers of the test's making.
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use devspaces_kit::{
    clock::{Clock, SystemClock, Timestamp},
    identity::Caller,
    name::{Principal, Scope},
    server::Tasks,
    status::{Fault, Reason},
    steady::Steady,
};
use devspaces_ledger::{
    Abort, Act, Call, Change, Mutation, Mutations, REST, Tx,
    db::{self, Pool},
    outbox::{Deliver, Outbox},
    replay,
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, ApplyEffectsResponse, Effect};
use futures::future::BoxFuture;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;
use uuid::Uuid;

/// Peers that take effects, or refuse those of some peers and scopes.
#[derive(Default)]
struct Peers {
    delivered: Mutex<Vec<(String, String, i64)>>,
    digests: Mutex<Vec<Vec<u8>>>,
    refused: Mutex<HashSet<String>>,
    taken: Notify,
}

impl Peers {
    fn refuse(&self, peer_or_scope: impl std::fmt::Display) {
        self.refused.lock().unwrap().insert(peer_or_scope.to_string());
    }

    fn accept_all(&self) {
        self.refused.lock().unwrap().clear();
    }

    fn delivered(&self) -> Vec<(String, String, i64)> {
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
struct Hands(AtomicI64);

impl Hands {
    fn put_forward(&self, hours: i64) {
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

struct World {
    clock: Arc<Hands>,
    steady: Arc<Steady>,
    pool: Pool,
    peers: Arc<Peers>,
    outbox: Outbox,
    mutations: Mutations,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
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

    async fn change<M: Mutation>(&self, scope: Scope, change: M) -> Result<M::Reply, Fault> {
        self.change_once(None, scope, change).await
    }

    async fn change_once<M: Mutation>(
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

fn scope(number: u128) -> Scope {
    Scope::Space(Uuid::from_u128(number))
}

fn act(time: Timestamp) -> Act {
    Act { actor: Principal::user("alice"), on_behalf_of: None, method: "test/Change".to_owned(), time }
}

fn entry(scope: Scope) -> Change {
    Change { scope, resources: vec![scope.to_string()], before: Value::Null, after: Value::Null, facts: true }
}

/// A change with effects for these peers.
#[derive(Clone)]
struct Grant(Scope, &'static [&'static str]);

/// A change that takes away, with effects for these peers.
struct Revocation(Grant);

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
struct Ending(Grant);

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

async fn sequence(pool: &Pool, scope: Scope) -> i64 {
    let heads = devspaces_ledger::journal::heads(&mut pool.read().await.unwrap()).await.unwrap().heads;
    heads.get(&scope.to_string()).map_or(0, |head| head.0)
}

#[tokio::test]
async fn a_peer_that_fails_keeps_no_other_peer_from_its_effects() {
    let world = World::new().await;
    world.peers.refuse("one");
    let pending = world.change(scope(1), Grant(scope(1), &["one", "two"])).await.unwrap_err();
    assert_eq!(pending.reason(), Reason::EffectPending);
    assert_eq!(world.peers.delivered(), [("two".to_owned(), scope(1).to_string(), 1)]);
    world.peers.accept_all();
    world.outbox.flush(&[scope(1)]).await.unwrap();
    assert_eq!(world.peers.delivered()[1..], [("one".to_owned(), scope(1).to_string(), 1)]);
}

// R-M5
#[tokio::test]
async fn a_revocation_goes_ahead_where_another_change_waits_for_earlier_effects() {
    let world = World::new().await;
    world.peers.refuse("one");
    world.change(scope(1), Grant(scope(1), &["one"])).await.unwrap_err();
    let waits = world.change(scope(1), Grant(scope(1), &[])).await.unwrap_err();
    assert_eq!(waits.reason(), Reason::EarlierEffectPending);
    assert_eq!(sequence(&world.pool, scope(1)).await, 1, "nothing was changed");

    let pending = world.change(scope(1), Revocation(Grant(scope(1), &["one"]))).await.unwrap_err();
    assert_eq!(pending.reason(), Reason::EffectPending);
    assert_eq!(sequence(&world.pool, scope(1)).await, 2, "it is made");
    let repeated = world.change(scope(1), Revocation(Grant(scope(1), &[]))).await.unwrap_err();
    assert_eq!(repeated.reason(), Reason::EffectPending, "what it repeats may be what is pending");

    world.peers.accept_all();
    world.outbox.flush(&[scope(1)]).await.unwrap();
    let order: Vec<i64> = world.peers.delivered().into_iter().map(|(_, _, sequence)| sequence).collect();
    assert_eq!(order, [1, 2], "in the order of the changes");
}

/// A change that is too much for one transaction of its peer, which takes nothing more after the second part.
struct InParts(Scope);

impl Mutation for InParts {
    type Reply = ApplyEffectsResponse;

    async fn once(&self, tx: &mut Tx) -> Result<ApplyEffectsResponse, Abort> {
        tx.record(entry(self.0)).await?;
        for effects in [1, 2, 1] {
            tx.emit(self.0, "one", vec![Effect::default(); effects]).await?;
        }
        Ok(ApplyEffectsResponse {})
    }
}

// R-E1
#[tokio::test]
async fn effects_in_parts_are_delivered_in_order_and_each_is_known_by_itself() {
    let world = World::new().await;
    let pending = world.change(scope(1), InParts(scope(1))).await.unwrap_err();
    assert_eq!(pending.reason(), Reason::EffectPending);
    assert_eq!(world.peers.delivered().len(), 2);
    world.peers.accept_all();
    world.outbox.flush(&[scope(1)]).await.unwrap();
    assert_eq!(world.peers.delivered(), vec![("one".to_owned(), scope(1).to_string(), 1); 3]);
    let digests = world.peers.digests.lock().unwrap().clone();
    assert!(digests.is_sorted() && digests.iter().collect::<HashSet<_>>().len() == 3);
    assert!(digests[1..].iter().all(|digest| digest.starts_with(&digests[0])));
}

// R-P9
#[tokio::test]
async fn what_can_take_away_rests_before_anybody_is_told_whatever_the_answer_is() {
    let world = World::new().await;
    world.peers.refuse("one");
    let revoked = async |request_id, peers| {
        let begun = Instant::now();
        let revocation = Revocation(Grant(scope(1), peers));
        (world.change_once(request_id, scope(1), revocation).await, begun.elapsed())
    };
    let id = Some(SystemClock.new_id());
    let (pending, after) = revoked(id, &["one"]).await;
    assert_eq!(pending.unwrap_err().reason(), Reason::EffectPending);
    assert!(after >= REST);
    world.peers.accept_all();
    let (again, after) = revoked(id, &["one"]).await;
    again.unwrap();
    assert!(after >= REST, "the effect was delivered only now");
    let (done, after) = revoked(None, &[]).await;
    done.unwrap();
    assert!(after >= REST);
}

// R-P9
#[tokio::test]
async fn what_only_gives_is_answered_at_once() {
    let mut world = World::new().await;
    world.mutations = world.mutations.resting(Duration::from_hours(1));
    world.change(scope(1), Grant(scope(1), &["one"])).await.unwrap();
}

#[tokio::test]
async fn the_worker_reaches_every_scope_however_many_others_fail() {
    let world = World::new().await;
    world.peers.refuse("one");
    for number in 1..=230 {
        world.change(scope(number), Grant(scope(number), &["one"])).await.unwrap_err();
    }
    world.peers.accept_all();
    for number in 1..=229 {
        world.peers.refuse(scope(number));
    }
    let worker = tokio::spawn(world.outbox.clone().run(std::future::pending()));
    world.peers.taken.notified().await;
    assert_eq!(world.peers.delivered(), [("one".to_owned(), scope(230).to_string(), 1)]);
    worker.abort();
}

#[tokio::test]
async fn the_worker_finds_by_itself_what_another_process_left() {
    let world = World::new().await;
    let worker = tokio::spawn(world.outbox.clone().run(std::future::pending()));
    let mut tx = world.pool.begin(&[scope(1)], act(SystemClock.now())).await.unwrap();
    tx.record(entry(scope(1))).await.unwrap();
    tx.emit(scope(1), "one", vec![Effect::default()]).await.unwrap();
    tx.commit().await.unwrap();
    world.peers.taken.notified().await;
    worker.abort();
}

// R-J1: one time for what a transaction judges and writes, and never before what its scopes have seen.
#[tokio::test]
async fn a_slow_clock_does_not_go_back_behind_the_journal() {
    let world = World::new().await;
    let ahead = SystemClock.now() + Duration::from_secs(20);
    let mut tx = world.pool.begin(&[scope(1)], act(ahead)).await.unwrap();
    tx.record(entry(scope(1))).await.unwrap();
    tx.commit().await.unwrap();
    let tx = world.pool.begin(&[scope(1)], act(SystemClock.now())).await.unwrap();
    assert_eq!(tx.time(), ahead);
}

// What was stamped by a clock that was a year ahead does no more harm than its one entry: nothing is judged by it, and only
// the entries after it are stamped no earlier.
#[tokio::test]
async fn a_clock_that_was_far_ahead_is_believed_no_longer_than_it_is() {
    let world = World::new().await;
    let ahead = SystemClock.now() + Duration::from_hours(365 * 24);
    let mut tx = world.pool.begin(&[scope(1)], act(ahead)).await.unwrap();
    tx.record(entry(scope(1))).await.unwrap();
    tx.commit().await.unwrap();
    let now = SystemClock.now();
    let mut tx = world.pool.begin(&[scope(1), scope(2)], act(now)).await.unwrap();
    assert_eq!(tx.time(), now);
    tx.record_all(&[entry(scope(1)), entry(scope(2))]).await.unwrap();
    tx.commit().await.unwrap();
    let report = devspaces_ledger::journal::verify(&world.pool, &[]).await.unwrap();
    assert_eq!(report.findings, []);
}

// Also in the midst of a round, which has read the clock before it was put forward.
#[tokio::test]
async fn nothing_ends_for_good_by_a_clock_that_is_doubted() {
    let world = World::new().await;
    world.change(scope(1), Ending(Grant(scope(1), &[]))).await.unwrap();
    world.clock.put_forward(24);
    let refused = world.change(scope(1), Ending(Grant(scope(1), &[]))).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::ClockStepped);
    assert_eq!(sequence(&world.pool, scope(1)).await, 1, "nothing was changed");
    world.change(scope(1), Grant(scope(1), &[])).await.unwrap();
    assert_eq!(sequence(&world.pool, scope(1)).await, 2, "all else goes on");
    world.clock.put_forward(-24);
    world.change(scope(1), Ending(Grant(scope(1), &[]))).await.unwrap();
}

// R-J5
#[tokio::test]
async fn no_first_result_is_forgotten_by_a_clock_that_is_doubted() {
    let world = World::new().await;
    let id = Some(Uuid::from_u128(7));
    world.change_once(id, scope(1), Grant(scope(1), &[])).await.unwrap();
    world.clock.put_forward(8 * 24);
    let refused = replay::forget(&world.pool, &world.steady).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::ClockStepped);
    world.change_once(id, scope(1), Grant(scope(1), &[])).await.unwrap();
    assert_eq!(sequence(&world.pool, scope(1)).await, 1, "the first result is known");
    // Another process, which finds the clock as it is.
    replay::forget(&world.pool, &Steady::new(world.clock.clone())).await.unwrap();
    world.change_once(id, scope(1), Grant(scope(1), &[])).await.unwrap();
    assert_eq!(sequence(&world.pool, scope(1)).await, 2, "forgotten after 7 days");
}

#[tokio::test]
async fn writing_goes_on_when_a_full_disk_has_room_again() {
    let world = World::new().await;
    let Pool::Sqlite { write, .. } = &world.pool else { panic!("SQLite") };
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(write).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}")))
        .execute(write)
        .await
        .unwrap();
    let mut refused = None;
    for number in 1..1000 {
        refused = world.change(scope(number), Grant(scope(number), &[])).await.err();
        if refused.is_some() {
            break;
        }
    }
    assert_eq!(refused.unwrap().reason(), Reason::StorageUnavailable);
    sqlx::query("PRAGMA max_page_count = 1000000").execute(write).await.unwrap();
    world.change(scope(5000), Grant(scope(5000), &[])).await.unwrap();
}
