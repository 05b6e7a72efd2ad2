//! `devspaces.events.v1`, for the services of this process. Every service hosts it.
mod access;
mod change;
mod convert;
mod create;
mod deliveries;
mod event_types;
mod read;
mod remove;
mod rotate;
mod send_again;
mod update;

use std::sync::Arc;

use devspaces_authz::Service;
use devspaces_gate::{Context, JournalWatchers};
use devspaces_kit::edge::answer;
use devspaces_ledger::event::EventType;
use devspaces_proto::events::v1::{
    CreateWebhookRequest, DeleteWebhookRequest, DeleteWebhookResponse, Delivery, GetWebhookRequest,
    ListDeliveriesRequest, ListDeliveriesResponse, ListEventTypesRequest, ListEventTypesResponse,
    ListWebhooksRequest, ListWebhooksResponse, RedeliverRequest, RotateWebhookSecretRequest,
    TestWebhookRequest, UpdateWebhookRequest, Webhook, webhook_service_server::WebhookService,
};
use tonic::{Request, Response, Status};

use crate::send::Networks;

/// A service that keeps webhooks of its own.
#[derive(Clone)]
pub struct Keeping {
    /// Which.
    pub service: Service,
    /// What it works with.
    pub context: Arc<Context>,
    /// The types of its events.
    pub table: Vec<&'static [EventType]>,
}

impl Keeping {
    /// The types of its events.
    fn types(&self) -> impl Iterator<Item = &'static EventType> {
        self.table.iter().flat_map(|types| types.iter())
    }

    fn has_type(&self, name: &str) -> bool {
        self.types().any(|it| it.name == name)
    }
}

/// Answers for the webhooks of these services.
#[derive(Clone)]
pub struct WebhookServer {
    keeping: Arc<[Keeping]>,
    operators: JournalWatchers,
    networks: Networks,
}

impl WebhookServer {
    /// For these services. Webhooks of the platform are kept by these services of the operator's, and lead into these networks.
    #[must_use]
    pub fn new(mut keeping: Vec<Keeping>, operators: JournalWatchers, sender: &crate::Sender) -> Self {
        keeping.sort_by_key(|it| it.service.name());
        Self { keeping: keeping.into(), operators, networks: sender.networks().clone() }
    }
}

/// Answers each method by the function of its name.
macro_rules! answered {
    ($($method:ident($request:ty) -> $reply:ty;)+) => {
        #[tonic::async_trait]
        impl WebhookService for WebhookServer {
            $(async fn $method(&self, request: Request<$request>) -> Result<Response<$reply>, Status> {
                answer(request, |caller, message| self.$method(caller, message)).await
            })+
        }
    };
}

answered! {
    list_event_types(ListEventTypesRequest) -> ListEventTypesResponse;
    create_webhook(CreateWebhookRequest) -> Webhook;
    get_webhook(GetWebhookRequest) -> Webhook;
    list_webhooks(ListWebhooksRequest) -> ListWebhooksResponse;
    update_webhook(UpdateWebhookRequest) -> Webhook;
    delete_webhook(DeleteWebhookRequest) -> DeleteWebhookResponse;
    rotate_webhook_secret(RotateWebhookSecretRequest) -> Webhook;
    list_deliveries(ListDeliveriesRequest) -> ListDeliveriesResponse;
    redeliver(RedeliverRequest) -> Delivery;
    test_webhook(TestWebhookRequest) -> Delivery;
}
