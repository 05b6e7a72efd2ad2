//! Budgets that are caps, and what runs no longer when one is reached (R-E4).
mod crowd;
mod delivery;
mod moves;
mod races;

use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    billing::v1::{Budget, UsageEvent},
    space::v1::{GetSpaceRequest, standing::Reason},
};
use devspaces_tests::{Suite, sql::texts, suite::eventually};

use crate::acts::{
    accounts::sets_budget,
    apps::gets_app,
    budgets::{budget_of_app, budget_of_space, cap, caps, gets_budget_named, removes_budget},
    invoices::Customer,
    suspensions::{RUNS, STANDS, lifts, operator, runs, runtime, suspended_for},
    usage::{LOGS_GB, begins_mid_month, new_usage_event, reports_accepted},
};

scenarios! {
    both engines:
        a_cap_of_a_space_stops_every_app_of_it,
        a_cap_of_an_app_stops_that_app,
        raising_or_removing_a_cap_lifts_it,
        a_cap_that_is_reached_already_stops_at_once,
        the_next_month_lifts_it,
        what_is_stamped_into_the_next_month_counts_when_that_begins,
        a_budget_that_is_no_cap_stops_nothing;
}

/// A customer in the midst of a month.
async fn customer(suite: &Suite) -> Customer {
    begins_mid_month(suite);
    Customer::new(suite, "alice").await
}

/// The app uses logs, of which a GB is free and each further one costs 1.005.
async fn uses_logs(suite: &Suite, app: &str, quantity: &str) {
    reports_accepted(suite, new_usage_event(suite, app, LOGS_GB, quantity)).await;
}

// R-E1, R-E4, R-E6
async fn a_cap_of_a_space_stops_every_app_of_it(suite: Suite) {
    let it = customer(&suite).await;
    let other = it.admin.creates_app(&it.space).await;
    let set = caps(&it.admin, &it.space, "", 1005).await;
    assert_eq!((set.cap, set.suspends, set.name), (true, false, budget_of_space(&it.space)));
    uses_logs(&suite, &it.app, "10.99").await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS, "a cent is left");
    uses_logs(&suite, &it.app, "0.01").await;
    let later = it.admin.creates_app(&it.space).await;
    for app in [&it.app, &other, &later] {
        assert_eq!(runs(&suite, &it.admin, app).await, STANDS);
        let seen = gets_app(&it.admin, app).await.expect("an app");
        assert_eq!(seen.standing, Some(suspended_for(&[Reason::Cap])));
    }
    let space = it.admin.spaces().get_space(GetSpaceRequest { name: it.space.clone() }).await;
    assert_eq!(space.expect("a space").into_inner().standing, Some(suspended_for(&[Reason::Cap])));
    for (who, permission) in [(&it.admin, "app.deploy"), (&runtime(&suite), "app.run")] {
        let told = who.check(permission, &it.app).await.expect("an answer").explanation.expect("reasons");
        let told = told.unmet_conditions.concat();
        assert!(told.contains("(CAP)") && told.contains("raise or remove the cap"), "{told}");
    }
    let told = gets_budget_named(&it.admin, &budget_of_space(&it.space)).await.expect("the budget");
    assert!(told.suspends);
    // What happened is counted all the same, and suspends nothing twice.
    uses_logs(&suite, &it.app, "5").await;
    let pool = suite.pool(Service::Billing).await;
    let entries = texts(&pool, "SELECT content FROM journal WHERE content LIKE '%caps_reached%'").await;
    assert_eq!(entries.len(), 1);
    assert!(entries[0].contains(&budget_of_space(&it.space)), "{}", entries[0]);
    for name in [&it.space, &it.app] {
        let refused = lifts(&operator(&suite), name, Reason::Cap).await.expect_err("not the operator's");
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
}

// R-E4
async fn a_cap_of_an_app_stops_that_app(suite: Suite) {
    let it = customer(&suite).await;
    let other = it.admin.creates_app(&it.space).await;
    caps(&it.admin, &it.space, &it.app, 1005).await;
    uses_logs(&suite, &other, "100").await;
    uses_logs(&suite, &it.app, "10.99").await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS, "what another app costs is no matter");
    uses_logs(&suite, &it.app, "0.01").await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    assert_eq!(runs(&suite, &it.admin, &other).await, RUNS);
    // That of the space is another, and each of them is enough.
    caps(&it.admin, &it.space, "", 1_000).await;
    assert_eq!(runs(&suite, &it.admin, &other).await, STANDS);
    removes_budget(&it.admin, &budget_of_app(&it.space, &it.app)).await.expect("removed");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    removes_budget(&it.admin, &budget_of_space(&it.space)).await.expect("removed");
    for app in [&it.app, &other] {
        assert_eq!(runs(&suite, &it.admin, app).await, RUNS);
    }
}

// R-E1, R-E4: when the reply comes it runs.
async fn raising_or_removing_a_cap_lifts_it(suite: Suite) {
    let it = customer(&suite).await;
    for app in ["", &it.app] {
        let name = if app.is_empty() { budget_of_space(&it.space) } else { budget_of_app(&it.space, app) };
        caps(&it.admin, &it.space, app, 1005).await;
        uses_logs(&suite, &it.app, "11").await;
        assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
        let raised = caps(&it.admin, &it.space, app, 1_000_000).await;
        assert_eq!((raised.suspends, runs(&suite, &it.admin, &it.app).await), (false, RUNS));
        caps(&it.admin, &it.space, app, 1005).await;
        assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
        let no_cap = Budget { cap: false, ..cap(1005, app) };
        let told = sets_budget(&it.admin, &it.space, no_cap).await.expect("set");
        assert_eq!((told.suspends, runs(&suite, &it.admin, &it.app).await), (false, RUNS));
        caps(&it.admin, &it.space, app, 1005).await;
        removes_budget(&it.admin, &name).await.expect("removed");
        assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
        let entries = "SELECT content FROM journal WHERE content LIKE '%caps_lifted%'";
        let pool = suite.pool(Service::Billing).await;
        let lifted = texts(&pool, entries).await;
        assert_eq!(lifted.iter().filter(|entry| entry.contains(&name)).count(), 3);
    }
}

// R-E1, R-E4
async fn a_cap_that_is_reached_already_stops_at_once(suite: Suite) {
    let it = customer(&suite).await;
    uses_logs(&suite, &it.app, "11").await;
    let above = caps(&it.admin, &it.space, "", 1006).await;
    assert_eq!((above.suspends, runs(&suite, &it.admin, &it.app).await), (false, RUNS));
    let reached = caps(&it.admin, &it.space, "", 1005).await;
    assert_eq!((reached.suspends, runs(&suite, &it.admin, &it.app).await), (true, STANDS));
    // Set again, it changes nothing.
    assert!(caps(&it.admin, &it.space, "", 1004).await.suspends);
    let pool = suite.pool(Service::Billing).await;
    let entries = texts(&pool, "SELECT content FROM journal WHERE content LIKE '%caps_reached%'").await;
    assert_eq!(entries.len(), 1);
}

// R-E4
async fn the_next_month_lifts_it(suite: Suite) {
    let it = customer(&suite).await;
    let other = it.admin.creates_app(&it.space).await;
    caps(&it.admin, &it.space, "", 2010).await;
    caps(&it.admin, &it.space, &other, 1005).await;
    uses_logs(&suite, &other, "11").await;
    uses_logs(&suite, &it.app, "11").await;
    for app in [&it.app, &other] {
        assert_eq!(runs(&suite, &it.admin, app).await, STANDS);
    }
    suite.clock.advance(Duration::from_hours(24 * 31));
    for app in [&it.app, &other] {
        eventually(async || runtime(&suite).may("app.run", app).await.then_some(())).await;
        assert_eq!(runs(&suite, &it.admin, app).await, RUNS);
    }
    let pool = suite.pool(Service::Billing).await;
    let lifted = texts(&pool, "SELECT content FROM journal WHERE content LIKE '%devspaces.billing/lift%'");
    assert_eq!(lifted.await.len(), 1, "of one space in one entry");
    uses_logs(&suite, &other, "11").await;
    assert_eq!(runs(&suite, &it.admin, &other).await, STANDS, "each month anew");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
}

// R-B5, R-E4: meters are up to 5 minutes ahead.
async fn what_is_stamped_into_the_next_month_counts_when_that_begins(suite: Suite) {
    let (_, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    caps(&it.admin, &it.space, "", 1005).await;
    let start: devspaces_kit::clock::Timestamp = format!("{next}-01T00:00:00Z").parse().expect("a time");
    let before = devspaces_kit::clock::Timestamp::from_micros(start.micros() - 120_000_000);
    suite.clock.advance_to(&before.to_string());
    let ahead = UsageEvent { time: Some(start.into()), ..new_usage_event(&suite, &it.app, LOGS_GB, "11") };
    reports_accepted(&suite, ahead).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS, "of this month nothing is used");
    suite.clock.advance_to(&format!("{next}-02T00:00:00Z"));
    eventually(async || (!runtime(&suite).may("app.run", &it.app).await).then_some(())).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
}

// R-B12
async fn a_budget_that_is_no_cap_stops_nothing(suite: Suite) {
    let it = customer(&suite).await;
    for app in ["", &it.app] {
        let budget = Budget { cap: false, ..cap(1, app) };
        assert!(!sets_budget(&it.admin, &it.space, budget).await.expect("set").cap);
    }
    uses_logs(&suite, &it.app, "100").await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
}
