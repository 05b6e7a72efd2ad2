//! What calls were answered with, counted; and whatever must not have been.
use std::{
    collections::BTreeMap,
    error::Error as _,
    fmt::{self, Write as _},
    time::{Duration, Instant},
};

use devspaces::Service;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::ports::NOT_CONNECTED;

/// How hyper says that a connection ended before the request was sent on it.
const UNSENT: &str = "operation was canceled: connection closed";
/// As many findings of a kind are told of as help.
const TOLD: usize = 10;

/// What a refusal counts as. All others are findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    /// UNAVAILABLE, with a time to retry.
    Unavailable,
    /// `DEADLINE_EXCEEDED`, said by the service or by the caller's own timer.
    DeadlineExceeded,
    /// `RESOURCE_EXHAUSTED`, with a time to retry.
    ResourceExhausted,
    /// There was no connection: the caller's own library says so, and nothing was sent.
    NotConnected,
    /// The connection ended before the answer. The caller's own library says so.
    Broken,
}

impl Refusal {
    pub(crate) const ALL: [Self; 5] = [
        Self::Unavailable,
        Self::DeadlineExceeded,
        Self::ResourceExhausted,
        Self::NotConnected,
        Self::Broken,
    ];

    /// What an error is; a sentence if it is one that must not be.
    pub(crate) fn of(status: &Status) -> Result<Self, String> {
        let details = status.get_error_details();
        let Some(info) = details.error_info() else { return Self::of_transport(status) };
        let retry = details.retry_info().is_some();
        match status.code() {
            Code::Unavailable if retry => Ok(Self::Unavailable),
            Code::ResourceExhausted if retry => Ok(Self::ResourceExhausted),
            Code::DeadlineExceeded => Ok(Self::DeadlineExceeded),
            code => Err(format!("{code:?} / {} (RetryInfo: {retry}): {}", info.reason, status.message())),
        }
    }

    /// Each answer of a service has an `ErrorInfo`: what has none was made by the caller's own library.
    fn of_transport(status: &Status) -> Result<Self, String> {
        if status.source().is_none() {
            return Err(format!("{:?} without ErrorInfo: {}", status.code(), status.message()));
        }
        let text = causes(status);
        if text.contains("Timeout expired") {
            Ok(Self::DeadlineExceeded)
        } else if [NOT_CONNECTED, UNSENT].into_iter().any(|reason| text.contains(reason)) {
            Ok(Self::NotConnected)
        } else {
            Ok(Self::Broken)
        }
    }
}

/// What a client's own library says of a call that failed: each error by its cause.
fn causes(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = status.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "UNAVAILABLE",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::NotConnected => "no connection",
            Self::Broken => "connection lost",
        })
    }
}

/// How long calls to one service had no success.
#[derive(Debug, Default)]
struct Outage {
    last: Option<Instant>,
    failed: bool,
    longest: Duration,
    /// Whether there was a success since the fault was mended.
    over: bool,
}

/// What one fault brought about.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Calls, every attempt counted.
    pub(crate) calls: u64,
    /// Changes that were acknowledged.
    pub(crate) acknowledged: u64,
    /// Refusals.
    pub(crate) refused: BTreeMap<Refusal, u64>,
    /// What broken connections said, by method.
    pub(crate) broken: BTreeMap<String, u64>,
    /// Checks and reads that began after a revocation was acknowledged.
    pub(crate) checks: u64,
    /// Those of them that were allowed.
    pub(crate) stale: u64,
    /// How long each kind of call took to succeed again once the fault was mended.
    pub(crate) again: BTreeMap<&'static str, Duration>,
    /// What broke a guarantee.
    pub(crate) findings: Vec<String>,
    outages: BTreeMap<Service, Outage>,
    mended: Option<Instant>,
    untold: usize,
}

impl Tally {
    /// A guarantee is broken.
    pub(crate) fn found(&mut self, what: String) {
        if self.findings.len() < TOLD {
            eprintln!("  FINDING: {what}");
            self.findings.push(what);
        } else {
            self.untold += 1;
        }
    }

    /// The fault is over.
    pub(crate) fn mended(&mut self) {
        self.mended = Some(Instant::now());
    }

    /// A call succeeded, under load or after it.
    pub(crate) fn succeeded(&mut self, method: &'static str, under_load: bool) {
        self.calls += 1;
        if let Some(mended) = self.mended.filter(|_| under_load) {
            self.again.entry(method).or_insert_with(|| mended.elapsed());
        }
    }

    /// A call was refused; whether it may be repeated.
    pub(crate) fn refused(&mut self, method: &'static str, status: &Status) -> bool {
        self.calls += 1;
        match Refusal::of(status) {
            Ok(refusal) => {
                *self.refused.entry(refusal).or_default() += 1;
                if refusal == Refusal::Broken {
                    let text = format!("{method}: {:?}: {}", status.code(), causes(status));
                    *self.broken.entry(text).or_default() += 1;
                }
                true
            }
            Err(what) => {
                self.found(format!("{method} answered {what}"));
                false
            }
        }
    }

    /// A call to a service's port that is repeated all the time succeeded, or did not.
    pub(crate) fn probed(&mut self, service: Service, success: bool) {
        let outage = self.outages.entry(service).or_default();
        if !success {
            outage.failed = true;
            return;
        }
        let now = Instant::now();
        if let Some(last) = outage.last.filter(|_| outage.failed) {
            outage.longest = outage.longest.max(now - last);
        }
        outage.last = Some(now);
        outage.failed = false;
        outage.over = self.mended.is_some();
    }

    /// Whether calls to every service have succeeded since the fault was mended.
    pub(crate) fn over(&self) -> bool {
        self.outages.values().all(|outage| outage.over)
    }

    /// The longest time without a success of the calls to a service.
    pub(crate) fn outage(&self, service: Service) -> Duration {
        self.outages.get(&service).map(|outage| outage.longest).unwrap_or_default()
    }

    /// How often a refusal was met.
    pub(crate) fn count(&self, refusal: Refusal) -> u64 {
        self.refused.get(&refusal).copied().unwrap_or_default()
    }

    /// Findings of which nothing is told.
    pub(crate) fn untold(&self) -> usize {
        self.untold
    }
}

#[cfg(test)]
mod tests {
    use devspaces_kit::status::{Fault, Reason};

    use super::*;

    #[test]
    fn what_a_service_says_counts_by_its_code_and_needs_a_time_to_retry() {
        let of = |fault: Fault| Refusal::of(&Status::from(fault));
        assert_eq!(of(Fault::storage_unavailable()), Ok(Refusal::Unavailable));
        assert_eq!(of(Fault::overloaded()), Ok(Refusal::ResourceExhausted));
        assert_eq!(of(Fault::deadline_exceeded()), Ok(Refusal::DeadlineExceeded));
        let bad = [
            Fault::internal("x"),
            Fault::etag_stale("spaces/x"),
            Fault::permission_denied("p", "r"),
            // Of a code that often passes, and no refusal that does.
            Fault::message_too_large(1),
        ];
        assert!(bad.into_iter().all(|bad| of(bad).is_err()));
        let hasty = Fault::new(Code::Aborted, Reason::EtagStale, "").retry_after(Duration::from_secs(1));
        assert!(of(hasty).is_err(), "a time to retry makes no other code a refusal of this kind");
    }

    #[test]
    fn an_answer_without_details_is_a_finding() {
        assert!(Refusal::of(&Status::unavailable("upstream")).is_err());
        assert!(Refusal::of(&Status::internal("")).is_err());
    }

    #[test]
    fn an_outage_lasts_from_the_last_success_to_the_next() {
        let mut tally = Tally::default();
        tally.probed(Service::Space, true);
        tally.probed(Service::Space, true);
        assert_eq!(tally.outage(Service::Space), Duration::ZERO);
        tally.probed(Service::Space, false);
        std::thread::sleep(Duration::from_millis(5));
        tally.probed(Service::Space, true);
        assert!(tally.outage(Service::Space) >= Duration::from_millis(5));
    }
}
