//! What may be spent a month (R-B12).
use devspaces::Service;
use devspaces_proto::billing::v1::{Budget, GetBudgetRequest, SetBudgetRequest};
use devspaces_tests::{
    Suite, refused,
    sql::{insert, uuid as written},
};

use crate::acts::{
    accounts::{budget, gets_budget, run_by_bob, sets_budget},
    refusals::{DENIED, INVALID, NOT_FOUND},
};

scenarios! {
    both engines:
        crossed_thresholds_are_those_of_the_amount;
    everywhere:
        a_budget_is_set_by_billing_admins_and_shown_to_admins_too,
        every_bad_field_of_a_budget_is_told_at_once;
}

// R-B12
async fn a_budget_is_set_by_billing_admins_and_shown_to_admins_too(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    assert_eq!(refused(gets_budget(&alice, &space).await).kind(), NOT_FOUND);
    let set = sets_budget(&bob, &space, budget(250, 500_000_000, &[])).await.expect("set");
    assert_eq!(set.threshold_percents, [50, 90, 100]);
    assert_eq!(
        (set.amount.clone(), set.crossed_percents.clone()),
        (budget(250, 500_000_000, &[]).amount, vec![])
    );
    assert!(set.update_time.is_some());
    for reader in [&alice, &bob] {
        assert_eq!(gets_budget(reader, &space).await.expect("the budget"), set);
    }
    assert_eq!(refused(gets_budget(&mallory, &space).await).kind(), DENIED);
    assert_eq!(refused(sets_budget(&alice, &space, budget(1, 0, &[])).await).kind(), DENIED);
    let cent = sets_budget(&bob, &space, budget(0, 10_000_000, &[1000, 1])).await.expect("replaced");
    assert_eq!((cent.amount.expect("an amount").nanos, cent.threshold_percents), (10_000_000, vec![1, 1000]));
}

// R-B12: what was crossed is told while it is a threshold of the same amount.
async fn crossed_thresholds_are_those_of_the_amount(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    sets_budget(&bob, &space, budget(100, 0, &[])).await.expect("set");
    let pool = suite.pool(Service::Billing).await;
    let id = written(&pool, space.strip_prefix("spaces/").expect("a name").parse().expect("an id"));
    let month = &devspaces_kit::clock::Clock::now(&*suite.clock).to_string()[..7];
    let rows =
        [format!("{id}, '{month}', 90"), format!("{id}, '{month}', 50"), format!("{id}, '2020-01', 100")];
    insert(&pool, "budget_crossing (space, month, percent)", &rows).await;
    assert_eq!(
        gets_budget(&bob, &space).await.expect("the budget").crossed_percents,
        [50, 90],
        "of this month"
    );
    let fewer = sets_budget(&bob, &space, budget(100, 0, &[90, 95])).await.expect("set");
    assert_eq!(fewer.crossed_percents, [90]);
    let more = sets_budget(&bob, &space, budget(200, 0, &[])).await.expect("set");
    assert!(more.crossed_percents.is_empty());
    assert!(gets_budget(&alice, &space).await.expect("the budget").crossed_percents.is_empty());
}

// Order of answers, R-B12
async fn every_bad_field_of_a_budget_is_told_at_once(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let mut all = budget(-1, 1, &[0]);
    all.amount.as_mut().expect("an amount").currency_code = "EUR".into();
    let fields = [
        "budget.amount.currency_code",
        "budget.amount.units",
        "budget.amount.nanos",
        "budget.threshold_percents",
    ];
    assert_eq!(refused(sets_budget(&bob, &space, all).await).fields, fields);
    assert_eq!(refused(sets_budget(&bob, &space, Budget::default()).await).fields, ["budget.amount"]);
    for (bad, field) in [
        (budget(0, 0, &[]), "budget.amount"),
        (budget(1, 5_000_000, &[]), "budget.amount.nanos"),
        (budget(1, 1_000_000_000, &[]), "budget.amount.nanos"),
        (budget(0, -10_000_000, &[]), "budget.amount.nanos"),
        (budget(1, 0, &[50, 50]), "budget.threshold_percents"),
        (budget(1, 0, &[1001]), "budget.threshold_percents"),
        (budget(1, 0, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), "budget.threshold_percents"),
    ] {
        let refusal = refused(sets_budget(&bob, &space, bad).await);
        assert_eq!((refusal.code, refusal.fields), (INVALID.0, vec![field.to_owned()]));
    }
    sets_budget(&bob, &space, budget(i64::MAX, 990_000_000, &[])).await.expect("any amount there is");
    let request = SetBudgetRequest { parent: space.clone(), request_id: "x".into(), ..Default::default() };
    assert_eq!(refused(bob.accounts().set_budget(request).await).fields, ["parent", "request_id"]);
    assert_eq!(refused(bob.accounts().get_budget(GetBudgetRequest { name: space }).await).fields, ["name"]);
}
