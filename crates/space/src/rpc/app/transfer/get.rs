use devspaces_authz::{ConsoleRole, Permission, Service};
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::TransferName,
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{GetTransferRequest, Transfer as WireTransfer};
use futures::future::{join, try_join};
use tonic::Code;

use super::{Billing, console_role, resource};
use crate::{
    convert::transfer::{CONTRIBUTORS_READ, to_wire, wire_blocker, with_contributors},
    domain::{Conditions, Transfer},
    store,
};

/// R-A7, R-A8
pub(in super::super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetTransferRequest,
) -> Result<WireTransfer, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<TransferName>("name", &request.name);
    let name = fields.finish_with(name)?;
    let mut db = context.pool.read().await?;
    let found = store::transfer::find(&mut db, name, context.clock.now()).await?;
    drop(db);
    require_either(context, &caller, name, found.as_ref()).await?;
    let denied = || Fault::permission_denied(Permission::AppTransfer.name(), name);
    let transfer = found.ok_or_else(denied)?;
    if !transfer.is_pending() {
        // Who contributes to the app is the affair of the space that has it now.
        return Ok(to_wire(transfer));
    }
    let conditions = conditions(context, &caller, &transfer).await?;
    let mut db = context.pool.read().await?;
    let contributors =
        store::contributor::list_current(&mut db, transfer.app, "", CONTRIBUTORS_READ, context.clock.now())
            .await?;
    let blockers = conditions.blockers().into_iter().map(wire_blocker).collect();
    Ok(WireTransfer { blockers, ..with_contributors(transfer, contributors) })
}

/// Goes on if the caller administers the source or the destination.
///
/// # Errors
/// Those of the gate: that of the source if both deny, and what keeps it from being decided otherwise.
async fn require_either(
    context: &Context,
    caller: &Caller,
    name: TransferName,
    found: Option<&Transfer>,
) -> Result<(), Fault> {
    let source = resource(name, found.map(|found| found.source));
    let destination = resource(name, found.map(|found| found.destination));
    let (source, destination) = join(
        context.gate.require(caller, Permission::AppTransfer, source),
        context.gate.require(caller, Permission::TransferAccept, destination),
    )
    .await;
    match (source, destination) {
        (Ok(_), _) | (_, Ok(_)) => Ok(()),
        (Err(denied), Err(undecided)) if denied.code() == Code::PermissionDenied => {
            Err(if undecided.code() == Code::PermissionDenied { denied } else { undecided })
        }
        (Err(undecided), Err(_)) => Err(undecided),
    }
}

/// What would stand in the way now, as far as the caller is told of it.
async fn conditions(context: &Context, caller: &Caller, transfer: &Transfer) -> Result<Conditions, Fault> {
    let (source, destination, app) = (transfer.source, transfer.destination, transfer.app);
    let initiator = transfer.initiator.clone().into();
    let owners = [Service::Membership];
    let initiator = context.gate.facts(&initiator, source, &owners);
    let own = context.gate.facts(&caller.principal, destination, &owners);
    let (initiator, own) = try_join(initiator, own).await?;
    let told = console_role(&own)?.map(|_| destination);
    let billing = Billing::of(context, source, told).await?;
    let mut db = context.pool.read().await?;
    let space = store::space::find(&mut db, destination).await?;
    let now = context.clock.now();
    let found = store::app::find(&mut db, app, now).await?;
    let found = found.ok_or_else(Fault::overtaken)?;
    Ok(Conditions {
        app,
        listing: found.listing,
        other_pending: false,
        initiator_is_admin: console_role(&initiator)? == Some(ConsoleRole::Admin),
        source: billing.source(source),
        destination: billing.destination(destination, space.as_ref()),
        now,
    })
}
