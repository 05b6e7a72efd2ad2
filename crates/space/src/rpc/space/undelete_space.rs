use devspaces_authz::{FactChange, Permission, SpaceState, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::space::v1::{Space as WireSpace, UndeleteSpaceRequest};

use super::lifecycle::change;
use crate::{domain::Space, store};

/// R-S6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UndeleteSpaceRequest,
) -> Result<WireSpace, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("name", &it.name))?;
    context.mutations.answer(&call, undelete(context, &call, name, request.etag)).await
}

async fn undelete(context: &Context, call: &Call, name: SpaceName, etag: String) -> Result<WireSpace, Fault> {
    let pass = context.gate.require(&call.caller, Permission::SpaceDelete, name).await?;
    context.mutations.run(call.clone(), vec![name.into()], pass.guard(Undeletion { name, etag })).await
}

struct Undeletion {
    name: SpaceName,
    etag: String,
}

impl GuardedChange for Undeletion {
    type Reply = WireSpace;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::SpaceStateChanged])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireSpace, Abort> {
        let now = tx.time();
        let denied = || Fault::permission_denied(Permission::SpaceDelete.name(), self.name);
        let found = store::space::find(tx, self.name).await?.filter(|space| !space.is_gone(now));
        let before = found.ok_or_else(denied)?;
        etag::check(&self.etag, before.revision, self.name)?;
        if before.state != SpaceState::Deleted {
            let sentence = "The space is not deleted";
            let fault = Fault::precondition(Reason::SpaceNotDeleted, self.name.to_string(), sentence);
            return Err(fault.into());
        }
        let after =
            Space { state: SpaceState::Archived, delete_time: None, update_time: now, ..before.clone() };
        Ok(change(tx, &before, after).await?.into())
    }
}
