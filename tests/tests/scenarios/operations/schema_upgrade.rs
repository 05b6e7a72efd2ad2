//! What was stored under an older schema is there under the new one.
use devspaces::{Parts, Service};
use devspaces_ledger::db::migrate;
use devspaces_proto::{
    billing::v1::Metric,
    space::v1::{CreateSpaceRequest, Space},
};
use devspaces_tests::{
    Suite,
    sql::{count, execute, tamper},
    suite::eventually,
};

use crate::acts::{
    accounts::consents_to_invoicing,
    invoices::{Customer, previews_invoice},
    payments::{is_billed, pays},
    suspensions::{RUNS, STANDS, runs, runtime},
    usage::{ACCEPTED, begins_mid_month, lists_usage, outcomes, usage_event},
};

scenarios! {
    both engines:
        first_results_get_the_time_of_the_upgrade,
        sums_of_each_metric_become_sums_of_all,
        what_was_past_due_before_the_upgrade_suspends_its_apps_after_it;
}

/// The table of sums as it was before the 6th step of billing's schema: a row for each metric.
const OLD_SUMS: &str = "CREATE TABLE usage_total (
    space UUID NOT NULL, billed_month TEXT NOT NULL, app UUID NOT NULL, metric TEXT NOT NULL,
    usage_month TEXT NOT NULL, held_from TIMESTAMPTZ NOT NULL, billable BOOLEAN NOT NULL,
    quantity TEXT NOT NULL, events BIGINT NOT NULL,
    PRIMARY KEY (space, billed_month, app, metric, usage_month, held_from, billable));
    CREATE INDEX usage_total_of_app ON usage_total (app, usage_month)";

/// Makes the table of invoices as it was before the 8th step of billing's schema.
const OLD_INVOICES: &str = "DROP INDEX invoice_untold; ALTER TABLE invoice DROP COLUMN suspends";

/// A sum of this metric beside each that stands in the new table, where a condition holds.
fn old_sum(metric: &str, quantity: &str, events: u8, of: &str) -> String {
    format!(
        "INSERT INTO usage_total
         SELECT space, billed_month, app, '{metric}', usage_month, held_from, billable, '{quantity}', {events}
         FROM usage_sums WHERE {of}"
    )
}

// R-J5: first results that were given under the schema without a time are good for as long as those given now.
async fn first_results_get_the_time_of_the_upgrade(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let create = CreateSpaceRequest {
        space: Some(Space { display_name: "Team".to_owned(), ..Space::default() }),
        request_id: suite.request_id(),
    };
    let first = alice.spaces().create_space(create.clone()).await.expect("created").into_inner();
    suite.stop(Service::Space).await;
    let pool = suite.pool(Service::Space).await;
    execute(&pool, "DROP TABLE standing").await;
    execute(&pool, "DROP INDEX replay_by_time").await;
    execute(&pool, "ALTER TABLE replay DROP COLUMN create_time").await;
    execute(&pool, "DELETE FROM migration WHERE component = 'kit' AND version >= 4").await;
    assert!(migrate(&pool, &Parts::of(Service::Space).schema()).await.expect("migrated") >= 1);
    let since = "SELECT count(*) FROM replay WHERE create_time > '2026-01-01T00:00:00.000000Z' AND create_time < '2999-01-01T00:00:00.000000Z'";
    assert_eq!(count(&pool, since).await, 1);
    suite.restart(Service::Space).await;
    assert_eq!(alice.spaces().create_space(create).await.expect("replayed").into_inner(), first);
}

// R-B5, R-B6: nothing that was used is lost, changed or billed otherwise.
async fn sums_of_each_metric_become_sums_of_all(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let apps = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    assert_eq!(outcomes(&suite, &[usage_event(&suite, "early", &apps[0], "1")]).await, [ACCEPTED]);
    suite.clock.advance(std::time::Duration::from_millis(10));
    consents_to_invoicing(&alice, &space).await.expect("an account");
    let events = [usage_event(&suite, "a", &apps[0], "1"), usage_event(&suite, "b", &apps[1], "1")];
    assert_eq!(outcomes(&suite, &events).await, [ACCEPTED; 2]);

    suite.stop(Service::Billing).await;
    let pool = suite.pool(Service::Billing).await;
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM usage_sums").await, 3);
    execute(&pool, OLD_SUMS).await;
    execute(&pool, OLD_INVOICES).await;
    tamper(&pool, &old_sum("LOGS_GB", "0.250", 2, "TRUE")).await;
    tamper(&pool, &old_sum("SQL_REQUESTS", "987654321098.210987654", 7, "billable")).await;
    execute(
        &pool,
        "DROP TABLE usage_sums; DELETE FROM migration WHERE component = 'billing' AND version >= 6",
    )
    .await;
    assert!(migrate(&pool, &Parts::of(Service::Billing).schema()).await.expect("migrated") >= 1);
    suite.restart(Service::Billing).await;

    let mut expected = Vec::new();
    for (app, logs, events) in [(&apps[0], "0.5", 4), (&apps[1], "0.25", 2)] {
        expected.push((app.clone(), Metric::LogsGb, logs.to_owned(), events));
        expected.push((app.clone(), Metric::SqlRequests, "987654321098.210987654".to_owned(), 7));
    }
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(lists_usage(&alice, &space).await.expect("usage"), expected);
    // What was used before the account is not billed.
    let mut billed: Vec<_> =
        expected.into_iter().map(|(app, metric, quantity, _)| (app, metric, quantity)).collect();
    billed.iter_mut().filter(|line| line.1 == Metric::LogsGb).for_each(|line| line.2 = "0.25".into());
    let lines = previews_invoice(&alice, &space).await.expect("an invoice").lines;
    let lines: Vec<_> =
        lines.into_iter().map(|line| (line.app.clone(), line.metric(), line.quantity)).collect();
    assert_eq!(lines, billed);
    // What comes now is added to what was there.
    assert_eq!(outcomes(&suite, &[usage_event(&suite, "c", &apps[1], "2")]).await, [ACCEPTED]);
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM usage_sums").await, 3);
    let logs = lists_usage(&alice, &space).await.expect("usage").into_iter().find(|it| it.0 == apps[1]);
    assert_eq!(logs, Some((apps[1].clone(), Metric::LogsGb, "2.25".into(), 3)));
}

// R-E2: the space service was not told of it then, and is once.
async fn what_was_past_due_before_the_upgrade_suspends_its_apps_after_it(suite: Suite) {
    let mut suite = suite;
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let unused = it.admin.creates_app(&it.space).await;
    let invoice = is_billed(&suite, &it, &[&it.app]).await;
    suite.stop(Service::Billing).await;
    let pool = suite.pool(Service::Billing).await;
    tamper(&pool, "UPDATE invoice SET state = 'PAST_DUE', next_attempt_time = NULL WHERE state = 'OPEN'")
        .await;
    execute(&pool, OLD_INVOICES).await;
    execute(&pool, "DELETE FROM migration WHERE component = 'billing' AND version >= 8").await;
    assert!(migrate(&pool, &Parts::of(Service::Billing).schema()).await.expect("migrated") >= 1);
    assert!(runtime(&suite).may("app.run", &it.app).await, "it was not suspended for that");
    suite.restart(Service::Billing).await;
    eventually(async || (!runtime(&suite).may("app.run", &it.app).await).then_some(())).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    assert_eq!(runs(&suite, &it.admin, &unused).await, RUNS);
    let entries = "SELECT COUNT(*) FROM journal WHERE content LIKE '%devspaces.billing/suspend%'";
    assert_eq!(count(&pool, entries).await, 1);
    pays(&suite, &invoice).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
}
