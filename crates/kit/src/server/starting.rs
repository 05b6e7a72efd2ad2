//! A port whose process waits for what it needs. It answers at once, so that nobody waits for it without knowing.
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use devspaces_proto::health::v1::health_server::HealthServer;
use http::{Request, Response};
use tokio::{net::TcpListener, time::timeout};
use tonic::{Status, body::Body};
use tower::Service;

use super::{
    FAREWELL, Limits,
    connections::Connections,
    front::Front,
    health::Health,
    open::{self, ARRIVAL},
};
use crate::status::Fault;

/// Answers for a port while `work` waits for something: `NOT_SERVING` to who asks for its health, and `UNAVAILABLE` to who
/// calls. What comes afterwards goes to whoever has the listener then.
pub async fn starting<T>(
    listener: &TcpListener,
    limits: Limits,
    waits_for: &'static str,
    work: impl Future<Output = T>,
) -> T {
    let connections = Connections::new(limits);
    let (_telling, health) = Health::waiting_for(waits_for.into());
    let front =
        Front::new(Waiting(HealthServer::new(health).max_decoding_message_size(open::MESSAGE_LIMIT)), &[]);
    let done = tokio::select! {
        never = connections.accept(listener, front) => match never {},
        done = work => done,
    };
    // Its clients connect again, and find what they came for.
    connections.close(FAREWELL).await;
    done
}

#[derive(Clone)]
struct Waiting(HealthServer<Health>);

impl Service<Request<Body>> for Waiting {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let health =
            matches!(open::Method::at(request.uri().path()), Some(open::Method::Unary | open::Method::Watch));
        if !health {
            return Box::pin(std::future::ready(Ok(Status::from(Fault::starting()).into_http())));
        }
        let answer = self.0.call(request);
        Box::pin(async move {
            let late = || Ok(Status::from(Fault::message_late()).into_http());
            timeout(ARRIVAL, answer).await.unwrap_or_else(|_| late())
        })
    }
}
