use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::{AppName, GroupName},
    status::{Fault, Fields},
};
use devspaces_ledger::Call;
use devspaces_proto::{
    facts::v1::SetGroupRoleRequest,
    membership::v1::{RevokeAppRoleRequest, RevokeAppRoleResponse},
};

use super::{super::kept, require};
use crate::apps;

/// R-M11, R-S5: also in an archived space. The space service takes the role, which it keeps, and its answer rests there.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RevokeAppRoleRequest,
) -> Result<RevokeAppRoleResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<GroupName>("name", &it.name))?;
    context.mutations.answer(&call, revoke(context, &call, name, request)).await
}

async fn revoke(
    context: &Context,
    call: &Call,
    name: GroupName,
    request: RevokeAppRoleRequest,
) -> Result<RevokeAppRoleResponse, Fault> {
    context.gate.require(&call.caller, Permission::GroupsUpdate, name.space).await?;
    let mut fields = Fields::new();
    let app = fields.parse::<AppName>("app", &request.app);
    let app = fields.finish_with(app)?;
    require(context, name).await?;
    apps::set_role(context, call, (name, app), SetGroupRoleRequest::default()).await?;
    kept(context, call, RevokeAppRoleResponse {}).await
}
