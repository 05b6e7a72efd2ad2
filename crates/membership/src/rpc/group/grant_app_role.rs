use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{identity::Caller, name::GroupName, status::Fault};
use devspaces_ledger::Call;
use devspaces_proto::{
    facts::v1::SetGroupRoleRequest,
    membership::v1::{GrantAppRoleRequest, GrantAppRoleResponse, GroupRole},
};

use super::{super::kept, require};
use crate::{
    apps,
    convert::{self, group::wire_role},
};

/// R-M11, R-M10. The space service keeps the role, with all else that decides about its apps: it is given there, in one
/// transaction, or refused. Nothing of it stands here but the result for a repetition.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: GrantAppRoleRequest,
) -> Result<GrantAppRoleResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<GroupName>("name", &it.name))?;
    context.mutations.answer(&call, grant(context, &call, name, request)).await
}

async fn grant(
    context: &Context,
    call: &Call,
    name: GroupName,
    request: GrantAppRoleRequest,
) -> Result<GrantAppRoleResponse, Fault> {
    context.gate.require(&call.caller, Permission::GroupsUpdate, name.space).await?;
    let (app, role, expire_time) = convert::group::granted(&request, context.clock.now())?;
    require(context, name).await?;
    let (role, expire_time) = (wire_role(role), expire_time.map(Into::into));
    let set = SetGroupRoleRequest { role, expire_time, ..SetGroupRoleRequest::default() };
    apps::set_role(context, call, (name, app), set).await?;
    let role = GroupRole { resource: app.to_string(), role, expire_time };
    kept(context, call, GrantAppRoleResponse { role: Some(role) }).await
}
