use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{identity::Caller, status::Fault};
use devspaces_proto::billing::v1::{ExportInvoiceRequest, ExportInvoiceResponse};
use futures::stream::{self, BoxStream};
use tonic::Status;

use super::read;
use crate::{convert::csv::Records, statement::Told};

/// R-B11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ExportInvoiceRequest,
) -> Result<BoxStream<'static, Result<ExportInvoiceResponse, Status>>, Fault> {
    let Told { invoice, statement, .. } = read(context, &caller, &request.name).await?;
    // Cents, whatever they are: 12.00.
    let total = format!("{:.2}", statement.total);
    let space = invoice.name.account.0;
    let records = Records::new(&invoice, statement.lines, total, statement.currency);
    let pieces = stream::try_unfold(records, async |mut records| {
        Ok(records.next_piece()?.map(|piece| (piece, records)))
    });
    // Whoever ceases to be billing admin reads no further.
    let (gate, reader) = (context.gate.clone(), caller.clone());
    context.streams.open(&caller, pieces, move || {
        let (gate, reader) = (gate.clone(), reader.clone());
        async move { gate.require_read(&reader, Permission::BillingInvoicesGet, space).await }
    })
}
