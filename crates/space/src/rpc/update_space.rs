use devspaces_authz::{Permission, SpaceState};
use devspaces_gate::{Context, Pass, Resource};
use devspaces_kit::{
    db::{Change, Tx},
    identity::Caller,
    mutation::{Abort, Call},
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
    let pass = context.gate.require(&call.caller, Permission::SpaceUpdate, Resource::Space(name)).await?;
    let patch = convert::patch(&request)?;
    let etag = space.map(|space| space.etag.clone()).unwrap_or_default();
    let once = move |tx: &mut Tx| {
        let (pass, etag, patch) = (pass.clone(), etag.clone(), patch.clone());
        Box::pin(async move { update_once(tx, &pass, name, &etag, patch).await }) as _
    };
    context.mutations.run(call, vec![name.into()], once).await
}

async fn update_once(tx: &mut Tx, pass: &Pass, name: SpaceName, etag: &str, patch: Patch) -> Result<WireSpace, Abort> {
    pass.confirm(tx).await?;
    let denied = || Fault::permission_denied(Permission::SpaceUpdate.name(), name);
    let before = store::find(tx, name).await?.ok_or_else(denied)?;
    if before.state != SpaceState::Active {
        return Err(Fault::space_archived(name).into());
    }
    if !etag.is_empty() && etag != convert::etag(before.revision) {
        return Err(Fault::etag_stale(name).into());
    }
    let metadata = patch.apply(&before.metadata);
    if metadata == before.metadata {
        return Ok(before.into());
    }
    let mut after = Space { metadata, update_time: tx.time(), ..before.clone() };
    let change = Change { scope: name.into(), before: before.to_json(), after: after.to_json(), facts: false };
    after.revision = tx.record(change).await?;
    store::put(tx, &after).await?;
    Ok(after.into())
}
