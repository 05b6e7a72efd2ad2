//! What was stored under an older schema is there under the new one.
use devspaces::{Parts, Service};
use devspaces_ledger::db::{Pool, migrate};
use devspaces_proto::{
    billing::v1::{Invoice, ListRateCardsRequest, ListUsageRequest, UsageEvent},
    space::v1::{CreateSpaceRequest, Space},
};
use devspaces_tests::{
    Suite,
    sql::{count, execute, refuses, tamper},
    suite::eventually,
};

use crate::acts::{
    accounts::{account_of, budget, consents_to_invoicing, gets_budget, sets_budget},
    invoices::{Customer, exports, gets_invoice, previews_invoice, runs_billing},
    payments::{is_billed, pays},
    suspensions::{RUNS, STANDS, runs, runtime},
    usage::{
        ACCEPTED, DUPLICATE, LOGS_GB, SQL_REQUESTS, begins_mid_month, lists_usage, new_usage_event, outcomes,
        pages_of_usage, usage_event, usage_sums,
    },
};

scenarios! {
    both engines:
        what_was_measured_before_there_were_meters_stays_as_it_was,
        budgets_of_before_there_were_caps_stay_as_they_were,
        first_results_get_the_time_of_the_upgrade,
        sums_of_each_metric_become_sums_of_all,
        what_was_past_due_before_the_upgrade_suspends_its_apps_after_it;
}

/// What the 11th step of billing's schema and those after it made, undone: one budget of a space, and no reservations.
const BEFORE_CAPS: &str = "
    ALTER TABLE invoice_line DROP COLUMN beside; ALTER TABLE issued_invoice DROP COLUMN sequence;
    DROP INDEX account_untold; ALTER TABLE account DROP COLUMN told;
    DROP TABLE reservation; DROP TABLE allowance_crossing; DROP TABLE budget_look;
    CREATE TABLE budget_of_space (space UUID NOT NULL PRIMARY KEY, amount TEXT NOT NULL, currency TEXT NOT NULL,
        thresholds TEXT NOT NULL, update_time TIMESTAMPTZ NOT NULL, look_time TIMESTAMPTZ, look_month TEXT,
        look_sequence BIGINT);
    INSERT INTO budget_of_space (space, amount, currency, thresholds, update_time)
        SELECT space, amount, currency, thresholds, update_time FROM budget WHERE resource = space;
    DROP TABLE budget;
    ALTER TABLE budget_of_space RENAME TO budget;
    CREATE TABLE crossing_of_space (space UUID NOT NULL, month TEXT NOT NULL, percent INTEGER NOT NULL,
        PRIMARY KEY (space, month, percent));
    INSERT INTO crossing_of_space (space, month, percent)
        SELECT space, month, percent FROM budget_crossing WHERE resource = space;
    DROP TABLE budget_crossing;
    ALTER TABLE crossing_of_space RENAME TO budget_crossing";

/// What the 7th step of billing's schema made, undone: seven metrics, and one rate card.
const BEFORE_METERS: &str = "
    CREATE TABLE renamed (metric TEXT NOT NULL, meter TEXT NOT NULL);
    INSERT INTO renamed (metric, meter) VALUES
        ('FUNCTION_GB_SECONDS', 'function.gb_seconds'), ('KVS_READ_GB', 'kvs.read_gb'),
        ('KVS_WRITE_GB', 'kvs.write_gb'), ('LOGS_GB', 'logs.gb'), ('SQL_COMPUTE_HOURS', 'sql.compute_hours'),
        ('SQL_REQUESTS', 'sql.requests'), ('SQL_GB_HOURS', 'sql.storage_gb_hours');
    DELETE FROM rate_card WHERE version > 1;
    CREATE TABLE rate_of_metric (version INTEGER NOT NULL, metric TEXT NOT NULL, allowance TEXT NOT NULL,
        unit_price TEXT NOT NULL, PRIMARY KEY (version, metric));
    INSERT INTO rate_of_metric (version, metric, allowance, unit_price)
        SELECT r.version, n.metric, r.allowance, r.unit_price FROM rate r JOIN renamed n ON n.meter = r.meter
        WHERE r.version = 1;
    DROP TABLE rate;
    ALTER TABLE rate_of_metric RENAME TO rate;
    DROP TABLE meter;
    ALTER TABLE usage_event DROP COLUMN dimensions;
    ALTER TABLE usage_event RENAME COLUMN meter TO metric;
    UPDATE usage_event SET metric = (SELECT n.metric FROM renamed n WHERE n.meter = usage_event.metric);
    UPDATE usage_sums SET sums = replace(replace(sums, '\"logs.gb\"', '\"LOGS_GB\"'), '\"sql.requests\"', '\"SQL_REQUESTS\"');
    ALTER TABLE invoice_line RENAME COLUMN tariff TO metric;
    DELETE FROM migration WHERE component = 'billing' AND version >= 7";

/// The metrics of issued lines, which the database itself keeps from changing.
async fn metrics_of_lines_before(pool: &Pool) {
    let update = "UPDATE invoice_line SET metric = (SELECT n.metric FROM renamed n WHERE n.meter = invoice_line.metric)";
    let (before, after) = match pool {
        Pool::Sqlite { .. } => (
            "DROP TRIGGER invoice_line_update",
            "CREATE TRIGGER invoice_line_update BEFORE UPDATE ON invoice_line
             BEGIN SELECT RAISE(ABORT, 'what is issued never changes'); END",
        ),
        Pool::Postgres(_) => (
            "ALTER TABLE invoice_line DISABLE TRIGGER invoice_line_stays",
            "ALTER TABLE invoice_line ENABLE TRIGGER invoice_line_stays",
        ),
    };
    for statement in [before, update, after, "DROP TABLE renamed"] {
        execute(pool, statement).await;
    }
}

/// The table of sums as it was before the 6th step of billing's schema: a row for each metric.
const OLD_SUMS: &str = "CREATE TABLE usage_total (
    space UUID NOT NULL, billed_month TEXT NOT NULL, app UUID NOT NULL, metric TEXT NOT NULL,
    usage_month TEXT NOT NULL, held_from TIMESTAMPTZ NOT NULL, billable BOOLEAN NOT NULL,
    quantity TEXT NOT NULL, events BIGINT NOT NULL,
    PRIMARY KEY (space, billed_month, app, metric, usage_month, held_from, billable));
    CREATE INDEX usage_total_of_app ON usage_total (app, usage_month)";

/// Makes the table of invoices as it was before the 8th step of billing's schema.
const OLD_INVOICES: &str = "
    DROP INDEX usage_sums_adjusting; DROP INDEX consent_suspension_of_app;
    DROP TABLE usage_hour; DROP TABLE usage_day; DROP TABLE usage_month; DROP TABLE usage_summed;
    DROP TABLE credit; DROP TABLE credit_use;
    ALTER TABLE issued_invoice DROP COLUMN credit_applied;
    DROP TABLE usage_void; DROP INDEX usage_event_in_order;
    ALTER TABLE usage_event DROP COLUMN sequence; ALTER TABLE usage_event DROP COLUMN held_from;
    ALTER TABLE usage_event DROP COLUMN billable;
    DROP TABLE consent_suspension; DROP INDEX invoice_untold; ALTER TABLE invoice DROP COLUMN suspends";

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
        ..CreateSpaceRequest::default()
    };
    let first = alice.spaces().create_space(create.clone()).await.expect("created").into_inner();
    suite.stop(Service::Space).await;
    let pool = suite.pool(Service::Space).await;
    execute(&pool, "DROP TABLE standing").await;
    for table in ["webhook", "webhook_reader", "webhook_delivery", "webhook_lane"] {
        execute(&pool, &format!("DROP TABLE {table}")).await;
    }
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
    execute(&pool, BEFORE_CAPS).await;
    execute(&pool, OLD_INVOICES).await;
    execute(&pool, BEFORE_METERS).await;
    metrics_of_lines_before(&pool).await;
    execute(&pool, OLD_SUMS).await;
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
        expected.push((app.clone(), LOGS_GB.to_owned(), logs.to_owned(), events));
        expected.push((app.clone(), SQL_REQUESTS.to_owned(), "987654321098.210987654".to_owned(), 7));
    }
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(lists_usage(&alice, &space).await.expect("usage"), expected);
    // What was used before the account is not billed.
    let mut billed: Vec<_> =
        expected.into_iter().map(|(app, metric, quantity, _)| (app, metric, quantity)).collect();
    billed.iter_mut().filter(|line| line.1 == LOGS_GB).for_each(|line| line.2 = "0.25".into());
    let lines = previews_invoice(&alice, &space).await.expect("an invoice").lines;
    let lines: Vec<_> =
        lines.into_iter().map(|line| (line.app.clone(), line.meter.clone(), line.quantity)).collect();
    assert_eq!(lines, billed);
    // What comes now is added to what was there.
    assert_eq!(outcomes(&suite, &[usage_event(&suite, "c", &apps[1], "2")]).await, [ACCEPTED]);
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM usage_sums").await, 3);
    let logs = lists_usage(&alice, &space).await.expect("usage").into_iter().find(|it| it.0 == apps[1]);
    assert_eq!(logs, Some((apps[1].clone(), LOGS_GB.to_owned(), "2.25".into(), 3)));
}

/// What billing says of a month's usage, of its invoices and of what it costs.
async fn all_of(
    it: &Customer,
    month: &str,
) -> (Vec<(String, String, String, i64)>, Vec<Invoice>, Vec<String>) {
    let of_month = ListUsageRequest {
        parent: account_of(&it.space),
        month: month.to_owned(),
        ..ListUsageRequest::default()
    };
    let used = pages_of_usage(&it.admin, of_month).await.expect("usage");
    let (mut invoices, mut exported) = (Vec::new(), Vec::new());
    for invoice in it.invoices().await {
        invoices.push(gets_invoice(&it.admin, &invoice.name).await.expect("an invoice"));
        exported.push(exports(&it.admin, &invoice.name).await.expect("CSV").0);
    }
    (used, invoices, exported)
}

// R-B6, R-B7: events, sums, rates and issued lines say what they said, and what comes now is added to them.
async fn what_was_measured_before_there_were_meters_stays_as_it_was(suite: Suite) {
    let mut suite = suite;
    let (this, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let events = [
        new_usage_event(&suite, &it.app, LOGS_GB, "11"),
        new_usage_event(&suite, &it.app, SQL_REQUESTS, "100001.000000001"),
    ];
    assert_eq!(outcomes(&suite, &events).await, [ACCEPTED; 2]);
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let late = UsageEvent { time: events[0].time, ..new_usage_event(&suite, &it.app, LOGS_GB, "0.25") };
    assert_eq!(outcomes(&suite, std::slice::from_ref(&late)).await, [ACCEPTED]);

    let before = all_of(&it, &this).await;
    assert_eq!((before.0.len(), before.1.len()), (2, 1));
    suite.stop(Service::Billing).await;
    let pool = suite.pool(Service::Billing).await;
    execute(&pool, BEFORE_CAPS).await;
    execute(&pool, OLD_INVOICES).await;
    execute(&pool, BEFORE_METERS).await;
    metrics_of_lines_before(&pool).await;
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM usage_event WHERE metric = 'LOGS_GB'").await, 2);
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM invoice_line WHERE metric = 'SQL_REQUESTS'").await, 1);
    assert!(migrate(&pool, &Parts::of(Service::Billing).schema()).await.expect("migrated") >= 1);
    suite.restart(Service::Billing).await;

    assert_eq!(all_of(&it, &this).await, before);
    // What is known stays known, and the database goes on to refuse a change of what is issued.
    assert_eq!(outcomes(&suite, &[events[0].clone(), late]).await, [DUPLICATE; 2]);
    assert!(refuses(&pool, "UPDATE invoice_line SET free_quantity = '11'").await);
    // Accounts have agreed to the prices that they know: what they did not know then is not added to them.
    let cards = it.admin.usage().list_rate_cards(ListRateCardsRequest::default()).await.expect("cards");
    let versions: Vec<_> = cards.into_inner().rate_cards.into_iter().map(|card| card.version).collect();
    assert_eq!(versions, [1]);
    assert_eq!(outcomes(&suite, &[new_usage_event(&suite, &it.app, LOGS_GB, "2")]).await, [ACCEPTED]);
    assert_eq!(usage_sums(&it.admin, &it.space).await, [("2".to_owned(), 1)]);
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
    execute(&pool, BEFORE_CAPS).await;
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

// R-B12: nor is a threshold told again that was crossed before.
async fn budgets_of_before_there_were_caps_stay_as_they_were(suite: Suite) {
    let mut suite = suite;
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    sets_budget(&it.admin, &it.space, budget(10, 50_000_000, &[50, 90])).await.expect("set");
    let event = new_usage_event(&suite, &it.app, LOGS_GB, "7");
    assert_eq!(outcomes(&suite, &[event]).await, [ACCEPTED]);
    let crossed = async || {
        let budget = gets_budget(&it.admin, &it.space).await.ok()?;
        (budget.crossed_percents == [50]).then_some(budget)
    };
    let before = eventually(crossed).await;
    suite.stop(Service::Billing).await;
    let pool = suite.pool(Service::Billing).await;
    execute(&pool, BEFORE_CAPS).await;
    execute(&pool, "DELETE FROM migration WHERE component = 'billing' AND version >= 11").await;
    assert!(migrate(&pool, &Parts::of(Service::Billing).schema()).await.expect("migrated") >= 1);
    suite.restart(Service::Billing).await;
    assert_eq!(eventually(crossed).await, before);
    // Its budgets are looked at anew.
    let looks = "SELECT COUNT(*) FROM budget_look";
    eventually(async || (count(&pool, looks).await == 1).then_some(())).await;
    let entries = "SELECT COUNT(*) FROM journal WHERE content LIKE '%budget_crossing%'";
    assert_eq!(count(&pool, entries).await, 1);
}
