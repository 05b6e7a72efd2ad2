//! What a customer's money goes through in each turn, every call repeated by its id until it is answered.
use std::{
    collections::BTreeSet,
    slice,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use devspaces_kit::{
    clock::{Clock as _, SystemClock},
    name::Principal,
};
use devspaces_ledger::db::Pool;
use devspaces_proto::{
    billing::v1::{
        CreateCreditRequest, Credit, Invoice, ListInvoicesRequest, ListUsageRequest, PaymentAttempt,
        ReleaseReservationRequest, RemoveBudgetRequest, ReportPaymentAttemptRequest, ReportUsageRequest,
        ReserveUsageRequest, UsageEvent, VoidUsageRequest, invoice::State, payment_attempt, usage_result,
        void_usage_result,
    },
    space::v1::{LiftSuspensionRequest, SuspendAppRequest, standing::Reason},
};
use devspaces_tests::{
    Persona,
    process::Processes,
    sql::{tamper, uuid},
    suite::eventually,
};
use tonic::{Response, Status};

use crate::acts::{
    accounts::account_of,
    budgets::{budget_of_space, capping},
    invoices::usd,
    reservations::billionths,
    usage::LOGS_GB,
};

/// Who calls.
pub(super) struct People {
    pub(super) admin: Persona,
    operator: Persona,
    runtime: Persona,
    metering: Persona,
    accounting: Persona,
    payments: Persona,
}

impl People {
    pub(super) fn of(suite: &Processes) -> Self {
        let service = |id| suite.persona(&Principal::service(id));
        let (admin, operator) = (suite.user("alice"), suite.user("operator"));
        let [runtime, metering, accounting, payments] =
            ["runtime", "metering", "accounting", "payments"].map(service);
        Self { admin, operator, runtime, metering, accounting, payments }
    }
}

/// A customer, with all that was acknowledged.
pub(super) struct Load<'a> {
    pub(super) people: &'a People,
    pub(super) pool: &'a Pool,
    /// Counts what all customers were answered.
    pub(super) answers: &'a AtomicUsize,
    pub(super) space: String,
    pub(super) app: String,
    pub(super) events: BTreeSet<String>,
    pub(super) voided: BTreeSet<String>,
    pub(super) credits: i64,
    /// By their invoices and ids.
    pub(super) attempts: BTreeSet<(String, String)>,
    /// What counts, in quarters of a GB.
    pub(super) quarters: i64,
}

fn new_id() -> String {
    SystemClock.new_id().to_string()
}

impl Load<'_> {
    /// Repeats a call until it is answered.
    pub(super) async fn answered<T>(&self, call: impl AsyncFn() -> Result<Response<T>, Status>) -> T {
        let answer = eventually(async || call().await.ok()).await;
        self.answers.fetch_add(1, SeqCst);
        answer.into_inner()
    }

    /// All of it once, after each piece of which the app runs or stands as was answered.
    pub(super) async fn turn(&mut self) {
        self.uses_and_voids().await;
        self.reserves().await;
        self.is_credited().await;
        self.reaches_its_cap().await;
        self.is_suspended().await;
        self.pays_late().await;
    }

    pub(super) async fn runs(&self) -> bool {
        let asked = eventually(async || self.people.runtime.check("app.run", &self.app).await.ok()).await;
        asked.allowed
    }

    /// What counts of this month, in quarters of a GB.
    pub(super) async fn used(&self) -> i64 {
        let request = ListUsageRequest { parent: account_of(&self.space), ..ListUsageRequest::default() };
        let used = self.answered(async || self.people.admin.usage().list_usage(request.clone()).await).await;
        billionths(&used.usage[0].quantity) / 250_000_000
    }

    fn event(&self, quarters: i64) -> UsageEvent {
        UsageEvent {
            id: new_id(),
            app: self.app.clone(),
            meter: LOGS_GB.to_owned(),
            quantity: format!("{}.{:02}", quarters / 4, quarters % 4 * 25),
            time: Some(SystemClock.now().into()),
            ..UsageEvent::default()
        }
    }

    /// Reports so many quarters of a GB, each event of which is new whatever became of an earlier attempt.
    pub(super) async fn uses(&mut self, quarters: &[i64], reservation: &str) -> Vec<String> {
        let event = |quarters: &i64| {
            let reservation = reservation.to_owned();
            UsageEvent { reservation, ..self.event(*quarters) }
        };
        let events: Vec<_> = quarters.iter().map(event).collect();
        let ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
        let request = ReportUsageRequest { events, request_id: new_id() };
        let told =
            self.answered(async || self.people.metering.usage().report_usage(request.clone()).await).await;
        let accepted = usage_result::Outcome::Accepted;
        assert!(told.results.iter().all(|result| result.outcome() == accepted), "R-J5: {told:?}");
        self.events.extend(ids.iter().cloned());
        self.quarters += quarters.iter().sum::<i64>();
        ids
    }

    async fn uses_and_voids(&mut self) {
        let ids = self.uses(&[2, 1, 3], "").await;
        let event_ids = slice::from_ref(&ids[0]).to_vec();
        let reason = "Measured twice".to_owned();
        let request =
            VoidUsageRequest { event_ids, reason, request_id: new_id(), ..VoidUsageRequest::default() };
        let told =
            self.answered(async || self.people.metering.usage().void_usage(request.clone()).await).await;
        assert_eq!(told.results[0].outcome(), void_usage_result::Outcome::Voided, "R-J5");
        self.voided.insert(ids[0].clone());
        self.quarters -= 2;
    }

    async fn reserves(&mut self) {
        let request = ReserveUsageRequest {
            app: self.app.clone(),
            meter: LOGS_GB.to_owned(),
            quantity: "1".to_owned(),
            ttl: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
            request_id: new_id(),
            ..ReserveUsageRequest::default()
        };
        let of =
            self.answered(async || self.people.metering.usage().reserve_usage(request.clone()).await).await;
        assert_eq!(of.granted_quantity, "1");
        self.uses(&[3], &of.name).await;
        let request = ReleaseReservationRequest { name: of.name, request_id: new_id() };
        let release = async || self.people.metering.usage().release_reservation(request.clone()).await;
        assert_eq!(self.answered(release).await.released_quantity, "0.25", "R-E5");
    }

    async fn is_credited(&mut self) {
        let credit = Credit { amount: usd(7), reason: "Sorry".to_owned(), ..Credit::default() };
        let (parent, request_id) = (account_of(&self.space), new_id());
        let request = CreateCreditRequest { parent, credit: Some(credit), request_id };
        self.answered(async || self.people.accounting.invoices().create_credit(request.clone()).await).await;
        self.credits += 1;
    }

    /// R-E4: a cap that is a GB ahead is reached by two.
    async fn reaches_its_cap(&mut self) {
        let cents = i32::try_from((self.quarters - 4) * 402 / 16 + 100).expect("an amount");
        let request = capping(&self.space, cents, &new_id());
        let set = async || self.people.admin.accounts().set_budget(request.clone()).await;
        assert!(!self.answered(set).await.suspends);
        assert!(self.runs().await);
        self.uses(&[8], "").await;
        assert!(!self.runs().await, "R-E1, R-E4");
        let (name, request_id) = (budget_of_space(&self.space), new_id());
        let request = RemoveBudgetRequest { name, request_id, ..RemoveBudgetRequest::default() };
        self.answered(async || self.people.admin.accounts().remove_budget(request.clone()).await).await;
        assert!(self.runs().await, "R-E4");
    }

    async fn is_suspended(&mut self) {
        let (name, note) = (self.app.clone(), "Case 7".to_owned());
        let request = SuspendAppRequest {
            name: name.clone(),
            reason: Reason::Abuse.into(),
            note: note.clone(),
            request_id: new_id(),
            ..SuspendAppRequest::default()
        };
        self.answered(async || self.people.operator.apps().suspend_app(request.clone()).await).await;
        assert!(!self.runs().await, "R-A12");
        let request =
            LiftSuspensionRequest { name, reason: Reason::Abuse.into(), note, request_id: new_id() };
        self.answered(async || self.people.operator.spaces().lift_suspension(request.clone()).await).await;
        assert!(self.runs().await, "R-A12");
    }

    /// R-E2: the last retry fails, and then it is paid. Until the last invoice is.
    async fn pays_late(&mut self) {
        let list = ListInvoicesRequest { parent: account_of(&self.space), ..ListInvoicesRequest::default() };
        let invoices =
            self.answered(async || self.people.admin.invoices().list_invoices(list.clone()).await).await;
        let open = invoices.invoices.into_iter().find(|invoice| invoice.state() == State::Open);
        let Some(Invoice { name, .. }) = open else { return };
        let id = name.rsplit('/').next().expect("an id");
        // Three weeks after the first failure.
        let id = uuid(self.pool, id.parse().expect("an id"));
        let past = "2026-01-01T00:00:00.000000Z";
        let late = format!("failed_attempts = 5, first_failure = '{past}', next_attempt_time = '{past}'");
        tamper(self.pool, &format!("UPDATE invoice SET {late} WHERE id = {id}")).await;
        let failed = self.attempts_payment(&name, payment_attempt::Outcome::Failed).await;
        assert_eq!((failed.state(), self.runs().await), (State::PastDue, false), "R-E2");
        let paid = self.attempts_payment(&name, payment_attempt::Outcome::Succeeded).await;
        assert_eq!((paid.state(), self.runs().await), (State::Paid, true), "R-E2");
    }

    async fn attempts_payment(&mut self, name: &str, outcome: payment_attempt::Outcome) -> Invoice {
        let id = new_id();
        let time = Some(SystemClock.now().into());
        let attempt = Some(PaymentAttempt { id: id.clone(), outcome: outcome.into(), time });
        let request = ReportPaymentAttemptRequest { name: name.to_owned(), attempt, request_id: new_id() };
        let report = async || self.people.payments.invoices().report_payment_attempt(request.clone()).await;
        let invoice = self.answered(report).await;
        self.attempts.insert((name.to_owned(), id));
        invoice
    }
}
