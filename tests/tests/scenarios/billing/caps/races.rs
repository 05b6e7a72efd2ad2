//! What is used, caps that change and apps that move, at the same time (R-E4).
use std::time::Duration;

use devspaces::Service;
use devspaces_tests::{Suite, sql::count};
use futures::future::{join, join_all};

use super::{customer, uses_logs};
use crate::{
    acts::{
        accounts::{consents_to_invoicing, sets_budget},
        budgets::{cap, caps},
        refusals::settled,
        reservations::{costs, metering},
        suspensions::{RUNS, STANDS, runs, runtime},
        transfers::initiates_transfer,
        usage::{LOGS_GB, new_usage_event, reports_usage},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_cap_that_is_raised_against_the_crossing,
        a_cap_that_is_lowered_against_the_crossing,
        a_move_against_the_crossing,
        several_reports_cross_at_once,
        no_check_that_begins_after_the_crossing_reply_allows,
        what_asks_before_it_runs_overshoots_by_what_was_under_way;
    two replicas:
        a_cap_that_is_raised_against_the_crossing,
        a_cap_that_is_lowered_against_the_crossing,
        several_reports_cross_at_once,
        no_check_that_begins_after_the_crossing_reply_allows,
        what_asks_before_it_runs_overshoots_by_what_was_under_way;
}

/// Reports logs and sets the cap of the space at once, and tells whether the app runs in the end.
async fn crossed_and_set(suite: &Suite, before: i32, after: i32) -> [bool; 2] {
    let it = customer(suite).await;
    caps(&it.admin, &it.space, "", before).await;
    let event = new_usage_event(suite, &it.app, LOGS_GB, "11");
    let who = metering(suite);
    let reporting = settled(async || reports_usage(&who, std::slice::from_ref(&event)).await);
    let setting = settled(async || sets_budget(&it.admin, &it.space, cap(after, "")).await);
    let (reported, set) = join(reporting, setting).await;
    reported.expect("reported");
    set.expect("set");
    runs(suite, &it.admin, &it.app).await
}

// R-E4: whoever is first, it is as the last of them says.
async fn a_cap_that_is_raised_against_the_crossing(suite: Suite) {
    for _ in 0..rounds(12) {
        assert_eq!(crossed_and_set(&suite, 1005, 5000).await, RUNS);
    }
}

// R-E4
async fn a_cap_that_is_lowered_against_the_crossing(suite: Suite) {
    for _ in 0..rounds(12) {
        assert_eq!(crossed_and_set(&suite, 5000, 1005).await, STANDS);
    }
}

// R-E4: where the app comes from it is reached, and where it is now it is not.
async fn a_move_against_the_crossing(suite: Suite) {
    for _ in 0..rounds(8) {
        let it = customer(&suite).await;
        let to = it.admin.creates_space("Other").await;
        consents_to_invoicing(&it.admin, &to).await.expect("an account");
        caps(&it.admin, &it.space, "", 1005).await;
        caps(&it.admin, &it.space, &it.app, 1005).await;
        let event = new_usage_event(&suite, &it.app, LOGS_GB, "11");
        suite.clock.advance(Duration::from_secs(1));
        let who = metering(&suite);
        let reporting = settled(async || reports_usage(&who, std::slice::from_ref(&event)).await);
        let moving = settled(async || initiates_transfer(&it.admin, &it.app, &to).await);
        let (reported, moved) = join(reporting, moving).await;
        reported.expect("reported");
        moved.expect("moved");
        assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
        initiates_transfer(&it.admin, &it.app, &it.space).await.expect("moved");
        assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    }
}

// R-E4, R-J1: one of them does, and each is answered when it stands.
async fn several_reports_cross_at_once(suite: Suite) {
    for _ in 0..rounds(8) {
        let it = customer(&suite).await;
        caps(&it.admin, &it.space, "", 1005).await;
        let who = metering(&suite);
        let reports = (0..4).map(|_| {
            let event = new_usage_event(&suite, &it.app, LOGS_GB, "3.5");
            let who = who.clone();
            async move { settled(async || reports_usage(&who, std::slice::from_ref(&event)).await).await }
        });
        for reported in join_all(reports).await {
            reported.expect("reported");
        }
        assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    }
    let pool = suite.pool(Service::Billing).await;
    let entries = count(&pool, "SELECT COUNT(*) FROM journal WHERE content LIKE '%caps_reached%'").await;
    assert_eq!(entries, rounds::<i64>(8));
}

// R-P9, R-E1: although every service has just found, again and again, that it may.
async fn no_check_that_begins_after_the_crossing_reply_allows(suite: Suite) {
    for round in 0..rounds::<u16>(8) {
        let it = customer(&suite).await;
        // That of the space and that of the app are told in different ways.
        let of = if round % 2 == 0 { "" } else { &it.app };
        caps(&it.admin, &it.space, of, 1005).await;
        let runtime = runtime(&suite);
        let ask = || join_all(Service::ALL.map(|port| runtime.checks_at(port, "app.run", &it.app)));
        let crossing = uses_logs(&suite, &it.app, "11");
        let asking = async {
            for _ in 0..20 {
                assert!(ask().await.into_iter().all(|answer| answer.is_ok()));
            }
        };
        let after = async {
            crossing.await;
            ask().await
        };
        let (answers, ()) = join(after, asking).await;
        assert!(answers.into_iter().all(|answer| !answer.expect("an answer").allowed));
    }
}

/// So many run at once, and report a GB each time.
const RUNNERS: i64 = 6;

// R-E4: without reservations, what had been allowed to run before the reply is billed, and nothing more.
async fn what_asks_before_it_runs_overshoots_by_what_was_under_way(suite: Suite) {
    for _ in 0..rounds::<u16>(3) {
        let it = customer(&suite).await;
        caps(&it.admin, &it.space, "", 2010).await;
        let runner = || async {
            let (runtime, who) = (runtime(&suite), metering(&suite));
            while runtime.may("app.run", &it.app).await {
                let event = new_usage_event(&suite, &it.app, LOGS_GB, "1");
                settled(async || reports_usage(&who, std::slice::from_ref(&event)).await)
                    .await
                    .expect("reported");
            }
        };
        join_all((0..RUNNERS).map(|_| runner())).await;
        let costs = costs(&it.admin, &it.space).await;
        assert!((2010..=2010 + (RUNNERS - 1) * 101).contains(&costs), "{costs}");
    }
}
