use devspaces_authz::Permission;
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::AppGroupName, status::Fault};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::space::v1::{DeleteAppGroupRequest, DeleteAppGroupResponse};
use serde_json::Value;

use super::{existing, record};
use crate::store;

/// R-A11, R-S5: also in an archived space.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: DeleteAppGroupRequest,
) -> Result<DeleteAppGroupResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AppGroupName>("name", &it.name))?;
    context.mutations.answer(&call, delete(context, &call, name, request.etag)).await
}

async fn delete(
    context: &Context,
    call: &Call,
    name: AppGroupName,
    etag: String,
) -> Result<DeleteAppGroupResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::AppGroupsUpdate, name.space).await?;
    let deletion = Deletion { name, etag };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(deletion)).await
}

struct Deletion {
    name: AppGroupName,
    etag: String,
}

impl GuardedChange for Deletion {
    type Reply = DeleteAppGroupResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<DeleteAppGroupResponse, Abort> {
        let before = existing(tx, self.name).await?;
        etag::check(&self.etag, before.revision, self.name)?;
        record(tx, self.name, before.to_json(), Value::Null).await?;
        store::app_group::delete(tx, self.name).await?;
        Ok(DeleteAppGroupResponse {})
    }
}
