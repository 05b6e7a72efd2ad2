use devspaces_authz::Permission;
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AppGroupName, RoleHolder},
    status::{Fault, Fields},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{RevokeAppGroupRoleRequest, RevokeAppGroupRoleResponse};
use serde_json::Value;

use super::{existing, record};
use crate::{convert, store};

/// R-A11, R-S5: also in an archived space.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RevokeAppGroupRoleRequest,
) -> Result<RevokeAppGroupRoleResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AppGroupName>("name", &it.name))?;
    context.mutations.answer(&call, revoke(context, &call, name, request)).await
}

async fn revoke(
    context: &Context,
    call: &Call,
    name: AppGroupName,
    request: RevokeAppGroupRoleRequest,
) -> Result<RevokeAppGroupRoleResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::AppGroupsUpdate, name.space).await?;
    let mut fields = Fields::new();
    let holder = convert::app_group::holder(&mut fields, name, &request.member);
    let holder = fields.finish_with(holder)?;
    let revocation = Revocation { name, holder };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(revocation)).await
}

struct Revocation {
    name: AppGroupName,
    holder: RoleHolder,
}

impl GuardedChange for Revocation {
    type Reply = RevokeAppGroupRoleResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<RevokeAppGroupRoleResponse, Abort> {
        let Self { name, holder } = self;
        let now = tx.time();
        existing(tx, *name).await?;
        let found = store::app_group_role::find(tx, *name, holder, now).await?;
        let before = found.ok_or_else(|| Fault::not_found(format_args!("a role of {holder} on {name}")))?;
        record(tx, *name, before.to_json(&holder.to_string()), Value::Null).await?;
        store::app_group_role::remove(tx, *name, holder).await?;
        Ok(RevokeAppGroupRoleResponse {})
    }
}
