use devspaces_kit::{
    identity::Caller,
    name::WebhookName,
    status::{Fault, Fields},
};
use devspaces_ledger::webhook;
use devspaces_proto::events::v1::{
    GetWebhookRequest, ListWebhooksRequest, ListWebhooksResponse, Webhook as WireWebhook,
};

use super::{WebhookServer, convert::to_wire, create::parent};

impl WebhookServer {
    /// R-J6
    pub(super) async fn get_webhook(
        &self,
        caller: Caller,
        request: GetWebhookRequest,
    ) -> Result<WireWebhook, Fault> {
        let mut fields = Fields::new();
        let name = fields.parse::<WebhookName>("name", &request.name);
        let name = fields.finish_with(name)?;
        let (keeping, found) = self.holder(&caller, name).await?;
        Ok(to_wire(keeping.service, &found))
    }

    /// R-J6
    pub(super) async fn list_webhooks(
        &self,
        caller: Caller,
        request: ListWebhooksRequest,
    ) -> Result<ListWebhooksResponse, Fault> {
        let mut fields = Fields::new();
        let space = parent(&mut fields, &request.parent);
        let space = fields.finish_with(space)?;
        let mut webhooks = Vec::new();
        for keeping in self.kept(&caller, space).await? {
            let found = webhook::of_space(&mut keeping.context.pool.read().await?, space).await?;
            webhooks.extend(found.iter().map(|it| to_wire(keeping.service, it)));
        }
        Ok(ListWebhooksResponse { webhooks })
    }
}
