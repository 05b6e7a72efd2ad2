//! What a space without an account uses up, and what runs no longer then (R-E3).
use std::time::Duration;

use devspaces::Service;
use devspaces_kit::clock::Timestamp;
use devspaces_proto::{
    billing::v1::{UsageEvent, usage_result::Rejection},
    space::v1::standing::Reason,
};
use devspaces_tests::{Persona, Suite, sql::texts, suite::eventually};
use futures::future::{join, join_all};

use crate::{
    acts::{
        accounts::consents_to_invoicing,
        apps::gets_app,
        refusals::settled,
        suspensions::{RUNS, STANDS, lifts, operator, runs, runtime, suspended_for},
        transfers::initiates_transfer,
        usage::{
            ACCEPTED, KVS_READ_GB, LOGS_GB, SQL_REQUESTS, begins_mid_month, lists_usage, new_usage_event,
            outcomes, rejected, reports_accepted, usage_event,
        },
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        an_app_that_has_used_up_an_allowance_stands_until_somebody_consents,
        the_next_month_lifts_it,
        a_move_lifts_it_until_the_app_is_used_where_it_is,
        usage_that_costs_nothing_more_suspends_nothing,
        what_is_stamped_into_the_next_month_uses_up_that_months_allowance,
        consent_against_the_crossing,
        a_move_against_the_crossing,
        no_check_that_begins_after_the_crossing_reply_allows;
    two replicas:
        consent_against_the_crossing,
        no_check_that_begins_after_the_crossing_reply_allows;
}

/// A space without an account, and an app in it.
async fn unpaid(suite: &Suite, who: &Persona) -> (String, String) {
    begins_mid_month(suite);
    let space = who.creates_space("Team").await;
    let app = who.creates_app(&space).await;
    (space, app)
}

/// The app uses logs, of which a GB is free.
async fn uses_logs(suite: &Suite, app: &str, quantity: &str) {
    reports_accepted(suite, new_usage_event(suite, app, LOGS_GB, quantity)).await;
}

// R-E1, R-E3, R-E6, R-A12
async fn an_app_that_has_used_up_an_allowance_stands_until_somebody_consents(suite: Suite) {
    let alice = suite.user("alice");
    let (space, app) = unpaid(&suite, &alice).await;
    let other = alice.creates_app(&space).await;
    uses_logs(&suite, &app, "0.75").await;
    uses_logs(&suite, &other, "0.75").await;
    assert_eq!(runs(&suite, &alice, &app).await, RUNS, "something is left");
    uses_logs(&suite, &app, "0.25").await;
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
    assert_eq!(runs(&suite, &alice, &other).await, RUNS, "an allowance is an app's");
    let seen = gets_app(&alice, &app).await.expect("an app");
    assert_eq!(seen.standing, Some(suspended_for(&[Reason::Consent])));
    for (who, permission) in [(&alice, "app.deploy"), (&runtime(&suite), "app.run")] {
        let told = who.check(permission, &app).await.expect("an answer").explanation.expect("reasons");
        let told = told.unmet_conditions.concat();
        assert!(told.contains("(CONSENT)") && told.contains("consent to app invoicing"), "{told}");
    }
    // What happened is counted all the same, and suspends nothing twice.
    uses_logs(&suite, &app, "3").await;
    let entries = "SELECT content FROM journal WHERE content LIKE '%CONSENT%' AND scope LIKE 'apps/%'";
    let pool = suite.pool(Service::Space).await;
    assert_eq!(texts(&pool, entries).await.iter().filter(|it| it.contains(&app)).count(), 1);
    let not_the_operators = lifts(&operator(&suite), &app, Reason::Consent).await.expect_err("refused");
    assert_eq!(not_the_operators.code(), tonic::Code::InvalidArgument);

    consents_to_invoicing(&alice, &space).await.expect("an account");
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
    uses_logs(&suite, &app, "3").await;
    uses_logs(&suite, &other, "3").await;
    for app in [&app, &other] {
        assert_eq!(runs(&suite, &alice, app).await, RUNS, "somebody pays");
    }
}

// R-E3, R-B6: each month has allowances of its own.
async fn the_next_month_lifts_it(suite: Suite) {
    let alice = suite.user("alice");
    begins_mid_month(&suite);
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let last = usage_event(&suite, "last", &app, "0.5");
    uses_logs(&suite, &app, "1").await;
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
    suite.clock.advance(Duration::from_hours(24 * 31));
    eventually(async || runtime(&suite).may("app.run", &app).await.then_some(())).await;
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
    // What is told of a month that is over suspends nothing in this one.
    assert_eq!(outcomes(&suite, &[last]).await, [ACCEPTED]);
    uses_logs(&suite, &app, "0.5").await;
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
    uses_logs(&suite, &app, "0.5").await;
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
    let pool = suite.pool(Service::Billing).await;
    let lifted = texts(&pool, "SELECT content FROM journal WHERE content LIKE '%devspaces.billing/lift%'");
    assert_eq!(lifted.await.len(), 1);
}

// R-E3: a move lifts it; what the app uses where it is then suspends it anew, since the allowance is the app's.
async fn a_move_lifts_it_until_the_app_is_used_where_it_is(suite: Suite) {
    let alice = suite.user("alice");
    let (space, app) = unpaid(&suite, &alice).await;
    let to = alice.creates_space("Other").await;
    uses_logs(&suite, &app, "1").await;
    for destination in [&to, &space] {
        assert_eq!(runs(&suite, &alice, &app).await, STANDS);
        suite.clock.advance(Duration::from_secs(1));
        initiates_transfer(&alice, &app, destination).await.expect("moved");
        assert_eq!(runs(&suite, &alice, &app).await, RUNS);
        suite.clock.advance(Duration::from_secs(1));
        // Whatever it uses: the logs of the month are used up, wherever.
        reports_accepted(&suite, new_usage_event(&suite, &app, SQL_REQUESTS, "1")).await;
    }
    assert_eq!(runs(&suite, &alice, &app).await, STANDS, "also where it was before");
    consents_to_invoicing(&alice, &to).await.expect("an account");
    assert_eq!(runs(&suite, &alice, &app).await, STANDS, "it is not there any more");
    consents_to_invoicing(&alice, &space).await.expect("an account");
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
}

// R-E3: below the allowances, each by itself, and what is rejected.
async fn usage_that_costs_nothing_more_suspends_nothing(suite: Suite) {
    let alice = suite.user("alice");
    let (_, app) = unpaid(&suite, &alice).await;
    let ahead =
        UsageEvent { time: Some(suite.clock_in(3600)), ..new_usage_event(&suite, &app, LOGS_GB, "100") };
    assert_eq!(outcomes(&suite, &[ahead]).await, [rejected(Rejection::TimeInFuture)]);
    for (meter, quantity) in
        [(LOGS_GB, "0.999999999"), (KVS_READ_GB, "0.099999999"), (SQL_REQUESTS, "99999.999999999")]
    {
        reports_accepted(&suite, new_usage_event(&suite, &app, meter, quantity)).await;
    }
    let twice = new_usage_event(&suite, &app, SQL_REQUESTS, "0.000000001");
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
    outcomes(&suite, &[twice.clone(), twice]).await;
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
}

// R-E3: whoever is first, there is an account in the end, and the app runs.
async fn consent_against_the_crossing(suite: Suite) {
    let alice = suite.user("alice");
    for _ in 0..rounds(10) {
        let (space, app) = unpaid(&suite, &alice).await;
        let event = new_usage_event(&suite, &app, LOGS_GB, "5");
        let (consented, told) =
            join(consents_to_invoicing(&alice, &space), outcomes(&suite, std::slice::from_ref(&event))).await;
        consented.expect("an account");
        assert_eq!(told, [ACCEPTED]);
        assert_eq!(runs(&suite, &alice, &app).await, RUNS);
    }
}

// R-E3: whoever is first, it stands in the end if and only if the usage is that of the space where it is.
async fn a_move_against_the_crossing(suite: Suite) {
    let alice = suite.user("alice");
    for _ in 0..rounds(10) {
        let (_, app) = unpaid(&suite, &alice).await;
        let to = alice.creates_space("Other").await;
        suite.clock.advance(Duration::from_secs(1));
        let event = new_usage_event(&suite, &app, LOGS_GB, "5");
        let moving = settled(async || initiates_transfer(&alice, &app, &to).await);
        let (moved, told) = join(moving, outcomes(&suite, std::slice::from_ref(&event))).await;
        moved.expect("moved");
        assert_eq!(told, [ACCEPTED]);
        let used_there = !lists_usage(&alice, &to).await.expect("usage").is_empty();
        let expected = if used_there { STANDS } else { RUNS };
        assert_eq!(runs(&suite, &alice, &app).await, expected);
    }
}

// R-E3: meters are up to 5 minutes ahead, and what they tell of the next month is not told again when that begins.
async fn what_is_stamped_into_the_next_month_uses_up_that_months_allowance(suite: Suite) {
    let alice = suite.user("alice");
    let (_, next) = begins_mid_month(&suite);
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    let start: Timestamp = format!("{next}-01T00:00:00Z").parse().expect("a time");
    suite.clock.advance_to(&Timestamp::from_micros(start.micros() - 120_000_000).to_string());
    let ahead = UsageEvent { time: Some(start.into()), ..new_usage_event(&suite, &app, LOGS_GB, "1") };
    reports_accepted(&suite, ahead).await;
    suite.clock.advance_to(&format!("{next}-02T00:00:00Z"));
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
    suite.clock.advance(Duration::from_hours(24 * 31));
    eventually(async || runtime(&suite).may("app.run", &app).await.then_some(())).await;
}

// R-P9, R-E1: although every service has just found, again and again, that it may.
async fn no_check_that_begins_after_the_crossing_reply_allows(suite: Suite) {
    let alice = suite.user("alice");
    for _ in 0..rounds(8) {
        let (_, app) = unpaid(&suite, &alice).await;
        let runtime = runtime(&suite);
        let ask = || join_all(Service::ALL.map(|port| runtime.checks_at(port, "app.run", &app)));
        let crossing = uses_logs(&suite, &app, "1");
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
