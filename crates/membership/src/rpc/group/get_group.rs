use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::GroupName,
    status::{Fault, Fields},
};
use devspaces_proto::membership::v1::{GetGroupRequest, Group};

use crate::store;

/// R-M11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetGroupRequest,
) -> Result<Group, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<GroupName>("name", &request.name);
    let name = fields.finish_with(name)?;
    context.gate.require_read(&caller, Permission::MembersList, name.space).await?;
    let found = store::group::find(&mut context.pool.read().await?, name).await?;
    Ok(found.ok_or_else(|| Fault::not_found(name))?.into())
}
