//! Transfers that end without a move: declined by the destination, or cancelled by the source. Both are possible whatever state
//! the spaces are in (R-S5).
use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{SpaceName, TransferName},
    status::Fault,
};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::space::v1::{CancelTransferRequest, DeclineTransferRequest, Transfer as WireTransfer};

use super::{require_pending, resource};
use crate::{
    convert::transfer::to_wire,
    domain::{Transfer, TransferState},
    journaling::{TransferStep, record_transfer, scopes_of_transfer},
    store,
};

/// R-A7
pub(in super::super) async fn decline(
    context: &Context,
    caller: Caller,
    mut request: DeclineTransferRequest,
) -> Result<WireTransfer, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<TransferName>("name", &it.name))?;
    let end = End { name, etag: request.etag, permission: Permission::TransferAccept };
    let work = ended(context, &call, end, TransferState::Declined, |transfer| transfer.destination);
    context.mutations.answer(&call, work).await
}

/// R-A7
pub(in super::super) async fn cancel(
    context: &Context,
    caller: Caller,
    mut request: CancelTransferRequest,
) -> Result<WireTransfer, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<TransferName>("name", &it.name))?;
    let end = End { name, etag: request.etag, permission: Permission::AppTransfer };
    let work = ended(context, &call, end, TransferState::Cancelled, |transfer| transfer.source);
    context.mutations.answer(&call, work).await
}

async fn ended(
    context: &Context,
    call: &Call,
    end: End,
    state: TransferState,
    side: fn(&Transfer) -> SpaceName,
) -> Result<WireTransfer, Fault> {
    let mut db = context.pool.read().await?;
    let found = store::transfer::find(&mut db, end.name, context.clock.now()).await?;
    drop(db);
    let on = resource(end.name, found.as_ref().map(side));
    let pass = context.gate.require(&call.caller, end.permission, on).await?;
    let found = found.ok_or_else(|| Fault::permission_denied(end.permission.name(), end.name))?;
    let mut db = context.pool.read().await?;
    let scopes = scopes_of_transfer(&mut db, found.app, found.source, found.destination).await?;
    drop(db);
    context.mutations.run(call.clone(), scopes, pass.guard(Ending { end, state })).await
}

/// What the call says.
struct End {
    name: TransferName,
    etag: String,
    permission: Permission,
}

struct Ending {
    end: End,
    state: TransferState,
}

impl GuardedChange for Ending {
    type Reply = WireTransfer;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireTransfer, Abort> {
        let End { name, etag, permission } = &self.end;
        let denied = || Fault::permission_denied(permission.name(), name);
        let now = tx.time();
        let before = store::transfer::find(tx, *name, now).await?.ok_or_else(denied)?;
        etag::check(etag, before.revision, name)?;
        require_pending(&before)?;
        let after = before.ended(self.state, now);
        let step =
            TransferStep { transfer: &after, before: before.to_json(), after: after.to_json(), facts: false };
        let revision = record_transfer(tx, step).await?;
        let after = Transfer { revision, ..after };
        store::transfer::put(tx, &after).await?;
        Ok(to_wire(after))
    }
}
