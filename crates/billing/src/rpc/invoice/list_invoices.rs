use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AccountName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_ledger::db::Conn;
use devspaces_proto::billing::v1::{Invoice, ListInvoicesRequest, ListInvoicesResponse};
use rust_decimal::Decimal;

use crate::{
    convert, domain,
    statement::{Told, Unstated, of_invoice},
    store,
};

/// R-B11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListInvoicesRequest,
) -> Result<ListInvoicesResponse, Fault> {
    let mut fields = Fields::new();
    let account = fields.parse::<AccountName>("parent", &request.parent);
    let account = fields.finish_with(account)?;
    context.gate.require_read(&caller, Permission::BillingInvoicesGet, account.0).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListInvoicesRequest>(&[&request.parent]);
    let before = tokens.decode_text(&request.page_token)?;
    let mut db = context.pool.read().await?;
    let found = store::invoice::before(&mut db, account.0, &before, page::limit(size)).await?;
    let ids: Vec<_> = found.iter().map(|invoice| invoice.name.id).collect();
    let credited = store::credit_note::sums(&mut db, &ids).await?;
    let mut shown = Vec::with_capacity(found.len());
    for invoice in found {
        let credited = credited.get(&invoice.name.id).copied().unwrap_or_default();
        shown.push((invoice.month, brief(&mut db, invoice, credited).await?));
    }
    let (invoices, last) = page::fill(shown, size, |(month, _)| month.to_string(), |(_, invoice)| invoice);
    Ok(ListInvoicesResponse { invoices, next_page_token: tokens.next(last) })
}

async fn brief(
    db: &mut Conn,
    invoice: domain::invoice::Invoice,
    credited: Decimal,
) -> Result<Option<Invoice>, Fault> {
    if let Some(issued) = &invoice.issued {
        let total = Some((issued.total, issued.currency.as_str()));
        return Ok(Some(convert::invoice::brief(&invoice, total, issued.credit_applied, credited)));
    }
    // The latest month's only: what a draft comes to is computed.
    match of_invoice(db, &invoice.name).await {
        Ok(found) => Ok(found.map(|Told { invoice, statement, credit_applied }| {
            let total = Some((statement.total, statement.currency.as_str()));
            convert::invoice::brief(&invoice, total, credit_applied, credited)
        })),
        // One that can't be computed hides no other.
        Err(Unstated::TooLarge(..)) => {
            Ok(Some(convert::invoice::brief(&invoice, None, Decimal::ZERO, credited)))
        }
        Err(unstated) => Err(unstated.into()),
    }
}
