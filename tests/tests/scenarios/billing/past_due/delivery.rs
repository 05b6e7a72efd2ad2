//! How what billing decided reaches the space service: with the reply, or as soon as that service is back, and whole.
use std::time::Instant;

use devspaces::Service;
use devspaces_proto::{
    authz::v1::check_permission_result::Outcome,
    billing::v1::{PaymentAttempt, ReportPaymentAttemptRequest, invoice::State},
};
use devspaces_tests::{
    Suite, refused,
    sql::{EFFECTS, count},
    suite::eventually,
};
use tonic::Code;

use super::{customer, fails_but_for_the_last, past_due};
use crate::acts::{
    REQUEST_ID,
    authz::{about, checks_batch},
    payments::{
        DAY, fails_at_last, fails_but_for_the_last_retry, issues, last_failure, pays, reports_as_payments,
    },
    suspensions::{RUNS, STANDS, runs, runtime},
    usage::{ACCEPTED, LOGS_GB, new_usage_event, outcomes},
};

scenarios! {
    both engines:
        while_the_space_service_is_down_it_is_decided_and_told_later,
        a_payment_is_noted_while_the_space_service_is_down_and_all_comes_in_order,
        what_was_not_told_survives_a_restart_of_billing,
        while_billing_is_down_everything_goes_on_as_it_stood,
        an_attempt_that_is_repeated_tells_nothing_again,
        all_apps_of_a_long_invoice_stand_when_the_reply_arrives;
}

const PENDING: (Code, &str) = (Code::Unavailable, "EFFECT_PENDING");

/// Waits until every service reaches the space service again.
async fn is_reached(suite: &Suite, app: &str) {
    for port in Service::ALL {
        eventually(async || runtime(suite).checks_at(port, "app.run", app).await.ok()).await;
    }
}

// R-E1, R-J5
async fn while_the_space_service_is_down_it_is_decided_and_told_later(suite: Suite) {
    let mut suite = suite;
    let it = customer(&suite).await;
    let invoice = fails_but_for_the_last(&suite, &it).await;
    let report = ReportPaymentAttemptRequest {
        name: invoice.clone(),
        attempt: Some(last_failure(&suite)),
        request_id: REQUEST_ID.to_owned(),
    };
    let payments = suite.persona("services/payments");
    let reports = async || payments.invoices().report_payment_attempt(report.clone()).await;
    suite.stop(Service::Space).await;
    for _ in 0..2 {
        let pending = refused(reports().await);
        assert_eq!(pending.kind(), PENDING, "a repetition waits as well");
        assert!(pending.retry);
    }
    // The same attempt, by another call.
    let again = ReportPaymentAttemptRequest { request_id: String::new(), ..report.clone() };
    assert_eq!(refused(payments.invoices().report_payment_attempt(again).await).kind(), PENDING);
    suite.restart(Service::Space).await;
    let told = eventually(async || reports().await.ok()).await.into_inner();
    assert_eq!((told.state(), told.failed_attempts), (State::PastDue, 6));
    is_reached(&suite, &it.app).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    pays(&suite, &invoice).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
}

// R-E1, R-E2: nobody is asked to pay again because another service is down.
async fn a_payment_is_noted_while_the_space_service_is_down_and_all_comes_in_order(suite: Suite) {
    let mut suite = suite;
    let it = customer(&suite).await;
    let invoice = fails_but_for_the_last(&suite, &it).await;
    suite.stop(Service::Space).await;
    assert_eq!(refused(fails_at_last(&suite, &invoice).await).kind(), PENDING);
    assert_eq!(refused(pays(&suite, &invoice).await).kind(), PENDING);
    let pool = suite.pool(Service::Billing).await;
    assert_eq!(count(&pool, EFFECTS).await, 2, "both are decided");
    suite.restart(Service::Space).await;
    eventually(async || (count(&pool, EFFECTS).await == 0).then_some(())).await;
    is_reached(&suite, &it.app).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    assert_eq!(it.latest().await.state(), State::Paid);
}

// R-E1
async fn what_was_not_told_survives_a_restart_of_billing(suite: Suite) {
    let mut suite = suite;
    let it = customer(&suite).await;
    let invoice = fails_but_for_the_last(&suite, &it).await;
    suite.stop(Service::Space).await;
    refused(fails_at_last(&suite, &invoice).await);
    suite.stop(Service::Billing).await;
    suite.restart(Service::Space).await;
    eventually(async || runtime(&suite).check("app.run", &it.app).await.ok()).await;
    assert!(runtime(&suite).may("app.run", &it.app).await, "it runs on until it is known");
    suite.restart(Service::Billing).await;
    eventually(async || (!runtime(&suite).may("app.run", &it.app).await).then_some(())).await;
}

// R-E1: the standing is the space service's.
async fn while_billing_is_down_everything_goes_on_as_it_stood(suite: Suite) {
    let mut suite = suite;
    let it = customer(&suite).await;
    let other = it.admin.creates_app(&it.space).await;
    past_due(&suite, &it).await;
    suite.stop(Service::Billing).await;
    for (app, allowed) in [(&it.app, false), (&other, true)] {
        assert_eq!(runtime(&suite).may("app.run", app).await, allowed);
        assert_eq!(it.admin.may("app.deploy", app).await, allowed);
    }
}

// R-B10, R-J1
async fn an_attempt_that_is_repeated_tells_nothing_again(suite: Suite) {
    let it = customer(&suite).await;
    let invoice = past_due(&suite, &it).await;
    let entries = async || count(&suite.pool(Service::Space).await, "SELECT COUNT(*) FROM journal").await;
    let before = entries().await;
    let known = it.latest().await;
    let more = PaymentAttempt { id: "one-more".to_owned(), ..last_failure(&suite) };
    let reported = reports_as_payments(&suite, &invoice, more.clone()).await.expect("reported");
    assert_eq!((reported.state(), reported.failed_attempts), (State::PastDue, known.failed_attempts + 1));
    assert_eq!(reports_as_payments(&suite, &invoice, more).await.expect("again"), reported);
    assert_eq!(entries().await, before, "it is suspended already");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
}

/// More than two parts of what is told at a time.
const APPS: usize = 230;

// R-E1, R-E2
async fn all_apps_of_a_long_invoice_stand_when_the_reply_arrives(suite: Suite) {
    let mut suite = suite;
    let it = customer(&suite).await;
    let mut apps = vec![it.app.clone()];
    while apps.len() < APPS {
        apps.push(it.admin.creates_app(&it.space).await);
    }
    let used: Vec<_> = apps.iter().map(|app| new_usage_event(&suite, app, LOGS_GB, "2")).collect();
    assert_eq!(outcomes(&suite, &used).await, vec![ACCEPTED; APPS]);
    issues(&suite).await;
    let invoice = it.latest().await.name;
    fails_but_for_the_last_retry(&suite, &[&invoice]).await;
    suite.clock.advance(DAY);
    let runtime = runtime(&suite);
    let running = async || {
        let checks = apps.iter().map(|app| about("", "app.run", app)).collect();
        let answers = checks_batch(&runtime, checks).await.expect("answers").into_iter();
        let allowed = answers.filter(|it| matches!(&it.outcome, Some(Outcome::Response(it)) if it.allowed));
        allowed.count()
    };
    assert_eq!(running().await, APPS);
    let begun = Instant::now();
    fails_at_last(&suite, &invoice).await.expect("reported");
    println!("{APPS} apps are suspended in {:?}", begun.elapsed());
    assert_eq!(running().await, 0);
    let begun = Instant::now();
    suite.stop(Service::Space).await;
    assert_eq!(refused(pays(&suite, &invoice).await).kind(), PENDING);
    let pool = suite.pool(Service::Billing).await;
    assert_eq!(count(&pool, EFFECTS).await, 3, "in parts");
    suite.restart(Service::Space).await;
    eventually(async || (count(&pool, EFFECTS).await == 0).then_some(())).await;
    println!("and run again after {:?}", begun.elapsed());
    is_reached(&suite, &it.app).await;
    assert_eq!(running().await, APPS);
}
