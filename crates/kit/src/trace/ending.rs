//! How a call ends: once, with a code, and with the headers or trailers that tell it.
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tonic::{Code, Status, body::Body};

/// A call that has not ended. If it is dropped before it has, nobody waits for it any more: `CANCELLED`.
pub(crate) struct Ending<F: FnOnce(Code, &HeaderMap)>(Option<F>);

impl<F: FnOnce(Code, &HeaderMap)> Ending<F> {
    /// What is to be done when the call ends.
    pub(crate) fn new(then: F) -> Self {
        Self(Some(then))
    }

    /// The call ends here.
    pub(crate) fn end(mut self, code: Code) {
        self.tell(code, &HeaderMap::new());
    }

    fn tell(&mut self, code: Code, told: &HeaderMap) {
        if let Some(then) = self.0.take() {
            then(code, told);
        }
    }
}

impl<F: FnOnce(Code, &HeaderMap) + Send + 'static> Ending<F> {
    /// The response begins. It has its code at once, or in the trailers after its messages.
    pub(crate) fn responding(mut self, response: Response<Body>) -> Response<Body> {
        if let Some(code) = code(response.headers()) {
            self.tell(code, response.headers());
            return response;
        }
        response.map(|body| {
            Body::new(body.map_frame(move |frame| match frame.into_trailers() {
                Ok(trailers) => {
                    self.tell(code(&trailers).unwrap_or(Code::Unknown), &trailers);
                    Frame::trailers(trailers)
                }
                Err(frame) => frame,
            }))
        })
    }
}

impl<F: FnOnce(Code, &HeaderMap)> Drop for Ending<F> {
    fn drop(&mut self) {
        self.tell(Code::Cancelled, &HeaderMap::new());
    }
}

/// The code that a response tells in these headers or trailers.
fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()))
}
