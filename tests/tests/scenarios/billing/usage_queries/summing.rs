//! Usage that is summed up, and much of it.
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering::SeqCst},
    time::Duration,
};

use devspaces::Service;
use devspaces_kit::clock::Clock as _;
use devspaces_proto::billing::v1::{QueryUsageRequest, UsageEvent, query_usage_request::Step};
use devspaces_tests::{Persona, Suite, sql::count};
use futures::future::join;

use super::{of_space, queries};
use crate::{
    acts::usage::{
        ACCEPTED, KVS_READ_GB, LOGS_GB, begins_mid_month, new_usage_event, outcomes, reports_usage,
        voids_usage,
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        pages_are_complete_and_repeat_nothing,
        what_is_summed_up_and_what_is_not_come_to_the_same,
        answers_have_all_that_was_accepted_while_more_is_reported;
    two replicas:
        answers_have_all_that_was_accepted_while_more_is_reported;
}

/// Some hundred events of ten apps over three days, reported in batches.
async fn much(suite: &Suite, who: &Persona, space: &str) -> Vec<UsageEvent> {
    let mut apps = Vec::new();
    for _ in 0..10 {
        apps.push(who.creates_app(space).await);
    }
    suite.clock.advance(Duration::from_hours(72));
    let metering = suite.persona("services/metering");
    let mut all = Vec::new();
    for batch in 0..3_i64 {
        let event = |n: i64| {
            let app = &apps[usize::try_from(n * 7 % 10).expect("few")];
            let meter = if n % 3 == 0 { KVS_READ_GB } else { LOGS_GB };
            let mut event = new_usage_event(suite, app, meter, &format!("{}.{:03}", n + 1, batch));
            event.time = Some(suite.clock_in(-3600 * (n % 71)));
            event
        };
        let events: Vec<_> = (0..900).map(event).collect();
        let results = reports_usage(&metering, &events).await.expect("results");
        assert!(results.iter().all(|result| (result.outcome(), result.rejection()) == ACCEPTED));
        all.extend(events);
    }
    all
}

// R-B14
async fn pages_are_complete_and_repeat_nothing(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    much(&suite, &alice, &space).await;
    for (step, group_by) in
        [(Step::Hour, &["app"][..]), (Step::Day, &["app"]), (Step::Hour, &[]), (Step::Month, &["app"])]
    {
        let group_by: Vec<_> = group_by.iter().map(ToString::to_string).collect();
        let request = QueryUsageRequest { group_by, page_size: 1000, ..of_space(&space, step) };
        let whole = queries(&alice, request.clone()).await.expect("points");
        let events: i64 = whole.iter().map(|point| point.events).sum();
        assert_eq!(events, 2700, "{step:?}");
        for page_size in [1, 7, 50] {
            if whole.len() > 100 * usize::try_from(page_size).expect("few") {
                continue;
            }
            let pages = queries(&alice, QueryUsageRequest { page_size, ..request.clone() }).await;
            assert_eq!(pages.expect("points"), whole, "{step:?} in pages of {page_size}");
        }
    }
}

// R-B14: whenever it is summed up, and however often it is asked.
async fn what_is_summed_up_and_what_is_not_come_to_the_same(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let pool = suite.pool(Service::Billing).await;
    let summed = async || count(&pool, "SELECT COUNT(*) FROM usage_summed").await;
    let mut events = much(&suite, &alice, &space).await;
    let first = events[0].clone();
    let by_app = |step| QueryUsageRequest {
        group_by: vec!["app".to_owned()],
        page_size: 1000,
        ..of_space(&space, step)
    };
    let expected = |events: &[UsageEvent]| {
        let mut sums = BTreeMap::<(String, String), (i64, i64)>::new();
        for event in events {
            let (whole, part) = event.quantity.split_once('.').expect("a point");
            let thousandths =
                whole.parse::<i64>().expect("digits") * 1000 + part.parse::<i64>().expect("digits");
            let sum = sums.entry((event.app.clone(), event.meter.clone())).or_default();
            *sum = (sum.0 + thousandths, sum.1 + 1);
        }
        sums
    };
    let found = async |step| {
        let mut sums = BTreeMap::<(String, String), (i64, i64)>::new();
        for point in queries(&alice, by_app(step)).await.expect("points") {
            let (whole, part) = point.quantity.split_once('.').unwrap_or((&point.quantity, "0"));
            let thousandths = whole.parse::<i64>().expect("digits") * 1000
                + format!("{part:0<3}").parse::<i64>().expect("digits");
            let sum = sums.entry((point.app, point.meter)).or_default();
            *sum = (sum.0 + thousandths, sum.1 + point.events);
        }
        sums
    };
    for step in [Step::Hour, Step::Day] {
        assert_eq!(found(step).await, expected(&events), "{step:?}");
    }
    assert_eq!(summed().await, 1, "2,700 are too many to be read beside the sums");
    // One that is summed up is voided, and one that comes now.
    let more =
        UsageEvent { quantity: "5.000".to_owned(), ..new_usage_event(&suite, &first.app, LOGS_GB, "5") };
    let more_still = UsageEvent { id: suite.clock.new_id().to_string(), ..more.clone() };
    assert_eq!(outcomes(&suite, &[more.clone(), more_still.clone()]).await, [ACCEPTED; 2]);
    voids_usage(&suite, &[&first, &more]).await.expect("results");
    events.remove(0);
    events.push(more_still);
    for step in [Step::Hour, Step::Day, Step::Month] {
        assert_eq!(found(step).await, expected(&events), "{step:?}");
    }
    // Many that are summed up are voided at once.
    let voided: Vec<_> = events.drain(..1000).collect();
    voids_usage(&suite, &voided.iter().collect::<Vec<_>>()).await.expect("results");
    for step in [Step::Hour, Step::Month] {
        assert_eq!(found(step).await, expected(&events), "{step:?}");
    }
}

// R-B14: complete, whatever is summed up meanwhile.
async fn answers_have_all_that_was_accepted_while_more_is_reported(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let metering = suite.persona("services/metering");
    let (batches, size) = (rounds::<i64>(24), 500);
    let accepted = AtomicI64::new(0);
    let report = async {
        for _ in 0..batches {
            let events: Vec<_> = (0..size).map(|_| new_usage_event(&suite, &app, LOGS_GB, "1")).collect();
            reports_usage(&metering, &events).await.expect("results");
            accepted.fetch_add(size, SeqCst);
        }
    };
    let ask = async {
        loop {
            let before = accepted.load(SeqCst);
            let points = queries(&alice, of_space(&space, Step::Hour)).await.expect("points");
            let told: i64 = points.iter().map(|point| point.events).sum();
            let quantity: i64 =
                points.iter().map(|point| point.quantity.parse::<i64>().expect("whole")).sum();
            let after = accepted.load(SeqCst) + size;
            assert!((before..=after).contains(&told) && told == quantity, "{before}, {told}, {after}");
            if before == batches * size {
                return;
            }
        }
    };
    join(report, ask).await;
}
