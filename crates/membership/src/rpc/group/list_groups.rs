use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::membership::v1::{ListGroupsRequest, ListGroupsResponse};
use uuid::Uuid;

use crate::store;

/// R-M11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListGroupsRequest,
) -> Result<ListGroupsResponse, Fault> {
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("parent", &request.parent);
    let space = fields.finish_with(space)?;
    context.gate.require_read(&caller, Permission::MembersList, space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListGroupsRequest>(&[&request.parent]);
    let after = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
    let after = after.map_err(|_| Fault::page_token_invalid())?.unwrap_or_default();
    let found = store::group::list(&mut context.pool.read().await?, space, after, page::limit(size)).await?;
    let (groups, last) = page::fill(found, size, |it| it.name.id, |it| Some(it.into()));
    Ok(ListGroupsResponse { groups, next_page_token: tokens.next(last) })
}
