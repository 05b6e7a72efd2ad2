use std::time::Duration;

use devspaces_authz::Permission;
use devspaces_gate::{Context, Pass, Resource};
use devspaces_kit::{
    db::Tx,
    identity::Caller,
    mutation::{Abort, Call, Mutation},
    name::InvoiceName,
    status::{Fault, Fields, Reason},
};
use devspaces_proto::billing::v1::{Invoice as WireInvoice, ReportPaymentAttemptRequest};

use super::{currency_of, lines_of};
use crate::{
    billing::record,
    convert,
    domain::invoice::{Attempt, Invoice},
    store,
};

const METHOD: &str = "devspaces.billing.v1.InvoiceService/ReportPaymentAttempt";

/// How far the clock of who pays may be ahead of this one.
const LEEWAY: Duration = Duration::from_mins(5);

/// R-B10
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ReportPaymentAttemptRequest,
) -> Result<WireInvoice, Fault> {
    let (name, call) = Call::parse(caller, METHOD, &mut request, |fields, it| {
        fields.parse::<InvoiceName>("name", &it.name)
    })?;
    context.mutations.answer(&call, report(context, &call, name, request)).await
}

async fn report(
    context: &Context,
    call: &Call,
    name: InvoiceName,
    request: ReportPaymentAttemptRequest,
) -> Result<WireInvoice, Fault> {
    let pass = context.gate.require(&call.caller, Permission::PaymentsReport, Resource::Platform).await?;
    let attempt = convert::invoice::attempt(request.attempt, context.clock.now() + LEEWAY)?;
    let scopes = vec![name.account.0.into()];
    context.mutations.run(call.clone(), scopes, Report { pass, name, attempt }).await
}

struct Report {
    pass: Pass,
    name: InvoiceName,
    attempt: Attempt,
}

impl Mutation for Report {
    type Reply = WireInvoice;

    async fn once(&self, tx: &mut Tx) -> Result<WireInvoice, Abort> {
        let Self { pass, name, attempt } = self;
        pass.confirm(tx).await?;
        let before = store::invoice::find(tx, name).await?.ok_or_else(|| Fault::not_found(name))?;
        match store::invoice::attempt(tx, name.id, &attempt.id).await? {
            Some(known) if known == *attempt => return whole(tx, before).await,
            Some(_) => return Err(reported_otherwise().into()),
            None => {}
        }
        let Some(issued) = before.issued.as_ref().filter(|_| before.state.is_payable()) else {
            let sentence = "Nothing of the invoice is to be paid: it is a draft, or paid";
            return Err(Fault::precondition(Reason::InvoiceNotPayable, name.to_string(), sentence).into());
        };
        if attempt.time < issued.issue_time {
            let mut fields = Fields::new();
            fields.bad("attempt.time", "must not lie before the invoice was issued");
            fields.finish()?;
        }
        let after = before.clone().after(attempt);
        record(tx, Some(&before), &after).await?;
        store::invoice::insert_attempt(tx, name.id, attempt).await?;
        store::invoice::put(tx, &after).await?;
        whole(tx, after).await
    }
}

async fn whole(tx: &mut Tx, invoice: Invoice) -> Result<WireInvoice, Abort> {
    let lines = lines_of(tx, &invoice).await?;
    let currency = currency_of(tx, &invoice).await?;
    let credit_notes = store::credit_note::of_invoice(tx, &invoice.name).await?;
    Ok(convert::invoice::to_wire(invoice, &currency, &lines, credit_notes))
}

fn reported_otherwise() -> Fault {
    let mut fields = Fields::new();
    fields.bad("attempt.id", "was reported before with other content");
    fields.finish().err().unwrap_or_else(|| Fault::internal("a bad field was not recorded"))
}
