//! What every call passes through, in this order: its trace, log line and count, authentication, admission, deadline,
//! and on the way back the canonical form of errors.
use std::{
    convert::Infallible,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{FutureExt as _, stream};
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, LengthLimitError, Limited, StreamBody};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tonic::{Status, body::Body, service::Routes};
use tower::{Service, ServiceExt as _};

use super::{MESSAGE_LIMIT, Tasks, canonical::canonical, log::Line};
use crate::{
    identity::Authenticator,
    metrics,
    status::Fault,
    trace::{Ending, Span, TraceContext},
};

/// The services that answer anyone: they are for load balancers and tools, and tell nothing about anybody.
const OPEN: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection."];

/// A message comes with a flag and its length in front, in five bytes.
const PREFIX: usize = 5;

/// The service in front of all services of a port.
#[derive(Clone)]
pub(super) struct Edge {
    pub(super) routes: Routes,
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) tasks: Tasks,
    /// The longest time that a call may take until its response begins.
    pub(super) deadline: Duration,
    /// One permit for each call of a client in progress.
    pub(super) clients: Semaphore,
    /// One permit for each call of the suite's services in progress. Clients' calls wait for such calls: if both
    /// competed, clients could fill a port with calls that wait for what has no room behind them.
    pub(super) suite: Semaphore,
}

impl Service<Request<Body>> for Edge {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The deadline is set now and not at the first poll: tonic has a timer too, which answers CANCELLED,
        // starts right after this and must never be the first.
        let started = Instant::now();
        let path = request.uri().path();
        let open = OPEN.iter().any(|prefix| path.starts_with(prefix));
        let known = metrics::method(path);
        let span = Span::server(known, request.headers(), open);
        let place = span.context();
        let line = Arc::new(Line::new((known, path), place, open));
        let (ended, ended_line) = (span.clone(), Arc::clone(&line));
        let ending = Ending::new(move |code, told| {
            metrics::ended(known, code);
            ended.end(code);
            ended_line.end(code, told);
        });
        let answer = self.clone().answer(request, (open, started), (span, Arc::clone(&line)));
        let logged = async move {
            let response = answer.await;
            let elapsed = started.elapsed();
            line.responding(elapsed);
            metrics::responding(known, elapsed);
            Ok(ending.responding(response))
        };
        Box::pin(TraceContext::scope(Some(place), logged))
    }
}

impl Edge {
    async fn answer(
        self,
        request: Request<Body>,
        (open, started): (bool, Instant),
        (span, line): (Span, Arc<Line>),
    ) -> Response<Body> {
        let shared = Arc::clone(&self.shared);
        // A panic's text is in the log already, from the process's panic hook.
        let answer =
            AssertUnwindSafe(self.admit(request, (open, started), (&span, &line))).catch_unwind().await;
        let response = match answer.unwrap_or_else(|_| Err(Fault::internal("a handler panicked"))) {
            Ok(response) => canonical(response, open),
            Err(fault) => Status::from(fault).into_http(),
        };
        if open { response.map(|body| until_stopping(body, &shared.tasks)) } else { response }
    }

    async fn admit(
        self,
        mut request: Request<Body>,
        (open, started): (bool, Instant),
        (span, line): (&Span, &Line),
    ) -> Result<Response<Body>, Fault> {
        let shared = self.shared;
        // A busy server is a healthy one: health is answered all the same.
        let mut admission = None;
        if !open {
            let caller = shared.authenticator.authenticate(request.headers())?;
            span.by(&caller);
            line.by(&caller);
            admission = Some(if caller.suite.is_some() { &shared.suite } else { &shared.clients });
            request.extensions_mut().insert(caller);
        }
        // Nothing behind this needs the token, so nothing can pass it on or log it.
        request.headers_mut().remove(AUTHORIZATION);
        let _permit = admission.map(Semaphore::try_acquire).transpose().map_err(|_| Fault::overloaded())?;
        let deadline =
            started + grpc_timeout(request.headers()).unwrap_or(shared.deadline).min(shared.deadline);
        let request = request.map(limited);
        match timeout_at(deadline, self.routes.oneshot(request)).await {
            Ok(Ok(response)) => Ok(response),
            Err(_) => Err(Fault::deadline_exceeded()),
        }
    }
}

/// How long the client waits: at most eight digits and a unit (gRPC over HTTP/2). Anything else counts as not said.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_hours(count)),
        "M" => Some(Duration::from_mins(count)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// The body of a request, which fails once it is longer than one message may be.
fn limited(body: Body) -> Body {
    Body::new(Limited::new(body, MESSAGE_LIMIT + PREFIX).map_err(|error| {
        if error.is::<LengthLimitError>() {
            Status::from(Fault::message_too_large(MESSAGE_LIMIT))
        } else {
            Status::from_error(error)
        }
    }))
}

/// The body, which ends when it has nothing to give and the server is stopping: clients watch health and keep
/// reflection open for as long as they live.
fn until_stopping(mut body: Body, tasks: &Tasks) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let mut stopping = Some(Box::pin(tasks.stopping()));
    Body::new(StreamBody::new(stream::poll_fn(move |context| {
        let Some(stop) = &mut stopping else { return Poll::Ready(None) };
        if let ready @ Poll::Ready(_) = Pin::new(&mut body).poll_frame(context) {
            return ready;
        }
        ready!(stop.as_mut().poll(context));
        stopping = None;
        let mut trailers = HeaderMap::new();
        let _ = Status::from(Fault::shutting_down()).add_header(&mut trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_timeout_is_read_as_grpc_defines_it() {
        let timeout = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", value.parse().expect("a header"));
            grpc_timeout(&headers)
        };
        assert_eq!(timeout("2H"), Some(Duration::from_hours(2)));
        assert_eq!(timeout("99999999M"), Some(Duration::from_mins(99_999_999)));
        assert_eq!(
            (timeout("5S"), timeout("5m")),
            (Some(Duration::from_secs(5)), Some(Duration::from_millis(5)))
        );
        assert_eq!(
            (timeout("5u"), timeout("5n")),
            (Some(Duration::from_micros(5)), Some(Duration::from_nanos(5)))
        );
        for bad in ["", "S", "5", "5s", "+5S", "123456789S", "5.5S"] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
        assert_eq!(grpc_timeout(&HeaderMap::new()), None);
    }
}
