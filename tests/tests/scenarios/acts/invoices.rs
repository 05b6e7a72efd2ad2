//! Invoices and credit notes, and the runs that make them.
use devspaces_kit::clock::Timestamp;
use devspaces_proto::{
    billing::v1::{
        CreateCreditNoteRequest, CreditNote, ExportInvoiceRequest, GetInvoiceRequest, Invoice, InvoiceLine,
        ListInvoicesRequest, PreviewInvoiceRequest, RunBillingRequest, RunBillingResponse,
    },
    r#type::v1::Money,
};
use devspaces_tests::{Persona, Suite};
use tonic::Status;

use crate::acts::accounts::{account_of, consents_to_invoicing};

/// A space with an account and an app, and its only person, who is billing admin.
pub(crate) struct Customer {
    pub(crate) admin: Persona,
    pub(crate) space: String,
    pub(crate) app: String,
}

impl Customer {
    pub(crate) async fn new(suite: &Suite, id: &str) -> Self {
        let admin = suite.user(id);
        let space = admin.creates_space("Team").await;
        consents_to_invoicing(&admin, &space).await.expect("an account");
        let app = admin.creates_app(&space).await;
        Self { admin, space, app }
    }

    pub(crate) async fn invoices(&self) -> Vec<Invoice> {
        lists_invoices(&self.admin, &self.space).await.expect("invoices")
    }

    /// The invoice of the latest month, with its lines.
    pub(crate) async fn latest(&self) -> Invoice {
        let latest = self.invoices().await.into_iter().next().expect("an invoice");
        gets_invoice(&self.admin, &latest.name).await.expect("the invoice")
    }
}

/// Has everything billed that is due by now.
pub(crate) async fn runs_billing(suite: &Suite) -> RunBillingResponse {
    let run = suite.persona("services/billing-run");
    run.invoices().run_billing(RunBillingRequest::default()).await.expect("a run").into_inner()
}

pub(crate) async fn lists_invoices(who: &Persona, space: &str) -> Result<Vec<Invoice>, Status> {
    let request = ListInvoicesRequest { parent: account_of(space), ..ListInvoicesRequest::default() };
    Ok(who.invoices().list_invoices(request).await?.into_inner().invoices)
}

pub(crate) async fn gets_invoice(who: &Persona, name: &str) -> Result<Invoice, Status> {
    let request = GetInvoiceRequest { name: name.to_owned(), ..Default::default() };
    who.invoices().get_invoice(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn previews_invoice(who: &Persona, space: &str) -> Result<Invoice, Status> {
    let request = PreviewInvoiceRequest { parent: account_of(space), ..Default::default() };
    who.invoices().preview_invoice(request).await.map(tonic::Response::into_inner)
}

/// So many cents, in US dollars.
#[expect(clippy::unnecessary_wraps, reason = "fields of messages are compared with it")]
pub(crate) fn usd(cents: i64) -> Option<Money> {
    let nanos = i32::try_from(cents % 100).expect("cents") * 10_000_000;
    Some(Money { currency_code: "USD".to_owned(), units: cents / 100, nanos })
}

/// What a line says: quantity, free, billed, price, amount.
pub(crate) fn line_numbers(line: &InvoiceLine) -> [&str; 5] {
    [&line.quantity, &line.free_quantity, &line.billed_quantity, &line.unit_price, &line.amount]
}

#[expect(clippy::unnecessary_wraps, reason = "fields of messages are compared with it")]
pub(crate) fn timestamp(time: &str) -> Option<prost_types::Timestamp> {
    Some(time.parse::<Timestamp>().expect("a time").into())
}

/// The request for a credit note over so many cents.
pub(crate) fn credit_note_request(invoice: &str, cents: i64) -> CreateCreditNoteRequest {
    let note = CreditNote { amount: usd(cents), reason: "A mistake".to_owned(), ..CreditNote::default() };
    CreateCreditNoteRequest { parent: invoice.to_owned(), credit_note: Some(note), request_id: String::new() }
}

pub(crate) async fn creates_credit_note(
    suite: &Suite,
    request: CreateCreditNoteRequest,
) -> Result<CreditNote, Status> {
    let accounting = suite.persona("services/accounting");
    accounting.invoices().create_credit_note(request).await.map(tonic::Response::into_inner)
}

/// Credits so many cents.
pub(crate) async fn credits_invoice(suite: &Suite, invoice: &str, cents: i64) -> Result<CreditNote, Status> {
    creates_credit_note(suite, credit_note_request(invoice, cents)).await
}

/// An invoice as CSV, with the number of its pieces.
pub(crate) async fn exports(who: &Persona, name: &str) -> Result<(String, usize), Status> {
    let request = ExportInvoiceRequest { name: name.to_owned() };
    let mut pieces = who.invoices().export_invoice(request).await?.into_inner();
    let (mut csv, mut count) = (Vec::new(), 0);
    while let Some(piece) = pieces.message().await? {
        csv.extend(piece.csv);
        count += 1;
    }
    Ok((String::from_utf8(csv).expect("UTF-8"), count))
}
