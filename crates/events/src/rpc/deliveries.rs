use devspaces_kit::{
    identity::Caller,
    name::WebhookName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_ledger::webhook;
use devspaces_proto::events::v1::{ListDeliveriesRequest, ListDeliveriesResponse};
use uuid::Uuid;

use super::{WebhookServer, convert::delivery_to_wire};

impl WebhookServer {
    /// R-J6
    pub(super) async fn list_deliveries(
        &self,
        caller: Caller,
        request: ListDeliveriesRequest,
    ) -> Result<ListDeliveriesResponse, Fault> {
        let mut fields = Fields::new();
        let name = fields.parse::<WebhookName>("parent", &request.parent);
        let name = fields.finish_with(name)?;
        let (keeping, _) = self.holder(&caller, name).await?;
        let mut fields = Fields::new();
        let size = fields.check("page_size", page::size(request.page_size));
        let size = fields.finish_with(size)?;
        let tokens = PageToken::for_arguments::<ListDeliveriesRequest>(&[&request.parent]);
        let before = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
        let before = before.map_err(|_| Fault::page_token_invalid())?.unwrap_or(Uuid::max());
        let mut db = keeping.context.pool.read().await?;
        let found = webhook::list(&mut db, name.id, before, page::limit(size)).await?;
        let tell = |it| Some(delivery_to_wire(name, &it));
        let (deliveries, last) = page::fill(found, size, |it| it.id, tell);
        Ok(ListDeliveriesResponse { deliveries, next_page_token: tokens.next(last) })
    }
}
