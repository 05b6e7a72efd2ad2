//! Webhooks and deliveries on the wire, and what is taken from there.
use std::collections::BTreeSet;

use devspaces_authz::Service;
use devspaces_kit::{
    name::{DeliveryName, WebhookName},
    status::Fields,
};
use devspaces_ledger::{
    etag,
    webhook::{Delivery, DeliveryState, Webhook},
};
use devspaces_proto::events::v1 as proto;
use prost_types::{ListValue, Struct, Value, value::Kind};
use serde_json::Value as Json;

use super::Keeping;
use crate::signature;

/// How many types a webhook hears of at most.
const MOST_TYPES: usize = 32;

/// A webhook, without its secret.
pub(super) fn to_wire(service: Service, webhook: &Webhook) -> proto::Webhook {
    let state = if webhook.enabled { proto::WebhookState::Enabled } else { proto::WebhookState::Disabled };
    proto::Webhook {
        name: webhook.name.to_string(),
        url: webhook.url.clone(),
        types: webhook.types.clone(),
        service: service.name().to_owned(),
        state: state.into(),
        disabled_reason: webhook.disabled_reason.clone(),
        secret: String::new(),
        old_secret_expire_time: webhook.old_secrets.first().map(|(_, end)| (*end).into()),
        create_time: Some(webhook.create_time.into()),
        update_time: Some(webhook.update_time.into()),
        etag: etag::of(webhook.revision),
    }
}

/// The same with the secret: for the reply that makes it.
pub(super) fn to_wire_with_secret(service: Service, webhook: &Webhook) -> proto::Webhook {
    proto::Webhook { secret: signature::text(&webhook.secret), ..to_wire(service, webhook) }
}

/// What is kept of a reply.
pub(super) fn without_secret(webhook: &proto::Webhook) -> proto::Webhook {
    proto::Webhook { secret: String::new(), ..webhook.clone() }
}

pub(super) fn delivery_to_wire(webhook: WebhookName, delivery: &Delivery) -> proto::Delivery {
    let state = match delivery.state {
        DeliveryState::Pending => proto::DeliveryState::Pending,
        DeliveryState::Delivered => proto::DeliveryState::Delivered,
        DeliveryState::Failed => proto::DeliveryState::Failed,
    };
    let failure =
        proto::DeliveryFailure::from_str_name(&format!("DELIVERY_FAILURE_{}", delivery.last.failure));
    let of_space =
        delivery.entry.as_ref().map(|(scope, _)| scope).filter(|scope| scope.starts_with("spaces/"));
    let own = webhook.space.map(|space| space.to_string());
    proto::Delivery {
        name: DeliveryName { webhook, id: delivery.id }.to_string(),
        event: delivery.event.clone(),
        r#type: delivery.kind.clone(),
        space: of_space.cloned().or(own).unwrap_or_default(),
        state: state.into(),
        attempts: i32::try_from(delivery.attempts).unwrap_or(i32::MAX),
        response_code: i32::try_from(delivery.last.response_code).unwrap_or_default(),
        failure: failure.unwrap_or_default().into(),
        last_attempt_time: delivery.last_attempt_time.map(Into::into),
        next_attempt_time: delivery.next_attempt_time.map(Into::into),
        event_time: Some(delivery.event_time.into()),
        create_time: Some(delivery.create_time.into()),
    }
}

/// The types that a webhook is to hear of, in the order of their names, and the service that has them all.
pub(super) fn types<'a>(
    fields: &mut Fields,
    keeping: &[&'a Keeping],
    types: &[String],
    service: &str,
) -> Option<(Vec<String>, &'a Keeping)> {
    let distinct: BTreeSet<&String> = types.iter().collect();
    if distinct.is_empty() || distinct.len() > MOST_TYPES {
        fields.bad(
            "webhook.types",
            format!("must be 1 to {MOST_TYPES} types of events: ListEventTypes has them"),
        );
        return None;
    }
    let (before, mut well) = (keeping.len(), true);
    for (place, name) in types.iter().enumerate() {
        if !keeping.iter().any(|it| it.has_type(name)) {
            let sentence = "must be a type that ListEventTypes has, and of the webhook's service: others are for another webhook";
            fields.bad(format!("webhook.types[{place}]"), sentence);
            well = false;
        }
    }
    if !service.is_empty() && !keeping.iter().any(|it| it.service.name() == service) {
        fields.bad("webhook.service", "must be a service of this port");
        well = false;
    }
    if !well {
        return None;
    }
    let having: Vec<_> = keeping
        .iter()
        .filter(|it| service.is_empty() || it.service.name() == service)
        .filter(|it| distinct.iter().all(|name| it.has_type(name)))
        .collect();
    match having.as_slice() {
        [one] => return Some((distinct.into_iter().cloned().collect(), one)),
        [] => fields.bad("webhook.types", "must all be of one service: others are for another webhook"),
        _ => fields.bad(
            "webhook.service",
            format!("must say which of {before} services is meant: all have these types"),
        ),
    }
    None
}

/// JSON as a message has it.
pub(super) fn to_struct(json: Json) -> Struct {
    match value(json).kind {
        Some(Kind::StructValue(fields)) => fields,
        _ => Struct::default(),
    }
}

fn value(json: Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(bool) => Kind::BoolValue(bool),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Json::String(text) => Kind::StringValue(text),
        Json::Array(values) => Kind::ListValue(ListValue { values: values.into_iter().map(value).collect() }),
        Json::Object(fields) => {
            let fields = fields.into_iter().map(|(name, json)| (name, value(json)));
            Kind::StructValue(Struct { fields: fields.collect() })
        }
    };
    Value { kind: Some(kind) }
}
