use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::{SpaceName, TransferName},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{ListTransfersRequest, ListTransfersResponse};
use uuid::Uuid;

use crate::{convert::transfer::to_wire, store};

/// R-A7
pub(in super::super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListTransfersRequest,
) -> Result<ListTransfersResponse, Fault> {
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("space", &request.space);
    let space = fields.finish_with(space)?;
    context.gate.require_read(&caller, Permission::TransferAccept, space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let pending_only = request.pending_only.to_string();
    let tokens = PageToken::for_arguments::<ListTransfersRequest>(&[&request.space, &pending_only]);
    let after = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
    let after = TransferName(after.map_err(|_| Fault::page_token_invalid())?.unwrap_or_default());
    let (limit, now) = (page::limit(size), context.clock.now());
    let mut db = context.pool.read().await?;
    let found = store::transfer::list(&mut db, space, request.pending_only, after, limit, now).await?;
    let (transfers, last) = page::fill(found, size, |it| it.name.0, |it| Some(to_wire(it)));
    Ok(ListTransfersResponse { transfers, next_page_token: tokens.next(last) })
}
