use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::InvoiceName,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{GetInvoiceRequest, Invoice};

use super::{currency_of, read};
use crate::{convert, store};

/// R-B11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetInvoiceRequest,
) -> Result<Invoice, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<InvoiceName>("name", &request.name);
    let name = fields.finish_with(name)?;
    context.gate.require(&caller, Permission::BillingInvoicesGet, name.account.0).await?;
    let (invoice, lines) = read(context, name).await?;
    let mut db = context.pool.read().await?;
    let currency = currency_of(&mut db, &invoice).await?;
    let credit_notes = store::credit_note::of_invoice(&mut db, &name).await?;
    Ok(convert::invoice::to_wire(invoice, &currency, &lines, credit_notes))
}
