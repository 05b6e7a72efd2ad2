//! What a port tells of its health. All services of a port are ready together.
use std::{iter, pin::Pin, sync::Arc};

use devspaces_proto::health::v1::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus, health_server,
};
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::metrics;

/// Says whether a port serves.
pub(in crate::server) struct Telling(watch::Sender<bool>);

/// Answers whether it does.
#[derive(Clone)]
pub(in crate::server) struct Health {
    /// The names that are known, beside the empty one, which stands for the port; nothing: every name is.
    services: Option<Arc<[&'static str]>>,
    serving: watch::Receiver<bool>,
}

impl Telling {
    pub(in crate::server) fn set(&self, serving: bool) {
        metrics::ready(serving);
        self.0.send_replace(serving);
    }
}

impl Health {
    /// Of a port with these services. It does not serve until that is said.
    pub(in crate::server) fn of(services: &[&'static str]) -> (Telling, Self) {
        let (telling, serving) = watch::channel(false);
        let telling = Telling(telling);
        telling.set(false);
        (telling, Self { services: Some(services.into()), serving })
    }

    /// Of a port that has yet to find out what it serves.
    pub(in crate::server) fn starting() -> (Telling, Self) {
        let (telling, health) = Self::of(&[]);
        (telling, Self { services: None, ..health })
    }

    fn knows(&self, service: &str) -> bool {
        service.is_empty() || self.services.as_ref().is_none_or(|services| services.contains(&service))
    }
}

fn answer(serving: bool) -> HealthCheckResponse {
    status(if serving { ServingStatus::Serving } else { ServingStatus::NotServing })
}

fn status(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if self.knows(&request.get_ref().service) {
            Ok(Response::new(answer(*self.serving.borrow())))
        } else {
            Err(Status::not_found("no such service"))
        }
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        let services = self.services.iter().flat_map(|services| services.iter().copied());
        let answer = answer(*self.serving.borrow());
        let statuses = services.chain(iter::once("")).map(|service| (service.to_owned(), answer)).collect();
        Ok(Response::new(HealthListResponse { statuses }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        if !self.knows(&request.get_ref().service) {
            // It may be that it comes to be known, so the call goes on (gRPC, "Health checking").
            let unknown = stream::iter([Ok(status(ServingStatus::ServiceUnknown))]);
            return Ok(Response::new(Box::pin(unknown.chain(stream::pending()))));
        }
        let mut serving = self.serving.clone();
        serving.mark_changed();
        let changes = stream::unfold(serving, |mut serving| async move {
            serving.changed().await.ok()?;
            let now = *serving.borrow_and_update();
            Some((Ok(answer(now)), serving))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}
