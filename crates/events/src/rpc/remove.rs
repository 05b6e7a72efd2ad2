use devspaces_kit::{identity::Caller, name::WebhookName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx, webhook};
use devspaces_proto::events::v1::{DeleteWebhookRequest, DeleteWebhookResponse};
use serde_json::Value;

use super::{
    WebhookServer,
    change::{OfWebhook, current},
};

impl WebhookServer {
    /// R-J6
    pub(super) async fn delete_webhook(
        &self,
        caller: Caller,
        mut request: DeleteWebhookRequest,
    ) -> Result<DeleteWebhookResponse, Fault> {
        let (name, call) =
            Call::parse(caller, &mut request, |fields, it| fields.parse::<WebhookName>("name", &it.name))?;
        self.answered(&call, self.delete(&call, name, request.etag)).await
    }

    async fn delete(
        &self,
        call: &Call,
        name: WebhookName,
        etag: String,
    ) -> Result<DeleteWebhookResponse, Fault> {
        let (keeping, _) = self.holder(&call.caller, name).await?;
        keeping.change(call, name, Deletion { name, etag }).await
    }
}

struct Deletion {
    name: WebhookName,
    etag: String,
}

impl OfWebhook for Deletion {
    type Reply = DeleteWebhookResponse;

    async fn once(&self, tx: &mut Tx) -> Result<DeleteWebhookResponse, Abort> {
        let before = current(tx, self.name, &self.etag).await?;
        let change = Change {
            scope: self.name.scope(),
            resources: vec![self.name.to_string()],
            before: before.to_json(),
            after: Value::Null,
            facts: false,
        };
        tx.record(change).await?;
        webhook::remove(tx, self.name).await?;
        Ok(DeleteWebhookResponse {})
    }
}
