//! W3C Trace Context: which calls belong together, across services. `tracestate` is not passed on.
use std::{fmt, future::Future};

use http::HeaderMap;
use tonic::metadata::MetadataMap;

const TRACEPARENT: &str = "traceparent";

/// The trace that a call belongs to, and the call's own place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    flags: u8,
}

tokio::task_local! {
    static CURRENT: Option<TraceContext>;
}

impl TraceContext {
    /// The trace that the headers name, or a new one; with a new span in either case.
    #[must_use]
    pub fn continued(headers: &HeaderMap) -> Self {
        let parent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(parse);
        let (trace, flags) = parent.unwrap_or_else(|| (rand::random_range(1..=u128::MAX), 0));
        Self { trace, span: rand::random_range(1..=u64::MAX), flags }
    }

    /// The trace of the call that is being answered; none outside of one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|current| *current).ok().flatten()
    }

    /// Passes the current trace on to a service that is about to be called.
    pub fn inject(metadata: &mut MetadataMap) {
        if let Some(Ok(value)) = Self::current().map(|current| current.to_string().parse()) {
            metadata.insert(TRACEPARENT, value);
        }
    }

    /// The id that all calls of the trace share: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }

    /// Does work as part of a trace.
    pub(super) fn scope<F: Future>(trace: Option<Self>, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(trace, work)
    }
}

impl fmt::Display for TraceContext {
    /// As a `traceparent`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// Trace id and flags of a `traceparent`. Versions above 00 may be longer (Trace Context, 4.3).
fn parse(value: &str) -> Option<(u128, u8)> {
    let mut parts = value.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace = hex(parts.next()?, 32)?;
    let span = hex(parts.next()?, 16)?;
    let flags = hex(parts.next()?, 2)?;
    let known = version < 0xff && (version > 0 || parts.next().is_none());
    (known && trace != 0 && span != 0).then(|| u8::try_from(flags).ok().map(|flags| (trace, flags)))?
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

    fn continued(traceparent: &str) -> TraceContext {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, traceparent.parse().expect("a header"));
        TraceContext::continued(&headers)
    }

    #[tokio::test]
    async fn a_trace_goes_on_with_a_span_of_its_own() {
        let mut metadata = MetadataMap::new();
        let trace = continued(PARENT);
        TraceContext::scope(Some(trace), async { TraceContext::inject(&mut metadata) }).await;
        let sent = metadata.get(TRACEPARENT).and_then(|value| value.to_str().ok()).expect("a traceparent");
        assert!(sent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && sent.ends_with("-01"), "{sent}");
        assert_ne!(sent, PARENT);
        assert_eq!(
            continued("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more").trace,
            trace.trace
        );
    }

    #[test]
    fn a_malformed_parent_starts_a_new_trace() {
        for bad in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            &PARENT.to_uppercase(),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            &format!("{PARENT}-more"),
        ] {
            assert_ne!(continued(bad).trace_id(), "0af7651916cd43dd8448eb211c80319c", "{bad}");
        }
    }
}
