use devspaces_authz::{Permission, SpaceState};
use devspaces_gate::{Context, Pass};
use devspaces_kit::{
    db::{Change, Tx},
    identity::Caller,
    mutation::{Abort, Call, Mutation},
    name::SpaceName,
    status::{Fault, Fields},
    text,
};
use devspaces_proto::space::v1::{Space as WireSpace, UpdateSpaceRequest};

use crate::{
    convert,
    domain::{Patch, Space},
    store,
};

const METHOD: &str = "devspaces.space.v1.SpaceService/UpdateSpace";

/// R-S3
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: UpdateSpaceRequest,
) -> Result<WireSpace, Fault> {
    let mut fields = Fields::new();
    let space = request.space.as_ref();
    let name = fields.parse::<SpaceName>("space.name", space.map_or("", |space| &space.name));
    let request_id = fields.check("request_id", text::request_id(&request.request_id));
    let (name, request_id) = fields.finish_with(name.zip(request_id))?;
    let call = Call::new(caller, METHOD, &request, request_id);
    if let Some(first) = context.mutations.replayed(&call).await? {
        return Ok(first);
    }
    let pass = context.gate.require(&call.caller, Permission::SpaceUpdate, name).await?;
    let patch = convert::patch(&request)?;
    let etag = space.map(|space| space.etag.clone()).unwrap_or_default();
    context.mutations.run(call, vec![name.into()], Update { pass, name, etag, patch }).await
}

struct Update {
    pass: Pass,
    name: SpaceName,
    etag: String,
    patch: Patch,
}

impl Mutation for Update {
    type Reply = WireSpace;

    async fn once(&self, tx: &mut Tx) -> Result<WireSpace, Abort> {
        self.pass.confirm(tx).await?;
        let denied = || Fault::permission_denied(Permission::SpaceUpdate.name(), self.name);
        let before = store::find(tx, self.name).await?.ok_or_else(denied)?;
        if before.state != SpaceState::Active {
            return Err(Fault::space_archived(self.name).into());
        }
        convert::check_etag(&self.etag, &before)?;
        let metadata = self.patch.apply(&before.metadata);
        if metadata == before.metadata {
            return Ok(before.into());
        }
        let mut after = Space { metadata, update_time: tx.time(), ..before.clone() };
        let (scope, facts) = (self.name.into(), false);
        after.revision =
            tx.record(Change { scope, before: before.to_json(), after: after.to_json(), facts }).await?;
        store::put(tx, &after).await?;
        Ok(after.into())
    }
}
