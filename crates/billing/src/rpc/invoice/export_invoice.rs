use devspaces_gate::Context;
use devspaces_kit::{identity::Caller, status::Fault};
use devspaces_proto::billing::v1::{ExportInvoiceRequest, ExportInvoiceResponse};
use futures::stream::{self, BoxStream, StreamExt as _};
use tonic::Status;

use super::read;
use crate::convert::{self, csv::Records};

/// R-B11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ExportInvoiceRequest,
) -> Result<BoxStream<'static, Result<ExportInvoiceResponse, Status>>, Fault> {
    let (invoice, statement) = read(context, &caller, &request.name).await?;
    let shown = convert::invoice::whole(&invoice, &statement, Vec::new())?;
    // Cents, whatever they are: 12.00.
    let total = format!("{:.2}", statement.total);
    let records = Records::new(&invoice, shown, total, statement.currency);
    Ok(stream::try_unfold(records, async |mut records| {
        let piece = records.next_piece().map_err(Status::from)?;
        Ok(piece.map(|piece| (piece, records)))
    })
    .boxed())
}
