//! The `InvoiceService`: a file for each method.
use devspaces_proto::billing::v1::{
    CreateCreditNoteRequest, CreditNote, ExportInvoiceRequest, ExportInvoiceResponse, GetInvoiceRequest,
    Invoice, ListInvoicesRequest, ListInvoicesResponse, PreviewInvoiceRequest, ReportPaymentAttemptRequest,
    RunBillingRequest, RunBillingResponse, invoice_service_server::InvoiceService,
};
use tonic::{Request, Response, Status};

use super::Rpc;

#[tonic::async_trait]
impl InvoiceService for Rpc {
    async fn list_invoices(
        &self,
        _: Request<ListInvoicesRequest>,
    ) -> Result<Response<ListInvoicesResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn get_invoice(&self, _: Request<GetInvoiceRequest>) -> Result<Response<Invoice>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    type ExportInvoiceStream = futures::stream::BoxStream<'static, Result<ExportInvoiceResponse, Status>>;

    async fn export_invoice(
        &self,
        _: Request<ExportInvoiceRequest>,
    ) -> Result<Response<Self::ExportInvoiceStream>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn preview_invoice(&self, _: Request<PreviewInvoiceRequest>) -> Result<Response<Invoice>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn create_credit_note(
        &self,
        _: Request<CreateCreditNoteRequest>,
    ) -> Result<Response<CreditNote>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn run_billing(
        &self,
        _: Request<RunBillingRequest>,
    ) -> Result<Response<RunBillingResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn report_payment_attempt(
        &self,
        _: Request<ReportPaymentAttemptRequest>,
    ) -> Result<Response<Invoice>, Status> {
        Err(Status::unimplemented("in the making"))
    }
}
