use devspaces_authz::{AppRole, Permission};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, Scope, TransferName},
    status::{Blockers, Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::space::v1::{App as WireApp, DeleteAppRequest};
use serde_json::json;

use super::{permitted_app, scopes};
use crate::{
    convert,
    domain::{App, Listing, Transfer, TransferState},
    journaling::{AppChange, record, scopes_of_transfer},
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
    let mut db = context.pool.read().await?;
    let transfer = store::transfer::pending(&mut db, name, context.clock.now()).await?;
    let scopes = match &transfer {
        Some(it) => scopes_of_transfer(&mut db, name, it.source, it.destination).await?,
        None => scopes(name, pass.space()),
    };
    drop(db);
    let transfer = transfer.map(|transfer| transfer.name);
    context.mutations.run(call.clone(), scopes, pass.guard(Deletion { name, etag, transfer })).await
}

struct Deletion {
    name: AppName,
    etag: String,
    /// The pending transfer whose spaces are among the scopes.
    transfer: Option<TransferName>,
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
            let sentence =
                "The app is on the Marketplace, or submitted to it; its listing must be withdrawn first";
            blockers.add(Reason::AppListed, self.name.to_string(), sentence);
        }
        blockers.finish()?;
        let now = tx.time();
        let after = App { delete_time: Some(now), update_time: now, ..before.clone() };
        let after = match store::transfer::last_open(tx, self.name, now).await? {
            None => change(tx, &before, after).await?,
            // For good: if the clock was wrong and is put right, nobody accepts an app that is deleted.
            Some(expired) if !expired.is_pending() => {
                store::transfer::put(tx, &expired).await?;
                change(tx, &before, after).await?
            }
            Some(transfer) if Some(transfer.name) == self.transfer => {
                change_and_cancel(tx, &before, after, &transfer).await?
            }
            // It was initiated since the scopes were chosen. Whoever asks again ends it.
            Some(_) => return Err(Fault::overtaken().into()),
        };
        Ok(convert::app::to_wire(after, AppRole::Owner))
    }
}

/// R-A7: what is deleted is not moved. As [`change`], and the destination's journal tells that the transfer has ended: of the
/// app, which was never there, no more than that.
async fn change_and_cancel(tx: &mut Tx, before: &App, after: App, transfer: &Transfer) -> Result<App, Abort> {
    let ended = transfer.ended(TransferState::Cancelled, after.update_time);
    let resources = vec![ended.name.to_string(), after.name.to_string()];
    let destination = Scope::from(ended.destination);
    if tx.scopes().contains(&destination) {
        let (before, after) = (transfer.to_json(), ended.to_json());
        let resources = resources.clone();
        tx.record(Change { scope: destination, resources, before, after, facts: false }).await?;
    }
    let change = AppChange {
        app: after.name,
        space: after.space,
        resources,
        before: json!({ "app": before.to_json(), "transfer": transfer.to_json() }),
        after: json!({ "app": after.to_json(), "transfer": ended.to_json() }),
    };
    let revision = record(tx, change).await?;
    store::transfer::put(tx, &Transfer { revision, ..ended }).await?;
    put(tx, before, App { revision, ..after }).await
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
    let revision = record(tx, change).await?;
    put(tx, before, App { revision, ..after }).await
}

async fn put(tx: &mut Tx, before: &App, after: App) -> Result<App, Abort> {
    store::app::put(tx, &after).await?;
    store::holding::follow(tx, after.name, before.holder(), after.holder(), after.update_time).await?;
    if before.holder() != after.holder() {
        // R-M11, R-A11: for good, also if the app comes back.
        store::group_role::end(tx, after.name).await?;
    }
    Ok(after)
}
