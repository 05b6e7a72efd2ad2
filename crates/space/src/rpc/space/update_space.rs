use devspaces_authz::{Permission, SpaceState, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::SpaceName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx, etag};
use devspaces_proto::space::v1::{Space as WireSpace, UpdateSpaceRequest};

use crate::{
    convert,
    domain::{Patch, Space},
    store,
};

/// R-S3
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UpdateSpaceRequest,
) -> Result<WireSpace, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        let name = it.space.as_ref().map_or("", |space| &space.name);
        fields.parse::<SpaceName>("space.name", name)
    })?;
    context.mutations.answer(&call, update(context, &call, name, request)).await
}

async fn update(
    context: &Context,
    call: &Call,
    name: SpaceName,
    request: UpdateSpaceRequest,
) -> Result<WireSpace, Fault> {
    let pass = context.gate.require(&call.caller, Permission::SpaceUpdate, name).await?;
    let patch = convert::space::patch(&request)?;
    let etag = request.space.map(|space| space.etag).unwrap_or_default();
    context.mutations.run(call.clone(), vec![name.into()], pass.guard(Update { name, etag, patch })).await
}

struct Update {
    name: SpaceName,
    etag: String,
    patch: Patch,
}

impl GuardedChange for Update {
    type Reply = WireSpace;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireSpace, Abort> {
        let denied = || Fault::permission_denied(Permission::SpaceUpdate.name(), self.name);
        let before = store::space::find(tx, self.name).await?.ok_or_else(denied)?;
        etag::check(&self.etag, before.revision, self.name)?;
        if before.state != SpaceState::Active {
            return Err(Fault::space_archived(self.name).into());
        }
        let metadata = self.patch.apply(&before.metadata);
        if metadata == before.metadata {
            return Ok(before.into());
        }
        let mut after = Space { metadata, update_time: tx.time(), ..before.clone() };
        let change = Change {
            scope: self.name.into(),
            resources: vec![self.name.to_string()],
            before: before.to_json(),
            after: after.to_json(),
            facts: false,
        };
        after.revision = tx.record(change).await?;
        store::space::put(tx, &after).await?;
        Ok(after.into())
    }
}
