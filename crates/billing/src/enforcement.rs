//! What does not run because of money. It is decided here, in the transaction that finds it, and kept by the space service, which
//! is told by an effect (R-E1).
use devspaces_authz::{Service, SuspensionReason};
use devspaces_gate::{Context, suspension_reason_to_wire};
use devspaces_kit::{
    name::{AppName, BudgetName, InvoiceName, SpaceName},
    status::Fault,
    sweep::each,
};
use devspaces_ledger::{Abort, Call, Mutation, Tx, db::Error};
use devspaces_proto::facts::v1::{Effect, SetSuspension, effect};

use crate::{domain::invoice::Invoice, run::record, store};

/// How many apps are suspended in one transaction of the space service, which holds them and their spaces meanwhile: an invoice
/// can have thousands.
const PART: usize = 100;

/// Tells the space service what follows for the apps on an invoice (R-E2), after the entry of what became of the invoice. The same
/// apps when it suspends them and when it does so no longer: what is issued never changes (R-B7).
pub(crate) async fn tell(tx: &mut Tx, before: &Invoice, after: &Invoice) -> Result<(), Error> {
    if before.suspends == after.suspends {
        return Ok(());
    }
    let apps = store::invoice::apps_on(tx, after.name.id).await?;
    let (space, source) = (after.name.account.0, after.name.to_string());
    suspend(tx, space, SuspensionReason::PastDue, &source, &apps, after.suspends).await
}

/// Tells the space service that these apps are suspended for a reason by a source, or no longer. After the entry of the space of
/// which that is the consequence.
pub(crate) async fn suspend(
    tx: &mut Tx,
    space: SpaceName,
    reason: SuspensionReason,
    source: &str,
    apps: &[AppName],
    suspended: bool,
) -> Result<(), Error> {
    for apps in apps.chunks(PART) {
        emit(tx, space, reason, source, apps, suspended).await?;
    }
    Ok(())
}

/// Tells the space service that a cap suspends what it is of, or no longer (R-E4): an app, or the space. After the entry of the space
/// that says so.
pub(crate) async fn set_cap(tx: &mut Tx, cap: BudgetName, suspended: bool) -> Result<(), Error> {
    emit(tx, cap.space, SuspensionReason::Cap, &cap.to_string(), cap.app.as_slice(), suspended).await
}

async fn emit(
    tx: &mut Tx,
    space: SpaceName,
    reason: SuspensionReason,
    source: &str,
    apps: &[AppName],
    suspended: bool,
) -> Result<(), Error> {
    let set = SetSuspension {
        reason: suspension_reason_to_wire(reason).into(),
        source: source.to_owned(),
        apps: apps.iter().map(ToString::to_string).collect(),
        suspended,
    };
    let effect = Effect { effect: Some(effect::Effect::SetSuspension(set)) };
    tx.emit(space.into(), Service::Space.name(), vec![effect]).await
}

/// What the journal names in place of a method.
const SUSPEND: &str = "devspaces.billing/suspend";
/// Invoices that one round sees to.
const ROUND: i64 = 100;

/// Has the apps suspended on invoices that were past due before apps were suspended for that. After an upgrade there may be some,
/// and later none.
///
/// # Errors
/// Faults of the database, `EFFECT_PENDING`. What is left is done by the next round.
pub(crate) async fn suspend_untold(context: &Context) -> Result<(), Fault> {
    let untold = store::invoice::untold(&mut context.pool.read().await?, ROUND).await?;
    each(untold, |invoice| {
        let call = Call::of_service(Service::Billing.name(), SUSPEND);
        context.mutations.run(call, vec![invoice.account.0.into()], Suspending(invoice))
    })
    .await
}

struct Suspending(InvoiceName);

impl Mutation for Suspending {
    type Reply = ();

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let found = store::invoice::find(tx, &self.0).await?;
        // Paid, or seen to by another replica, meanwhile.
        let Some(before) = found.filter(Invoice::is_untold) else { return Ok(()) };
        let after = Invoice { suspends: true, ..before.clone() };
        let notes = store::credit_note::of_invoice(tx, &self.0).await?;
        record(tx, Some(&before), &after, notes.iter().map(|note| note.amount).sum()).await?;
        tell(tx, &before, &after).await?;
        Ok(store::invoice::put(tx, &after).await?)
    }
}
