use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AccountName,
    page::PageToken,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{Invoice, PreviewInvoiceRequest};

use crate::{
    convert,
    domain::Month,
    statement::{credit_for_preview, statement},
    store,
};

/// R-B7, R-B11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: PreviewInvoiceRequest,
) -> Result<Invoice, Fault> {
    let mut fields = Fields::new();
    let account = fields.parse::<AccountName>("parent", &request.parent);
    let account = fields.finish_with(account)?;
    context.gate.require_read(&caller, Permission::BillingInvoicesGet, account.0).await?;
    let mut db = context.pool.read().await?;
    if store::account::find(&mut db, account.0).await?.is_none() {
        return Err(Fault::not_found(account));
    }
    let month = Month::of(context.clock.now());
    let statement = statement(&mut db, account.0, month).await?;
    let credit_applied = credit_for_preview(&mut db, account.0, month, statement.total).await?;
    let preview = convert::invoice::preview(month, &statement, credit_applied)?;
    let tokens = PageToken::for_arguments::<PreviewInvoiceRequest>(&[&request.parent, &month.to_string()]);
    convert::invoice::cut_lines(preview, &statement.lines, &tokens, &request.lines_page_token)
}
