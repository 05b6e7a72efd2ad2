//! What is sent: made of the entry of the journal when it is sent, so that what was erased meanwhile is not told.
use devspaces_ledger::{
    db::{Conn, Error},
    event::{ACTOR, EventType, Field, Form, SPACE, events, space_of},
    journal,
    webhook::{Delivery, Webhook},
};
use serde_json::{Value, json};

/// The method by which a service disables a webhook.
pub(crate) const DISABLE: &str = "devspaces.events/disable";
/// The type of what `TestWebhook` sends.
pub(crate) const TEST: &str = "webhook.test";

const WEBHOOK: Field =
    Field::new("webhook", Form::Text, "The webhook: spaces/{uuid}/webhooks/{uuid} or webhooks/{uuid}");

/// The events of every service: of webhooks themselves.
pub const EVENTS: &[EventType] = &[
    EventType {
        name: "webhook.disabled",
        description: "A webhook of the service was disabled, as something could not be delivered in 3 days. It is not told of \
                      its own end",
        fields: &[
            Field { optional: true, ..SPACE },
            ACTOR,
            WEBHOOK,
            Field::new("origin", Form::Text, "Where it leads: https://host:port"),
            Field::new("reason", Form::Text, "Why, in a sentence"),
        ],
        told: |entry| {
            let disabled = (entry.method == DISABLE).then(|| {
                let after = &entry.after;
                json!({
                    "space": space_of(entry).map(|space| space.to_string()),
                    "actor": entry.actor,
                    "webhook": after["webhook"],
                    "origin": after["origin"],
                    "reason": after["disabled_reason"],
                })
            });
            disabled.into_iter().collect()
        },
    },
    EventType {
        name: TEST,
        description: "Somebody wants to see whether a webhook works. It is sent to that one alone, whatever its types are",
        fields: &[WEBHOOK],
        told: |_| Vec::new(),
    },
];

/// The types of events of a service that has these of its own, with those of every service.
#[must_use]
pub fn table(own: &'static [EventType]) -> Vec<&'static [EventType]> {
    vec![own, EVENTS]
}

/// The body of a message. Nothing if the entry can't be read any more, or makes no such event.
pub(crate) async fn body(
    db: &mut Conn,
    table: &[&'static [EventType]],
    webhook: &Webhook,
    delivery: &Delivery,
) -> Result<Option<String>, Error> {
    let data = match &delivery.entry {
        None => json!({ "webhook": webhook.name.to_string() }),
        Some((scope, sequence)) => {
            let Some(entry) = journal::entry(db, scope, *sequence).await? else { return Ok(None) };
            let nth = usize::try_from(delivery.nth).unwrap_or(usize::MAX);
            let found =
                events(table, &entry).into_iter().filter(|event| event.kind == delivery.kind).nth(nth);
            let Some(event) = found else { return Ok(None) };
            event.data
        }
    };
    Ok(Some(text(&delivery.kind, &delivery.event_time.to_string(), &data)))
}

/// A body whose fields stand in the order in which the scheme names them.
fn text(kind: &str, time: &str, data: &Value) -> String {
    format!(r#"{{"type":{},"timestamp":{},"data":{data}}}"#, Value::from(kind), Value::from(time))
}

#[cfg(test)]
mod tests {
    use devspaces_kit::clock::Timestamp;
    use devspaces_ledger::{event::complaint, journal::Entry};

    use super::*;

    // R-J6
    #[test]
    fn the_end_of_a_webhook_is_an_event_of_its_space_or_of_the_platform() {
        let mut entry = Entry {
            scope: "webhooks".to_owned(),
            sequence: 1,
            time: Timestamp::EPOCH,
            actor: "services/billing".to_owned(),
            on_behalf_of: None,
            method: DISABLE.to_owned(),
            resources: Vec::new(),
            before: Value::Null,
            after: json!({ "webhook": "webhooks/x", "origin": "https://x", "disabled_reason": "It did not answer" }),
            facts: false,
            content: String::new(),
            hash: Vec::new(),
        };
        let made = events(&[EVENTS], &entry);
        assert_eq!((made.len(), complaint(EVENTS, &made[0])), (1, None));
        assert_eq!(made[0].data.get("space"), None);
        entry.scope = "spaces/0190a8d0-7b1c-7def-8000-000000000001".to_owned();
        assert_eq!(events(&[EVENTS], &entry)[0].data["space"], entry.scope);
        entry.method = "devspaces.events.v1.WebhookService/UpdateWebhook".to_owned();
        assert_eq!(events(&[EVENTS], &entry), []);
    }

    #[test]
    fn a_body_is_the_json_that_the_scheme_describes() {
        let body: Value = serde_json::from_str(&text("a\"b", "2026", &json!({ "x": 1 }))).expect("JSON");
        assert_eq!(body, json!({ "type": "a\"b", "timestamp": "2026", "data": { "x": 1 } }));
    }
}
