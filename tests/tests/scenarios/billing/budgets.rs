//! What may be spent a month (R-B12).
use devspaces::Service;
use devspaces_proto::billing::v1::{Budget, GetBudgetRequest, RemoveBudgetRequest, SetBudgetRequest};
use devspaces_tests::{
    Suite, refused,
    sql::{insert, uuid as written},
};

use crate::acts::{
    accounts::{budget, gets_budget, run_by_bob, sets_budget},
    budgets::{budget_of_app, budget_of_space, cap, gets_budget_named, lists_budgets, removes_budget},
    refusals::{DENIED, INVALID, NOT_FOUND},
};

scenarios! {
    both engines:
        crossed_thresholds_are_those_of_the_amount;
    everywhere:
        a_budget_is_set_by_billing_admins_and_shown_to_admins_too,
        budgets_of_apps_stand_beside_that_of_the_space,
        an_apps_budget_is_for_an_app_of_the_space,
        a_budget_that_is_removed_is_gone,
        every_bad_field_of_a_budget_is_told_at_once;
}

// R-B12
async fn a_budget_is_set_by_billing_admins_and_shown_to_admins_too(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    assert_eq!(refused(gets_budget(&alice, &space).await).kind(), NOT_FOUND);
    let set = sets_budget(&bob, &space, budget(250, 500_000_000, &[])).await.expect("set");
    assert_eq!(set.threshold_percents, [50, 75, 90, 100]);
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
    let crossed = |month: &str, percent: u8| format!("{id}, {id}, '{month}', {percent}");
    let rows = [crossed(month, 90), crossed(month, 50), crossed("2020-01", 100)];
    insert(&pool, "budget_crossing (space, resource, month, percent)", &rows).await;
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

// R-B12
async fn budgets_of_apps_stand_beside_that_of_the_space(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let mut apps = Vec::new();
    for _ in 0..4 {
        apps.push(alice.creates_app(&space).await);
    }
    apps.sort_unstable();
    assert!(lists_budgets(&alice, &space).await.expect("none").is_empty());
    let mut set = Vec::new();
    for app in [&apps[3], &String::new(), &apps[0], &apps[2]] {
        set.push(sets_budget(&bob, &space, cap(500, app)).await.expect("set"));
    }
    let expected = [&set[1], &set[2], &set[3], &set[0]].map(Clone::clone);
    for reader in [&alice, &bob] {
        assert_eq!(lists_budgets(reader, &space).await.expect("budgets"), expected);
    }
    for (budget, app) in expected.iter().zip(["", &apps[0], &apps[2], &apps[3]]) {
        let name = if app.is_empty() { budget_of_space(&space) } else { budget_of_app(&space, app) };
        assert_eq!((budget.name.as_str(), budget.app.as_str()), (name.as_str(), app));
        assert_eq!(gets_budget_named(&alice, &name).await.expect("the budget"), *budget);
    }
    let other = budget_of_app(&space, &apps[1]);
    assert_eq!(refused(gets_budget_named(&alice, &other).await).kind(), NOT_FOUND);
    assert_eq!(refused(lists_budgets(&mallory, &space).await).kind(), DENIED);
    assert_eq!(refused(gets_budget_named(&mallory, &expected[1].name).await).kind(), DENIED);
}

// R-B12, R-P3: one elsewhere looks like one that there is not.
async fn an_apps_budget_is_for_an_app_of_the_space(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let elsewhere = mallory.creates_app(&mallory.creates_space("Other").await).await;
    for app in [&elsewhere, "apps/0190a8d0-7b1c-7def-8000-000000000001"] {
        assert_eq!(refused(sets_budget(&bob, &space, cap(1, app)).await).kind(), NOT_FOUND);
    }
    let malformed = refused(sets_budget(&bob, &space, cap(1, "apps/x")).await);
    assert_eq!(malformed.fields, ["budget.app"]);
    let here = alice.creates_app(&space).await;
    assert_eq!(refused(sets_budget(&alice, &space, cap(1, &here)).await).kind(), DENIED);
}

// R-B12
async fn a_budget_that_is_removed_is_gone(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let app = alice.creates_app(&space).await;
    for of in ["", &app] {
        let name = sets_budget(&bob, &space, cap(100, of)).await.expect("set").name;
        assert_eq!(refused(removes_budget(&alice, &name).await).kind(), DENIED);
        let preview = RemoveBudgetRequest { name: name.clone(), validate_only: true, ..Default::default() };
        bob.accounts().remove_budget(preview).await.expect("it could be");
        gets_budget_named(&bob, &name).await.expect("it is there");
        removes_budget(&bob, &name).await.expect("removed");
        assert_eq!(refused(gets_budget_named(&bob, &name).await).kind(), NOT_FOUND);
        assert_eq!(refused(removes_budget(&bob, &name).await).kind(), NOT_FOUND);
    }
    assert_eq!(refused(removes_budget(&bob, "budgets/x").await).fields, ["name"]);
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
