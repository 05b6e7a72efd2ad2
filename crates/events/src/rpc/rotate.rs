use std::{borrow::Cow, time::Duration};

use devspaces_authz::Service;
use devspaces_kit::{identity::Caller, name::WebhookName, status::Fault};
use devspaces_ledger::{
    Abort, Call, Tx,
    webhook::{Secret, Webhook},
};
use devspaces_proto::events::v1::{RotateWebhookSecretRequest, Webhook as WireWebhook};

use super::{
    WebhookServer,
    change::{OfWebhook, current, store},
    convert::{to_wire_with_secret, without_secret},
};
use crate::signature;

/// How long messages are signed by the secret before as well. Stated in the API.
const OVERLAP: Duration = Duration::from_hours(24);

impl WebhookServer {
    /// R-J6
    pub(super) async fn rotate_webhook_secret(
        &self,
        caller: Caller,
        mut request: RotateWebhookSecretRequest,
    ) -> Result<WireWebhook, Fault> {
        let (name, call) =
            Call::parse(caller, &mut request, |fields, it| fields.parse::<WebhookName>("name", &it.name))?;
        self.answered(&call, self.rotate(&call, name, request.etag)).await
    }

    async fn rotate(&self, call: &Call, name: WebhookName, etag: String) -> Result<WireWebhook, Fault> {
        let (keeping, _) = self.holder(&call.caller, name).await?;
        let secret = signature::new_secret()?;
        let rotation = Rotation { service: keeping.service, name, etag, secret };
        keeping.change(call, name, rotation).await
    }
}

struct Rotation {
    service: Service,
    name: WebhookName,
    etag: String,
    secret: Secret,
}

impl OfWebhook for Rotation {
    type Reply = WireWebhook;

    fn kept(reply: &WireWebhook) -> Cow<'_, WireWebhook> {
        Cow::Owned(without_secret(reply))
    }

    async fn once(&self, tx: &mut Tx) -> Result<WireWebhook, Abort> {
        let before = current(tx, self.name, &self.etag).await?;
        let now = tx.time();
        // Who rotates twice within the overlap may have lost the first reply: then receivers have the oldest of these secrets. Of more than
        // two that are replaced within it, those between are given up.
        let oldest = before.old_secrets.iter().rfind(|(_, end)| *end > now).cloned();
        let latest = (before.secret.clone(), now + OVERLAP);
        let after = Webhook {
            secret: self.secret.clone(),
            old_secrets: [latest].into_iter().chain(oldest).collect(),
            update_time: now,
            ..before.clone()
        };
        let after = store(tx, Some(&before), after).await?;
        Ok(to_wire_with_secret(self.service, &after))
    }
}
