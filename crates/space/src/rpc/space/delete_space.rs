use devspaces_authz::{FactChange, Permission, SpaceState, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    status::{Blockers, Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::space::v1::{DeleteSpaceRequest, Space as WireSpace};

use super::{
    billing_status::billing_status,
    lifecycle::{block_apps, block_not_archived, change},
};
use crate::{domain::Space, store};

/// R-S6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: DeleteSpaceRequest,
) -> Result<WireSpace, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("name", &it.name))?;
    context.mutations.answer(&call, delete(context, &call, name, request.etag)).await
}

async fn delete(context: &Context, call: &Call, name: SpaceName, etag: String) -> Result<WireSpace, Fault> {
    let pass = context.gate.require(&call.caller, Permission::SpaceDelete, name).await?;
    // Usage that is reported after this belongs to a space without apps: it is billed by an account that stays (R-B11).
    let settled = billing_status(context, name).await?.settled;
    let deletion = Deletion { name, etag, settled };
    context.mutations.run(call.clone(), vec![name.into()], pass.guard(deletion)).await
}

struct Deletion {
    name: SpaceName,
    etag: String,
    settled: bool,
}

impl GuardedChange for Deletion {
    type Reply = WireSpace;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::SpaceStateChanged])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireSpace, Abort> {
        let denied = || Fault::permission_denied(Permission::SpaceDelete.name(), self.name);
        let before = store::space::find(tx, self.name).await?.ok_or_else(denied)?;
        etag::check(&self.etag, before.revision, self.name)?;
        let mut blockers = self.blockers(&before);
        block_apps(tx, &mut blockers, self.name).await?;
        blockers.finish()?;
        let now = tx.time();
        let after =
            Space { state: SpaceState::Deleted, delete_time: Some(now), update_time: now, ..before.clone() };
        Ok(change(tx, &before, after).await?.into())
    }
}

impl Deletion {
    fn blockers(&self, space: &Space) -> Blockers {
        let mut blockers = Blockers::new();
        match space.state {
            SpaceState::Archived => {}
            SpaceState::Deleted => {
                let sentence = "The space is deleted already; its console Admins can have it back";
                blockers.add(Reason::SpaceDeleted, self.name.to_string(), sentence);
            }
            SpaceState::Active | SpaceState::None => block_not_archived(&mut blockers, self.name),
        }
        if space.published {
            let sentence = "The space is published on the Marketplace, for good";
            blockers.add(Reason::SpacePublished, self.name.to_string(), sentence);
        }
        if !self.settled {
            let sentence = "An invoice of the space is not paid, or usage is not invoiced yet";
            blockers.add(Reason::SpaceNotSettled, self.name.to_string(), sentence);
        }
        blockers
    }
}
