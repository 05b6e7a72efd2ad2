use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{GroupName, UserName},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_ledger::standing;
use devspaces_proto::membership::v1::{GroupMember, ListGroupMembersRequest, ListGroupMembersResponse};

use super::require;
use crate::{convert::group::member_to_wire, store};

/// R-M11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListGroupMembersRequest,
) -> Result<ListGroupMembersResponse, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<GroupName>("parent", &request.parent);
    let name = fields.finish_with(name)?;
    context.gate.require_read(&caller, Permission::MembersList, name.space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListGroupMembersRequest>(&[&request.parent]);
    let after = tokens.decode_text(&request.page_token)?;
    require(context, name).await?;
    let mut db = context.pool.read().await?;
    let found = store::group::members(&mut db, name, &after, page::limit(size)).await?;
    let deactivated = standing::deactivated(&mut db, found.iter().map(|(user, _)| user)).await?;
    let marked = |(user, since): (UserName, Timestamp)| {
        Some(GroupMember { deactivated: deactivated.contains(&user), ..member_to_wire(&user, since) })
    };
    let (members, last) = page::fill(found, size, |(user, _)| user.id().to_owned(), marked);
    Ok(ListGroupMembersResponse { members, next_page_token: tokens.next(last) })
}
