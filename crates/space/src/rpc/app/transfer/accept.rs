use devspaces_authz::{ConsoleRole, FactChange, Permission, Service, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Standing};
use devspaces_kit::{
    identity::Caller,
    name::TransferName,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::space::v1::{AcceptTransferRequest, Transfer as WireTransfer};

use super::{Billing, console_role, hand_over, require_pending, resource};
use crate::{
    domain::{App, Conditions, Transfer, all_of},
    journaling::scopes_of_transfer,
    store,
};

const PERMISSION: Permission = Permission::TransferAccept;

/// R-A7, R-A8
pub(in super::super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: AcceptTransferRequest,
) -> Result<WireTransfer, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<TransferName>("name", &it.name))?;
    let accepting = Box::pin(accept(context, &call, name, request.etag));
    context.mutations.answer(&call, accepting).await
}

async fn accept(
    context: &Context,
    call: &Call,
    name: TransferName,
    etag: String,
) -> Result<WireTransfer, Fault> {
    let mut db = context.pool.read().await?;
    let found = store::transfer::find(&mut db, name, context.clock.now()).await?;
    drop(db);
    let on = resource(name, found.as_ref().map(|found| found.destination));
    let pass = context.gate.require(&call.caller, PERMISSION, on).await?;
    let found = found.ok_or_else(|| Fault::permission_denied(PERMISSION.name(), name))?;
    let Transfer { app, source, destination, .. } = found;
    let initiator = context.gate.facts(&found.initiator.into(), source, &[Service::Membership]).await?;
    let initiator_is_admin = console_role(&initiator)? == Some(ConsoleRole::Admin);
    let billing = Billing::of(context, source, Some(destination)).await?;
    let mut db = context.pool.read().await?;
    let scopes = scopes_of_transfer(&mut db, app, source, destination).await?;
    drop(db);
    let change = Acceptance { name, etag, initiator, initiator_is_admin, billing };
    context.mutations.run(call.clone(), scopes, pass.guard(change)).await
}

struct Acceptance {
    name: TransferName,
    etag: String,
    /// What is known of who initiated it in the source.
    initiator: Standing,
    initiator_is_admin: bool,
    billing: Billing,
}

impl GuardedChange for Acceptance {
    type Reply = WireTransfer;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::AppUnlinked])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireTransfer, Abort> {
        let denied = || Fault::permission_denied(PERMISSION.name(), self.name);
        let now = tx.time();
        let before = store::transfer::find(tx, self.name, now).await?.ok_or_else(denied)?;
        etag::check(&self.etag, before.revision, self.name)?;
        require_pending(&before)?;
        // Whatever takes the app from the source, ends the transfer; but for a deletion by a service of before there were any.
        let app = store::app::find(tx, before.app, now).await?;
        let app = app.filter(|app| app.holder() == Some(before.source)).ok_or_else(|| deleted(&before))?;
        all_of(self.conditions(tx, &app, &before).await?.blockers()).finish()?;
        self.initiator.confirm(tx).await?;
        hand_over(tx, &app, Some(&before), &before).await
    }
}

fn deleted(transfer: &Transfer) -> Fault {
    Fault::precondition(Reason::AppDeleted, transfer.app.to_string(), "The app is deleted, and is not moved")
}

impl Acceptance {
    async fn conditions(&self, tx: &mut Tx, app: &App, transfer: &Transfer) -> Result<Conditions, Abort> {
        let found = store::space::find(tx, transfer.destination).await?;
        Ok(Conditions {
            app: app.name,
            listing: app.listing,
            // There is one at most, and it is this.
            other_pending: false,
            initiator_is_admin: self.initiator_is_admin,
            source: self.billing.source(transfer.source),
            destination: self.billing.destination(transfer.destination, found.as_ref()),
            now: tx.time(),
        })
    }
}
