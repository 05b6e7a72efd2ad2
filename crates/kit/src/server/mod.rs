//! One gRPC port: the services behind it, what every call passes through, and an orderly end.
use std::{borrow::Cow, convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use devspaces_proto::health::v1::health_server::HealthServer;
use futures::{
    FutureExt as _, StreamExt as _,
    future::{self, BoxFuture},
    stream::FuturesUnordered,
};
use http::{HeaderValue, Request, Response};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::sleep,
};
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
};
use tower::Service;

use self::{
    calls::Calls,
    connections::Connections,
    edge::{Edge, Shared},
    front::Front,
    health::{Health, Telling},
};
use crate::{identity::Authenticator, metrics, tls::ServerTls};

mod accept;
mod activity;
mod admission;
mod arrival;
mod asked;
mod calls;
mod canonical;
mod connection;
mod connections;
mod document;
mod edge;
mod fields;
mod files;
mod front;
mod gzip;
mod health;
mod heard;
mod http_error;
mod keeps;
mod leftover;
mod limit;
mod limits;
mod log;
mod metrics_port;
mod open;
mod outgoing;
mod pace;
mod protocol;
mod response;
mod room;
mod starting;
mod streams;
mod tasks;
#[cfg(test)]
mod tests;
mod translate;
mod window;

pub use admission::{CallerLimits, LongWork, QUESTIONS_AT_ONCE, Questions, long_work, questions};
pub use files::raise_file_limit;
pub use health::{Told, health, until_answering};
pub use http_error::{FieldViolation, HttpError};
pub(crate) use limit::Limit;
pub use limits::{Limits, MESSAGE_LIMIT};
pub use metrics_port::serve_metrics;
pub use protocol::{Call, Entrance, Entrances, NO_ENTRANCES, Reply, Translation};
pub use starting::starting;
pub use streams::Streams;
pub use tasks::Tasks;

/// How long connections may take to send what is left when the last call has ended.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a server ended other than it should.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address of the listener could not be had.
    #[error("the listener is not usable: {0}")]
    Listener(#[from] io::Error),
    /// The descriptors of the API could not be read.
    #[error("reflection can't be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// Calls or tasks were still in progress when the time to wait for them was over.
    #[error("calls or tasks were still in progress after {0:?}")]
    Undrained(Duration),
}

/// A port and the services that it is to answer for.
pub struct Server {
    listener: TcpListener,
    authenticator: Arc<Authenticator>,
    tasks: Tasks,
    limits: Limits,
    tls: Option<ServerTls>,
    routes: RoutesBuilder,
    services: Vec<&'static str>,
    origins: Vec<HeaderValue>,
    entrances: Entrances,
    awaited: Vec<Awaited>,
}

/// What a server waits for before it says that it serves, in a few words that may change.
pub type WaitsFor = watch::Receiver<Cow<'static, str>>;

/// How that is called, and what resolves when it is there.
type Awaited = (WaitsFor, BoxFuture<'static, ()>);

impl Server {
    /// A server on this listener. `tasks` are those that the services' handlers run.
    #[must_use]
    pub fn new(listener: TcpListener, authenticator: Arc<Authenticator>, tasks: Tasks) -> Self {
        let limits = Limits::default();
        Self {
            listener,
            authenticator,
            tasks,
            limits,
            tls: None,
            routes: RoutesBuilder::default(),
            services: Vec::new(),
            origins: Vec::new(),
            entrances: NO_ENTRANCES,
            awaited: Vec::new(),
        }
    }

    /// Says `SERVING` to who asks for its health only when this, too, has resolved, and until then what it waits for.
    /// Calls are taken on from the first.
    #[must_use]
    pub fn waits_for(mut self, what: WaitsFor, ready: impl Future<Output = ()> + Send + 'static) -> Self {
        self.awaited.push((what, Box::pin(ready)));
        self
    }

    /// Sets other limits than the defaults.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Speaks TLS on the port, and nothing else.
    #[must_use]
    pub fn tls(mut self, tls: Option<ServerTls>) -> Self {
        self.tls = tls;
        self
    }

    /// Lets pages of these origins call, by gRPC-Web (CORS). Nobody's may otherwise.
    #[must_use]
    pub fn origins(mut self, origins: Vec<HeaderValue>) -> Self {
        self.origins = origins;
        self
    }

    /// Has another protocol on the port, whose requests stand for calls of its services.
    #[must_use]
    pub fn entrances(mut self, entrances: Entrances) -> Self {
        self.entrances = entrances;
        self
    }

    /// Adds a generated service. Its handlers find the [`Caller`](crate::identity::Caller) among the request's
    /// extensions.
    #[must_use]
    pub fn service<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.services.push(S::NAME);
        self.routes.add_service(service);
        self
    }

    /// The address that the server listens on.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` resolves, then ends in order: says `NOT_SERVING` to who asks for its health, goes on as before
    /// for `drain_delay`, takes no more connections or calls, and waits for the calls and tasks in progress.
    ///
    /// # Errors
    /// [`ServerError`]; `Undrained` if calls or tasks were left when the time to wait was over.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
        let Self { listener, authenticator, tasks, limits, tls, .. } = self;
        let Self { routes, services, origins, entrances, awaited, .. } = self;
        metrics::hosting(&services);
        let (telling, health) = Health::of(&services);
        let routes = with_reflection(routes.routes().add_service(HealthServer::new(health)), &services)?;
        let calls = Arc::new(Calls::default());
        let shared = Arc::new(Shared::new(authenticator, tasks.clone(), Arc::clone(&calls), limits));
        let front = Front::new(Edge { routes: routes.prepare(), shared }, &origins, entrances);
        let connections = Connections::new(limits, tls);
        let stopped = async {
            let ready = async {
                all(awaited, &telling).await;
                telling.serves();
                tracing::info!("ready");
                future::pending::<()>().await;
            };
            tokio::select! {
                () = ready => {}
                () = stop => {}
            }
            tracing::info!("stopping");
            telling.waits_for("the end of its calls, since it was asked to stop");
            sleep(limits.drain_delay).await;
        };
        tokio::select! {
            never = connections.accept(&listener, front) => match never {},
            () = stopped => {}
        }
        drop(listener);
        tasks.stop();
        connections.end();
        let drained = within(limits.drain, &calls, &tasks).await;
        connections.close(FAREWELL).await;
        drained
    }
}

/// Waits for everything that is awaited, and tells what is left.
async fn all(awaited: Vec<Awaited>, telling: &Telling) {
    let (mut left, mut coming) = (Vec::new(), FuturesUnordered::new());
    for (number, (what, ready)) in awaited.into_iter().enumerate() {
        left.push((number, what));
        coming.push(ready.map(move |()| number));
    }
    while !left.is_empty() {
        let mut words: Vec<_> =
            left.iter_mut().map(|(_, what)| what.borrow_and_update().to_string()).collect();
        words.dedup();
        telling.waits_for(words.join(", "));
        let changed = left.iter_mut().map(|(_, what)| Box::pin(changed(what)));
        let there = tokio::select! {
            there = coming.next() => there,
            _ = future::select_all(changed) => None,
        };
        left.retain(|(number, _)| Some(*number) != there);
    }
}

/// Resolves when it is called otherwise.
async fn changed(what: &mut WaitsFor) {
    if what.changed().await.is_err() {
        future::pending::<()>().await;
    }
}

/// Waits for the end of the last call, then of the last task; no longer than `drain`.
async fn within(drain: Duration, calls: &Calls, tasks: &Tasks) -> Result<(), ServerError> {
    let overdue = sleep(drain);
    let drained = async {
        calls.ended().await;
        tasks.ended().await;
    };
    tokio::select! {
        () = drained => Ok(()),
        () = overdue => {
            // A client that takes its answer slowly is none of our work left undone.
            if calls.owed() || tasks.any() { Err(ServerError::Undrained(drain)) } else { Ok(()) }
        }
    }
}

/// Adds reflection in both versions that clients use, for the services of this port.
fn with_reflection(routes: Routes, services: &[&str]) -> Result<Routes, tonic_reflection::server::Error> {
    let described = || {
        let own = [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ];
        let described = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(devspaces_proto::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(devspaces_proto::health::v1::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
            // What a status carries as details: without these a client by reflection shows them as bytes.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET);
        services
            .iter()
            .copied()
            .chain(own)
            .fold(described, tonic_reflection::server::Builder::with_service_name)
    };
    Ok(routes.add_service(described().build_v1()?).add_service(described().build_v1alpha()?))
}

/// Resolves when the process is asked to stop, by `SIGTERM` or by `SIGINT` (Ctrl-C).
///
/// # Errors
/// If the signals can't be listened for. They are from the call of this function on, not from the first poll.
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
