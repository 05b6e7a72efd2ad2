//! R-B12: a threshold of the budget that is crossed is told by the journal, once.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::billing::v1::Budget;
use devspaces_tests::{Persona, Suite, sql::texts, suite::eventually};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    acts::{
        accounts::{budget, consents_to_invoicing, gets_budget, sets_budget},
        budgets::{budget_of_app, budget_of_space, cap, lists_budgets},
        invoices::Customer,
        refusals::settled,
        transfers::initiates_transfer,
        usage::{
            LOGS_GB, SQL_REQUESTS, begins_mid_month, new_usage_event, outcomes, reports_accepted,
            reports_usage, usage_event,
        },
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_crossing_is_one_entry_for_all_thresholds_and_once_a_month,
        each_budget_has_crossings_of_its_own,
        a_threshold_of_an_allowance_is_told_once_whoever_crosses_it,
        each_rate_of_each_app_has_an_allowance_of_its_own,
        a_months_last_hours_cross_thresholds_of_its_budgets_also_when_they_are_told_in_the_next;
    two replicas:
        // R-B12: both replicas look at the budgets.
        a_crossing_is_one_entry_for_all_thresholds_and_once_a_month,
        each_budget_has_crossings_of_its_own,
        a_threshold_of_an_allowance_is_told_once_whoever_crosses_it;
}

/// The percentages that a space's budget has crossed, once they are these.
async fn crosses(who: &Persona, space: &str, percents: &[i32]) {
    eventually(async || {
        let budget = gets_budget(who, space).await.ok()?;
        (budget.crossed_percents == percents).then_some(())
    })
    .await;
}

// R-B12
async fn a_crossing_is_one_entry_for_all_thresholds_and_once_a_month(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    sets_budget(&alice, &space, budget(10, 0, &[])).await.expect("set");
    // 9 GB above what is free come to 9.045: 50 and 90 per cent at once.
    outcomes(&suite, &[usage_event(&suite, "a", &app, "10")]).await;
    crosses(&alice, &space, &[50, 75, 90]).await;
    outcomes(&suite, &[usage_event(&suite, "b", &app, "1")]).await;
    crosses(&alice, &space, &[50, 75, 90, 100]).await;
    outcomes(&suite, &[usage_event(&suite, "c", &app, "100")]).await;
    // The sweep of the next month comes after those of this one.
    suite.clock.advance(Duration::from_hours(24 * 32));
    outcomes(&suite, &[usage_event(&suite, "d", &app, "7")]).await;
    crosses(&alice, &space, &[50]).await;
    let pool = suite.pool(Service::Billing).await;
    let entries = texts(&pool, "SELECT content FROM journal ORDER BY sequence").await;
    let entries = entries.iter().map(|entry| serde_json::from_str::<Value>(entry).expect("JSON"));
    let told: Vec<_> = entries.filter(|entry| !entry["after"]["budget_crossing"].is_null()).collect();
    let percents: Vec<_> =
        told.iter().map(|entry| entry["after"]["budget_crossing"]["percents"].clone()).collect();
    assert_eq!(
        percents,
        [serde_json::json!([50, 75, 90]), serde_json::json!([100]), serde_json::json!([50])]
    );
    assert!(told.iter().all(|entry| entry["actor"] == "services/billing" && entry["facts"] == false));
    assert!(told.iter().all(|entry| entry["method"] == "devspaces.billing/cross"));
    assert_eq!(told[0]["after"]["budget_crossing"]["estimate"], "9.04");
}

/// What the billing service's journal says under a name, in the order of the entries.
async fn told(suite: &Suite, field: &str) -> Vec<Value> {
    let pool = suite.pool(Service::Billing).await;
    let entries = texts(&pool, "SELECT content FROM journal ORDER BY scope, sequence").await;
    let entries = entries.iter().map(|entry| serde_json::from_str::<Value>(entry).expect("JSON"));
    entries.map(|entry| entry["after"][field].clone()).filter(|told| !told.is_null()).collect()
}

// R-B12: and not again when the services start again.
async fn each_budget_has_crossings_of_its_own(suite: Suite) {
    let mut suite = suite;
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let other = it.admin.creates_app(&it.space).await;
    for (app, cents) in [("", 2010), (&it.app, 1005), (&other, 1005)] {
        sets_budget(&it.admin, &it.space, Budget { cap: false, ..cap(cents, app) }).await.expect("set");
    }
    reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "11")).await;
    let names =
        [budget_of_space(&it.space), budget_of_app(&it.space, &it.app), budget_of_app(&it.space, &other)];
    let are_crossed = async |expected: [&[i32]; 3]| {
        eventually(async || {
            let budgets = lists_budgets(&it.admin, &it.space).await.ok()?;
            let crossed = |name: &String| {
                let budget = budgets.iter().find(|budget| budget.name == *name).expect("a budget");
                budget.crossed_percents.clone()
            };
            let all = names.each_ref().map(crossed);
            (all.iter().zip(expected).all(|(all, expected)| all == expected)).then_some(())
        })
        .await;
    };
    are_crossed([&[50], &[50, 75, 90, 100], &[]]).await;
    suite.stop(Service::Billing).await;
    suite.restart(Service::Billing).await;
    eventually(async || {
        let event = new_usage_event(&suite, &other, LOGS_GB, "6.5");
        reports_usage(&suite.persona("services/metering"), &[event]).await.ok()
    })
    .await;
    are_crossed([&[50, 75], &[50, 75, 90, 100], &[50]]).await;
    let mut all: Vec<_> = told(&suite, "budget_crossing").await;
    all.sort_by_key(|it| (it["budget"].to_string(), it["percents"].to_string()));
    let of = |name: &str| {
        let of = all.iter().filter(|it| it["budget"] == name);
        of.map(|it| it["percents"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of(&names[0]), [json!([50]), json!([75])]);
    assert_eq!(of(&names[1]), [json!([50, 75, 90, 100])]);
    assert_eq!(of(&names[2]), [json!([50])]);
    assert_eq!(all.len(), 4);
}

// R-B12: of several reports at once, and of two spaces that have held the app.
async fn a_threshold_of_an_allowance_is_told_once_whoever_crosses_it(suite: Suite) {
    for _ in 0..rounds::<u16>(6) {
        begins_mid_month(&suite);
        let it = Customer::new(&suite, "alice").await;
        let to = it.admin.creates_space("Other").await;
        consents_to_invoicing(&it.admin, &to).await.expect("an account");
        suite.clock.advance(Duration::from_secs(1));
        let mut events: Vec<_> = (0..4).map(|_| new_usage_event(&suite, &it.app, LOGS_GB, "0.15")).collect();
        suite.clock.advance(Duration::from_secs(1));
        initiates_transfer(&it.admin, &it.app, &to).await.expect("moved");
        suite.clock.advance(Duration::from_secs(1));
        events.extend((0..4).map(|_| new_usage_event(&suite, &it.app, LOGS_GB, "0.15")));
        let who = suite.persona("services/metering");
        let reports = events.iter().map(|event| {
            let who = who.clone();
            async move { settled(async || reports_usage(&who, std::slice::from_ref(event)).await).await }
        });
        for reported in join_all(reports).await {
            reported.expect("reported");
        }
        // One of them may not have seen the first of the others, which the next does.
        reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "0.01")).await;
        let all = told(&suite, "allowance_crossings").await;
        let of_app =
            all.iter().flat_map(|it| it.as_array().expect("a list")).filter(|one| one["app"] == it.app);
        let mut percents: Vec<_> = of_app
            .flat_map(|one| one["percents"].as_array().expect("a list").iter().map(Value::as_i64))
            .collect();
        percents.sort_unstable();
        assert_eq!(percents, [50, 75, 90, 100].map(Some));
    }
}

// R-B6, R-B12: also where nobody pays, and each month anew.
async fn each_rate_of_each_app_has_an_allowance_of_its_own(suite: Suite) {
    let (this, _) = begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let [app, other] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    for (of, meter, quantity) in [
        (&app, LOGS_GB, "0.49"),
        (&other, LOGS_GB, "0.8"),
        (&app, SQL_REQUESTS, "90000"),
        (&app, LOGS_GB, "0.01"),
        (&app, LOGS_GB, "0.01"),
    ] {
        reports_accepted(&suite, new_usage_event(&suite, of, meter, quantity)).await;
    }
    let crossing = |app: &str, meter: &str, percents: &[i32], used: &str, allowance: &str| json!([{ "app": app, "meter": meter, "month": this, "percents": percents, "used": used, "allowance": allowance }]);
    let expected = [
        crossing(&other, LOGS_GB, &[50, 75], "0.8", "1"),
        crossing(&app, SQL_REQUESTS, &[50, 75, 90], "90000", "100000"),
        crossing(&app, LOGS_GB, &[50], "0.5", "1"),
    ];
    assert_eq!(told(&suite, "allowance_crossings").await, expected);
    suite.clock.advance(Duration::from_hours(24 * 31));
    reports_accepted(&suite, new_usage_event(&suite, &app, LOGS_GB, "0.5")).await;
    assert_eq!(told(&suite, "allowance_crossings").await.len(), 4);
}

// R-B12, R-B8: until the month's invoice is issued, and of budgets alone that were there in the month.
async fn a_months_last_hours_cross_thresholds_of_its_budgets_also_when_they_are_told_in_the_next(
    suite: Suite,
) {
    let (this, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let other = it.admin.creates_app(&it.space).await;
    sets_budget(&it.admin, &it.space, budget(10, 0, &[50, 90])).await.expect("set");
    suite.clock.advance(Duration::from_secs(1));
    let late = [&it.app, &other].map(|app| new_usage_event(&suite, app, LOGS_GB, "7"));
    suite.clock.advance_to(&format!("{next}-01T00:00:10Z"));
    sets_budget(&it.admin, &it.space, Budget { cap: false, ..cap(100, &other) }).await.expect("set");
    reports_accepted(&suite, late[0].clone()).await;
    let percents = async || {
        let all = told(&suite, "budget_crossing").await;
        all.iter().map(|it| json!([it["budget"], it["month"], it["percents"]])).collect::<Vec<_>>()
    };
    let of_space = |percents: &[i32]| json!([budget_of_space(&it.space), this, percents]);
    eventually(async || (percents().await == [of_space(&[50])]).then_some(())).await;
    let [_, of_other] = late;
    reports_accepted(&suite, of_other).await;
    eventually(async || (percents().await == [of_space(&[50]), of_space(&[90])]).then_some(())).await;
    // This month nothing is crossed yet.
    assert_eq!(gets_budget(&it.admin, &it.space).await.expect("a budget").crossed_percents, [0; 0]);
}
