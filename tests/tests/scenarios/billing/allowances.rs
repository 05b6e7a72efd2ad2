//! What is free for an app in a month, as those see it who work with the app (R-B12).
use devspaces::Service;
use devspaces_proto::{
    billing::v1::{Allowance, GetAllowancesRequest},
    journal::v1::Entry,
    space::v1::ContributorRole,
};
use devspaces_tests::{Persona, Suite, refused};
use serde_json::{Value, json};
use tonic::{Code, Response, Status};

use crate::acts::{
    accounts::consents_to_invoicing,
    contributors::adds_contributors,
    journal::{entries_of, json_of, lists_entries},
    refusals::DENIED,
    transfers::initiates_transfer,
    usage::{FUNCTION_GB_SECONDS, LOGS_GB, begins_mid_month, new_usage_event, reports_accepted},
};

scenarios! {
    both engines:
        contributors_see_what_is_used_of_allowances_also_without_an_account,
        a_threshold_is_told_in_the_journals_of_the_app_and_of_the_space_that_it_is_in;
}

async fn allowances(who: &Persona, app: &str, month: &str) -> Result<Vec<Allowance>, Status> {
    let request = GetAllowancesRequest { app: app.to_owned(), month: month.to_owned() };
    who.usage().get_allowances(request).await.map(Response::into_inner).map(|it| it.allowances)
}

fn of_logs(used: &str, reached_percents: &[i32]) -> Allowance {
    Allowance {
        meter: LOGS_GB.to_owned(),
        used: used.to_owned(),
        allowance: "1".to_owned(),
        reached_percents: reached_percents.to_vec(),
        ..Allowance::default()
    }
}

// R-B12, R-B14
async fn contributors_see_what_is_used_of_allowances_also_without_an_account(suite: Suite) {
    let (this, next) = begins_mid_month(&suite);
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    adds_contributors(&alice, &app, &[(&bob, ContributorRole::Viewer)]).await.expect("added");
    assert_eq!(allowances(&bob, &app, "").await.expect("allowances"), [], "of what was not used");
    reports_accepted(&suite, new_usage_event(&suite, &app, LOGS_GB, "0.5")).await;
    assert_eq!(allowances(&bob, &app, "").await.expect("allowances"), [of_logs("0.5", &[50])]);
    reports_accepted(&suite, new_usage_event(&suite, &app, LOGS_GB, "0.75")).await;
    reports_accepted(&suite, new_usage_event(&suite, &app, FUNCTION_GB_SECONDS, "1")).await;
    let seen = allowances(&alice, &app, &this).await.expect("allowances");
    assert_eq!(seen.last(), Some(&of_logs("1.25", &[50, 75, 90, 100])));
    assert_eq!(seen.len(), 2);
    assert_eq!(allowances(&bob, &app, &next).await.expect("allowances"), []);
    assert_eq!(refused(allowances(&mallory, &app, "").await).kind(), DENIED);
    let bad = refused(allowances(&bob, &app, "2026-13").await);
    assert_eq!(bad.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["month"]));
}

/// What entries of billing's tell of allowances, in the order of the entries.
fn told(entries: &[Entry]) -> Vec<Value> {
    let after = entries.iter().map(|entry| entry.after.as_ref().map(json_of).unwrap_or_default());
    let crossings = after.map(|after| after["allowance_crossings"].clone()).filter(|told| !told.is_null());
    crossings.flat_map(|told| told.as_array().cloned().unwrap_or_default()).collect()
}

// R-B12: by the time that the report is answered, each of them once; also where nobody is billing admin.
async fn a_threshold_is_told_in_the_journals_of_the_app_and_of_the_space_that_it_is_in(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let (space, other) = (alice.creates_space("Team").await, alice.creates_space("Other").await);
    let app = alice.creates_app(&space).await;
    for quantity in ["0.5", "0.1"] {
        reports_accepted(&suite, new_usage_event(&suite, &app, LOGS_GB, quantity)).await;
    }
    let journal = async |scope: &str| {
        let mut entries = lists_entries(&alice, Service::Space, entries_of(scope)).await;
        entries.sort_by_key(|entry| entry.sequence);
        told(&entries).iter().map(|it| json!([it["app"], it["meter"], it["percents"]])).collect::<Vec<_>>()
    };
    let crossed = |percents: &[f64]| json!([app, LOGS_GB, percents]);
    assert_eq!(journal(&space).await, [crossed(&[50.0])]);
    assert_eq!(journal(&app).await, [crossed(&[50.0])]);
    initiates_transfer(&alice, &app, &other).await.expect("moved");
    reports_accepted(&suite, new_usage_event(&suite, &app, LOGS_GB, "0.2")).await;
    assert_eq!(journal(&other).await, [crossed(&[75.0])]);
    assert_eq!(journal(&space).await, [crossed(&[50.0])]);
    consents_to_invoicing(&alice, &other).await.expect("an account");
    reports_accepted(&suite, new_usage_event(&suite, &app, LOGS_GB, "5")).await;
    assert_eq!(journal(&other).await, [crossed(&[75.0]), crossed(&[90.0, 100.0])]);
}
