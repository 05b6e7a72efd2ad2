use devspaces_gate::Context;
use devspaces_kit::{identity::Caller, status::Fault};
use devspaces_proto::billing::v1::{GetInvoiceRequest, Invoice};

use super::read;
use crate::{convert, store};

/// R-B11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetInvoiceRequest,
) -> Result<Invoice, Fault> {
    let (invoice, statement) = read(context, &caller, &request.name).await?;
    let notes = store::credit_note::of_invoice(&mut context.pool.read().await?, &invoice.name).await?;
    convert::invoice::whole(&invoice, &statement, notes)
}
