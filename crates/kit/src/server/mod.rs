//! One gRPC port: the services behind it, what every call passes through, and an orderly end.
use std::{
    convert::Infallible,
    future::{self, Future},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use http::{Request, Response};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
};
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::server::TcpIncoming,
};
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service};

use crate::{identity::Authenticator, metrics};

mod canonical;
mod edge;
mod health;
mod log;
mod tasks;
#[cfg(test)]
mod tests;

pub use health::{health, until_answering};
pub use tasks::Tasks;

/// The largest request, in bytes: 1 MiB. The largest batch of the API, a thousand permission checks, is a fifth of it.
pub const MESSAGE_LIMIT: usize = 1024 * 1024;

/// How often an idle HTTP/2 connection is probed, and how long the answer may take: a client that vanished is
/// noticed within half a minute.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many calls one connection may have in progress.
const STREAMS_PER_CONNECTION: u32 = 1024;

/// What a server takes on, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest time until a response begins; a client's own timeout applies if it is shorter. The rest of a
    /// stream has no limit.
    pub deadline: Duration,
    /// How many calls of clients may be waiting for their response to begin, and how many of the suite's services
    /// beside them. One more is answered `RESOURCE_EXHAUSTED`.
    pub calls: usize,
    /// How long a server that is asked to stop waits for the calls and tasks in progress.
    pub drain: Duration,
}

impl Default for Limits {
    /// 30 s, 4096 calls, and 25 s, which is less than the 30 s that Kubernetes waits before it kills.
    fn default() -> Self {
        Self { deadline: Duration::from_secs(30), calls: 4096, drain: Duration::from_secs(25) }
    }
}

/// Why a server ended other than it should.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address of the listener could not be had.
    #[error("the listener is not usable: {0}")]
    Listener(#[from] io::Error),
    /// The descriptors of the API could not be read.
    #[error("reflection can't be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("the port can't be served: {0}")]
    Transport(#[from] tonic::transport::Error),
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
    routes: RoutesBuilder,
    services: Vec<&'static str>,
    ready: BoxFuture<'static, ()>,
}

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
            routes: RoutesBuilder::default(),
            services: Vec::new(),
            ready: Box::pin(future::ready(())),
        }
    }

    /// Says `SERVING` to who asks for its health only when this has resolved. Calls are taken on from the first.
    #[must_use]
    pub fn ready_when(mut self, ready: impl Future<Output = ()> + Send + 'static) -> Self {
        self.ready = Box::pin(ready);
        self
    }

    /// Sets other limits than the defaults.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
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

    /// Serves until `stop` resolves, then ends in order: says `NOT_SERVING` to who asks for its health, takes no
    /// more connections or calls, and waits for the calls and tasks in progress.
    ///
    /// # Errors
    /// [`ServerError`]; `Undrained` if calls or tasks were left when the time to wait was over.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
        metrics::hosting(&self.services);
        let health = HealthReporter::new();
        report(&health, &self.services, ServingStatus::NotServing).await;
        let routes = self
            .routes
            .routes()
            .add_service(HealthServer::new(HealthService::from_health_reporter(health.clone())));
        let routes = with_reflection(routes, &self.services)?.prepare();
        let shared = Arc::new(edge::Shared {
            authenticator: self.authenticator,
            tasks: self.tasks.clone(),
            deadline: self.limits.deadline,
            clients: Semaphore::new(self.limits.calls),
            suite: Semaphore::new(self.limits.calls),
        });
        let app = GrpcWebLayer::new().layer(edge::Edge { routes, shared });
        let signal = async {
            let ready = async {
                self.ready.await;
                report(&health, &self.services, ServingStatus::Serving).await;
                tracing::info!("ready");
                future::pending::<()>().await;
            };
            tokio::select! {
                () = ready => {}
                () = stop => {}
            }
            tracing::info!("stopping");
            report(&health, &self.services, ServingStatus::NotServing).await;
            self.tasks.stop();
        };
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        let served = transport().serve_with_incoming_shutdown(app, incoming, signal);
        within(self.limits.drain, &self.tasks, served).await
    }
}

/// Waits for the end of the last call, then of the last task; no longer than `drain` from when the server is asked
/// to stop.
async fn within(
    drain: Duration,
    tasks: &Tasks,
    served: impl Future<Output = Result<(), tonic::transport::Error>>,
) -> Result<(), ServerError> {
    let drained = async {
        served.await?;
        tasks.ended().await;
        Ok(())
    };
    let overdue = async {
        tasks.stopping().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        result = drained => result,
        () = overdue => Err(ServerError::Undrained(drain)),
    }
}

/// Sets the health of each service and, under the empty name, of the port.
async fn report(health: &HealthReporter, services: &[&str], status: ServingStatus) {
    metrics::ready(matches!(status, ServingStatus::Serving));
    for service in services.iter().copied().chain([""]) {
        health.set_service_status(service, status).await;
    }
}

fn transport() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
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
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
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
