//! An invoice as CSV (RFC 4180). No field holds free text but the value of a dimension, which the rate card names.
use std::{mem, vec};

use csv::{Terminator, Writer, WriterBuilder};
use devspaces_kit::status::Fault;
use devspaces_proto::billing::v1::{ExportInvoiceResponse, InvoiceLine};

use super::invoice;
use crate::domain::{Month, invoice::Invoice, pricing::Line};

/// How many bytes a piece has, give or take a record: a frame of HTTP/2. A reader that is slow has a few of them waiting.
const PIECE: usize = 16 * 1024;

const HEADER: [&str; 17] = [
    "record",
    "number",
    "month",
    "app",
    "meter",
    "usage_month",
    "quantity",
    "free_quantity",
    "billed_quantity",
    "unit_price",
    "amount",
    "currency",
    "adjustment",
    "rate_card_version",
    "dimension",
    "dimension_value",
    "exempt",
];

/// The records of an invoice: the header, one for each line, and one for the total. They are written piece by piece, as
/// they are asked for.
pub(crate) struct Records {
    number: String,
    month: Month,
    currency: String,
    lines: vec::IntoIter<Line>,
    total: Option<String>,
    begun: bool,
}

impl Records {
    /// The records of an invoice, which comes to `total`.
    pub(crate) fn new(invoice: &Invoice, lines: Vec<Line>, total: String, currency: String) -> Self {
        // A draft has no number yet.
        let number = invoice.issued.as_ref().map(|issued| issued.number.to_string()).unwrap_or_default();
        let lines = lines.into_iter();
        Self { number, month: invoice.month, currency, lines, total: Some(total), begun: false }
    }

    /// The next piece, of whole records; nothing after the last.
    ///
    /// # Errors
    /// `INTERNAL`, for a defect: writing to memory does not fail.
    pub(crate) fn next_piece(&mut self) -> Result<Option<ExportInvoiceResponse>, Fault> {
        let mut piece = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
        let mut size = 0;
        while size < PIECE {
            let Some(record) = self.next_record() else { break };
            // A comma or the end of the line after each field.
            size += record.iter().map(|field| field.len() + 1).sum::<usize>();
            piece.write_record(&record).map_err(Fault::internal)?;
        }
        if size == 0 {
            return Ok(None);
        }
        finished(piece).map(Some)
    }

    fn next_record(&mut self) -> Option<Vec<String>> {
        if !mem::replace(&mut self.begun, true) {
            return Some(HEADER.map(ToOwned::to_owned).into());
        }
        if let Some(line) = self.lines.next() {
            return Some(self.line(invoice::line(&line, self.month)));
        }
        let total = self.total.take()?;
        let mut record = vec![String::new(); HEADER.len()];
        "TOTAL".clone_into(&mut record[0]);
        record[1].clone_from(&self.number);
        record[2] = self.month.to_string();
        record[10] = total;
        record[11].clone_from(&self.currency);
        Some(record)
    }

    fn line(&self, line: InvoiceLine) -> Vec<String> {
        vec![
            "LINE".to_owned(),
            self.number.clone(),
            self.month.to_string(),
            line.app,
            line.meter,
            line.usage_month,
            line.quantity,
            line.free_quantity,
            line.billed_quantity,
            line.unit_price,
            line.amount,
            self.currency.clone(),
            line.adjustment.to_string(),
            line.rate_card_version.to_string(),
            line.dimension,
            line.dimension_value,
            line.exempt.to_string(),
        ]
    }
}

fn finished(piece: Writer<Vec<u8>>) -> Result<ExportInvoiceResponse, Fault> {
    Ok(ExportInvoiceResponse { csv: piece.into_inner().map_err(Fault::internal)? })
}

#[cfg(test)]
mod tests {
    use devspaces_kit::{
        clock::Timestamp,
        name::{AccountName, AppName, InvoiceName, MeterName, SpaceName},
    };
    use rust_decimal::Decimal;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Tariff, pricing::Allowance};

    #[test]
    fn pieces_are_of_whole_records_and_make_up_the_whole() {
        let name = InvoiceName { account: AccountName(SpaceName::NIL), id: Uuid::nil() };
        let month = "2026-11".parse().unwrap();
        let tariff = Tariff::of_meter(MeterName::of("kvs.read_gb").unwrap());
        let allowance = Allowance { app: AppName(Uuid::max()), usage_month: month, tariff };
        let line = Line::new(allowance, Decimal::ONE, Decimal::ZERO, Decimal::ONE, 1).unwrap();
        let invoice = Invoice::draft(name, month, Timestamp::EPOCH);
        let mut records = Records::new(&invoice, vec![line; 2000], "0.00".into(), "USD".into());
        let (mut all, mut pieces) = (Vec::new(), 0);
        while let Some(piece) = records.next_piece().unwrap() {
            assert!(piece.csv.len() < PIECE + 1024 && piece.csv.ends_with(b"\r\n"));
            all.extend(piece.csv);
            pieces += 1;
        }
        assert!(pieces > 1);
        let mut reader = csv::Reader::from_reader(all.as_slice());
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), HEADER);
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), 2001);
        assert!(
            records[..2000].iter().all(|record| record[4] == *"meters/kvs.read_gb" && record[0] == *"LINE")
        );
        assert_eq!((&records[2000][0], &records[2000][10]), ("TOTAL", "0.00"));
    }
}
