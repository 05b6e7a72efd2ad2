use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::GroupName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::membership::v1::{ListGroupRolesRequest, ListGroupRolesResponse};

use super::require;
use crate::{apps, convert::group::role_to_wire};

/// R-M11, R-A11. Only Admins see it, who see all apps of the space (R-A5).
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListGroupRolesRequest,
) -> Result<ListGroupRolesResponse, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<GroupName>("parent", &request.parent);
    let name = fields.finish_with(name)?;
    context.gate.require_read(&caller, Permission::GroupsUpdate, name.space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListGroupRolesRequest>(&[&request.parent]);
    let after = tokens.decode_text(&request.page_token)?;
    require(context, name).await?;
    let found = apps::roles(context, name, after, page::limit(size)).await?;
    let (roles, last) =
        page::fill(found, size, |role| role.resource.clone(), |role| Some(role_to_wire(role)));
    Ok(ListGroupRolesResponse { roles, next_page_token: tokens.next(last) })
}
