use devspaces_authz::{AppRole, Permission};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::AppName,
    status::{Blockers, Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{App as WireApp, DeleteAppRequest};

use super::{permitted_app, scopes};
use crate::{
    convert,
    domain::{App, Listing},
    journaling::{AppChange, record},
    store,
};

/// R-A10
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: DeleteAppRequest,
) -> Result<WireApp, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AppName>("name", &it.name))?;
    context.mutations.answer(&call, delete(context, &call, name, request.etag)).await
}

async fn delete(context: &Context, call: &Call, name: AppName, etag: String) -> Result<WireApp, Fault> {
    let pass = context.gate.require(&call.caller, Permission::AppDelete, name).await?;
    let scopes = scopes(name, pass.space());
    context.mutations.run(call.clone(), scopes, pass.guard(Deletion { name, etag })).await
}

struct Deletion {
    name: AppName,
    etag: String,
}

impl GuardedChange for Deletion {
    type Reply = WireApp;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireApp, Abort> {
        let before = permitted_app(tx, Permission::AppDelete, self.name, &self.etag).await?;
        let mut blockers = Blockers::new();
        if before.is_deleted() {
            block_deleted(&mut blockers, self.name);
        }
        if before.listing != Listing::Private {
            let sentence = "The app is on the Marketplace; its listing must be withdrawn first";
            blockers.add(Reason::AppListed, self.name.to_string(), sentence);
        }
        blockers.finish()?;
        let now = tx.time();
        let after = App { delete_time: Some(now), update_time: now, ..before.clone() };
        let after = change(tx, &before, after).await?;
        Ok(convert::app::to_wire(after, AppRole::Owner))
    }
}

pub(super) fn block_deleted(blockers: &mut Blockers, name: AppName) {
    blockers.add(Reason::AppDeleted, name.to_string(), "The app is deleted; its OWNER can have it back");
}

/// Stores an app that comes to its space or leaves it, with what everybody's facts there are from then on.
pub(super) async fn change(tx: &mut Tx, before: &App, after: App) -> Result<App, Abort> {
    let change = AppChange {
        app: after.name,
        space: after.space,
        resources: vec![after.name.to_string()],
        before: before.to_json(),
        after: after.to_json(),
    };
    let after = App { revision: record(tx, change).await?, ..after };
    store::app::put(tx, &after).await?;
    store::holding::follow(tx, after.name, before.holder(), after.holder(), after.update_time).await?;
    Ok(after)
}
