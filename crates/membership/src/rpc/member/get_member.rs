use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::MemberName,
    status::{Fault, Fields},
};
use devspaces_ledger::standing;
use devspaces_proto::membership::v1::{GetMemberRequest, Member};

use crate::{convert::marked, store};

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
    let mut db = context.pool.read().await?;
    let found = store::member::find(&mut db, &name, context.clock.now()).await?;
    let deactivated = standing::deactivated(&mut db, [&name.user]).await?;
    Ok(marked(found.ok_or_else(|| Fault::not_found(&name))?, &deactivated))
}
