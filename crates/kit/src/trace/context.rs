//! A place in a trace, as W3C Trace Context has it. `tracestate` is not passed on.
use std::{fmt, future::Future};

use http::{HeaderMap, HeaderValue};

/// How many other calls a shared one names: the limit that OpenTelemetry's SDK has unless told otherwise.
const LINKS: usize = 128;
const TRACEPARENT: &str = "traceparent";

/// Who began the trace wants it recorded.
const SAMPLED: u8 = 1;

/// The trace that a call belongs to, and the call's own place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) flags: u8,
    /// The method that is being answered here.
    method: Option<&'static str>,
}

tokio::task_local! {
    static CURRENT: Option<TraceContext>;
    /// The places of the others for whom something is done as well.
    static BESIDE: Vec<TraceContext>;
}

impl TraceContext {
    /// The beginning of a trace.
    #[must_use]
    pub fn root(sampled: bool) -> Self {
        Self {
            trace: rand::random_range(1..=u128::MAX),
            span: new_span(),
            flags: u8::from(sampled) * SAMPLED,
            method: None,
        }
    }

    /// The place that the headers name: that of whoever calls.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(parse)
    }

    /// A place below this one.
    pub(super) fn child(self) -> Self {
        Self { span: new_span(), ..self }
    }

    /// The same place, at which this method is being answered.
    pub(super) fn answering(self, method: &'static str) -> Self {
        Self { method: Some(method), ..self }
    }

    /// The method that is being answered at this place, if it is one of a server.
    pub(crate) fn method(self) -> Option<&'static str> {
        self.method
    }

    /// Whether the trace is to be recorded.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The place of the call that is being answered; none outside of one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|current| *current).ok().flatten()
    }

    /// The places of the others for whom the same is done.
    pub(super) fn beside() -> Vec<Self> {
        BESIDE.try_with(Clone::clone).unwrap_or_default()
    }

    /// Passes the place on to a service that is about to be called.
    pub(super) fn inject(self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(self.to_string()) {
            headers.insert(TRACEPARENT, value);
        }
    }

    /// The id that all calls of the trace share: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }

    /// Does work at this place in a trace, or in none.
    pub fn scope<F: Future>(place: Option<Self>, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(place, work)
    }

    /// As [`scope`](Self::scope), for work that does not wait.
    pub(crate) fn within<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(Some(self), work)
    }

    /// Does work that several calls wait for. It can be in one trace only, that of the first that is recorded; the
    /// others are named beside it, up to a limit.
    pub fn shared<F: Future>(calls: impl Iterator<Item = Self>, work: F) -> impl Future<Output = F::Output> {
        let mut calls = calls.peekable();
        let first = calls.peek().copied();
        let mut sampled: Vec<Self> = if super::export::is_on() {
            calls.filter(|it| it.is_sampled()).take(LINKS).collect()
        } else {
            Vec::new()
        };
        let chosen = if sampled.is_empty() { first } else { Some(sampled.swap_remove(0)) };
        BESIDE.scope(sampled, CURRENT.scope(chosen, work))
    }
}

fn new_span() -> u64 {
    rand::random_range(1..=u64::MAX)
}

impl fmt::Display for TraceContext {
    /// As a `traceparent`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// Trace, span and flags of a `traceparent`. Versions above 00 may be longer (Trace Context, 4.3).
fn parse(value: &str) -> Option<TraceContext> {
    let mut parts = value.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace = hex(parts.next()?, 32)?;
    let span = u64::try_from(hex(parts.next()?, 16)?).ok()?;
    let flags = u8::try_from(hex(parts.next()?, 2)?).ok()?;
    let known = version < 0xff && (version > 0 || parts.next().is_none());
    (known && trace != 0 && span != 0).then_some(TraceContext { trace, span, flags, method: None })
}

/// So many lower-case hexadecimal digits.
fn hex(digits: &str, count: usize) -> Option<u128> {
    let valid = digits.len() == count && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    valid.then(|| u128::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn of(traceparent: &str) -> Option<TraceContext> {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, traceparent.parse().expect("a header"));
        TraceContext::of(&headers)
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_its_own() {
        let parent = of(PARENT).expect("a parent");
        assert_eq!(parent.to_string(), PARENT);
        let mut headers = HeaderMap::new();
        parent.child().inject(&mut headers);
        let sent = headers[TRACEPARENT].to_str().expect("text");
        assert!(sent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && sent.ends_with("-01"), "{sent}");
        assert_ne!(sent, PARENT);
        assert_eq!(of("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"), Some(parent));
    }

    #[test]
    fn a_malformed_parent_is_none() {
        for bad in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            &PARENT.to_uppercase(),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            &format!("{PARENT}-more"),
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn shared_work_is_in_the_trace_of_whoever_asked_first() {
        let calls = [TraceContext::root(false), TraceContext::root(true)];
        let inside = async { TraceContext::current() };
        assert_eq!(
            TraceContext::shared(calls.into_iter(), inside).await,
            Some(calls[0]),
            "nothing is exported"
        );
        assert_eq!(TraceContext::shared(std::iter::empty(), async { TraceContext::current() }).await, None);
    }
}
