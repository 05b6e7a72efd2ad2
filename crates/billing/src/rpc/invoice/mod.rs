//! The `InvoiceService`: a file for each method.
mod create_credit;
mod create_credit_note;
mod export_invoice;
mod get_invoice;
mod list_credits;
mod list_invoices;
mod preview_invoice;
mod report_payment_attempt;
mod run_billing;

use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    edge::{Deadline, answer},
    identity::Caller,
    name::InvoiceName,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{
    CreateCreditNoteRequest, CreateCreditRequest, Credit, CreditNote, ExportInvoiceRequest,
    ExportInvoiceResponse, GetInvoiceRequest, Invoice, ListCreditsRequest, ListCreditsResponse,
    ListInvoicesRequest, ListInvoicesResponse, PreviewInvoiceRequest, ReportPaymentAttemptRequest,
    RunBillingRequest, RunBillingResponse, invoice_service_server::InvoiceService,
};
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::statement::{Told, of_invoice};

#[tonic::async_trait]
impl InvoiceService for Rpc {
    async fn list_invoices(
        &self,
        request: Request<ListInvoicesRequest>,
    ) -> Result<Response<ListInvoicesResponse>, Status> {
        answer(request, |caller, request| list_invoices::handle(&self.0, caller, request)).await
    }

    async fn get_invoice(&self, request: Request<GetInvoiceRequest>) -> Result<Response<Invoice>, Status> {
        answer(request, |caller, request| get_invoice::handle(&self.0, caller, request)).await
    }

    type ExportInvoiceStream = BoxStream<'static, Result<ExportInvoiceResponse, Status>>;

    async fn export_invoice(
        &self,
        request: Request<ExportInvoiceRequest>,
    ) -> Result<Response<Self::ExportInvoiceStream>, Status> {
        answer(request, |caller, request| export_invoice::handle(&self.0, caller, request)).await
    }

    async fn preview_invoice(
        &self,
        request: Request<PreviewInvoiceRequest>,
    ) -> Result<Response<Invoice>, Status> {
        answer(request, |caller, request| preview_invoice::handle(&self.0, caller, request)).await
    }

    async fn create_credit_note(
        &self,
        request: Request<CreateCreditNoteRequest>,
    ) -> Result<Response<CreditNote>, Status> {
        answer(request, |caller, request| create_credit_note::handle(&self.0, caller, request)).await
    }

    async fn create_credit(&self, request: Request<CreateCreditRequest>) -> Result<Response<Credit>, Status> {
        answer(request, |caller, request| create_credit::handle(&self.0, caller, request)).await
    }

    async fn list_credits(
        &self,
        request: Request<ListCreditsRequest>,
    ) -> Result<Response<ListCreditsResponse>, Status> {
        answer(request, |caller, request| list_credits::handle(&self.0, caller, request)).await
    }

    async fn run_billing(
        &self,
        request: Request<RunBillingRequest>,
    ) -> Result<Response<RunBillingResponse>, Status> {
        let deadline = request.extensions().get::<Deadline>().copied();
        answer(request, |caller, request| run_billing::handle(&self.0, caller, deadline, request)).await
    }

    async fn report_payment_attempt(
        &self,
        request: Request<ReportPaymentAttemptRequest>,
    ) -> Result<Response<Invoice>, Status> {
        answer(request, |caller, request| report_payment_attempt::handle(&self.0, caller, request)).await
    }
}

/// An invoice that the caller may read, with what it says. It stays readable when the space is gone: only whether the
/// caller is billing admin decides (R-B11).
async fn read(context: &Context, caller: &Caller, name: &str) -> Result<Told, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<InvoiceName>("name", name);
    let name = fields.finish_with(name)?;
    context.gate.require_read(caller, Permission::BillingInvoicesGet, name.account.0).await?;
    let found = of_invoice(&mut context.pool.read().await?, &name).await?;
    found.ok_or_else(|| Fault::not_found(name))
}
