//! R-B12: a threshold of the budget that is crossed is told by the journal, once.
use std::time::Duration;

use devspaces::Service;
use devspaces_tests::{Persona, Suite, sql::texts, suite::eventually};
use serde_json::Value;

use crate::acts::{
    accounts::{budget, consents_to_invoicing, gets_budget, sets_budget},
    usage::{outcomes, usage_event},
};

scenarios! {
    both engines:
        a_crossing_is_one_entry_for_all_thresholds_and_once_a_month;
    two replicas:
        // R-B12: both replicas look at the budgets.
        a_crossing_is_one_entry_for_all_thresholds_and_once_a_month;
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
    crosses(&alice, &space, &[50, 90]).await;
    outcomes(&suite, &[usage_event(&suite, "b", &app, "1")]).await;
    crosses(&alice, &space, &[50, 90, 100]).await;
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
    assert_eq!(percents, [serde_json::json!([50, 90]), serde_json::json!([100]), serde_json::json!([50])]);
    assert!(told.iter().all(|entry| entry["actor"] == "services/billing" && entry["facts"] == false));
    assert!(told.iter().all(|entry| entry["method"] == "devspaces.billing/cross"));
    assert_eq!(told[0]["after"]["budget_crossing"]["estimate"], "9.04");
}
