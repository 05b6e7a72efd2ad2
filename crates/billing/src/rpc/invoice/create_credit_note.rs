use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::InvoiceName,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::billing::v1::{CreateCreditNoteRequest, CreditNote as WireCreditNote};
use rust_decimal::Decimal;
use serde_json::json;

use crate::{
    convert, credit,
    domain::invoice::{CreditNote, Invoice},
    enforcement::tell,
    store,
};

/// How many credit notes an invoice has at most (R-B7): all of them are told with it, in one answer.
const MAX_NOTES: usize = 100;

/// R-B7
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateCreditNoteRequest,
) -> Result<WireCreditNote, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<InvoiceName>("parent", &it.parent))?;
    context.mutations.answer(&call, create(context, &call, name, request)).await
}

async fn create(
    context: &Context,
    call: &Call,
    name: InvoiceName,
    request: CreateCreditNoteRequest,
) -> Result<WireCreditNote, Fault> {
    let pass = context.gate.require(&call.caller, Permission::BillingCredit, Resource::Platform).await?;
    let mut db = context.pool.read().await?;
    let invoice = store::invoice::find(&mut db, &name).await?.ok_or_else(|| Fault::not_found(name))?;
    let currency = match invoice.issued {
        Some(issued) => issued.currency,
        None => store::rate_card::for_month(&mut db, invoice.month).await?.currency,
    };
    drop(db);
    let (amount, reason) = convert::invoice::credit(request.credit_note, &currency)?;
    let scopes = vec![name.account.0.into()];
    context.mutations.run(call.clone(), scopes, pass.guard(Creation { name, amount, reason })).await
}

struct Creation {
    name: InvoiceName,
    amount: Decimal,
    reason: String,
}

impl GuardedChange for Creation {
    type Reply = WireCreditNote;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::SuspensionLifted])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireCreditNote, Abort> {
        let Self { name, amount, reason } = self;
        let before = store::invoice::find(tx, name).await?.ok_or_else(|| Fault::not_found(name))?;
        let Some(issued) = before.issued.clone() else {
            let sentence = "The invoice is a draft, which changes with the usage";
            return Err(Fault::precondition(Reason::InvoiceNotIssued, name.to_string(), sentence).into());
        };
        let notes = store::credit_note::of_invoice(tx, name).await?;
        if notes.len() >= MAX_NOTES {
            let sentence = format!("The invoice has {MAX_NOTES} credit notes, and can have no more");
            return Err(Fault::precondition(Reason::TooManyCreditNotes, name.to_string(), sentence).into());
        }
        let credited = notes.iter().map(|note| note.amount).sum::<Decimal>();
        if *amount > issued.total - credited {
            let sentence = "The credit notes of the invoice would come to more than its total";
            return Err(Fault::precondition(Reason::CreditExceedsInvoice, name.to_string(), sentence).into());
        }
        let note = CreditNote {
            number: store::credit_note::next_number(tx, name.account.0).await?,
            amount: *amount,
            reason: reason.clone(),
            create_time: tx.time(),
        };
        let after = settled(before.clone(), credited + note.amount, &note);
        let beyond = note.amount - before.due(credited).min(note.amount);
        record(tx, (&before, credited), (&after, credited + note.amount), &note, beyond).await?;
        if !beyond.is_zero() {
            let beyond = (beyond, issued.currency.as_str());
            credit::add(tx, name.account, beyond, reason, Some(*name)).await?;
        }
        tell(tx, &before, &after).await?;
        store::credit_note::insert(tx, name, &note).await?;
        store::invoice::put(tx, &after).await?;
        Ok(convert::invoice::credit_note(note, &issued.currency)?)
    }
}

/// R-B10, R-E2: an invoice of which nothing remains to be paid is paid.
fn settled(invoice: Invoice, credited: Decimal, note: &CreditNote) -> Invoice {
    let settles = invoice.state.is_payable() && invoice.due(credited).is_zero();
    if settles { invoice.pay(note.create_time) } else { invoice }
}

/// `beyond`: what is credited beyond what was to be paid, and added to the account's credit.
async fn record(
    tx: &mut Tx,
    (before, credited_before): (&Invoice, Decimal),
    (after, credited_after): (&Invoice, Decimal),
    note: &CreditNote,
    beyond: Decimal,
) -> Result<(), Abort> {
    let credited = json!({
        "number": note.number,
        "amount": note.amount.to_string(),
        "reason": note.reason,
        "added_to_credit": beyond.to_string(),
    });
    let change = Change {
        scope: after.name.account.0.into(),
        resources: vec![after.name.to_string()],
        before: json!({ "invoice": before.to_json(credited_before) }),
        after: json!({ "invoice": after.to_json(credited_after), "credit_note": credited }),
        facts: false,
    };
    tx.record(change).await?;
    Ok(())
}
