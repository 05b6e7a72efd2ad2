//! Changes and their effects, on a database of their own and with peers of the test's making.
mod clocks;
mod world;

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use devspaces_kit::{
    clock::{Clock, SystemClock},
    name::Scope,
    status::Reason,
};
use devspaces_ledger::{Abort, Mutation, REST, Tx, db::Pool};
use devspaces_proto::facts::v1::{ApplyEffectsResponse, Effect};

use self::world::*;

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
