use devspaces_authz::{Permission, Service};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::GroupName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx, etag};
use devspaces_proto::membership::v1::{DeleteGroupRequest, DeleteGroupResponse};
use serde_json::Value;

use super::existing;
use crate::store;

/// R-M11, R-S5: also in an archived space.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: DeleteGroupRequest,
) -> Result<DeleteGroupResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<GroupName>("name", &it.name))?;
    context.mutations.answer(&call, delete(context, &call, name, request.etag)).await
}

async fn delete(
    context: &Context,
    call: &Call,
    name: GroupName,
    etag: String,
) -> Result<DeleteGroupResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::GroupsUpdate, name.space).await?;
    let deletion = Deletion { name, etag };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(deletion)).await
}

struct Deletion {
    name: GroupName,
    etag: String,
}

impl GuardedChange for Deletion {
    type Reply = DeleteGroupResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<DeleteGroupResponse, Abort> {
        let before = existing(tx, self.name).await?;
        etag::check(&self.etag, before.revision, self.name)?;
        let scope = self.name.space.into();
        let change = Change {
            scope,
            resources: vec![self.name.to_string()],
            before: before.to_json(),
            after: Value::Null,
            facts: false,
        };
        tx.record(change).await?;
        store::group::delete(tx, self.name).await?;
        tx.emit(scope, Service::Space.name(), vec![before.end()]).await?;
        Ok(DeleteGroupResponse {})
    }
}
