use devspaces_authz::{FactChange, Permission, SpaceState, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    status::{Blockers, Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx, etag};
use devspaces_proto::space::v1::{ArchiveSpaceRequest, RestoreSpaceRequest, Space as WireSpace};

use crate::{domain::Space, store};

/// R-S5
pub(super) async fn archive(
    context: &Context,
    caller: Caller,
    mut request: ArchiveSpaceRequest,
) -> Result<WireSpace, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("name", &it.name))?;
    context
        .mutations
        .answer(&call, change_state(context, &call, name, request.etag, SpaceState::Archived))
        .await
}

/// R-S5
pub(super) async fn restore(
    context: &Context,
    caller: Caller,
    mut request: RestoreSpaceRequest,
) -> Result<WireSpace, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("name", &it.name))?;
    context
        .mutations
        .answer(&call, change_state(context, &call, name, request.etag, SpaceState::Active))
        .await
}

async fn change_state(
    context: &Context,
    call: &Call,
    name: SpaceName,
    etag: String,
    to: SpaceState,
) -> Result<WireSpace, Fault> {
    let pass = context.gate.require(&call.caller, Permission::SpaceArchive, name).await?;
    context.mutations.run(call.clone(), vec![name.into()], pass.guard(StateChange { name, etag, to })).await
}

struct StateChange {
    name: SpaceName,
    etag: String,
    to: SpaceState,
}

impl GuardedChange for StateChange {
    type Reply = WireSpace;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::SpaceStateChanged])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireSpace, Abort> {
        let denied = || Fault::permission_denied(Permission::SpaceArchive.name(), self.name);
        let before = store::space::find(tx, self.name).await?.ok_or_else(denied)?;
        etag::check(&self.etag, before.revision, self.name)?;
        let mut blockers = Blockers::new();
        match (before.state, self.to) {
            (SpaceState::Active, SpaceState::Archived) => block_apps(tx, &mut blockers, self.name).await?,
            (SpaceState::Archived, SpaceState::Active) => {}
            (_, SpaceState::Archived) => return Err(Fault::space_archived(self.name).into()),
            _ => block_not_archived(&mut blockers, self.name),
        }
        blockers.finish()?;
        let after = Space { state: self.to, update_time: tx.time(), ..before.clone() };
        Ok(change(tx, &before, after).await?.into())
    }
}

/// Stores a space whose state has changed.
pub(super) async fn change(tx: &mut Tx, before: &Space, after: Space) -> Result<Space, Abort> {
    let change = Change {
        scope: after.name.into(),
        resources: vec![after.name.to_string()],
        before: before.to_json(),
        after: after.to_json(),
        facts: true,
    };
    let after = Space { revision: tx.record(change).await?, ..after };
    store::space::put(tx, &after).await?;
    Ok(after)
}

/// R-S5, R-S7: whoever brings an app into the space does so in a transaction that holds the space's scope too.
pub(super) async fn block_apps(tx: &mut Tx, blockers: &mut Blockers, name: SpaceName) -> Result<(), Abort> {
    if store::app::is_any_in(tx, name).await? {
        let sentence = "The space has apps; delete them or move them to another space first";
        blockers.add(Reason::SpaceHasApps, name.to_string(), sentence);
    }
    Ok(())
}

pub(super) fn block_not_archived(blockers: &mut Blockers, name: SpaceName) {
    blockers.add(Reason::SpaceNotArchived, name.to_string(), "The space is not archived");
}
