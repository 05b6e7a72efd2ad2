//! Payment: attempts to be paid, as a payment service reports them.
use std::time::Duration;

use devspaces_proto::billing::v1::{
    Invoice, PaymentAttempt, ReportPaymentAttemptRequest, invoice::State, payment_attempt::Outcome,
};
use devspaces_tests::{Persona, Suite};
use tonic::Status;

use crate::acts::{
    invoices::{Customer, runs_billing},
    usage::{LOGS_GB, month_ahead, new_usage_event, reports_accepted},
};

pub(crate) const DAY: Duration = Duration::from_hours(24);

pub(crate) fn payment_attempt(suite: &Suite, id: &str, outcome: Outcome) -> PaymentAttempt {
    PaymentAttempt { id: id.to_owned(), outcome: outcome.into(), time: Some(suite.clock_in(0)) }
}

pub(crate) async fn reports_payment(
    who: &Persona,
    name: &str,
    attempt: PaymentAttempt,
) -> Result<Invoice, Status> {
    let request = ReportPaymentAttemptRequest {
        name: name.to_owned(),
        attempt: Some(attempt),
        request_id: String::new(),
    };
    who.invoices().report_payment_attempt(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn reports_as_payments(
    suite: &Suite,
    name: &str,
    attempt: PaymentAttempt,
) -> Result<Invoice, Status> {
    reports_payment(&suite.persona("services/payments"), name, attempt).await
}

/// Has usage of these apps of a customer's billed, which comes to something, and gives the name of the invoice: of this month,
/// issued on the 3rd of the next, in whose midst it is not yet.
pub(crate) async fn is_billed(suite: &Suite, customer: &Customer, apps: &[&str]) -> String {
    for app in apps {
        reports_accepted(suite, new_usage_event(suite, app, LOGS_GB, "11")).await;
    }
    issues(suite).await;
    customer.latest().await.name
}

/// Has the invoices of this month issued.
pub(crate) async fn issues(suite: &Suite) {
    suite.clock.advance_to(&format!("{}-03T12:00:00Z", month_ahead(suite, 1)));
    runs_billing(suite).await;
}

/// Fails to pay these invoices until the last retry is due, in a day (R-B10).
pub(crate) async fn fails_but_for_the_last_retry(suite: &Suite, invoices: &[&str]) {
    for (retry, days) in [0, 1, 2, 4, 7].into_iter().enumerate() {
        suite.clock.advance(DAY * days);
        for invoice in invoices {
            let failed = payment_attempt(suite, &format!("retry-{retry}"), Outcome::Failed);
            let invoice = reports_as_payments(suite, invoice, failed).await.expect("reported");
            assert_eq!(invoice.state(), State::Open);
        }
    }
    suite.clock.advance(DAY * 6);
}

/// The last retry fails, a day later.
pub(crate) async fn fails_at_last(suite: &Suite, invoice: &str) -> Result<Invoice, Status> {
    reports_as_payments(suite, invoice, last_failure(suite)).await
}

/// The failure of the last retry.
pub(crate) fn last_failure(suite: &Suite) -> PaymentAttempt {
    payment_attempt(suite, "last-retry", Outcome::Failed)
}

/// Lets an invoice of a customer's go unpaid until it is past due, which is on the 24th of the next month (R-B10). The clock
/// has to be in the midst of a month.
pub(crate) async fn falls_past_due(suite: &Suite, customer: &Customer) {
    fails_to_pay(suite, customer, async || {}).await;
}

/// The same, with something that is done a day before.
pub(crate) async fn fails_to_pay<T>(
    suite: &Suite,
    customer: &Customer,
    before: impl AsyncFnOnce() -> T,
) -> T {
    let name = is_billed(suite, customer, &[&customer.app]).await;
    fails_but_for_the_last_retry(suite, &[&name]).await;
    let done = before().await;
    suite.clock.advance(DAY);
    let invoice = fails_at_last(suite, &name).await.expect("reported");
    assert_eq!(invoice.state(), State::PastDue);
    done
}

/// Pays an invoice.
pub(crate) async fn pays(suite: &Suite, invoice: &str) -> Result<Invoice, Status> {
    reports_as_payments(suite, invoice, payment_attempt(suite, "at-last", Outcome::Succeeded)).await
}

/// Pays the invoice that is past due.
pub(crate) async fn pays_at_last(suite: &Suite, customer: &Customer) {
    let invoice = pays(suite, &customer.latest().await.name).await.expect("reported");
    assert_eq!(invoice.state(), State::Paid);
}
