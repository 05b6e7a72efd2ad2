//! What is counted and measured of databases, transactions and effects.
use std::{sync::LazyLock, time::Duration};

use devspaces_kit::metrics::{Label, seconds};
use prometheus_client::metrics::{counter::Counter, family::Family, histogram::Histogram};

mod databases;
mod list;

pub use self::{databases::Databases, list::ALL};

/// Why a transaction is run again: it gave way to another.
pub(crate) const CONTENDED: &str = "contended";
/// Why a transaction is run again: it needed other scopes than it held.
pub(crate) const SCOPES: &str = "scopes";

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

#[derive(Debug)]
struct Metrics {
    transactions: Family<[Label; 2], Counter>,
    transaction: Family<[Label; 1], Histogram, fn() -> Histogram>,
    transaction_wait: Family<[Label; 1], Histogram, fn() -> Histogram>,
    repeated: Family<[Label; 1], Counter>,
    rested: Family<[Label; 1], Counter>,
    attempts: Family<[Label; 2], Counter>,
}

impl Metrics {
    fn new() -> Self {
        let repeated = Family::<[Label; 1], Counter>::default();
        // Prometheus sees a number grow only if it has seen the number before.
        for cause in [CONTENDED, SCOPES] {
            drop(repeated.get_or_create(&[("cause", cause)]));
        }
        Self {
            transactions: list::TRANSACTIONS.register(Family::default()),
            transaction: list::TRANSACTION.register(Family::new_with_constructor(seconds)),
            transaction_wait: list::TRANSACTION_WAIT.register(Family::new_with_constructor(seconds)),
            repeated: list::REPEATED.register(repeated),
            rested: list::RESTED.register(Family::default()),
            attempts: list::ATTEMPTS.register(Family::default()),
        }
    }
}

/// Has the process tell of transactions from now on.
pub(crate) fn begin() {
    LazyLock::force(&METRICS);
}

/// How a transaction of a change ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Committed,
    /// As it should, without a change.
    Ended,
    Failed,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }
}

/// A transaction of a change has what it waited for.
pub(crate) fn transaction_waited(method: &'static str, after: Duration) {
    METRICS.transaction_wait.get_or_create(&[("method", method)]).observe(after.as_secs_f64());
}

/// A transaction of a change has ended.
pub(crate) fn transaction_ended(method: &'static str, outcome: Outcome, after: Duration) {
    METRICS.transactions.get_or_create(&[("method", method), ("outcome", outcome.name())]).inc();
    METRICS.transaction.get_or_create(&[("method", method)]).observe(after.as_secs_f64());
}

/// A transaction is run again.
pub(crate) fn repeated(cause: &'static str) {
    METRICS.repeated.get_or_create(&[("cause", cause)]).inc();
}

/// A change that may take away is made and rests.
pub(crate) fn rested(method: &'static str) {
    METRICS.rested.get_or_create(&[("method", method)]).inc();
}

/// What became of an event that was sent to a webhook.
#[derive(Clone, Copy, Debug)]
pub enum Attempt {
    /// Its receiver has confirmed it.
    Delivered,
    /// It is sent again.
    Repeated,
    /// It is not, unless somebody asks for it.
    Failed,
}

impl Attempt {
    const ALL: [Self; 3] = [Self::Delivered, Self::Repeated, Self::Failed];

    const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Repeated => "repeated",
            Self::Failed => "failed",
        }
    }
}

/// Has the process tell of what a service sends to webhooks, before it has sent anything.
pub(crate) fn begin_attempts(service: &'static str) {
    for attempt in Attempt::ALL {
        drop(METRICS.attempts.get_or_create(&[("service", service), ("outcome", attempt.name())]));
    }
}

/// A service has sent an event to a webhook.
pub fn attempted(service: &'static str, attempt: Attempt) {
    METRICS.attempts.get_or_create(&[("service", service), ("outcome", attempt.name())]).inc();
}
