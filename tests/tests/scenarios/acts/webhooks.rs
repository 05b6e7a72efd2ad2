//! Webhooks: kept, and what is sent to them.
use devspaces::Service;
use devspaces_proto::events::v1::{
    CreateWebhookRequest, DeleteWebhookRequest, Delivery, GetWebhookRequest, ListDeliveriesRequest,
    ListWebhooksRequest, RedeliverRequest, TestWebhookRequest, UpdateWebhookRequest, Webhook, WebhookState,
};
use devspaces_tests::{Persona, Receiver, suite::eventually};
use tonic::{Response, Status};

use crate::acts::mask;

/// The types of events by which members come and go.
pub(crate) const MEMBERS: [&str; 2] = ["member.added", "member.removed"];

/// The request for a webhook.
pub(crate) fn hearing(space: &str, url: &str, types: &[&str]) -> CreateWebhookRequest {
    let types = types.iter().map(ToString::to_string).collect();
    let webhook = Webhook { url: url.to_owned(), types, ..Webhook::default() };
    CreateWebhookRequest { parent: space.to_owned(), webhook: Some(webhook), request_id: String::new() }
}

pub(crate) async fn creates_webhook(
    who: &Persona,
    service: Service,
    request: CreateWebhookRequest,
) -> Result<Webhook, Status> {
    who.webhooks(service).create_webhook(request).await.map(Response::into_inner)
}

/// A webhook of the membership service that leads to a receiver and hears of who comes and goes.
pub(crate) async fn hears_of_members(who: &Persona, space: &str, receiver: &Receiver) -> Webhook {
    let request = hearing(space, &receiver.url(), &MEMBERS);
    creates_webhook(who, Service::Membership, request).await.expect("a webhook")
}

pub(crate) async fn gets_webhook(who: &Persona, service: Service, name: &str) -> Result<Webhook, Status> {
    let request = GetWebhookRequest { name: name.to_owned() };
    who.webhooks(service).get_webhook(request).await.map(Response::into_inner)
}

pub(crate) async fn lists_webhooks(
    who: &Persona,
    service: Service,
    space: &str,
) -> Result<Vec<Webhook>, Status> {
    let request = ListWebhooksRequest { parent: space.to_owned() };
    who.webhooks(service).list_webhooks(request).await.map(|answer| answer.into_inner().webhooks)
}

pub(crate) async fn updates_webhook(
    who: &Persona,
    service: Service,
    webhook: Webhook,
    paths: &[&str],
) -> Result<Webhook, Status> {
    let update_mask = mask(paths);
    let request = UpdateWebhookRequest { webhook: Some(webhook), update_mask, request_id: String::new() };
    who.webhooks(service).update_webhook(request).await.map(Response::into_inner)
}

/// Enables or disables a webhook of the membership service.
pub(crate) async fn sets_state(who: &Persona, name: &str, state: WebhookState) -> Webhook {
    let webhook = Webhook { name: name.to_owned(), state: state.into(), ..Webhook::default() };
    updates_webhook(who, Service::Membership, webhook, &["state"]).await.expect("set")
}

pub(crate) async fn deletes_webhook(who: &Persona, service: Service, name: &str) -> Result<(), Status> {
    let request = DeleteWebhookRequest { name: name.to_owned(), ..DeleteWebhookRequest::default() };
    who.webhooks(service).delete_webhook(request).await.map(drop)
}

/// The deliveries of the membership service to a webhook, the latest first.
pub(crate) async fn lists_deliveries(who: &Persona, webhook: &str) -> Vec<Delivery> {
    let request = ListDeliveriesRequest { parent: webhook.to_owned(), ..ListDeliveriesRequest::default() };
    let answer = who.webhooks(Service::Membership).list_deliveries(request).await;
    answer.expect("deliveries").into_inner().deliveries
}

/// The deliveries once all of them are as a test waits for.
pub(crate) async fn sees_deliveries(
    who: &Persona,
    webhook: &str,
    until: impl Fn(&[Delivery]) -> bool,
) -> Vec<Delivery> {
    eventually(async || Some(lists_deliveries(who, webhook).await).filter(|all| until(all))).await
}

pub(crate) async fn redelivers(who: &Persona, delivery: &str) -> Result<Delivery, Status> {
    let request = RedeliverRequest { name: delivery.to_owned(), ..RedeliverRequest::default() };
    who.webhooks(Service::Membership).redeliver(request).await.map(Response::into_inner)
}

pub(crate) async fn tests_webhook(who: &Persona, webhook: &str) -> Result<Delivery, Status> {
    let request = TestWebhookRequest { name: webhook.to_owned(), ..TestWebhookRequest::default() };
    who.webhooks(Service::Membership).test_webhook(request).await.map(Response::into_inner)
}
