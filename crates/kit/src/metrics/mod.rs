//! What the process counts and measures, for Prometheus. One set of numbers for the process, as there is one log: a
//! number can then be counted where it arises, without a handle that is passed through everything in between.
use std::{collections::HashSet, sync::LazyLock, time::Duration};

use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::Code;

use crate::{
    clock::Timestamp,
    server::Limit,
    tls::Cause,
    version::{COMMIT, VERSION},
};

mod list;
mod metric;
#[cfg(target_os = "linux")]
mod process;

pub use self::{
    list::ALL,
    metric::{Kind, Label, Metric, Number, encode, seconds},
};

/// What a method is called that is in no descriptor: paths are the client's to choose.
const UNKNOWN: &str = "unknown";

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The numbers of the process.
#[derive(Debug)]
pub(crate) struct Metrics {
    services: Family<[Label; 1], Number>,
    ready: Number,
    calls: Family<[Label; 2], Counter>,
    duration: Family<[Label; 1], Histogram, fn() -> Histogram>,
    tokens_refused: Family<[(&'static str, String); 2], Counter>,
    certificate_end: Family<[Label; 1], Number>,
    tls_reloads: Family<[Label; 1], Counter>,
    tls_failed: Family<[Label; 1], Counter>,
    keys: Family<[(&'static str, String); 1], Number>,
    keys_confirmed: Family<[(&'static str, String); 1], Number>,
    keys_failed: Family<[(&'static str, String); 1], Counter>,
    spans_lost: Counter,
    lines_dropped: Counter,
    connections: Gauge,
    limited: Family<[Label; 1], Counter>,
    not_accepted: Counter,
    clocks: Family<[Label; 1], Number>,
}

impl Metrics {
    fn new() -> Self {
        let build = Family::<[Label; 2], Number>::default();
        build.get_or_create(&[("version", VERSION), ("commit", COMMIT)]).set(1.0);
        list::BUILD.register(build);
        #[cfg(target_os = "linux")]
        metric::register_collector(process::Usage);
        Self {
            services: list::SERVICE.register(Family::default()),
            ready: list::READY.register(Number::default()),
            calls: list::CALLS.register(Family::default()),
            duration: list::DURATION.register(Family::new_with_constructor(seconds)),
            tokens_refused: list::TOKENS_REFUSED.register(Family::default()),
            certificate_end: list::CERTIFICATE_END.register(Family::default()),
            tls_reloads: list::TLS_RELOADS.register(Family::default()),
            tls_failed: list::TLS_FAILED.register(Family::default()),
            keys: list::KEYS.register(Family::default()),
            keys_confirmed: list::KEYS_CONFIRMED.register(Family::default()),
            keys_failed: list::KEYS_FAILED.register(Family::default()),
            spans_lost: list::SPANS_LOST.register(Counter::default()),
            lines_dropped: list::LINES_DROPPED.register(Counter::default()),
            connections: list::PORT_CONNECTIONS.register(Gauge::default()),
            limited: list::LIMITED.register(Family::default()),
            not_accepted: list::NOT_ACCEPTED.register(Counter::default()),
            clocks: list::CLOCKS.register(Family::default()),
        }
    }
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
    for taken in [true, false] {
        drop(METRICS.tls_reloads.get_or_create(&[("outcome", reload_outcome(taken))]));
    }
    for cause in Cause::ALL {
        drop(METRICS.tls_failed.get_or_create(&[("cause", cause.name())]));
    }
    for limit in Limit::ALL {
        drop(METRICS.limited.get_or_create(&[("limit", limit.name())]));
    }
}

/// Another service's clock was ahead of this process's by so many microseconds.
pub(crate) fn clock_differs(owner: &'static str, micros: i64) {
    #[expect(clippy::cast_precision_loss, reason = "no clock is wrong by so much that it matters")]
    METRICS.clocks.get_or_create(&[("owner", owner)]).set(micros as f64 / 1e6);
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

/// The keys of an issuer are looked after; none is known yet.
pub(crate) fn keys_awaited(issuer: &str) {
    let labels = [("issuer", issuer.to_owned())];
    METRICS.keys.get_or_create(&labels).set(0.0);
    METRICS.keys_confirmed.get_or_create(&labels).set(0.0);
    drop(METRICS.keys_failed.get_or_create(&labels));
}

/// An issuer has so many usable keys at this time.
pub(crate) fn keys_confirmed(issuer: &str, count: usize, time: Timestamp) {
    let labels = [("issuer", issuer.to_owned())];
    METRICS.keys.get_or_create(&labels).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    #[expect(clippy::cast_precision_loss, reason = "a double holds the microseconds of this century")]
    METRICS.keys_confirmed.get_or_create(&labels).set(time.micros() as f64 / 1e6);
}

/// The keys of an issuer could not be had.
pub(crate) fn keys_failed(issuer: &str) {
    METRICS.keys_failed.get_or_create(&[("issuer", issuer.to_owned())]).inc();
}

#[cfg(test)]
pub(crate) fn tokens_refused(cause: &'static str, issuer: &str) -> u64 {
    METRICS.tokens_refused.get_or_create(&[("cause", cause.to_owned()), ("issuer", issuer.to_owned())]).get()
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

/// The certificate that this flag gives ends then.
pub(crate) fn certificate_ends(flag: &'static str, end: Timestamp) {
    #[expect(clippy::cast_precision_loss, reason = "seconds of any year to come are exact")]
    let end = end.seconds() as f64;
    METRICS.certificate_end.get_or_create(&[("flag", flag.trim_start_matches('-'))]).set(end);
}

/// Changed files of certificates were read again, and taken or not.
pub(crate) fn tls_reloaded(taken: bool) {
    METRICS.tls_reloads.get_or_create(&[("outcome", reload_outcome(taken))]).inc();
}

fn reload_outcome(taken: bool) -> &'static str {
    if taken { "taken" } else { "refused" }
}

/// A client set up no TLS on its connection.
pub(crate) fn tls_handshake_failed(cause: Cause) {
    METRICS.tls_failed.get_or_create(&[("cause", cause.name())]).inc();
}

/// So many spans will not be exported.
pub(crate) fn spans_lost(count: usize) {
    METRICS.spans_lost.inc_by(count as u64);
}

/// So many lines of the log will not be written.
pub(crate) fn log_lines_dropped(count: u64) {
    METRICS.lines_dropped.inc_by(count);
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
}
