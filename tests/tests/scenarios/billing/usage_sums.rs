//! R-B5: usage counted is usage accepted, however batches are split, ordered and sent again.
use std::collections::BTreeMap;

use devspaces_proto::billing::v1::UsageEvent;
use devspaces_tests::{Engine, Suite};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::acts::usage::{ACCEPTED, METERS, lists_usage, outcomes, usage_event};

scenarios! {
    both engines:
        what_is_listed_is_what_was_accepted;
}

/// An event by few numbers: its id, its app, its meter, and its quantity in billionths.
type Told = (u8, usize, usize, u64);

fn told() -> impl Strategy<Value = Vec<Told>> {
    prop::collection::vec((0_u8..60, 0_usize..3, 0_usize..3, 1_u64..10_000_000_000), 1..80)
}

fn quantity(billionths: u64) -> String {
    format!("{}.{:09}", billionths / 1_000_000_000, billionths % 1_000_000_000)
}

async fn holds(suite: &Suite, case: u32, told: &[Told], sizes: &[usize]) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let apps =
        [alice.creates_app(&space).await, alice.creates_app(&space).await, alice.creates_app(&space).await];
    let time = Some(suite.clock_in(0));
    let of = |(id, app, meter, billionths): &Told| UsageEvent {
        meter: METERS[*meter].to_owned(),
        time,
        ..usage_event(suite, &format!("{case}-{id}"), &apps[*app], &quantity(*billionths))
    };
    let mut expected: BTreeMap<(String, String), (u64, i64)> = BTreeMap::new();
    let mut rest = told;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (batch, after) = rest.split_at((*size).min(rest.len()));
        let events: Vec<_> = batch.iter().map(of).collect();
        // Sent twice: what counted once counts no more.
        for _ in 0..2 {
            let results = outcomes(suite, &events).await;
            let accepted =
                results.iter().zip(batch).zip(&events).filter(|((result, _), _)| **result == ACCEPTED);
            for ((_, (.., billionths)), event) in accepted {
                let key = (event.app.clone(), event.meter.clone());
                let sum = expected.entry(key).or_default();
                *sum = (sum.0 + billionths, sum.1 + 1);
            }
        }
        rest = after;
    }
    let ids: std::collections::BTreeSet<_> = told.iter().map(|(id, ..)| id).collect();
    assert_eq!(
        expected.values().map(|(_, events)| events).sum::<i64>(),
        i64::try_from(ids.len()).expect("a count")
    );
    let told = |((app, meter), (sum, events)): ((String, String), (u64, i64))| {
        let sum = quantity(sum);
        let sum = sum.trim_end_matches('0').trim_end_matches('.').to_owned();
        (app, meter, sum, events)
    };
    let expected: Vec<_> = expected.into_iter().map(told).collect();
    assert_eq!(lists_usage(&alice, &space).await.expect("usage"), expected);
}

// R-B5
async fn what_is_listed_is_what_was_accepted(engine: Engine) {
    let suite = Suite::start(engine).await;
    let cases = 12;
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let case = std::sync::atomic::AtomicU32::new(0);
    let handle = tokio::runtime::Handle::current();
    let strategy = (told(), prop::collection::vec(1_usize..40, 1..8));
    let run = || {
        runner.run(&strategy, |(told, sizes)| {
            let case = case.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            handle.block_on(holds(&suite, case, &told, &sizes));
            Ok(())
        })
    };
    tokio::task::block_in_place(run).expect("a property that holds");
}
