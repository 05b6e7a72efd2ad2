//! Moves of apps between spaces (R-A7): a file for each method, and one for the two that end a transfer without a move.
mod accept;
mod end;
mod get;
mod initiate;
mod list;

use devspaces_authz::{ConsoleRole, Service, SpaceState, SuspensionReason};
use devspaces_gate::{Context, Resource, Standing};
use devspaces_kit::{
    name::{SpaceName, TransferName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Tx};
use devspaces_proto::{facts::v1::GetBillingStatusResponse, space::v1::Transfer as WireTransfer};
use futures::future::try_join;
use serde_json::json;

pub(super) use self::{
    accept::handle as accept,
    end::{cancel, decline},
    get::handle as get,
    initiate::handle as initiate,
    list::handle as list,
};
use crate::{
    convert,
    domain::{App, Destination, Source, Space, Transfer, TransferState, is_capped_in},
    journaling::{TransferStep, record_transfer},
    rpc::space::billing_status::billing_status,
    store,
};

/// A transfer as something that a permission is on, by one of its spaces. One that does not exist is in nobody's: it is denied
/// as one of somebody else's is, and by asking the same services (R-P3).
fn resource(transfer: TransferName, space: Option<SpaceName>) -> Resource {
    Resource::Transfer { transfer, space: space.unwrap_or(SpaceName::NIL) }
}

/// What the billing service says of both spaces of a transfer, as far as it matters.
struct Billing {
    source: GetBillingStatusResponse,
    /// `None`: it was not asked, since the destination is not looked at.
    destination: Option<GetBillingStatusResponse>,
}

impl Billing {
    /// # Errors
    /// `UNAVAILABLE` / `FACTS_UNAVAILABLE`: no app moves while nobody can tell how it stands with the bills.
    async fn of(context: &Context, source: SpaceName, destination: Option<SpaceName>) -> Result<Self, Fault> {
        let at_destination = async {
            match destination {
                Some(destination) => billing_status(context, destination).await.map(Some),
                None => Ok(None),
            }
        };
        let (source, destination) = try_join(billing_status(context, source), at_destination).await?;
        Ok(Self { source, destination })
    }

    /// The source, as R-A8 looks at it.
    fn source(&self, name: SpaceName) -> Source {
        Source { name, has_account: self.source.has_account, past_due: self.source.past_due }
    }

    /// The destination, as R-A8 looks at it, if it does: with what is stored of it.
    fn destination(&self, name: SpaceName, stored: Option<&Space>) -> Option<Destination> {
        let active = stored.is_some_and(|space| space.state == SpaceState::Active);
        let has_account = self.destination.as_ref()?.has_account;
        Some(Destination { name, active, has_account })
    }
}

/// The console role of somebody in a space, by what was just said of them there.
///
/// # Errors
/// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if it could not be had.
fn console_role(standing: &Standing) -> Result<Option<ConsoleRole>, Fault> {
    let member = standing.facts().membership.known();
    let member = member.ok_or_else(|| Fault::facts_unavailable(&[Service::Membership.name()]))?;
    Ok(member.role)
}

/// R-A7: what has ended stays so.
fn require_pending(transfer: &Transfer) -> Result<(), Fault> {
    if transfer.is_pending() {
        return Ok(());
    }
    let sentence = match transfer.state {
        TransferState::Accepted => "The transfer was accepted, and the app has moved",
        TransferState::Declined => "The transfer was declined; another can be initiated",
        TransferState::Cancelled => {
            "The transfer was cancelled, or its app deleted; another can be initiated if it is there"
        }
        TransferState::Pending | TransferState::Expired => {
            "The transfer has expired; another can be initiated"
        }
    };
    let fault = Fault::precondition(Reason::TransferEnded, transfer.name.to_string(), sentence);
    Err(fault.metadata("state", transfer.state.name()))
}

/// Moves an app, from this moment on (R-B5), with its contributors. `before` is the transfer that waited for it, if one did.
async fn hand_over(
    tx: &mut Tx,
    app: &App,
    before: Option<&Transfer>,
    pending: &Transfer,
) -> Result<WireTransfer, Abort> {
    let now = tx.time();
    // R-E3: it was the source that had nobody's consent.
    let suspension = app.suspension.without(SuspensionReason::Consent);
    // R-E4: a cap is that of a space, or of the app in a space.
    let caps = store::suspension_source::of_apps(tx, &[app.name], SuspensionReason::Cap).await?;
    let suspension = if caps.get(&app.name).is_some_and(|caps| is_capped_in(pending.destination, caps)) {
        suspension.with(SuspensionReason::Cap)
    } else {
        suspension.without(SuspensionReason::Cap)
    };
    let moved = App { space: Some(pending.destination), suspension, update_time: now, ..app.clone() };
    let ended = pending.ended(TransferState::Accepted, now);
    let step = TransferStep {
        transfer: &ended,
        before: json!({ "app": app.to_json(), "transfer": before.map(Transfer::to_json) }),
        after: json!({ "app": moved.to_json(), "transfer": ended.to_json() }),
        facts: true,
    };
    let revision = record_transfer(tx, step).await?;
    let (moved, ended) = (App { revision, ..moved }, Transfer { revision, ..ended });
    store::app::put(tx, &moved).await?;
    store::suspension_source::remove_reason(tx, app.name, SuspensionReason::Consent).await?;
    store::holding::follow(tx, app.name, app.holder(), moved.holder(), now).await?;
    store::contributor::move_to(tx, app.name, ended.destination).await?;
    // R-A8, R-M11: what groups have are the source's, and do not come back with the app.
    store::group_role::end(tx, app.name).await?;
    store::transfer::put(tx, &ended).await?;
    told_with_contributors(tx, ended).await
}

/// R-A8: who moves along is named to whoever decides about the transfer.
async fn told_with_contributors(tx: &mut Tx, transfer: Transfer) -> Result<WireTransfer, Abort> {
    let limit = convert::transfer::CONTRIBUTORS_READ;
    let now = tx.time();
    let contributors = store::contributor::list_current(tx, transfer.app, "", limit, now).await?;
    Ok(convert::transfer::with_contributors(transfer, contributors))
}
