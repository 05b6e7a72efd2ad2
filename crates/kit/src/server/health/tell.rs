//! What a port tells of its health. All services of a port are ready together.
use std::{borrow::Cow, iter, pin::Pin, sync::Arc};

use devspaces_proto::health::v1::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus, health_server,
};
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status, metadata::MetadataValue};

use super::WAITS_FOR;
use crate::metrics;

/// What a port waits for; nothing if it serves.
type Waiting = Option<Cow<'static, str>>;

/// Says whether a port serves.
pub(in crate::server) struct Telling(watch::Sender<Waiting>);

/// Answers whether it does.
#[derive(Clone)]
pub(in crate::server) struct Health {
    /// The names that are known, beside the empty one, which stands for the port; nothing: every name is.
    services: Option<Arc<[&'static str]>>,
    waiting: watch::Receiver<Waiting>,
}

impl Telling {
    /// The port serves.
    pub(in crate::server) fn serves(&self) {
        self.set(None);
    }

    /// The port does not serve, and waits for this.
    pub(in crate::server) fn waits_for(&self, what: impl Into<Cow<'static, str>>) {
        self.set(Some(what.into()));
    }

    fn set(&self, waiting: Waiting) {
        metrics::ready(waiting.is_none());
        self.0.send_replace(waiting);
    }
}

impl Health {
    /// Of a port with these services. It does not serve until that is said.
    pub(in crate::server) fn of(services: &[&'static str]) -> (Telling, Self) {
        let (telling, health) = Self::waiting_for(Cow::Borrowed("its start"));
        (telling, Self { services: Some(services.into()), ..health })
    }

    /// Of a port that has yet to find out what it serves, and waits for this.
    pub(in crate::server) fn waiting_for(what: Cow<'static, str>) -> (Telling, Self) {
        let (telling, waiting) = watch::channel(None);
        let telling = Telling(telling);
        telling.waits_for(what);
        (telling, Self { services: None, waiting })
    }

    fn serving(&self) -> bool {
        self.waiting.borrow().is_none()
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
        if !self.knows(&request.get_ref().service) {
            return Err(Status::not_found("no such service"));
        }
        let waiting = self.waiting.borrow();
        let mut response = Response::new(answer(waiting.is_none()));
        if let Some(what) = waiting.as_ref().and_then(|what| MetadataValue::try_from(what.as_ref()).ok()) {
            response.metadata_mut().insert(WAITS_FOR, what);
        }
        Ok(response)
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        let services = self.services.iter().flat_map(|services| services.iter().copied());
        let answer = answer(self.serving());
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
        let mut waiting = self.waiting.clone();
        waiting.mark_changed();
        // What it waits for may change while it does not serve; of that nobody is told here.
        let changes = stream::unfold((waiting, None), |(mut waiting, told)| async move {
            loop {
                waiting.changed().await.ok()?;
                let serving = waiting.borrow_and_update().is_none();
                if told != Some(serving) {
                    return Some((Ok(answer(serving)), (waiting, Some(serving))));
                }
            }
        });
        Ok(Response::new(Box::pin(changes)))
    }
}
