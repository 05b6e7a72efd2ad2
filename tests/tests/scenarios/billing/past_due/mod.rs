//! What is past due suspends the apps on the invoice, and nothing else, until it is paid (R-E1, R-E2).
mod delivery;
mod journals;
mod races;

use devspaces::Service;
use devspaces_proto::{
    billing::v1::invoice::State,
    space::v1::{GetSpaceSettingsRequest, space_settings::BillingStatus, standing::Reason},
};
use devspaces_tests::{
    Persona, Suite, refused,
    sql::{count, pairs},
    suite::eventually,
};

use crate::acts::{
    apps::{deletes_app, gets_app, lists_apps, undeletes_app},
    invoices::{Customer, credits_invoice, gets_invoice},
    payments::{DAY, fails_at_last, fails_but_for_the_last_retry, is_billed, issues, pays},
    people::deactivates,
    refusals::INVALID,
    spaces::{archives_space, restores_space},
    suspensions::{
        RUNS, STANDS, lifts, operator, runs, runtime, suspended_for, suspends_app, suspends_space,
    },
    transfers::initiates_transfer,
    usage::{LOGS_GB, begins_mid_month, new_usage_event, reports_accepted},
};

scenarios! {
    both engines:
        from_the_reply_on_the_apps_on_the_invoice_do_not_run_and_all_others_do,
        a_credit_note_that_settles_the_invoice_lifts_it,
        an_app_on_two_invoices_stands_until_both_are_paid,
        an_app_that_moved_stands_for_the_invoices_of_both_spaces,
        what_the_operator_and_what_billing_suspends_for_are_apart,
        an_app_that_is_deleted_meanwhile_stands_when_it_is_had_back,
        a_purged_app_keeps_no_other_from_its_suspension,
        a_payer_who_is_deactivated_changes_nothing;
    two replicas:
        from_the_reply_on_the_apps_on_the_invoice_do_not_run_and_all_others_do;
}

const PAST_DUE: Reason = Reason::PastDue;

/// A customer who is to be billed in the midst of this month.
async fn customer(suite: &Suite) -> Customer {
    begins_mid_month(suite);
    Customer::new(suite, "alice").await
}

/// An invoice with usage of a customer's app, of which the last retry is due.
async fn fails_but_for_the_last(suite: &Suite, it: &Customer) -> String {
    let invoice = is_billed(suite, it, &[&it.app]).await;
    fails_but_for_the_last_retry(suite, &[&invoice]).await;
    suite.clock.advance(DAY);
    invoice
}

/// The same, when that has failed as well.
async fn past_due(suite: &Suite, it: &Customer) -> String {
    let invoice = fails_but_for_the_last(suite, it).await;
    assert_eq!(fails_at_last(suite, &invoice).await.expect("reported").state(), State::PastDue);
    invoice
}

/// What somebody is told of an app that does not run.
async fn why(who: &Persona, permission: &str, app: &str) -> Vec<String> {
    let answer = who.check(permission, app).await.expect("an answer");
    assert!(!answer.allowed);
    answer.explanation.expect("reasons").unmet_conditions
}

// R-E1, R-E2, R-E6, R-A12, R-P9
async fn from_the_reply_on_the_apps_on_the_invoice_do_not_run_and_all_others_do(suite: Suite) {
    let it = customer(&suite).await;
    let [used, unused] = [it.admin.creates_app(&it.space).await, it.admin.creates_app(&it.space).await];
    let other = Customer::new(&suite, "bob").await;
    is_billed(&suite, &other, &[&other.app]).await;
    begins_mid_month(&suite);
    let invoice = is_billed(&suite, &it, &[&it.app, &used]).await;
    fails_but_for_the_last_retry(&suite, &[&invoice]).await;
    suite.clock.advance(DAY);
    for app in [&it.app, &used, &unused] {
        assert_eq!(runs(&suite, &it.admin, app).await, RUNS, "a retry is left");
    }
    assert_eq!(fails_at_last(&suite, &invoice).await.expect("reported").state(), State::PastDue);
    for app in [&it.app, &used] {
        assert_eq!(runs(&suite, &it.admin, app).await, STANDS);
        let seen = gets_app(&it.admin, app).await.expect("an app");
        assert_eq!(seen.standing, Some(suspended_for(&[PAST_DUE])));
        for (who, permission) in [(&it.admin, "app.deploy"), (&runtime(&suite), "app.run")] {
            let told = why(who, permission, app).await.concat();
            assert!(told.contains("(PAST_DUE)") && told.contains("payment"), "{told}");
        }
        // So that people can repair it.
        for permission in ["app.get", "app.update", "app.develop", "app.contributors.update", "app.delete"] {
            assert!(it.admin.may(permission, app).await, "{permission}");
        }
    }
    assert_eq!(runs(&suite, &it.admin, &unused).await, RUNS, "nothing of it is on the invoice");
    assert_eq!(runs(&suite, &other.admin, &other.app).await, RUNS, "another account");
    let listed = lists_apps(&it.admin, &it.space, 10).await.expect("a list");
    let standing = |app: &String| suspended_for(if *app == unused { &[] } else { &[PAST_DUE] });
    assert!(listed.len() == 3 && listed.iter().all(|app| app.standing == Some(standing(&app.name))));
    let request = GetSpaceSettingsRequest { name: it.space.clone() };
    let settings = it.admin.spaces().get_space_settings(request).await.expect("settings").into_inner();
    assert_eq!(settings.billing_status(), BillingStatus::PastDue);
    assert_eq!(settings.space.expect("a space").standing, Some(suspended_for(&[])), "apps alone are");

    assert_eq!(pays(&suite, &invoice).await.expect("reported").state(), State::Paid);
    for app in [&it.app, &used, &unused] {
        assert_eq!(runs(&suite, &it.admin, app).await, RUNS);
        assert_eq!(gets_app(&it.admin, app).await.expect("an app").standing, Some(suspended_for(&[])));
    }
}

// R-E2, R-B7
async fn a_credit_note_that_settles_the_invoice_lifts_it(suite: Suite) {
    let it = customer(&suite).await;
    let invoice = past_due(&suite, &it).await;
    credits_invoice(&suite, &invoice, 1000).await.expect("credited");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS, "something remains to be paid");
    credits_invoice(&suite, &invoice, 5).await.expect("credited");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    assert_eq!(gets_invoice(&it.admin, &invoice).await.expect("an invoice").state(), State::Paid);
}

// R-E2: of two months, whichever is paid first.
async fn an_app_on_two_invoices_stands_until_both_are_paid(suite: Suite) {
    let it = customer(&suite).await;
    let first = past_due(&suite, &it).await;
    let second = past_due(&suite, &it).await;
    assert_ne!(first, second);
    pays(&suite, &second).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    pays(&suite, &first).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    let third = past_due(&suite, &it).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    pays(&suite, &third).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
}

/// A customer with an app that moved to another space of theirs, with an account as well, and was used in both; and the invoices
/// of both, of which the last retry is due.
async fn moved(suite: &Suite) -> (Customer, [String; 2]) {
    let [it, to] = [customer(suite).await, Customer::new(suite, "alice").await];
    reports_accepted(suite, new_usage_event(suite, &it.app, LOGS_GB, "11")).await;
    initiates_transfer(&it.admin, &it.app, &to.space).await.expect("moved");
    reports_accepted(suite, new_usage_event(suite, &it.app, LOGS_GB, "11")).await;
    issues(suite).await;
    let invoices = [it.latest().await.name, to.latest().await.name];
    fails_but_for_the_last_retry(suite, &[&invoices[0], &invoices[1]]).await;
    suite.clock.advance(DAY);
    (it, invoices)
}

// R-E2: the usage was on the invoice of the space that had the app then.
async fn an_app_that_moved_stands_for_the_invoices_of_both_spaces(suite: Suite) {
    let (it, [source, destination]) = moved(&suite).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    fails_at_last(&suite, &source).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    fails_at_last(&suite, &destination).await.expect("reported");
    pays(&suite, &source).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    pays(&suite, &destination).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    // R-B11: the journals where it is now, of the app and of the space, name no invoice of the space that it came from.
    let pool = suite.pool(Service::Space).await;
    let entries = pairs(&pool, "SELECT scope, content FROM journal WHERE content LIKE '%PAST_DUE%'").await;
    let (theirs, _) = destination.split_once("/billingAccount").expect("an account");
    let here = || entries.iter().filter(|(scope, _)| scope == theirs || *scope == it.app);
    assert!(here().count() >= 4);
    assert!(here().all(|(_, content)| !content.contains(&source)));
    assert!(here().any(|(_, content)| content.contains(&destination)));
}

// R-A12, R-E2, R-E6
async fn what_the_operator_and_what_billing_suspends_for_are_apart(suite: Suite) {
    let (it, operator) = (customer(&suite).await, operator(&suite));
    suspends_app(&operator, &it.app, Reason::Abuse).await.expect("suspended");
    let invoice = past_due(&suite, &it).await;
    let standing = async || gets_app(&it.admin, &it.app).await.expect("an app").standing;
    assert_eq!(standing().await, Some(suspended_for(&[Reason::Abuse, PAST_DUE])));
    assert_eq!(why(&it.admin, "app.deploy", &it.app).await.len(), 2);
    for refusal in [
        refused(suspends_app(&operator, &it.app, PAST_DUE).await),
        refused(suspends_space(&operator, &it.space, PAST_DUE).await),
        refused(lifts(&operator, &it.app, PAST_DUE).await),
        refused(lifts(&operator, &it.space, PAST_DUE).await),
    ] {
        assert_eq!(refusal.kind(), INVALID);
        assert_eq!(refusal.fields, ["reason"]);
    }
    let left = lifts(&operator, &it.app, Reason::Abuse).await.expect("lifted");
    assert_eq!(left, suspended_for(&[PAST_DUE]));
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    suspends_app(&operator, &it.app, Reason::Legal).await.expect("suspended");
    pays(&suite, &invoice).await.expect("reported");
    assert_eq!(standing().await, Some(suspended_for(&[Reason::Legal])));
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    lifts(&operator, &it.app, Reason::Legal).await.expect("lifted");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
}

// R-E2, R-A10, R-S5: also in a space that is archived by then.
async fn an_app_that_is_deleted_meanwhile_stands_when_it_is_had_back(suite: Suite) {
    let it = customer(&suite).await;
    let invoice = fails_but_for_the_last(&suite, &it).await;
    deletes_app(&it.admin, &it.app).await.expect("deleted");
    archives_space(&it.admin, &it.space).await.expect("archived");
    fails_at_last(&suite, &invoice).await.expect("reported");
    restores_space(&it.admin, &it.space).await.expect("restored");
    undeletes_app(&it.admin, &it.app).await.expect("had back");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    deletes_app(&it.admin, &it.app).await.expect("deleted");
    pays(&suite, &invoice).await.expect("reported");
    undeletes_app(&it.admin, &it.app).await.expect("had back");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
}

// R-E2, R-A10: nothing is left to be suspended of it, and nothing of its suspension.
async fn a_purged_app_keeps_no_other_from_its_suspension(suite: Suite) {
    let it = customer(&suite).await;
    let [before, after] = [it.admin.creates_app(&it.space).await, it.admin.creates_app(&it.space).await];
    let invoice = is_billed(&suite, &it, &[&it.app, &before, &after]).await;
    let pool = suite.pool(Service::Space).await;
    let purged = async |left| {
        suite.clock.advance(DAY * 31);
        eventually(async || (count(&pool, "SELECT COUNT(*) FROM app").await == left).then_some(())).await;
    };
    deletes_app(&it.admin, &before).await.expect("deleted");
    purged(2).await;
    fails_but_for_the_last_retry(&suite, &[&invoice]).await;
    suite.clock.advance(DAY);
    fails_at_last(&suite, &invoice).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    deletes_app(&it.admin, &after).await.expect("deleted");
    purged(1).await;
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM suspension_source").await, 1);
    pays(&suite, &invoice).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM suspension_source").await, 0);
}

// R-E2, R-M12: money is owed by the account, whoever ran it.
async fn a_payer_who_is_deactivated_changes_nothing(suite: Suite) {
    let it = customer(&suite).await;
    let invoice = fails_but_for_the_last(&suite, &it).await;
    deactivates(&suite, &it.admin).await.expect("deactivated");
    assert!(runtime(&suite).may("app.run", &it.app).await);
    fails_at_last(&suite, &invoice).await.expect("reported");
    assert!(!runtime(&suite).may("app.run", &it.app).await);
    pays(&suite, &invoice).await.expect("reported");
    assert!(runtime(&suite).may("app.run", &it.app).await);
}
