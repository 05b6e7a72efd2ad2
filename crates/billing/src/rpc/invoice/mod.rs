//! The `InvoiceService`: a file for each method.
mod create_credit_note;
mod export_invoice;
mod get_invoice;
mod list_invoices;
mod preview_invoice;
mod report_payment_attempt;
mod run_billing;

use devspaces_gate::Context;
use devspaces_kit::{
    db::{Conn, Error},
    edge::answer,
    name::InvoiceName,
    status::Fault,
};
use devspaces_proto::billing::v1::{
    CreateCreditNoteRequest, CreditNote, ExportInvoiceRequest, ExportInvoiceResponse, GetInvoiceRequest,
    Invoice as WireInvoice, ListInvoicesRequest, ListInvoicesResponse, PreviewInvoiceRequest,
    ReportPaymentAttemptRequest, RunBillingRequest, RunBillingResponse,
    invoice_service_server::InvoiceService,
};
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{
    domain::{invoice::Invoice, pricing::Line},
    statement::statement,
    store,
};

#[tonic::async_trait]
impl InvoiceService for Rpc {
    type ExportInvoiceStream = BoxStream<'static, Result<ExportInvoiceResponse, Status>>;

    async fn list_invoices(
        &self,
        request: Request<ListInvoicesRequest>,
    ) -> Result<Response<ListInvoicesResponse>, Status> {
        answer(request, |caller, request| list_invoices::handle(&self.0, caller, request)).await
    }

    async fn get_invoice(
        &self,
        request: Request<GetInvoiceRequest>,
    ) -> Result<Response<WireInvoice>, Status> {
        answer(request, |caller, request| get_invoice::handle(&self.0, caller, request)).await
    }

    async fn export_invoice(
        &self,
        request: Request<ExportInvoiceRequest>,
    ) -> Result<Response<Self::ExportInvoiceStream>, Status> {
        answer(request, |caller, request| export_invoice::handle(&self.0, caller, request)).await
    }

    async fn preview_invoice(
        &self,
        request: Request<PreviewInvoiceRequest>,
    ) -> Result<Response<WireInvoice>, Status> {
        answer(request, |caller, request| preview_invoice::handle(&self.0, caller, request)).await
    }

    async fn create_credit_note(
        &self,
        request: Request<CreateCreditNoteRequest>,
    ) -> Result<Response<CreditNote>, Status> {
        answer(request, |caller, request| create_credit_note::handle(&self.0, caller, request)).await
    }

    async fn run_billing(
        &self,
        request: Request<RunBillingRequest>,
    ) -> Result<Response<RunBillingResponse>, Status> {
        answer(request, |caller, request| run_billing::handle(&self.0, caller, request)).await
    }

    async fn report_payment_attempt(
        &self,
        request: Request<ReportPaymentAttemptRequest>,
    ) -> Result<Response<WireInvoice>, Status> {
        answer(request, |caller, request| report_payment_attempt::handle(&self.0, caller, request)).await
    }
}

/// The lines of an invoice: those that it was issued with, or of a draft, as the usage stands.
async fn lines_of(db: &mut Conn, invoice: &Invoice) -> Result<Vec<Line>, Error> {
    match invoice.issued {
        Some(_) => store::line::of_invoice(db, invoice.name.id).await,
        None => statement(db, invoice.name.account.0, invoice.month).await,
    }
}

/// The currency of an invoice: a draft's is that of its month's rate card.
async fn currency_of(db: &mut Conn, invoice: &Invoice) -> Result<String, Error> {
    match &invoice.issued {
        Some(issued) => Ok(issued.currency.clone()),
        None => Ok(store::rate_card::for_month(db, invoice.month).await?.currency),
    }
}

/// An invoice with its lines, whose reader may read it.
async fn read(context: &Context, name: InvoiceName) -> Result<(Invoice, Vec<Line>), Fault> {
    let mut db = context.pool.read().await?;
    let invoice = store::invoice::find(&mut db, &name).await?.ok_or_else(|| Fault::not_found(name))?;
    let lines = lines_of(&mut db, &invoice).await?;
    Ok((invoice, lines))
}
