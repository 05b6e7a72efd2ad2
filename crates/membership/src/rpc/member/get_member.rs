use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::MemberName,
    status::{Fault, Fields},
};
use devspaces_proto::membership::v1::{GetMemberRequest, Member};

use crate::store;

/// R-M7
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetMemberRequest,
) -> Result<Member, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<MemberName>("name", &request.name);
    let name = fields.finish_with(name)?;
    context.gate.require_read(&caller, Permission::MembersList, name.space).await?;
    let found = store::member::find(&mut context.pool.read().await?, &name, context.clock.now()).await?;
    Ok(found.ok_or_else(|| Fault::not_found(&name))?.into())
}
