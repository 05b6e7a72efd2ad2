//! What every call passes through, in this order: its trace, log line and count, authentication, admission, the arrival
//! of its message, deadline, and on the way back the canonical form of errors.
use std::{
    convert::Infallible,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::FutureExt as _;
use http::{Request, Response, header::AUTHORIZATION};
use tokio::time::{timeout, timeout_at};
use tonic::{Status, body::Body, service::Routes};
use tower::{Service, ServiceExt as _};

use super::{
    Limit, Limits, MESSAGE_LIMIT, Tasks,
    admission::Admission,
    arrival::{Arriving, Messages},
    asked::{Asked, Method},
    calls::Calls,
    canonical::canonical,
    connection::Origin,
    document::{self, Reading},
    gzip::{self, Encoding},
    keeps::Keeps,
    log::Line,
    open::Places,
    response::Terms,
    room::Room,
};
use crate::{
    edge::Deadline,
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
    room: Arc<Room>,
    /// Beside that of clients, for the reason that [`Admission`] has.
    suite_room: Arc<Room>,
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
            suite_room: Room::new(&limits),
            open: Places::new(&limits),
        }
    }
}

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
        // Boxed, so that a call that waits to be looked at is small: of strangers' calls there may be many.
        let admitted = Box::pin(self.admit(request, &asked, (&span, &line)));
        // A panic's text is in the log already, from the process's panic hook.
        let answer = AssertUnwindSafe(admitted).catch_unwind().await;
        let (response, keeps) = match answer.unwrap_or_else(|_| Err(Fault::internal("a handler panicked"))) {
            Ok((response, keeps)) => (canonical(response, asked.open.is_some()), keeps),
            Err(fault) => (Status::from(fault).into_http(), Keeps::default()),
        };
        let lasts = asked.open.and_then(Method::lasts).map(|time| asked.started + time);
        let deadline = [asked.deadline, lasts].into_iter().flatten().min();
        let mut response = call.respond(response, Terms { deadline, stopping, gzip: asked.gzip, keeps });
        response.headers_mut().insert(gzip::ACCEPTED, gzip::ACCEPT);
        response
    }

    async fn admit(
        self,
        mut request: Request<Body>,
        asked: &Asked,
        (span, line): (&Span, &Line),
    ) -> Result<(Response<Body>, Keeps), Fault> {
        let shared = &self.shared;
        let mut caller = None;
        let refused = || asked.origin.place.pace.refuses();
        if asked.open.is_none() {
            let known = shared.authenticator.caller_by(request.headers(), &asked.origin.certified).await;
            let known = known.inspect_err(|_| refused())?;
            span.by(&known);
            line.by(&known);
            request.extensions_mut().insert(known.clone());
            caller = Some(known);
        } else {
            refused();
        }
        // Nothing behind this needs the token, so nothing can pass it on or log it.
        request.headers_mut().remove(AUTHORIZATION);
        let limit = asked.started + shared.limits.deadline;
        let deadline = asked.deadline.map_or(limit, |deadline| deadline.min(limit));
        request.extensions_mut().insert(Deadline(deadline));
        let answering = async {
            match &caller {
                Some(caller) => self.called(request, caller, &asked.origin).await,
                // A busy server is a healthy one: health is answered all the same.
                None => self.called_openly(request, asked).await,
            }
        };
        timeout_at(deadline, answering).await.unwrap_or_else(|_| {
            if deadline == limit {
                metrics::limited(Limit::Call);
            }
            Err(Fault::deadline_exceeded())
        })
    }

    /// Answers a known caller.
    async fn called(
        &self,
        request: Request<Body>,
        caller: &Caller,
        origin: &Origin,
    ) -> Result<(Response<Body>, Keeps), Fault> {
        let connection = &origin.place;
        let admitted = self.shared.admission.admit(caller);
        let place = admitted.inspect_err(|_| connection.pace.refuses())?;
        connection.pace.admits();
        let request = self.arrived(request, caller, origin).await?;
        // Only now that the message is there: one that never comes keeps nobody from their turn.
        let turn = place.turn().await?;
        let Ok(response) = place.work(turn.clone(), self.routes.clone().oneshot(request)).await;
        Ok((response, Keeps { place: Some(place), turn: Some(turn), ..Keeps::default() }))
    }

    /// Answers anybody.
    async fn called_openly(
        &self,
        request: Request<Body>,
        asked: &Asked,
    ) -> Result<(Response<Body>, Keeps), Fault> {
        let (request, keeps) = self.shared.open.arrived(request, asked).await?;
        let Ok(response) = self.routes.clone().oneshot(request).await;
        Ok((response, keeps))
    }

    /// The request of a known caller, with its whole message.
    async fn arrived(
        &self,
        request: Request<Body>,
        caller: &Caller,
        origin: &Origin,
    ) -> Result<Request<Body>, Fault> {
        let (mut parts, body) = request.into_parts();
        let room = if caller.suite.is_some() { &self.shared.suite_room } else { &self.shared.room };
        let arriving = Arriving { room, caller: &caller.principal, unread: &origin.place.unread };
        let arrived = async {
            if let Some(reading) = parts.extensions.remove::<Reading>() {
                return document::arrived(body, reading, arriving).await;
            }
            let messages = Messages::new(body, Encoding::take(&mut parts.headers)?, MESSAGE_LIMIT);
            messages.only(Some(arriving)).await
        };
        let body = timeout(self.shared.limits.arrival, arrived).await.unwrap_or_else(|_| {
            metrics::limited(Limit::Message);
            Err(Fault::message_late())
        })?;
        Ok(Request::from_parts(parts, body))
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

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
}
