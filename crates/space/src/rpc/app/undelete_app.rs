use devspaces_authz::{AppRole, FactChange, Permission, SpaceState, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, SpaceName},
    status::{Blockers, Fault, Reason, SPACE_ARCHIVED},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{App as WireApp, UndeleteAppRequest};

use super::{delete_app::change, permitted_app, scopes};
use crate::{convert, domain::App, store};

/// R-A10, R-S7
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UndeleteAppRequest,
) -> Result<WireApp, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AppName>("name", &it.name))?;
    context.mutations.answer(&call, undelete(context, &call, name, request.etag)).await
}

async fn undelete(context: &Context, call: &Call, name: AppName, etag: String) -> Result<WireApp, Fault> {
    let pass = context.gate.require(&call.caller, Permission::AppDelete, name).await?;
    let denied = || Fault::permission_denied(Permission::AppDelete.name(), name);
    let found = store::app::find(&mut context.pool.read().await?, name, context.clock.now()).await?;
    // A deleted app is in no space for everybody's facts, and yet belongs to one that it comes back to. It can't leave
    // that one while it is deleted.
    let space = found.and_then(|app| app.space).ok_or_else(denied)?;
    let scopes = scopes(name, Some(space));
    context.mutations.run(call.clone(), scopes, pass.guard(Undeletion { name, space, etag })).await
}

struct Undeletion {
    name: AppName,
    space: SpaceName,
    etag: String,
}

impl GuardedChange for Undeletion {
    type Reply = WireApp;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::AppLinked])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireApp, Abort> {
        let before = permitted_app(tx, Permission::AppDelete, self.name, &self.etag).await?;
        let mut blockers = Blockers::new();
        if !before.is_deleted() {
            blockers.add(Reason::AppNotDeleted, self.name.to_string(), "The app is not deleted");
        }
        let space = store::space::find(tx, self.space).await?;
        if space.is_none_or(|space| space.state != SpaceState::Active) {
            blockers.add(Reason::SpaceArchived, self.space.to_string(), SPACE_ARCHIVED);
        }
        blockers.finish()?;
        let after = App { delete_time: None, update_time: tx.time(), ..before.clone() };
        let after = change(tx, &before, after).await?;
        Ok(convert::app::to_wire(after, AppRole::Owner))
    }
}
