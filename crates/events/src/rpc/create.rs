use std::borrow::Cow;

use devspaces_authz::Service;
use devspaces_kit::{
    identity::Caller,
    name::{SpaceName, WebhookName},
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::{
    Abort, Call, Tx,
    webhook::{self, Secret, Webhook},
};
use devspaces_proto::events::v1::{CreateWebhookRequest, Webhook as WireWebhook};

use super::{
    WebhookServer,
    change::{OfWebhook, store},
    convert::{to_wire_with_secret, types, without_secret},
};
use crate::{send, signature};

/// How many webhooks a space has at most, or the platform, of each service. Stated in the API.
const MOST: i64 = 10;

impl WebhookServer {
    /// R-J6
    pub(super) async fn create_webhook(
        &self,
        caller: Caller,
        mut request: CreateWebhookRequest,
    ) -> Result<WireWebhook, Fault> {
        let (space, call) = Call::parse(caller, &mut request, |fields, it| parent(fields, &it.parent))?;
        self.answered(&call, self.create(&call, space, request)).await
    }

    async fn create(
        &self,
        call: &Call,
        space: Option<SpaceName>,
        request: CreateWebhookRequest,
    ) -> Result<WireWebhook, Fault> {
        self.kept(&call.caller, space).await?;
        let asked = request.webhook.unwrap_or_default();
        let mut fields = Fields::new();
        let url = fields.check("webhook.url", send::check(&asked.url, &self.networks)).map(str::to_owned);
        // Of all the port's services: that one of them is not the caller's to have is said below.
        let all: Vec<_> = self.keeping.iter().collect();
        let types = types(&mut fields, &all, &asked.types, &asked.service);
        let (url, (types, keeping)) = fields.finish_with(url.zip(types))?;
        let name = WebhookName { space, id: keeping.context.clock.new_id() };
        let secret = signature::new_secret()?;
        let creation = Creation { service: keeping.service, name, url, types, secret };
        keeping.change(call, name, creation).await
    }
}

/// The space that a webhook is of; none is the platform.
#[expect(clippy::option_option, reason = "no name, none because it is the platform, that of a space")]
pub(super) fn parent(fields: &mut Fields, parent: &str) -> Option<Option<SpaceName>> {
    if parent.is_empty() { Some(None) } else { fields.parse::<SpaceName>("parent", parent).map(Some) }
}

struct Creation {
    service: Service,
    name: WebhookName,
    url: String,
    types: Vec<String>,
    secret: Secret,
}

impl OfWebhook for Creation {
    type Reply = WireWebhook;

    fn kept(reply: &WireWebhook) -> Cow<'_, WireWebhook> {
        Cow::Owned(without_secret(reply))
    }

    async fn once(&self, tx: &mut Tx) -> Result<WireWebhook, Abort> {
        if webhook::count(tx, self.name.space).await? >= MOST {
            let subject =
                self.name.space.map_or_else(|| "the platform".to_owned(), |space| space.to_string());
            let sentence = format!("There are {MOST} webhooks of this service already, and no more may be");
            return Err(Fault::precondition(Reason::TooManyWebhooks, subject, sentence).into());
        }
        webhook::begin_reading(tx).await?;
        let now = tx.time();
        let webhook = Webhook {
            name: self.name,
            url: self.url.clone(),
            types: self.types.clone(),
            enabled: true,
            disabled_reason: String::new(),
            secret: self.secret.clone(),
            old_secrets: Vec::new(),
            create_time: now,
            update_time: now,
            revision: 0,
        };
        let webhook = store(tx, None, webhook).await?;
        Ok(to_wire_with_secret(self.service, &webhook))
    }
}
