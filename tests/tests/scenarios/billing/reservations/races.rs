//! Many reserve and report at once, and nothing is billed beyond the cap (R-E5).
use devspaces::Service;
use devspaces_proto::billing::v1::Reservation;
use devspaces_tests::{Persona, Suite, sql::count};
use futures::future::{join, join_all};

use super::capped;
use crate::{
    acts::{
        budgets::caps,
        refusals::settled,
        reservations::{
            asks_for, billionths, costs, metering, releases, reservation, reserved_event, reserves,
        },
        usage::reports_usage,
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        what_is_reserved_never_comes_to_more_than_the_cap,
        some_is_released_and_some_is_used,
        a_release_against_a_report,
        a_repetition_against_the_first_call;
    two replicas:
        what_is_reserved_never_comes_to_more_than_the_cap,
        some_is_released_and_some_is_used,
        a_release_against_a_report,
        a_repetition_against_the_first_call;
}

/// In billionths.
const GB: i64 = 1_000_000_000;

/// So many callers at once.
const CALLERS: usize = 8;

async fn reserves_settled(who: &Persona, app: &str, quantity: &str) -> Reservation {
    settled(async || asks_for(who, reservation(app, quantity)).await).await.expect("an answer")
}

/// Reports so much of a reservation, and tells how much was covered.
async fn reports_settled(suite: &Suite, who: &Persona, of: &Reservation, quantity: &str) -> i64 {
    let event = reserved_event(suite, of, quantity);
    let results = settled(async || reports_usage(who, std::slice::from_ref(&event)).await).await;
    let covered = &results.expect("results")[0].covered_quantity;
    billionths(covered)
}

// R-E5: until nothing is granted any more; then all of the cap is used, and not a cent beyond.
async fn what_is_reserved_never_comes_to_more_than_the_cap(suite: Suite) {
    for _ in 0..rounds::<u16>(4) {
        let it = capped(&suite).await;
        let other = it.admin.creates_app(&it.space).await;
        let caller = async |number: usize| {
            let (who, app) = (metering(&suite), [&it.app, &other][number % 2]);
            let mut used = 0;
            loop {
                let of = reserves_settled(&who, app, "0.7").await;
                if of.name.is_empty() {
                    return used;
                }
                let granted = billionths(&of.granted_quantity);
                assert_eq!(reports_settled(&suite, &who, &of, &of.granted_quantity).await, granted);
                assert!(costs(&it.admin, &it.space).await <= 1005);
                used += granted;
            }
        };
        let used: i64 = join_all((0..CALLERS).map(caller)).await.into_iter().sum();
        // 10 GB that are paid, and one that is free of each app.
        assert_eq!(used, 12 * GB);
        assert_eq!(costs(&it.admin, &it.space).await, 1005);
    }
}

// R-E5
async fn some_is_released_and_some_is_used(suite: Suite) {
    for _ in 0..rounds::<u16>(4) {
        let it = capped(&suite).await;
        let caller = async |number: usize| {
            let who = metering(&suite);
            for turn in 0..6 {
                let of = reserves_settled(&who, &it.app, "1.5").await;
                if of.name.is_empty() {
                    continue;
                }
                if !(number + turn).is_multiple_of(3) && billionths(&of.granted_quantity) >= 4 * GB / 10 {
                    reports_settled(&suite, &who, &of, "0.4").await;
                }
                settled(async || releases(&suite, &of.name).await).await.expect("released");
                assert!(costs(&it.admin, &it.space).await <= 1005);
            }
        };
        join_all((0..CALLERS).map(caller)).await;
        // What is left is as if there had been no others.
        let costs_before = costs(&it.admin, &it.space).await;
        let rest = reserves(&suite, &it.app, "100").await;
        if !rest.name.is_empty() {
            reports_settled(&suite, &metering(&suite), &rest, &rest.granted_quantity).await;
        }
        assert!(costs_before <= 1005);
        assert_eq!(costs(&it.admin, &it.space).await, 1005);
    }
    let left = "SELECT COUNT(*) FROM reservation WHERE remaining <> '0'";
    assert_eq!(count(&suite.pool(Service::Billing).await, left).await, 0);
}

// R-E5: what was covered is not given back, and what was given back covers nothing.
async fn a_release_against_a_report(suite: Suite) {
    for _ in 0..rounds::<u16>(10) {
        let it = capped(&suite).await;
        let (who, of) = (metering(&suite), reserves(&suite, &it.app, "5").await);
        let releasing = settled(async || releases(&suite, &of.name).await);
        let (covered, released) = join(reports_settled(&suite, &who, &of, "2"), releasing).await;
        let released = billionths(&released.expect("released"));
        assert!([(0, 5 * GB), (2 * GB, 3 * GB)].contains(&(covered, released)));
        assert_eq!(reserves(&suite, &it.app, "100").await.granted_quantity, "9");
    }
}

// R-J5
async fn a_repetition_against_the_first_call(suite: Suite) {
    for _ in 0..rounds::<u16>(10) {
        let it = capped(&suite).await;
        caps(&it.admin, &it.space, &it.app, 1005).await;
        let mut request = reservation(&it.app, "3");
        request.request_id = suite.request_id();
        let who = metering(&suite);
        let call = || settled(async || asks_for(&who, request.clone()).await);
        let (first, again) = join(call(), call()).await;
        assert_eq!(first.expect("granted"), again.expect("granted"));
        assert_eq!(reserves(&suite, &it.app, "100").await.granted_quantity, "8");
    }
}
