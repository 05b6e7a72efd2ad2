use devspaces_authz::Permission;
use devspaces_gate::{Context, Pass, Resource};
use devspaces_kit::{
    db::{Change, Tx},
    identity::Caller,
    mutation::{Abort, Call, Mutation},
    name::InvoiceName,
    status::{Blockers, Fault, Reason},
};
use devspaces_proto::billing::v1::{CreateCreditNoteRequest, CreditNote as WireCreditNote};
use rust_decimal::Decimal;
use serde_json::json;

use super::currency_of;
use crate::{convert, domain::invoice::CreditNote, store};

const METHOD: &str = "devspaces.billing.v1.InvoiceService/CreateCreditNote";

/// R-B7
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateCreditNoteRequest,
) -> Result<WireCreditNote, Fault> {
    let (name, call) = Call::parse(caller, METHOD, &mut request, |fields, it| {
        fields.parse::<InvoiceName>("parent", &it.parent)
    })?;
    context.mutations.answer(&call, credit(context, &call, name, request)).await
}

async fn credit(
    context: &Context,
    call: &Call,
    name: InvoiceName,
    request: CreateCreditNoteRequest,
) -> Result<WireCreditNote, Fault> {
    let pass = context.gate.require(&call.caller, Permission::BillingCredit, Resource::Platform).await?;
    let mut db = context.pool.read().await?;
    let invoice = store::invoice::find(&mut db, &name).await?.ok_or_else(|| Fault::not_found(name))?;
    let currency = currency_of(&mut db, &invoice).await?;
    drop(db);
    let (amount, reason) = convert::invoice::credit(request.credit_note, &currency)?;
    let credit = Credit { pass, name, amount, reason };
    context.mutations.run(call.clone(), vec![name.account.0.into()], credit).await
}

struct Credit {
    pass: Pass,
    name: InvoiceName,
    amount: Decimal,
    reason: String,
}

impl Mutation for Credit {
    type Reply = WireCreditNote;

    async fn once(&self, tx: &mut Tx) -> Result<WireCreditNote, Abort> {
        let name = self.name;
        self.pass.confirm(tx).await?;
        let invoice = store::invoice::find(tx, &name).await?.ok_or_else(|| Fault::not_found(name))?;
        let before: Decimal =
            store::credit_note::of_invoice(tx, &name).await?.iter().map(|note| note.amount).sum();
        let mut blockers = Blockers::new();
        match &invoice.issued {
            None => blockers.add(Reason::InvoiceNotIssued, name.to_string(), "The invoice is a draft"),
            Some(issued) if before + self.amount > issued.total => {
                let sentence =
                    "No more can be credited than the invoice comes to, less what is credited already";
                blockers.add(Reason::CreditExceedsInvoice, name.to_string(), sentence);
            }
            Some(_) => {}
        }
        blockers.finish()?;
        let note = CreditNote {
            number: store::credit_note::next_number(tx, name.account.0).await?,
            amount: self.amount,
            reason: self.reason.clone(),
            create_time: tx.time(),
        };
        let due = invoice.due(before + self.amount);
        // What nothing is left of to be paid is paid (R-B10).
        let settled = invoice.state.is_payable() && due.is_zero();
        let after = if settled { invoice.clone().pay(tx.time()) } else { invoice.clone() };
        let noted = json!({
            "number": note.number,
            "amount": note.amount.to_string(),
            "reason": note.reason,
        });
        let change = Change {
            scope: name.account.0.into(),
            resources: vec![name.to_string()],
            before: invoice.to_json(),
            after: json!({ "invoice": after.to_json(), "credit_note": noted }),
            facts: false,
        };
        tx.record(change).await?;
        store::credit_note::insert(tx, &name, &note).await?;
        store::invoice::put(tx, &after).await?;
        let currency = currency_of(tx, &after).await?;
        Ok(convert::invoice::credit_note_to_wire(note, &currency))
    }
}
