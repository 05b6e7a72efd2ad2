use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::InvitationName,
    status::{Fault, Fields},
};
use devspaces_proto::membership::v1::{GetInvitationRequest, Invitation};

use crate::{convert::invitation::to_wire, store};

/// R-M9
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetInvitationRequest,
) -> Result<Invitation, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<InvitationName>("name", &request.name);
    let name = fields.finish_with(name)?;
    context.gate.require_read(&caller, Permission::InvitationsUpdate, name.space).await?;
    let found = store::invitation::find(&mut context.pool.read().await?, name).await?;
    Ok(to_wire(&found.ok_or_else(|| Fault::not_found(name))?, context.clock.now()))
}
