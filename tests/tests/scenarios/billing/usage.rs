//! Usage: what becomes of each event, where it counts, and that it counts once.
use std::{collections::BTreeMap, time::Duration};

use devspaces::Service;
use devspaces_proto::billing::v1::{
    ListUsageRequest, ReportUsageRequest, UsageEvent,
    usage_result::{Outcome, Rejection},
};
use devspaces_tests::{
    Suite, refused,
    sql::{count, texts},
};
use tonic::Code;

use crate::{
    acts::{
        accounts::account_of,
        apps::{deletes_app, gets_app, imported_app, links_app, undeletes_app},
        spaces::archives_space,
        usage::{
            ACCEPTED, DUPLICATE, KVS_READ_GB, KVS_WRITE_GB, LOGS_GB, SQL_REQUESTS, begins_mid_month,
            lists_usage, outcomes, pages_of_usage, rejected, reports_usage, usage_event, usage_sums,
        },
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        usage_belongs_to_the_space_that_held_the_app_then,
        late_usage_is_taken_while_the_space_is_archived,
        nothing_is_counted_while_the_space_service_is_down_and_the_batch_sent_again_counts_once,
        a_batch_writes_one_entry_for_each_space_in_which_something_counts;
    everywhere:
        usage_of_the_hour_in_which_an_app_was_made_counts,
        more_than_can_be_priced_is_refused_by_name,
        each_event_is_answered_for_itself_and_the_rest_of_the_batch_stands,
        what_is_malformed_is_named_by_its_fields,
        a_batch_has_one_to_a_thousand_events,
        of_batches_at_once_that_share_ids_each_id_counts_once;
}

// R-B5: the hour in which an app is made, and 5 minutes on either side.
async fn usage_of_the_hour_in_which_an_app_was_made_counts(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    // The hour turns whenever it likes: all is reckoned from the app and not from when the test comes to ask.
    let now = gets_app(&alice, &app).await.expect("the app").create_time.expect("a time").seconds;
    let at = |seconds: i64, id: &str| UsageEvent {
        time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        ..usage_event(&suite, id, &app, "1")
    };
    let batch = [
        at(now, "second"),
        at(now / 60 * 60, "minute"),
        at(now / 3600 * 3600, "hour"),
        at(now - 240, "leeway"),
        // Neither near nor the head of the hour.
        at(now / 3600 * 3600 - 301, "before"),
    ];
    let unknown = rejected(Rejection::AppUnknown);
    assert_eq!(outcomes(&suite, &batch).await, [ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED, unknown]);
}

// R-B5: what can't be priced is refused by name, and the rest stands and can be listed.
async fn more_than_can_be_priced_is_refused_by_name(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let time = gets_app(&alice, &app).await.expect("the app").create_time;
    let of = |meter: &str, id: &str, quantity: &str| UsageEvent {
        meter: meter.to_owned(),
        time,
        ..usage_event(&suite, id, &app, quantity)
    };
    let too_much = rejected(Rejection::TooMuch);
    let batch = [
        of(KVS_WRITE_GB, "huge", "100000000000"),
        of(SQL_REQUESTS, "fine", "100001.000000001"),
        of(KVS_WRITE_GB, "large", "900000000"),
        of(KVS_WRITE_GB, "more", "20000000"),
        of(KVS_WRITE_GB, "less", "1"),
    ];
    assert_eq!(outcomes(&suite, &batch).await, [too_much, ACCEPTED, ACCEPTED, too_much, ACCEPTED]);
    // Sent again, what was accepted is known, and there is no more room than before.
    assert_eq!(outcomes(&suite, &batch).await, [too_much, DUPLICATE, DUPLICATE, too_much, DUPLICATE]);
    let time = time.and_then(|time| devspaces_kit::clock::Timestamp::try_from(time).ok()).expect("a time");
    let month = time.to_string()[..7].to_owned();
    let of_month = ListUsageRequest { parent: account_of(&space), month, ..ListUsageRequest::default() };
    let used = pages_of_usage(&alice, of_month).await;
    assert_eq!(used.map(|used| used.len()).map_err(|status| status.code()), Ok(2));
}

// R-B5
async fn each_event_is_answered_for_itself_and_the_rest_of_the_batch_stands(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let unlinked = imported_app(&suite, &alice).await;
    let first = usage_event(&suite, "a", &app, "1.5");
    assert_eq!(outcomes(&suite, std::slice::from_ref(&first)).await, [ACCEPTED]);
    let batch = [
        usage_event(&suite, "b", &app, "2.25"),
        UsageEvent { quantity: "1.500".into(), ..first.clone() },
        UsageEvent { quantity: "1.501".into(), ..first.clone() },
        UsageEvent { meter: KVS_READ_GB.to_owned(), ..first.clone() },
        UsageEvent { time: Some(suite.clock_in(1)), ..first.clone() },
        UsageEvent { app: unlinked.clone(), ..first.clone() },
        usage_event(&suite, "c", &app, "-1"),
        usage_event(&suite, "d", &unlinked, "1"),
        usage_event(&suite, "e", "apps/0190a8d0-7b1c-7def-8000-000000000001", "1"),
        UsageEvent { time: Some(suite.clock_in(-3600)), ..usage_event(&suite, "f", &app, "1") },
        UsageEvent { time: Some(suite.clock_in(400)), ..usage_event(&suite, "g", &app, "1") },
        UsageEvent { time: Some(suite.clock_in(200)), ..usage_event(&suite, "h", &app, "0.000000001") },
        usage_event(&suite, "i", &app, "1"),
        usage_event(&suite, "i", &app, "2"),
        UsageEvent { meter: SQL_REQUESTS.to_owned(), ..usage_event(&suite, "j", &app, "7") },
    ];
    let different = rejected(Rejection::ContentDiffers);
    let unknown = rejected(Rejection::AppUnknown);
    assert_eq!(
        outcomes(&suite, &batch).await,
        [
            ACCEPTED,
            DUPLICATE,
            different,
            different,
            different,
            different,
            rejected(Rejection::Malformed),
            unknown,
            unknown,
            unknown,
            rejected(Rejection::TimeInFuture),
            ACCEPTED,
            ACCEPTED,
            different,
            ACCEPTED,
        ],
    );
    assert_eq!(
        lists_usage(&alice, &space).await.expect("usage"),
        [
            (app.clone(), LOGS_GB.to_owned(), "4.750000001".into(), 4),
            (app.clone(), SQL_REQUESTS.to_owned(), "7".into(), 1),
        ],
    );
    // Once accepted it is a duplicate, and once rejected it can still be accepted.
    let again = [first, batch[9].clone(), UsageEvent { quantity: "1".into(), ..batch[6].clone() }];
    assert_eq!(outcomes(&suite, &again).await, [DUPLICATE, unknown, ACCEPTED]);
    assert_eq!(usage_sums(&alice, &space).await, [("5.750000001".into(), 5), ("7".into(), 1)]);
}

// R-B5
async fn what_is_malformed_is_named_by_its_fields(suite: Suite) {
    let metering = suite.persona("services/metering");
    let long = UsageEvent { id: "x".repeat(129), ..usage_event(&suite, "", "apps/x", "1") };
    let results = reports_usage(&metering, &[UsageEvent::default(), long]).await.expect("results");
    assert_eq!(results[0].rejection(), Rejection::Malformed);
    for field in ["id", "app", "meter", "quantity", "time"] {
        assert!(results[0].message.split("; ").any(|it| it.starts_with(field)), "{}", results[0].message);
    }
    assert_eq!(results[1].message.split("; ").count(), 2, "{}", results[1].message);
}

// R-B5
async fn a_batch_has_one_to_a_thousand_events(suite: Suite) {
    let alice = suite.user("alice");
    let metering = suite.persona("services/metering");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let all: Vec<_> = (0..1001).map(|n| usage_event(&suite, &format!("e{n}"), &app, "0.1")).collect();
    for bad in [&all[..], &[]] {
        let refusal = refused(reports_usage(&metering, bad).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["events"]));
    }
    assert_eq!(usage_sums(&alice, &space).await, []);
    let results = outcomes(&suite, &all[..1000]).await;
    assert!(results.iter().all(|result| *result == ACCEPTED));
    assert_eq!(usage_sums(&alice, &space).await, [("100".into(), 1000)]);
    let results = outcomes(&suite, &all[1..]).await;
    assert_eq!(results.iter().filter(|result| **result == ACCEPTED).count(), 1);
    assert_eq!(usage_sums(&alice, &space).await, [("100.1".into(), 1001)]);
}

// R-B5, R-A2
async fn usage_belongs_to_the_space_that_held_the_app_then(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let [home, other] = [alice.creates_space("Home").await, alice.creates_space("Other").await];
    let app = imported_app(&suite, &alice).await;
    let unlinked = usage_event(&suite, "unlinked", &app, "1");
    suite.clock.advance(Duration::from_hours(1));
    links_app(&alice, &app, &home).await.expect("linked");
    let at_home = usage_event(&suite, "home", &app, "2");
    suite.clock.advance(Duration::from_hours(1));
    deletes_app(&alice, &app).await.expect("deleted");
    suite.clock.advance(Duration::from_hours(1));
    let deleted = usage_event(&suite, "deleted", &app, "4");
    suite.clock.advance(Duration::from_hours(1));
    undeletes_app(&alice, &app).await.expect("there again");
    suite.clock.advance(Duration::from_hours(1));
    let back = usage_event(&suite, "back", &app, "8");
    let unknown = rejected(Rejection::AppUnknown);
    assert_eq!(
        outcomes(&suite, &[unlinked, at_home, deleted, back]).await,
        [unknown, ACCEPTED, unknown, ACCEPTED],
    );
    assert_eq!(usage_sums(&alice, &home).await, [("10".into(), 2)]);
    assert_eq!(usage_sums(&alice, &other).await, []);
}

// R-B5, R-S5
async fn late_usage_is_taken_while_the_space_is_archived(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let late = usage_event(&suite, "late", &app, "3");
    suite.clock.advance(Duration::from_hours(1));
    deletes_app(&alice, &app).await.expect("deleted");
    archives_space(&alice, &space).await.expect("archived");
    assert_eq!(outcomes(&suite, &[late]).await, [ACCEPTED]);
    assert_eq!(usage_sums(&alice, &space).await, [("3".into(), 1)]);
}

// R-B5
async fn nothing_is_counted_while_the_space_service_is_down_and_the_batch_sent_again_counts_once(
    suite: Suite,
) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let batch = [usage_event(&suite, "a", &app, "1"), usage_event(&suite, "b", &app, "2")];
    suite.stop(Service::Space).await;
    let refusal = refused(reports_usage(&suite.persona("services/metering"), &batch).await);
    assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
    assert!(refusal.retry);
    assert_eq!(count(&suite.pool(Service::Billing).await, "SELECT COUNT(*) FROM usage_event").await, 0);
    suite.restart(Service::Space).await;
    let sent = async || reports_usage(&suite.persona("services/metering"), &batch).await.ok();
    let results = devspaces_tests::suite::eventually(sent).await;
    assert!(results.iter().all(|result| result.outcome() == Outcome::Accepted));
    assert_eq!(outcomes(&suite, &batch).await, [DUPLICATE, DUPLICATE]);
    assert_eq!(usage_sums(&alice, &space).await, [("3".into(), 2)]);
}

// R-J1: an entry for each batch and space, that vouches for what was accepted; and R-J5.
async fn a_batch_writes_one_entry_for_each_space_in_which_something_counts(suite: Suite) {
    let alice = suite.user("alice");
    let spaces = [alice.creates_space("A").await, alice.creates_space("B").await];
    let apps = [alice.creates_app(&spaces[0]).await, alice.creates_app(&spaces[1]).await];
    let batch: Vec<_> = (0..10).map(|n| usage_event(&suite, &format!("e{n}"), &apps[n % 2], "1")).collect();
    let request_id = "0190a8d0-7b1c-7def-8000-00000000000a".to_owned();
    let request = ReportUsageRequest { events: batch.clone(), request_id };
    let metering = suite.persona("services/metering");
    let first = metering.usage().report_usage(request.clone()).await.expect("results").into_inner();
    let again = metering.usage().report_usage(request.clone()).await.expect("results").into_inner();
    assert_eq!(first, again, "a replay answers what the first call did");
    let other = ReportUsageRequest { events: batch[1..].to_vec(), ..request };
    let refusal = refused(metering.usage().report_usage(other).await);
    assert_eq!(refusal.kind(), (Code::InvalidArgument, "REQUEST_ID_REUSED"));
    assert!(outcomes(&suite, &batch).await.iter().all(|outcome| *outcome == DUPLICATE));
    let mut changed = batch[..2].to_vec();
    changed[0].quantity = "2".into();
    outcomes(&suite, &changed).await;
    let billing = suite.pool(Service::Billing).await;
    let entries = texts(&billing, "SELECT content FROM journal ORDER BY scope").await;
    assert_eq!(entries.len(), 2, "what counts already writes no entry");
    for ((entry, space), app) in entries.iter().zip(&spaces).zip(&apps) {
        let entry: serde_json::Value = serde_json::from_str(entry).expect("JSON");
        // R-B12: the app is named since it has crossed thresholds of its allowance.
        assert_eq!(entry["resources"], serde_json::json!([account_of(space), app]));
        assert_eq!((&entry["after"]["events"], &entry["facts"]), (&5.into(), &false.into()));
        assert_eq!(entry["after"]["digest"].as_str().map(str::len), Some(64));
    }
}

// R-B5: first write wins, also of batches at once that share some of their ids, in spaces of their own and in the same.
async fn of_batches_at_once_that_share_ids_each_id_counts_once(suite: Suite) {
    let alice = suite.user("alice");
    let spaces = [alice.creates_space("A").await, alice.creates_space("B").await];
    let apps = [alice.creates_app(&spaces[0]).await, alice.creates_app(&spaces[1]).await];
    let mut expected: BTreeMap<usize, u64> = BTreeMap::new();
    for round in 0..rounds(20) {
        let time = Some(suite.clock_in(0));
        let batch = |number: usize| -> Vec<UsageEvent> {
            let of = |n: usize| UsageEvent {
                time,
                ..usage_event(&suite, &format!("{round}-{n}"), &apps[number % 2], &format!("{}", number + 1))
            };
            // In other orders, so that they would wait for each other if the order mattered.
            let ids = number * 10..number * 10 + 50;
            if number < 2 { ids.map(of).collect() } else { ids.rev().map(of).collect() }
        };
        let batches: Vec<_> = (0..4).map(batch).collect();
        let sending = batches.iter().map(|batch| outcomes(&suite, batch));
        let results = futures::future::join_all(sending).await;
        let mut winners = [0; 80];
        for (number, results) in results.iter().enumerate() {
            for (result, event) in results.iter().zip(&batches[number]) {
                let id: usize = event.id.split('-').nth(1).and_then(|it| it.parse().ok()).expect("a number");
                if *result == ACCEPTED {
                    winners[id] += 1;
                    *expected.entry(number % 2).or_default() += number as u64 + 1;
                } else {
                    assert_eq!(*result, rejected(Rejection::ContentDiffers));
                }
            }
        }
        assert_eq!(winners, [1; 80], "round {round}");
    }
    for (number, space) in spaces.iter().enumerate() {
        let total: Vec<_> =
            usage_sums(&alice, space).await.into_iter().map(|(quantity, _)| quantity).collect();
        let expected: Vec<_> = expected.get(&number).map(ToString::to_string).into_iter().collect();
        assert_eq!(total, expected);
    }
}
