//! A port whose process waits for what it needs. It answers at once, so that nobody waits for it without knowing.
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use devspaces_proto::health::v1::health_server::HealthServer;
use http::{HeaderValue, Request, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body};
use tower::Service;

use super::{
    FAREWELL, Limits,
    asked::{Asked, Method},
    calls::Calls,
    connections::Connections,
    front::Front,
    gzip,
    health::Health,
    open::Places,
    protocol::Entrances,
    response::Terms,
};
use crate::{status::Fault, tls::ServerTls};

/// Answers for a port while `work` waits for something: `NOT_SERVING` to who asks for its health, and `UNAVAILABLE` to who
/// calls, by whatever protocol. What strangers may take is bounded as it is later, and pages of the same `origins` may call.
/// What comes afterwards goes to whoever has the listener then.
pub async fn starting<T>(
    listener: &TcpListener,
    (limits, tls): (Limits, Option<ServerTls>),
    origins: &[HeaderValue],
    entrances: Entrances,
    waits_for: &'static str,
    work: impl Future<Output = T>,
) -> T {
    let connections = Connections::new(limits, tls);
    let (_telling, health) = Health::waiting_for(waits_for.into());
    let waiting = Waiting {
        health: HealthServer::new(health),
        places: Arc::new(Places::new(&limits)),
        calls: Arc::default(),
        over: CancellationToken::new(),
    };
    let over = waiting.over.clone();
    let done = tokio::select! {
        never = connections.accept(listener, Front::new(waiting, origins, entrances)) => match never {},
        done = work => done,
    };
    // Its clients connect again, and find what they came for. Those that watch are told.
    over.cancel();
    connections.close(FAREWELL).await;
    done
}

#[derive(Clone)]
struct Waiting {
    health: HealthServer<Health>,
    places: Arc<Places>,
    calls: Arc<Calls>,
    /// What is waited for is there.
    over: CancellationToken,
}

impl Waiting {
    async fn answer(mut self, mut request: Request<Body>) -> Result<Response<Body>, Fault> {
        let asked =
            Asked::read(&mut request).ok_or_else(|| Fault::internal("a call without a connection"))?;
        // None is admitted: more than so many are read at a pace, as they are later.
        asked.origin.place.pace.refuses();
        if !matches!(asked.open, Some(Method::Unary | Method::Watch)) {
            return Err(Fault::starting());
        }
        let call = self.calls.begin();
        let (request, keeps) = self.places.arrived(request, &asked).await?;
        let Ok(response) = self.health.call(request).await;
        let stopping = Some(Box::pin(self.over.cancelled_owned()));
        let terms = Terms { deadline: asked.deadline, gzip: asked.gzip, keeps, stopping };
        Ok(call.respond(response, terms))
    }
}

impl Service<Request<Body>> for Waiting {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.clone().answer(request);
        Box::pin(async move {
            let mut response = answer.await.unwrap_or_else(|fault| Status::from(fault).into_http());
            response.headers_mut().insert(gzip::ACCEPTED, gzip::ACCEPT);
            Ok(response)
        })
    }
}
