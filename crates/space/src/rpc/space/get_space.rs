use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{GetSpaceRequest, Space as WireSpace};

use crate::{domain::Space, store};

/// R-S4
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetSpaceRequest,
) -> Result<WireSpace, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<SpaceName>("name", &request.name);
    let name = fields.finish_with(name)?;
    Ok(readable(context, &caller, Permission::SpaceGet, name).await?.into())
}

/// The space, if the caller has a permission on it.
pub(super) async fn readable(
    context: &Context,
    caller: &Caller,
    permission: Permission,
    name: SpaceName,
) -> Result<Space, Fault> {
    context.gate.require_read(caller, permission, name).await?;
    let found = store::space::find(&mut context.pool.read().await?, name).await?;
    found.ok_or_else(|| Fault::permission_denied(permission.name(), name))
}
