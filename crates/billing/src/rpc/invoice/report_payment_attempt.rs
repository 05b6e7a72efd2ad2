use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, PaymentRetries, Resource};
use devspaces_kit::{
    identity::Caller,
    name::InvoiceName,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::billing::v1::{Invoice as WireInvoice, ReportPaymentAttemptRequest};
use rust_decimal::Decimal;
use serde_json::json;

use crate::{
    convert, credit,
    domain::invoice::{Attempt, CreditNote, Invoice, LEEWAY, State},
    enforcement::tell,
    statement::of_invoice,
    store,
};

/// R-B10, R-E2
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ReportPaymentAttemptRequest,
) -> Result<WireInvoice, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<InvoiceName>("name", &it.name))?;
    context.mutations.answer(&call, report(context, &call, name, request)).await
}

async fn report(
    context: &Context,
    call: &Call,
    name: InvoiceName,
    request: ReportPaymentAttemptRequest,
) -> Result<WireInvoice, Fault> {
    let pass = context.gate.require(&call.caller, Permission::PaymentsReport, Resource::Platform).await?;
    let attempt = convert::invoice::attempt(request.attempt, context.clock.now())?;
    let scopes = vec![name.account.0.into()];
    let report = Report { name, attempt, retries: context.invoicing.payment_retries.clone() };
    context.mutations.run(call.clone(), scopes, pass.guard(report)).await
}

struct Report {
    name: InvoiceName,
    attempt: Attempt,
    retries: PaymentRetries,
}

impl GuardedChange for Report {
    type Reply = WireInvoice;
    // What happened to money is noted whoever is down. What follows for apps waits in its order.
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        let change =
            if self.attempt.succeeded { FactChange::SuspensionLifted } else { FactChange::Suspended };
        takes_away(&[change])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireInvoice, Abort> {
        let Self { name, attempt, retries } = self;
        let before = store::invoice::find(tx, name).await?.ok_or_else(|| Fault::not_found(name))?;
        match store::invoice::attempt(tx, name.id, &attempt.id).await? {
            Some(known) if known == *attempt => return shown(tx, name).await,
            Some(_) => {
                return Err(Fault::bad_field(
                    "attempt.id",
                    "must be new: it was reported with other content",
                )
                .into());
            }
            None => {}
        }
        check_time(attempt, &before)?;
        // Somebody was charged for what is paid already: that must not be lost sight of.
        let paid_twice = before.state == State::Paid && attempt.succeeded;
        if !before.state.is_payable() && !paid_twice {
            let sentence = "The invoice is a draft or paid: nothing of it is to be paid";
            return Err(Fault::precondition(Reason::InvoiceNotPayable, name.to_string(), sentence).into());
        }
        let after = if paid_twice { before.clone() } else { before.clone().after(attempt, retries) };
        let notes = store::credit_note::of_invoice(tx, name).await?;
        let overpaid = if attempt.succeeded { overpaid(&before, &notes, attempt) } else { Decimal::ZERO };
        let credited = notes.iter().map(|note| note.amount).sum();
        record(tx, (&before, &after), credited, attempt, overpaid).await?;
        if let Some(issued) = before.issued.as_ref().filter(|_| !overpaid.is_zero()) {
            let overpaid = (overpaid, issued.currency.as_str());
            credit::add(tx, name.account, overpaid, OVERPAID, Some(*name)).await?;
        }
        tell(tx, &before, &after).await?;
        store::invoice::insert_attempt(tx, name.id, attempt).await?;
        store::invoice::put(tx, &after).await?;
        shown(tx, name).await
    }
}

/// Why an account is credited what was paid of an invoice while less was credited than now.
const OVERPAID: &str = "Credited when the payment was already under way";

/// R-B10: how much more was to be paid when the attempt was made than when it is reported.
fn overpaid(invoice: &Invoice, notes: &[CreditNote], attempt: &Attempt) -> Decimal {
    let credited = |by: &dyn Fn(&CreditNote) -> bool| {
        notes.iter().filter(|note| by(note)).map(|note| note.amount).sum::<Decimal>()
    };
    invoice.due(credited(&|note| note.create_time <= attempt.time)) - invoice.due(credited(&|_| true))
}

/// Nothing is paid before it is asked for.
fn check_time(attempt: &Attempt, invoice: &Invoice) -> Result<(), Fault> {
    match &invoice.issued {
        Some(issued) if attempt.time + LEEWAY < issued.issue_time => {
            Err(Fault::bad_field("attempt.time", "must not lie before the invoice was issued"))
        }
        _ => Ok(()),
    }
}

async fn shown(tx: &mut Tx, name: &InvoiceName) -> Result<WireInvoice, Abort> {
    let told = of_invoice(tx, name).await?.ok_or_else(|| Fault::not_found(name))?;
    let notes = store::credit_note::of_invoice(tx, name).await?;
    let whole = convert::invoice::whole(&told, notes)?;
    // Who pays need not know what for.
    Ok(WireInvoice { lines: Vec::new(), credit_notes: Vec::new(), ..whole })
}

async fn record(
    tx: &mut Tx,
    (before, after): (&Invoice, &Invoice),
    credited: Decimal,
    attempt: &Attempt,
    overpaid: Decimal,
) -> Result<(), Abort> {
    let reported = json!({
        "id": attempt.id,
        "succeeded": attempt.succeeded,
        "time": attempt.time.to_string(),
        "added_to_credit": overpaid.to_string(),
    });
    let change = Change {
        scope: after.name.account.0.into(),
        resources: vec![after.name.to_string()],
        before: json!({ "invoice": before.to_json(credited) }),
        after: json!({ "invoice": after.to_json(credited), "attempt": reported }),
        facts: false,
    };
    tx.record(change).await?;
    Ok(())
}
