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

const DAY: Duration = Duration::from_hours(24);

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

/// Lets an invoice of a customer's go unpaid until it is past due, which is on the 10th of the next month (R-B10). The clock
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
    reports_accepted(suite, new_usage_event(suite, &customer.app, LOGS_GB, "11")).await;
    suite.clock.advance_to(&format!("{}-03T12:00:00Z", month_ahead(suite, 1)));
    runs_billing(suite).await;
    let name = customer.latest().await.name;
    for (retry, days) in [0, 1, 2, 2].into_iter().enumerate() {
        suite.clock.advance(DAY * days);
        let failed = payment_attempt(suite, &format!("retry-{retry}"), Outcome::Failed);
        reports_as_payments(suite, &name, failed).await.expect("reported");
    }
    suite.clock.advance(DAY);
    let done = before().await;
    suite.clock.advance(DAY);
    let failed = payment_attempt(suite, "last-retry", Outcome::Failed);
    let invoice = reports_as_payments(suite, &name, failed).await.expect("reported");
    assert_eq!(invoice.state(), State::PastDue);
    done
}

/// Pays the invoice that is past due.
pub(crate) async fn pays_at_last(suite: &Suite, customer: &Customer) {
    let paid = payment_attempt(suite, "at-last", Outcome::Succeeded);
    let invoice = reports_as_payments(suite, &customer.latest().await.name, paid).await.expect("reported");
    assert_eq!(invoice.state(), State::Paid);
}
