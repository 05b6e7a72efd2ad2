use devspaces_authz::Service;
use devspaces_kit::{
    identity::Caller,
    name::WebhookName,
    status::{Fault, Fields},
};
use devspaces_ledger::{
    Abort, Call, Tx,
    webhook::{self, Webhook},
};
use devspaces_proto::events::v1::{UpdateWebhookRequest, Webhook as WireWebhook, WebhookState};

use super::{
    Keeping, WebhookServer,
    change::{OfWebhook, current, store},
    convert::{to_wire, types},
};
use crate::send::{self, Networks};

impl WebhookServer {
    /// R-J6
    pub(super) async fn update_webhook(
        &self,
        caller: Caller,
        mut request: UpdateWebhookRequest,
    ) -> Result<WireWebhook, Fault> {
        let (name, call) = Call::parse(caller, &mut request, |fields, it| {
            let name = it.webhook.as_ref().map_or("", |webhook| &webhook.name);
            fields.parse::<WebhookName>("webhook.name", name)
        })?;
        self.answered(&call, self.update(&call, name, request)).await
    }

    async fn update(
        &self,
        call: &Call,
        name: WebhookName,
        request: UpdateWebhookRequest,
    ) -> Result<WireWebhook, Fault> {
        let (keeping, _) = self.holder(&call.caller, name).await?;
        let patch = patch(&request, keeping, &self.networks)?;
        let etag = request.webhook.unwrap_or_default().etag;
        let update = Update { service: keeping.service, name, etag, patch };
        keeping.change(call, name, update).await
    }
}

/// What is to change. `None`: stays as it is.
#[derive(Default)]
struct Patch {
    url: Option<String>,
    types: Option<Vec<String>>,
    enabled: Option<bool>,
}

fn patch(request: &UpdateWebhookRequest, keeping: &Keeping, networks: &Networks) -> Result<Patch, Fault> {
    let webhook = request.webhook.clone().unwrap_or_default();
    let mut fields = Fields::new();
    let populated = [
        ("url", !webhook.url.is_empty()),
        ("types", !webhook.types.is_empty()),
        ("state", webhook.state != 0),
    ];
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &populated);
    let mut patch = Patch::default();
    if masked.contains(&"url") {
        patch.url = fields.check("webhook.url", send::check(&webhook.url, networks)).map(str::to_owned);
    }
    if masked.contains(&"types") {
        patch.types = types(&mut fields, &[keeping], &webhook.types, "").map(|(types, _)| types);
    }
    if masked.contains(&"state") {
        let state = match webhook.state() {
            WebhookState::Enabled => Ok(true),
            WebhookState::Disabled => Ok(false),
            WebhookState::Unspecified => Err("must be WEBHOOK_STATE_ENABLED or WEBHOOK_STATE_DISABLED"),
        };
        patch.enabled = fields.check("webhook.state", state);
    }
    fields.finish()?;
    Ok(patch)
}

struct Update {
    service: Service,
    name: WebhookName,
    etag: String,
    patch: Patch,
}

impl OfWebhook for Update {
    type Reply = WireWebhook;

    async fn once(&self, tx: &mut Tx) -> Result<WireWebhook, Abort> {
        let before = current(tx, self.name, &self.etag).await?;
        let Patch { url, types, enabled } = &self.patch;
        let enabled = enabled.unwrap_or(before.enabled);
        // Somebody's wish, or nobody's any more.
        let disabled_reason = if self.patch.enabled.is_some() { "" } else { &before.disabled_reason };
        let after = Webhook {
            url: url.as_ref().unwrap_or(&before.url).clone(),
            types: types.as_ref().unwrap_or(&before.types).clone(),
            enabled,
            disabled_reason: disabled_reason.to_owned(),
            ..before.clone()
        };
        if after == before {
            return Ok(to_wire(self.service, &before));
        }
        let now = tx.time();
        let after = store(tx, Some(&before), Webhook { update_time: now, ..after }).await?;
        if after.enabled && (!before.enabled || after.url != before.url) {
            webhook::resume(tx, self.name.id, now).await?;
        }
        Ok(to_wire(self.service, &after))
    }
}
