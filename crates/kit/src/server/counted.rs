//! Counts every call once, by the code that it ends with.
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};

use crate::metrics;

/// A call that has not ended. If it is dropped before it has, its client was no longer there.
pub(super) struct Counted {
    method: &'static str,
    started: Instant,
    ended: bool,
}

impl Counted {
    /// A call of the method that this path names.
    pub(super) fn call(path: &str, started: Instant) -> Self {
        Self { method: metrics::method(path), started, ended: false }
    }

    /// The response begins. It has its code at once, or in the trailers after its messages.
    pub(super) fn responding(mut self, response: Response<Body>) -> Response<Body> {
        metrics::responding(self.method, self.started.elapsed());
        if let Some(code) = code(response.headers()) {
            self.end(code);
            return response;
        }
        response.map(|body| {
            Body::new(body.map_frame(move |frame| match frame.into_trailers() {
                Ok(trailers) => {
                    self.end(code(&trailers).unwrap_or(Code::Unknown));
                    Frame::trailers(trailers)
                }
                Err(frame) => frame,
            }))
        })
    }

    fn end(&mut self, code: Code) {
        if !self.ended {
            self.ended = true;
            metrics::ended(self.method, code);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// The code that a response tells in these headers or trailers.
pub(super) fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()))
}
