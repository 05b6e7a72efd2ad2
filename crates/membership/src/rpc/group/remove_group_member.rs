use devspaces_authz::{Permission, Service};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{GroupName, UserName},
    status::{Fault, Fields},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::membership::v1::{RemoveGroupMemberRequest, RemoveGroupMemberResponse};
use serde_json::{Value, json};

use super::existing;
use crate::store;

/// R-M11, R-S5: also in an archived space.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RemoveGroupMemberRequest,
) -> Result<RemoveGroupMemberResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<GroupName>("name", &it.name))?;
    context.mutations.answer(&call, removed(context, &call, name, request)).await
}

async fn removed(
    context: &Context,
    call: &Call,
    name: GroupName,
    request: RemoveGroupMemberRequest,
) -> Result<RemoveGroupMemberResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::GroupsUpdate, name.space).await?;
    let mut fields = Fields::new();
    let user = fields.parse::<UserName>("user", &request.user);
    let removal = Removal { name, user: fields.finish_with(user)? };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(removal)).await
}

struct Removal {
    name: GroupName,
    user: UserName,
}

impl GuardedChange for Removal {
    type Reply = RemoveGroupMemberResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<RemoveGroupMemberResponse, Abort> {
        let Self { name, user } = self;
        let group = existing(tx, *name).await?;
        if store::group::member_since(tx, *name, user).await?.is_none() {
            return Err(Fault::not_found(format_args!("{user} in {name}")).into());
        }
        let scope = name.space.into();
        let change = Change {
            scope,
            resources: vec![name.to_string()],
            before: json!({ "members": [user.to_string()] }),
            after: Value::Null,
            facts: false,
        };
        tx.record(change).await?;
        store::group::remove(tx, *name, user).await?;
        let effect = group.effect(&[], std::slice::from_ref(user));
        tx.emit(scope, Service::Space.name(), vec![effect]).await?;
        Ok(RemoveGroupMemberResponse {})
    }
}
