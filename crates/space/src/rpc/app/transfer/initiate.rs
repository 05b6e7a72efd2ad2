use devspaces_authz::{ConsoleRole, FactChange, Permission, Service, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Standing};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, SpaceName, TransferName, UserName},
    status::{Fault, Fields},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{InitiateTransferRequest, Transfer as WireTransfer};
use serde_json::Value;

use super::{super::permitted_app, Billing, console_role, hand_over, told_with_contributors};
use crate::{
    domain::{App, Conditions, Transfer, all_of},
    journaling::{TransferStep, record_transfer, scopes_of_transfer},
    store,
};

const PERMISSION: Permission = Permission::AppTransfer;

/// R-A7, R-A8
pub(in super::super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: InitiateTransferRequest,
) -> Result<WireTransfer, Fault> {
    let ((name, destination), call) = Call::parse(caller, &mut request, |fields, it| {
        let name = fields.parse::<AppName>("name", &it.name);
        let destination = fields.parse::<SpaceName>("destination", &it.destination);
        name.zip(destination)
    })?;
    let preview = request.validate_only;
    let initiating = Box::pin(initiate(context, &call, name, destination, request.etag));
    let answer = context.mutations.answer(&call, initiating);
    let mut transfer = answer.await?;
    if preview {
        transfer.name.clear();
    }
    Ok(transfer)
}

async fn initiate(
    context: &Context,
    call: &Call,
    name: AppName,
    destination: SpaceName,
    etag: String,
) -> Result<WireTransfer, Fault> {
    let denied = || Fault::permission_denied(PERMISSION.name(), name);
    let pass = context.gate.require(&call.caller, PERMISSION, name).await?;
    let initiator = call.caller.principal.as_user().ok_or_else(denied)?;
    let source = pass.space().ok_or_else(denied)?;
    let mut fields = Fields::new();
    if source == destination {
        fields.bad("destination", "must be another space than the one that the app is in");
    }
    fields.finish()?;
    let standing = context.gate.facts(&call.caller.principal, destination, &[Service::Membership]).await?;
    let role = console_role(&standing)?;
    let billing = Billing::of(context, source, role.map(|_| destination)).await?;
    let mut db = context.pool.read().await?;
    let scopes = scopes_of_transfer(&mut db, name, source, destination).await?;
    drop(db);
    let transfer = TransferName(context.clock.new_id());
    let at_once = role == Some(ConsoleRole::Admin);
    let ends = (source, destination);
    let change = Initiation { transfer, name, ends, initiator, etag, standing, at_once, billing };
    context.mutations.run(call.clone(), scopes, pass.guard(change)).await
}

struct Initiation {
    transfer: TransferName,
    name: AppName,
    /// The source and the destination.
    ends: (SpaceName, SpaceName),
    initiator: UserName,
    etag: String,
    /// What is known of the initiator in the destination.
    standing: Standing,
    /// Whether the initiator is Admin there too.
    at_once: bool,
    billing: Billing,
}

impl GuardedChange for Initiation {
    type Reply = WireTransfer;

    fn takes_away(&self) -> bool {
        takes_away(if self.at_once { &[FactChange::AppUnlinked] } else { &[] })
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireTransfer, Abort> {
        let now = tx.time();
        let app = permitted_app(tx, PERMISSION, self.name, &self.etag).await?;
        let open = store::transfer::last_open(tx, self.name, now).await?;
        all_of(self.conditions(tx, &app, open.as_ref()).await?.blockers()).finish()?;
        if let Some(expired) = open {
            // It has been so since its time, which every reader has gone by. It makes place for this one.
            store::transfer::put(tx, &expired).await?;
        }
        let transfer = Transfer::new(self.transfer, &app, self.ends, self.initiator.clone(), now);
        if self.at_once {
            self.standing.confirm(tx).await?;
            return hand_over(tx, &app, None, &transfer).await;
        }
        propose(tx, transfer).await
    }
}

impl Initiation {
    async fn conditions(&self, tx: &mut Tx, app: &App, open: Option<&Transfer>) -> Result<Conditions, Abort> {
        let (source, destination) = self.ends;
        let found = store::space::find(tx, destination).await?;
        Ok(Conditions {
            app: app.name,
            listing: app.listing,
            other_pending: open.is_some_and(Transfer::is_pending),
            // The gate has let nobody else through.
            initiator_is_admin: true,
            source: self.billing.source(source),
            destination: self.billing.destination(destination, found.as_ref()),
            now: tx.time(),
        })
    }
}

/// Leaves it to an Admin of the destination.
async fn propose(tx: &mut Tx, transfer: Transfer) -> Result<WireTransfer, Abort> {
    let step =
        TransferStep { transfer: &transfer, before: Value::Null, after: transfer.to_json(), facts: false };
    let revision = record_transfer(tx, step).await?;
    let transfer = Transfer { revision, ..transfer };
    store::transfer::put(tx, &transfer).await?;
    told_with_contributors(tx, transfer).await
}
