//! What is sent because somebody asks for it: an event once more, or a test.
use devspaces_kit::{
    identity::Caller,
    name::{DeliveryName, WebhookName},
    status::{Fault, Reason},
};
use devspaces_ledger::{
    Abort, Call, Change, Tx,
    webhook::{self, Delivery, DeliveryState, Outcome},
};
use devspaces_proto::events::v1::{Delivery as WireDelivery, RedeliverRequest, TestWebhookRequest};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    WebhookServer,
    change::{OfWebhook, current},
    convert::delivery_to_wire,
};
use crate::message::TEST;

/// How many deliveries that were asked for wait at most, of all webhooks of a space. Stated in the API.
const MOST: i64 = 100;

impl WebhookServer {
    /// R-J6
    pub(super) async fn redeliver(
        &self,
        caller: Caller,
        mut request: RedeliverRequest,
    ) -> Result<WireDelivery, Fault> {
        let (name, call) =
            Call::parse(caller, &mut request, |fields, it| fields.parse::<DeliveryName>("name", &it.name))?;
        self.answered(&call, self.send_again(&call, name.webhook, Some(name))).await
    }

    /// R-J6
    pub(super) async fn test_webhook(
        &self,
        caller: Caller,
        mut request: TestWebhookRequest,
    ) -> Result<WireDelivery, Fault> {
        let (name, call) =
            Call::parse(caller, &mut request, |fields, it| fields.parse::<WebhookName>("name", &it.name))?;
        self.answered(&call, self.send_again(&call, name, None)).await
    }

    async fn send_again(
        &self,
        call: &Call,
        webhook: WebhookName,
        earlier: Option<DeliveryName>,
    ) -> Result<WireDelivery, Fault> {
        let (keeping, _) = self.holder(&call.caller, webhook).await?;
        let id = keeping.context.clock.new_id();
        keeping.change(call, webhook, Sending { webhook, earlier, id }).await
    }
}

struct Sending {
    webhook: WebhookName,
    /// The delivery whose event is sent. None: a test.
    earlier: Option<DeliveryName>,
    id: Uuid,
}

impl Sending {
    /// The delivery that this makes, out of the earlier one or of nothing.
    async fn delivery(&self, tx: &mut Tx) -> Result<Delivery, Abort> {
        let now = tx.time();
        let test = Delivery {
            webhook: self.webhook.id,
            id: self.id,
            lane: webhook::asked(self.id),
            place: (0, 0),
            entry: None,
            nth: 0,
            kind: TEST.to_owned(),
            event: format!("evt_{}", self.id.simple()),
            state: DeliveryState::Pending,
            attempts: 0,
            last: Outcome::default(),
            last_attempt_time: None,
            next_attempt_time: None,
            event_time: now,
            create_time: now,
        };
        let Some(name) = self.earlier else { return Ok(test) };
        let found = webhook::find_delivery(tx, self.webhook, name.id).await?;
        let Delivery { entry, nth, kind, event, event_time, .. } =
            found.ok_or_else(|| Fault::not_found(name))?;
        Ok(Delivery { entry, nth, kind, event, event_time, ..test })
    }
}

impl OfWebhook for Sending {
    type Reply = WireDelivery;

    async fn once(&self, tx: &mut Tx) -> Result<WireDelivery, Abort> {
        current(tx, self.webhook, "").await?;
        let delivery = self.delivery(tx).await?;
        if webhook::count_asked(tx, self.webhook.space).await? >= MOST {
            let sentence =
                format!("{MOST} deliveries to webhooks of the space that were asked for wait already");
            let subject = self.webhook.to_string();
            return Err(Fault::precondition(Reason::TooManyDeliveries, subject, sentence).into());
        }
        let change = Change {
            scope: self.webhook.scope(),
            resources: vec![self.webhook.to_string()],
            before: Value::Null,
            after: json!({ "sent": delivery.event, "type": delivery.kind }),
            facts: false,
        };
        tx.record(change).await?;
        let now = tx.time();
        webhook::add(tx, &delivery, now).await?;
        Ok(delivery_to_wire(self.webhook, &delivery))
    }
}
