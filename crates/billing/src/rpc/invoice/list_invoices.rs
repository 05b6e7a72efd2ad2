use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AccountName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{Invoice, ListInvoicesRequest, ListInvoicesResponse};

use super::{currency_of, lines_of};
use crate::{convert, store};

const METHOD: &str = "devspaces.billing.v1.InvoiceService/ListInvoices";

/// Sorts after every month.
const END: &str = "end";

/// R-B11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListInvoicesRequest,
) -> Result<ListInvoicesResponse, Fault> {
    let mut fields = Fields::new();
    let account = fields.parse::<AccountName>("parent", &request.parent);
    let account = fields.finish_with(account)?;
    context.gate.require(&caller, Permission::BillingInvoicesGet, account.0).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments(METHOD, &[&request.parent]);
    let before = tokens.decode_text(&request.page_token)?;
    let before = if before.is_empty() { END } else { &before };
    let mut db = context.pool.read().await?;
    let mut found = store::invoice::before(&mut db, account.0, before, page::limit(size)).await?;
    let next_page_token = match page::cut(&mut found, size) {
        Some(last) => tokens.encode(&last.month.to_string()),
        None => String::new(),
    };
    let mut invoices = Vec::with_capacity(found.len());
    for invoice in found {
        // Of a draft they say what it comes to. They are not listed themselves.
        let lines = if invoice.issued.is_none() { lines_of(&mut db, &invoice).await? } else { Vec::new() };
        let currency = currency_of(&mut db, &invoice).await?;
        let credit_notes = store::credit_note::of_invoice(&mut db, &invoice.name).await?;
        let whole = convert::invoice::to_wire(invoice, &currency, &lines, credit_notes);
        invoices.push(Invoice { lines: Vec::new(), credit_notes: Vec::new(), ..whole });
    }
    Ok(ListInvoicesResponse { invoices, next_page_token })
}
