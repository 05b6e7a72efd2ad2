use devspaces_gate::Context;
use devspaces_kit::{identity::Caller, page::PageToken, status::Fault};
use devspaces_proto::billing::v1::{GetInvoiceRequest, Invoice};

use super::read;
use crate::{convert, store};

/// R-B11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetInvoiceRequest,
) -> Result<Invoice, Fault> {
    let told = read(context, &caller, &request.name).await?;
    let mut db = context.pool.read().await?;
    let notes = store::credit_note::of_invoice(&mut db, &told.invoice.name).await?;
    let mut whole = convert::invoice::whole(&told, notes)?;
    if told.invoice.issued.is_some() {
        let beside = store::line::beside(&mut db, told.invoice.name.id).await?;
        for (line, beside) in whole.lines.iter_mut().zip(beside) {
            line.beside = beside.map(convert::invoice::beside);
        }
    }
    drop(db);
    let tokens = PageToken::for_arguments::<GetInvoiceRequest>(&[&request.name]);
    convert::invoice::cut_lines(whole, &told.statement.lines, &tokens, &request.lines_page_token)
}
