use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::InvoiceName,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{ExportInvoiceRequest, ExportInvoiceResponse};
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tonic::Status;

use super::{currency_of, read};
use crate::domain::{
    invoice::Invoice,
    pricing::{Line, total},
};

/// About how many bytes a piece has.
const PIECE: usize = 64 * 1024;

const HEADER: [&str; 10] = [
    "app",
    "metric",
    "usage_month",
    "quantity",
    "free_quantity",
    "billed_quantity",
    "unit_price",
    "amount",
    "currency",
    "kind",
];

/// R-B11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ExportInvoiceRequest,
) -> Result<BoxStream<'static, Result<ExportInvoiceResponse, Status>>, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<InvoiceName>("name", &request.name);
    let name = fields.finish_with(name)?;
    context.gate.require(&caller, Permission::BillingInvoicesGet, name.account.0).await?;
    let (invoice, lines) = read(context, name).await?;
    let currency = currency_of(&mut context.pool.read().await?, &invoice).await?;
    let pieces = pieces(&invoice, &lines, &currency).map_err(Fault::internal)?;
    Ok(stream::iter(pieces).map(|csv| Ok(ExportInvoiceResponse { csv })).boxed())
}

/// The records, in pieces of whole ones.
fn pieces(invoice: &Invoice, lines: &[Line], currency: &str) -> Result<Vec<Vec<u8>>, csv::Error> {
    let mut records = vec![HEADER.map(str::to_owned)];
    records.extend(lines.iter().map(|line| record(line, invoice, currency)));
    let sum = invoice.issued.as_ref().map_or_else(|| total(lines), |issued| issued.total);
    let mut last: [String; 10] = Default::default();
    last[7] = format!("{sum:.2}");
    last[8] = currency.to_owned();
    last[9] = "total".to_owned();
    records.push(last);
    let mut pieces = vec![Vec::new()];
    for record in records {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(record)?;
        let record = writer.into_inner().map_err(|error| error.into_error())?;
        match pieces.last_mut() {
            Some(piece) if piece.len() + record.len() <= PIECE => piece.extend(record),
            _ => pieces.push(record),
        }
    }
    Ok(pieces)
}

fn record(line: &Line, invoice: &Invoice, currency: &str) -> [String; 10] {
    let kind = if line.pool.usage_month == invoice.month { "usage" } else { "adjustment" };
    [
        line.pool.app.to_string(),
        line.pool.metric.name().to_owned(),
        line.pool.usage_month.to_string(),
        line.quantity.normalize().to_string(),
        line.free.normalize().to_string(),
        line.billed().to_string(),
        line.unit_price.normalize().to_string(),
        line.amount().to_string(),
        currency.to_owned(),
        kind.to_owned(),
    ]
}
