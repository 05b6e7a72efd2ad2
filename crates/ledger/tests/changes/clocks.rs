//! Clocks that are slow, far ahead, or doubted.
use std::time::Duration;

use devspaces_kit::{
    clock::{Clock, SystemClock},
    status::Reason,
    steady::Steady,
};
use devspaces_ledger::replay;
use uuid::Uuid;

use crate::world::*;

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
