//! Payment: attempts, retries, and what becomes of an invoice that is not paid.
use std::time::Duration;

use devspaces::Service;
use devspaces_kit::clock::Timestamp;
use devspaces_proto::{
    billing::v1::{Invoice, PaymentAttempt, invoice::State, payment_attempt::Outcome},
    facts::v1::{
        GetBillingStatusRequest, GetBillingStatusResponse,
        billing_records_service_client::BillingRecordsServiceClient,
    },
};
use devspaces_tests::{Suite, refused, sql};
use tonic::Code;
use uuid::Uuid;

use crate::acts::{
    accounts::account_of,
    invoices::{Customer, runs_billing, usd},
    payments::{payment_attempt, reports_as_payments, reports_payment},
    usage::{LOGS_GB, begins_mid_month, month_ahead, new_usage_event, reports_accepted},
};

scenarios! {
    both engines:
        retries_follow_by_their_days_and_then_it_is_past_due_until_it_is_paid,
        an_attempt_counts_once,
        an_attempt_is_checked_as_a_whole;
}

const DAY: Duration = Duration::from_hours(24);

async fn status(suite: &Suite, space: &str) -> GetBillingStatusResponse {
    let peer = suite.peer("space", "billing");
    let mut records = BillingRecordsServiceClient::new(peer.authorized(Service::Billing));
    let request = GetBillingStatusRequest { space: space.to_owned() };
    records.get_billing_status(request).await.expect("a status").into_inner()
}

fn told(has_account: bool, past_due: bool, settled: bool) -> GetBillingStatusResponse {
    GetBillingStatusResponse { has_account, past_due, settled }
}

/// A customer to whom an invoice of 10.05 was just issued.
async fn billed(suite: &Suite) -> (Customer, Invoice) {
    let (_, next) = begins_mid_month(suite);
    let it = Customer::new(suite, "alice").await;
    assert_eq!(status(suite, &it.space).await, told(true, false, true));
    reports_accepted(suite, new_usage_event(suite, &it.app, LOGS_GB, "11")).await;
    assert_eq!(status(suite, &it.space).await, told(true, false, false), "R-S6");
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(suite).await;
    let issued = it.latest().await;
    assert_eq!((issued.state(), &issued.total), (State::Open, &usd(1005)));
    (it, issued)
}

#[expect(clippy::unnecessary_wraps, reason = "fields of messages are compared with it")]
fn days_after(time: Option<prost_types::Timestamp>, days: u32) -> Option<prost_types::Timestamp> {
    let time = Timestamp::try_from(time.expect("a time")).expect("a time");
    Some((time + DAY * days).into())
}

// R-B10: 1, 3, 7, 14 and 21 days, unless others are configured.
async fn retries_follow_by_their_days_and_then_it_is_past_due_until_it_is_paid(suite: Suite) {
    let (it, issued) = billed(&suite).await;
    let first = payment_attempt(&suite, "first", Outcome::Failed);
    let mut invoice = reports_as_payments(&suite, &issued.name, first.clone()).await.expect("reported");
    let after = [(1, 3), (3, 7), (7, 14), (14, 21)];
    assert_eq!(invoice.next_attempt_time, days_after(first.time, 1));
    for (failed, (now, next)) in (1..).zip(after) {
        assert_eq!((invoice.state(), invoice.failed_attempts), (State::Open, failed));
        let retry = PaymentAttempt {
            time: days_after(first.time, now),
            ..payment_attempt(&suite, &format!("r{now}"), Outcome::Failed)
        };
        suite.clock.advance_to(&format!("{}-{:02}T12:00:00Z", month_ahead(&suite, 0), 3 + now));
        invoice = reports_as_payments(&suite, &issued.name, retry).await.expect("reported");
        assert_eq!(invoice.next_attempt_time, days_after(first.time, next), "after {now} days");
    }
    suite.clock.advance(DAY * 7);
    assert_eq!(status(&suite, &it.space).await, told(true, false, false));
    invoice = reports_as_payments(&suite, &issued.name, payment_attempt(&suite, "r21", Outcome::Failed))
        .await
        .expect("reported");
    assert_eq!(
        (invoice.state(), invoice.failed_attempts, invoice.next_attempt_time),
        (State::PastDue, 6, None)
    );
    assert_eq!((&invoice.amount_due, invoice.lines), (&usd(1005), vec![]), "who pays need not know what for");
    assert_eq!(status(&suite, &it.space).await, told(true, true, false));

    let success = payment_attempt(&suite, "at last", Outcome::Succeeded);
    assert_eq!(
        refused(reports_as_payments(&suite, &issued.name, success.clone()).await).fields,
        ["attempt.id"]
    );
    let success = PaymentAttempt { id: "at-last".to_owned(), ..success };
    let paid = reports_as_payments(&suite, &issued.name, success.clone()).await.expect("reported");
    assert_eq!((paid.state(), paid.pay_time, &paid.amount_due), (State::Paid, success.time, &usd(0)));
    assert_eq!((&paid.total, paid.issue_time, paid.number), (&issued.total, issued.issue_time, 1));
    let shown = it.latest().await;
    assert_eq!(shown.lines, issued.lines);
    assert_eq!(Invoice { lines: Vec::new(), ..shown }, paid);
    assert_eq!(status(&suite, &it.space).await, told(true, false, true));
}

// R-B10, R-J5
async fn an_attempt_counts_once(suite: Suite) {
    let (it, issued) = billed(&suite).await;
    let failed = payment_attempt(&suite, "a", Outcome::Failed);
    let once = reports_as_payments(&suite, &issued.name, failed.clone()).await.expect("reported");
    let journal = sql::count(&suite.pool(Service::Billing).await, "SELECT COUNT(*) FROM journal").await;
    assert_eq!(reports_as_payments(&suite, &issued.name, failed.clone()).await.expect("again"), once);
    let now = sql::count(&suite.pool(Service::Billing).await, "SELECT COUNT(*) FROM journal").await;
    assert_eq!((once.failed_attempts, now), (1, journal));
    for other in [
        PaymentAttempt { outcome: Outcome::Succeeded.into(), ..failed.clone() },
        PaymentAttempt { time: Some(suite.clock_in(1)), ..failed.clone() },
    ] {
        let refusal = refused(reports_as_payments(&suite, &issued.name, other).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["attempt.id"]));
    }
    let success = payment_attempt(&suite, "b", Outcome::Succeeded);
    let paid = reports_as_payments(&suite, &issued.name, success.clone()).await.expect("reported");
    assert_eq!(reports_as_payments(&suite, &issued.name, success).await.expect("again"), paid);
    assert_eq!(reports_as_payments(&suite, &issued.name, failed).await.expect("again"), paid);
    let refusal = refused(
        reports_as_payments(&suite, &issued.name, payment_attempt(&suite, "c", Outcome::Failed)).await,
    );
    assert_eq!(
        refusal.blocked(),
        (Code::FailedPrecondition, "INVOICE_NOT_PAYABLE", vec!["INVOICE_NOT_PAYABLE"])
    );
    let after = month_ahead(&suite, 1);
    suite.clock.advance_to(&format!("{after}-01T00:00:00Z"));
    runs_billing(&suite).await;
    let draft = it.latest().await;
    let refusal = refused(
        reports_as_payments(&suite, &draft.name, payment_attempt(&suite, "a", Outcome::Succeeded)).await,
    );
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "INVOICE_NOT_PAYABLE"));
}

// R-B10, R-B3
async fn an_attempt_is_checked_as_a_whole(suite: Suite) {
    let (it, issued) = billed(&suite).await;
    let refusal = refused(reports_as_payments(&suite, &issued.name, PaymentAttempt::default()).await);
    assert_eq!(refusal.fields, ["attempt.id", "attempt.outcome", "attempt.time"]);
    let good = payment_attempt(&suite, "a", Outcome::Failed);
    for (bad, field) in [
        (PaymentAttempt { id: "x".repeat(129), ..good.clone() }, "attempt.id"),
        (PaymentAttempt { id: "4111111111111111".to_owned(), ..good.clone() }, "attempt.id"),
        (PaymentAttempt { outcome: 3, ..good.clone() }, "attempt.outcome"),
        (PaymentAttempt { time: Some(suite.clock_in(400)), ..good.clone() }, "attempt.time"),
        (PaymentAttempt { time: Some(suite.clock_in(-3600)), ..good.clone() }, "attempt.time"),
    ] {
        let refusal = refused(reports_as_payments(&suite, &issued.name, bad).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec![field]));
        assert!(!refusal.message.contains("4111"));
    }
    let nowhere = format!("{}/invoices/{}", account_of(&it.space), Uuid::nil());
    assert_eq!(refused(reports_as_payments(&suite, &nowhere, good.clone()).await).code, Code::NotFound);
    for who in [&it.admin, &suite.persona("services/accounting"), &suite.peer("space", "billing")] {
        let refusal = refused(reports_payment(who, &issued.name, good.clone()).await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
    assert_eq!(it.latest().await, issued);
    let ahead = PaymentAttempt { time: Some(suite.clock_in(200)), ..good };
    assert_eq!(reports_as_payments(&suite, &issued.name, ahead).await.expect("reported").failed_attempts, 1);
}
