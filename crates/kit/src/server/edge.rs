//! What every call passes through, in this order: its trace, log line and count, authentication, admission, the arrival
//! of its message, deadline, and on the way back the canonical form of errors.
use std::{
    convert::Infallible,
    future::Future,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::FutureExt as _;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout, timeout_at},
};
use tonic::{Status, body::Body, service::Routes};
use tower::{Service, ServiceExt as _};

use super::{
    Limits, MESSAGE_LIMIT, Tasks,
    admission::Admission,
    arrival::{Messages, Room},
    calls::{Calls, Terms},
    canonical::canonical,
    connection::Origin,
    gzip::{self, Encoding},
    log::Line,
    open::{self, Places},
};
use crate::{
    identity::{Authenticator, Caller},
    metrics,
    status::Fault,
    trace::{Ending, Span, TraceContext},
};

/// The service in front of all services of a port.
#[derive(Clone)]
pub(super) struct Edge {
    pub(super) routes: Routes,
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    authenticator: Arc<Authenticator>,
    tasks: Tasks,
    calls: Arc<Calls>,
    limits: Limits,
    /// Who may have how many calls in progress.
    admission: Arc<Admission>,
    room: Room,
    open: Places,
}

impl Shared {
    pub(super) fn new(
        authenticator: Arc<Authenticator>,
        tasks: Tasks,
        calls: Arc<Calls>,
        limits: Limits,
    ) -> Self {
        Self {
            authenticator,
            tasks,
            calls,
            limits,
            admission: Admission::new(limits.calls, limits.callers),
            room: Room::new(&limits),
            open: Places::new(&limits),
        }
    }
}

/// What is known of a call from its headers.
struct Asked {
    started: Instant,
    /// Set if it needs no credentials.
    open: Option<open::Method>,
    origin: Origin,
    /// When the client gives up.
    deadline: Option<Instant>,
    /// Whether the client takes compressed messages.
    gzip: bool,
}

impl Asked {
    fn read(request: &mut Request<Body>) -> Option<Self> {
        let started = Instant::now();
        let origin = request.extensions_mut().remove::<Origin>()?;
        let deadline = grpc_timeout(request.headers()).map(|timeout| started + timeout);
        let gzip = gzip::accepted(request.headers());
        let open = open::Method::at(request.uri().path());
        Some(Self { started, open, origin, deadline, gzip })
    }
}

/// The three places of a call without credentials.
type Held = Option<[OwnedSemaphorePermit; 3]>;

impl Service<Request<Body>> for Edge {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(asked) = Asked::read(&mut request) else {
            let fault = Fault::internal("a call without a connection");
            return Box::pin(std::future::ready(Ok(Status::from(fault).into_http())));
        };
        let (started, open) = (asked.started, asked.open.is_some());
        let path = request.uri().path();
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
        let answer = self.clone().answer(request, asked, (span, Arc::clone(&line)));
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
        asked: Asked,
        (span, line): (Span, Arc<Line>),
    ) -> Response<Body> {
        let call = self.shared.calls.begin();
        let stopping = asked.open.map(|_| Box::pin(self.shared.tasks.stopping()));
        // A panic's text is in the log already, from the process's panic hook.
        let answer = AssertUnwindSafe(self.admit(request, &asked, (&span, &line))).catch_unwind().await;
        let (response, place) = match answer.unwrap_or_else(|_| Err(Fault::internal("a handler panicked"))) {
            Ok((response, place)) => (canonical(response, asked.open.is_some()), place),
            Err(fault) => (Status::from(fault).into_http(), None),
        };
        let lasts = asked.open.and_then(open::Method::lasts).map(|time| asked.started + time);
        let deadline = [asked.deadline, lasts].into_iter().flatten().min();
        let terms = Terms { deadline, stopping, gzip: asked.gzip, place, busy: Some(asked.origin.busy) };
        let mut response = call.respond(response, terms);
        response.headers_mut().insert(gzip::ACCEPTED, gzip::ACCEPT);
        response
    }

    async fn admit(
        self,
        mut request: Request<Body>,
        asked: &Asked,
        (span, line): (&Span, &Line),
    ) -> Result<(Response<Body>, Held), Fault> {
        let shared = &self.shared;
        let mut caller = None;
        if asked.open.is_none() {
            let known = shared.authenticator.authenticate(request.headers())?;
            span.by(&known);
            line.by(&known);
            request.extensions_mut().insert(known.clone());
            caller = Some(known);
        }
        // Nothing behind this needs the token, so nothing can pass it on or log it.
        request.headers_mut().remove(AUTHORIZATION);
        // A busy server is a healthy one: health is answered all the same.
        let place = caller.as_ref().map(|caller| shared.admission.admit(caller)).transpose()?;
        let limit = asked.started + shared.limits.deadline;
        let deadline = asked.deadline.map_or(limit, |deadline| deadline.min(limit));
        let answering = async {
            let (request, held) = match (asked.open, &caller) {
                (None, Some(caller)) => (self.arrived(request, caller).await?, None),
                (open, _) => self.arrived_openly(request, open, &asked.origin).await?,
            };
            let answer = self.routes.clone().oneshot(request);
            // Only now that the message is there: one that never comes keeps nobody from their turn.
            let Ok(response) = match &place {
                Some(place) => place.work(answer).await,
                None => answer.await,
            };
            Ok((response, held))
        };
        let answered = timeout_at(deadline, answering).await;
        let (response, held) = answered.unwrap_or_else(|_| {
            if deadline == limit {
                metrics::limited("call-timeout");
            }
            Err(Fault::deadline_exceeded())
        })?;
        Ok(match place {
            Some(place) => (response.map(|body| place.hold(body)), held),
            None => (response, held),
        })
    }

    /// The request of a known caller, with its whole message.
    async fn arrived(&self, request: Request<Body>, caller: &Caller) -> Result<Request<Body>, Fault> {
        let (mut parts, body) = request.into_parts();
        let messages = Messages::new(body, encoding(&mut parts.headers)?, MESSAGE_LIMIT);
        let only = messages.only(Some((&self.shared.room, &caller.principal)));
        let body = timeout(self.shared.limits.arrival, only).await.unwrap_or_else(|_| {
            metrics::limited("message-timeout");
            Err(Fault::message_late())
        })?;
        Ok(Request::from_parts(parts, body))
    }

    /// The request of anybody. It takes a place while something is yet to arrive, and as a stream all the time.
    async fn arrived_openly(
        &self,
        request: Request<Body>,
        method: Option<open::Method>,
        origin: &Origin,
    ) -> Result<(Request<Body>, Held), Fault> {
        let place = || self.shared.open.take(&origin.place);
        let (mut parts, body) = request.into_parts();
        let messages = Messages::new(body, encoding(&mut parts.headers)?, open::MESSAGE_LIMIT);
        if method == Some(open::Method::Reflection) {
            return Ok((Request::from_parts(parts, Body::new(messages)), Some(place()?)));
        }
        let held = if method == Some(open::Method::Watch) { Some(place()?) } else { None };
        let mut only = pin!(messages.only(None));
        let body = if let Ok(body) = timeout(open::AT_ONCE, only.as_mut()).await {
            body?
        } else {
            let _arriving = if held.is_none() { Some(place()?) } else { None };
            timeout(open::ARRIVAL, only).await.unwrap_or_else(|_| Err(Fault::message_late()))?
        };
        Ok((Request::from_parts(parts, body), held))
    }
}

/// How a request's messages are compressed. The services behind need not know.
fn encoding(headers: &mut HeaderMap) -> Result<Encoding, Fault> {
    let encoding = Encoding::of(headers).ok_or_else(Fault::encoding_unknown)?;
    headers.remove(gzip::ENCODING);
    Ok(encoding)
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

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    // A request's message is gathered whole, and a second one refused: a method that takes several needs a way of its own.
    #[test]
    fn no_method_of_the_api_takes_a_stream_of_messages() {
        let set = FileDescriptorSet::decode(devspaces_proto::DESCRIPTOR_SET).expect("descriptors");
        let services = set
            .file
            .iter()
            .filter(|file| file.package().starts_with("devspaces."))
            .flat_map(|file| &file.service);
        let methods: Vec<_> = services.flat_map(|service| &service.method).collect();
        assert!(methods.len() > 50 && methods.iter().all(|method| !method.client_streaming()));
    }

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
