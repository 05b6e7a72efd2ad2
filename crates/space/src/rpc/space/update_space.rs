use devspaces_authz::{AppCreation, FactChange, Permission, SpaceState, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::SpaceName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx, etag};
use devspaces_proto::space::v1::{Space as WireSpace, UpdateSpaceRequest};

use crate::{
    convert::{self, space::About},
    domain::{Patch, Space},
    store,
};

/// R-S3, R-S9
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
    let About { metadata, app_creation } = About::of(&request);
    let require = async |permission| context.gate.require(&call.caller, permission, name).await;
    let edits = if metadata { Some(require(Permission::SpaceUpdate).await?) } else { None };
    // Whose Developers create apps, whoever edits the metadata of a published space.
    let runs = if app_creation { Some(require(Permission::MembersUpdate).await?) } else { None };
    let patch = convert::space::patch(&request)?;
    let etag = request.space.map(|space| space.etag).unwrap_or_default();
    let (call, scopes, update) = (call.clone(), vec![name.into()], Update { name, etag, patch });
    match (edits, runs) {
        (Some(edits), Some(runs)) => {
            context.mutations.run(call, scopes, edits.guard(runs.guard(update))).await
        }
        (Some(pass), None) | (None, Some(pass)) => {
            context.mutations.run(call, scopes, pass.guard(update)).await
        }
        (None, None) => Err(Fault::internal("a request about nothing was let pass")),
    }
}

struct Update {
    name: SpaceName,
    etag: String,
    patch: Patch,
}

impl GuardedChange for Update {
    type Reply = WireSpace;

    fn takes_away(&self) -> bool {
        let narrows = self.patch.app_creation == Some(AppCreation::Admins);
        narrows && takes_away(&[FactChange::AppCreationNarrowed])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireSpace, Abort> {
        let denied = || Fault::permission_denied(Permission::SpaceUpdate.name(), self.name);
        let before = store::space::find(tx, self.name).await?.ok_or_else(denied)?;
        etag::check(&self.etag, before.revision, self.name)?;
        if before.state != SpaceState::Active {
            return Err(Fault::space_archived(self.name).into());
        }
        let after = self.patch.apply(&before);
        if after == before {
            return Ok(before.into());
        }
        let mut after = Space { update_time: tx.time(), ..after };
        let change = Change {
            scope: self.name.into(),
            resources: vec![self.name.to_string()],
            before: before.to_json(),
            after: after.to_json(),
            facts: after.app_creation != before.app_creation,
        };
        after.revision = tx.record(change).await?;
        store::space::put(tx, &after).await?;
        Ok(after.into())
    }
}
