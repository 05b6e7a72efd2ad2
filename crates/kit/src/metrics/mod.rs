//! What the process counts and measures, for Prometheus. One set of numbers for the process, as there is one log: a
//! number can then be counted where it arises, without a handle that is passed through everything in between.
use std::{
    collections::HashSet,
    sync::{LazyLock, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Metric as Encode, Registry},
};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::Code;

use crate::server::Limit;

mod databases;
mod list;
mod port;

pub use self::{
    databases::Databases,
    list::{ALL, Kind, Metric},
    port::serve,
};

/// A label and its value.
type Label = (&'static str, &'static str);

/// A gauge of any number.
type Number = Gauge<f64, AtomicU64>;

/// From what a check costs to what no client waits for.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Up to the most that one call takes.
const QUESTIONS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Why a transaction is run again: it gave way to another.
pub(crate) const CONTENDED: &str = "contended";
/// Why a transaction is run again: it needed other scopes than it held.
pub(crate) const SCOPES: &str = "scopes";

/// What a method is called that is in no descriptor: paths are the client's to choose.
const UNKNOWN: &str = "unknown";

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The numbers of the process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    services: Family<[Label; 1], Number>,
    ready: Number,
    calls: Family<[Label; 2], Counter>,
    duration: Family<[Label; 1], Histogram, fn() -> Histogram>,
    questions: Family<[Label; 1], Histogram, fn() -> Histogram>,
    revalidate: Family<[Label; 1], Histogram, fn() -> Histogram>,
    answers: Family<[Label; 2], Counter>,
    missing: Family<[Label; 1], Counter>,
    tokens_refused: Family<[(&'static str, String); 2], Counter>,
    clocks: Family<[Label; 1], Number>,
    transactions: Family<[Label; 2], Counter>,
    transaction: Family<[Label; 1], Histogram, fn() -> Histogram>,
    transaction_wait: Family<[Label; 1], Histogram, fn() -> Histogram>,
    repeated: Family<[Label; 1], Counter>,
    spans_lost: Counter,
    lines_dropped: Counter,
    connections: Gauge,
    limited: Family<[Label; 1], Counter>,
    not_accepted: Counter,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn questions() -> Histogram {
    Histogram::new(QUESTIONS)
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::default();
        let build = Family::<[Label; 1], Number>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1.0);
        register(&mut registry, &list::BUILD, build);
        Self {
            services: register(&mut registry, &list::SERVICE, Family::default()),
            ready: register(&mut registry, &list::READY, Number::default()),
            calls: register(&mut registry, &list::CALLS, Family::default()),
            duration: register(&mut registry, &list::DURATION, Family::new_with_constructor(seconds)),
            questions: register(&mut registry, &list::QUESTIONS, Family::new_with_constructor(questions)),
            revalidate: register(&mut registry, &list::REVALIDATE, Family::new_with_constructor(seconds)),
            answers: register(&mut registry, &list::ANSWERS, Family::default()),
            missing: register(&mut registry, &list::MISSING, Family::default()),
            tokens_refused: register(&mut registry, &list::TOKENS_REFUSED, Family::default()),
            clocks: register(&mut registry, &list::CLOCKS, Family::default()),
            transactions: register(&mut registry, &list::TRANSACTIONS, Family::default()),
            transaction: register(&mut registry, &list::TRANSACTION, Family::new_with_constructor(seconds)),
            transaction_wait: register(
                &mut registry,
                &list::TRANSACTION_WAIT,
                Family::new_with_constructor(seconds),
            ),
            repeated: register(&mut registry, &list::REPEATED, Family::default()),
            spans_lost: register(&mut registry, &list::SPANS_LOST, Counter::default()),
            lines_dropped: register(&mut registry, &list::LINES_DROPPED, Counter::default()),
            connections: register(&mut registry, &list::PORT_CONNECTIONS, Gauge::default()),
            limited: register(&mut registry, &list::LIMITED, Family::default()),
            not_accepted: register(&mut registry, &list::NOT_ACCEPTED, Counter::default()),
            registry,
        }
    }
}

/// Has a registry tell of a metric, under its name.
fn register<M: Encode + Clone>(registry: &mut Registry, metric: &Metric, value: M) -> M {
    // The encoder adds a counter's suffix.
    let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
    registry.register(name, metric.help, value.clone());
    value
}

/// The process runs this service, and says so before it is ready.
pub fn runs(service: &'static str) {
    METRICS.services.get_or_create(&[("service", service)]).set(1.0);
}

/// The port answers for these services. Prometheus sees a number grow only if it has seen the number before: those by
/// which defects are noticed are there from the start.
pub(crate) fn hosting(services: &[&str]) {
    let hosted =
        |method: &&String| method.split_once('/').is_some_and(|(service, _)| services.contains(&service));
    for method in METHODS.iter().filter(hosted) {
        drop(METRICS.calls.get_or_create(&[("method", method), ("code", code_name(Code::Internal))]));
    }
    for limit in Limit::ALL {
        drop(METRICS.limited.get_or_create(&[("limit", limit.name())]));
    }
    for cause in [CONTENDED, SCOPES] {
        drop(METRICS.repeated.get_or_create(&[("cause", cause)]));
    }
}

/// A gate asks this owner of facts from now on.
pub fn asking(owner: &'static str) {
    drop(METRICS.missing.get_or_create(&[("owner", owner)]));
}

/// Whether the port says that it serves.
pub(crate) fn ready(ready: bool) {
    METRICS.ready.set(f64::from(u8::from(ready)));
}

/// A call's response begins.
pub(crate) fn responding(method: &'static str, after: Duration) {
    METRICS.duration.get_or_create(&[("method", method)]).observe(after.as_secs_f64());
}

/// A call has ended.
pub(crate) fn ended(method: &'static str, code: Code) {
    METRICS.calls.get_or_create(&[("method", method), ("code", code_name(code))]).inc();
}

/// A token of a configured issuer, or of one that is not, is refused.
pub(crate) fn token_refused(cause: &'static str, issuer: &str) {
    let labels = [("cause", cause.to_owned()), ("issuer", issuer.to_owned())];
    METRICS.tokens_refused.get_or_create(&labels).inc();
}

#[cfg(test)]
pub(crate) fn tokens_refused(cause: &'static str, issuer: &str) -> u64 {
    METRICS.tokens_refused.get_or_create(&[("cause", cause.to_owned()), ("issuer", issuer.to_owned())]).get()
}

/// An owner's clock was ahead of this process's by so many microseconds.
pub fn clock_differs(owner: &'static str, micros: i64) {
    #[expect(clippy::cast_precision_loss, reason = "no clock is wrong by so much that it matters")]
    METRICS.clocks.get_or_create(&[("owner", owner)]).set(micros as f64 / 1e6);
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

/// So many connections more are open, or fewer.
pub(crate) fn connections(more: i64) {
    METRICS.connections.inc_by(more);
}

/// A limit has refused or ended something. It is known by the name of its flag.
pub(crate) fn limited(limit: Limit) {
    METRICS.limited.get_or_create(&[("limit", limit.name())]).inc();
}

/// How often a limit has refused, ended or held up something.
#[cfg(test)]
pub(crate) fn times_limited(limit: Limit) -> u64 {
    METRICS.limited.get_or_create(&[("limit", limit.name())]).get()
}

/// The system had no room for a connection.
pub(crate) fn accept_failed() {
    METRICS.not_accepted.inc();
}

/// How often the system had no room for a connection.
#[cfg(test)]
pub(crate) fn accept_failures() -> u64 {
    METRICS.not_accepted.get()
}

/// So many spans will not be exported.
pub(crate) fn spans_lost(count: usize) {
    METRICS.spans_lost.inc_by(count as u64);
}

/// So many lines of the log will not be written.
pub(crate) fn log_lines_dropped(count: u64) {
    METRICS.lines_dropped.inc_by(count);
}

/// An owner of facts has answered a call with so many questions: of so many that nothing has changed.
pub fn revalidated(owner: &'static str, questions: usize, unchanged: usize, after: Duration) {
    revalidating(owner, questions, after);
    let answers = |answer, count: usize| {
        METRICS.answers.get_or_create(&[("owner", owner), ("answer", answer)]).inc_by(count as u64);
    };
    answers("unchanged", unchanged);
    answers("changed", questions.saturating_sub(unchanged));
}

/// An owner of facts has not answered a call with so many questions.
pub fn not_revalidated(owner: &'static str, questions: usize, after: Duration) {
    revalidating(owner, questions, after);
    METRICS.missing.get_or_create(&[("owner", owner)]).inc_by(questions as u64);
}

fn revalidating(owner: &'static str, questions: usize, after: Duration) {
    let owner = [("owner", owner)];
    #[expect(clippy::cast_precision_loss, reason = "a call takes a few hundred questions")]
    METRICS.questions.get_or_create(&owner).observe(questions as f64);
    METRICS.revalidate.get_or_create(&owner).observe(after.as_secs_f64());
}

static METHODS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let sets = [
        devspaces_proto::DESCRIPTOR_SET,
        devspaces_proto::health::v1::DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    sets.into_iter().flat_map(methods_of).collect()
});

/// The method that a path names, if it is one of this API, of health or of reflection.
pub(crate) fn method(path: &str) -> &'static str {
    METHODS.get(path.trim_start_matches('/')).map_or(UNKNOWN, String::as_str)
}

fn methods_of(set: &[u8]) -> Vec<String> {
    let files = FileDescriptorSet::decode(set).unwrap_or_default().file;
    let named = |file: &prost_types::FileDescriptorProto| {
        let methods = |service: &prost_types::ServiceDescriptorProto| {
            let service_name = format!("{}.{}", file.package(), service.name());
            let names = service.method.iter().map(|method| format!("{service_name}/{}", method.name()));
            names.collect::<Vec<_>>()
        };
        file.service.iter().flat_map(methods).collect::<Vec<_>>()
    };
    files.iter().flat_map(named).collect()
}

/// A code as the protocol's documents spell it.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_one_of_the_descriptors_or_unknown() {
        let known = "devspaces.space.v1.SpaceService/GetSpace";
        assert_eq!(method(&format!("/{known}")), known);
        assert_eq!(method("/grpc.health.v1.Health/Check"), "grpc.health.v1.Health/Check");
        for path in ["/", "/devspaces.space.v1.SpaceService/None", "/users/alice", "/spaces/secret"] {
            assert_eq!(method(path), UNKNOWN, "{path}");
        }
    }

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for metric in ALL {
            let Metric { name, kind, labels, help } = metric;
            let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(name.starts_with("devspaces_") && plain(name), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(labels.iter().all(|label| plain(label)), "{name}");
            assert!(!help.is_empty() && !help.ends_with('.'), "the encoder adds a full stop: {name}");
            // A check by text takes "# HELP devspaces_ready 1 …" for "devspaces_ready 1".
            assert!(help.starts_with(|first: char| first.is_ascii_uppercase()), "{name}");
        }
        let names: HashSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
