//! Spans: what a collector is told of calls and transactions.
use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use http::HeaderMap;
use opentelemetry::{
    KeyValue,
    trace::{Link, SpanContext, SpanKind, Status, TraceFlags, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tokio::time::Instant;
use tonic::Code;

use super::{TraceContext, export::Spans};
use crate::{identity::Caller, metrics};

/// A place in a trace, from when what is done there begins until it ends. Clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    context: TraceContext,
    /// Absent if nothing is exported.
    record: Option<Arc<Record>>,
}

/// What is told of a span. All of it is of the suite's own choosing: names of methods and peers, codes, kinds of
/// callers. Nothing that a client sends gets here but the ids of its trace.
#[derive(Debug)]
struct Record {
    spans: &'static Spans,
    parent: Option<TraceContext>,
    beside: Vec<TraceContext>,
    kind: SpanKind,
    name: &'static str,
    peer: Option<&'static str>,
    caller: OnceLock<&'static str>,
    start: SystemTime,
    started: Instant,
}

impl Span {
    /// A call that arrives with these headers. Whoever calls decides whether its trace is recorded; of traces that
    /// begin here, the share that is set is. What load balancers and tools ask all the time begins none (`open`).
    pub(crate) fn server(method: &'static str, headers: &HeaderMap, open: bool) -> Self {
        let parent = TraceContext::of(headers);
        let root = || TraceContext::root(!open && Spans::get().is_some_and(Spans::sample));
        let context = parent.map_or_else(root, TraceContext::child).answering(method);
        Self::new(context, SpanKind::Server, method, |record| record.parent = parent)
    }

    /// A call to a peer by the call that is being answered; none if there is no such call.
    pub(crate) fn client(method: &'static str, peer: &'static str) -> Option<Self> {
        let parent = TraceContext::current()?;
        let described = |record: &mut Record| {
            record.parent = Some(parent);
            record.beside = TraceContext::beside();
            record.peer = Some(peer);
        };
        Some(Self::new(parent.child(), SpanKind::Client, method, described))
    }

    fn new(
        context: TraceContext,
        kind: SpanKind,
        name: &'static str,
        described: impl FnOnce(&mut Record),
    ) -> Self {
        let spans = Spans::get().filter(|_| context.is_sampled());
        let record = spans.map(|spans| {
            let (start, started) = (Spans::now(), Instant::now());
            let mut record = Record {
                spans,
                kind,
                name,
                start,
                started,
                parent: None,
                beside: Vec::new(),
                peer: None,
                caller: OnceLock::new(),
            };
            described(&mut record);
            Arc::new(record)
        });
        Self { context, record }
    }

    /// Its place.
    pub(crate) fn context(&self) -> TraceContext {
        self.context
    }

    /// The call is by somebody: of what kind is told, and not who.
    pub(crate) fn by(&self, caller: &Caller) {
        if let Some(record) = &self.record {
            let _ = record.caller.set(caller.kind());
        }
    }

    /// The call ends.
    pub(crate) fn end(&self, code: Code) {
        let Some(record) = &self.record else { return };
        let mut attributes = vec![
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", record.name),
            KeyValue::new("rpc.response.status_code", metrics::code_name(code)),
        ];
        attributes.extend(record.peer.map(|peer| KeyValue::new("peer.service", peer)));
        attributes.extend(record.caller.get().map(|kind| KeyValue::new("devspaces.caller.kind", *kind)));
        let status = if is_error(&record.kind, code) { Status::error("") } else { Status::Unset };
        self.finish(status, attributes);
    }

    fn finish(&self, status: Status, attributes: Vec<KeyValue>) {
        let Some(record) = &self.record else { return };
        let mut links = SpanLinks::default();
        let beside = record.beside.iter().map(|it| Link::with_context(exported(*it, true)));
        links.links = beside.collect();
        record.spans.send(SpanData {
            span_context: exported(self.context, false),
            parent_span_id: record.parent.map_or(0, |parent| parent.span).into(),
            parent_span_is_remote: record.kind == SpanKind::Server && record.parent.is_some(),
            span_kind: record.kind.clone(),
            name: record.name.into(),
            start_time: record.start,
            end_time: record.start + record.started.elapsed(),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status,
            instrumentation_scope: record.spans.scope(),
        });
    }
}

/// Does a transaction for the call that is being answered, and tells whether it is committed.
pub async fn transaction<T, E>(
    method: &'static str,
    work: impl Future<Output = Result<T, E>>,
    is_committed: impl FnOnce(&T) -> bool,
) -> Result<T, E> {
    let Some(parent) = TraceContext::current().filter(|_| Spans::get().is_some()) else {
        return work.await;
    };
    let described = |record: &mut Record| record.parent = Some(parent);
    let span = Span::new(parent.child(), SpanKind::Internal, "transaction", described);
    let result = work.await;
    let committed = result.as_ref().is_ok_and(is_committed);
    span.finish(
        Status::Unset,
        vec![KeyValue::new("devspaces.method", method), KeyValue::new("devspaces.committed", committed)],
    );
    result
}

/// What a place is called in an exported span.
fn exported(place: TraceContext, remote: bool) -> SpanContext {
    let flags = TraceFlags::new(place.flags);
    SpanContext::new(place.trace.into(), place.span.into(), flags, remote, TraceState::NONE)
}

/// Whether a call that ends so has failed: for who calls, whatever is not OK; for who answers, what is not the
/// caller's doing (OpenTelemetry's conventions for gRPC).
fn is_error(kind: &SpanKind, code: Code) -> bool {
    match code {
        Code::Ok => false,
        Code::Unknown
        | Code::DeadlineExceeded
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => true,
        _ => *kind == SpanKind::Client,
    }
}
