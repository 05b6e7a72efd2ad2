//! The `BillingAccountService`: a file for each method.
use devspaces_proto::billing::v1::{
    AddBillingAdminsRequest, AddBillingAdminsResponse, Addresses, BillingAccount, Budget,
    ConsentToInvoicingRequest, GetAddressesRequest, GetBillingAccountRequest, GetBudgetRequest,
    GetPaymentMethodRequest, GetTermsRequest, ListBilledAppsRequest, ListBilledAppsResponse,
    ListBillingAdminsRequest, ListBillingAdminsResponse, PaymentMethod, RemoveBillingAdminRequest,
    RemoveBillingAdminResponse, RemovePaymentMethodRequest, RemovePaymentMethodResponse, SetBudgetRequest,
    SetPaymentMethodRequest, Terms, UpdateAddressesRequest, WhoCanIncurCostRequest, WhoCanIncurCostResponse,
    billing_account_service_server::BillingAccountService,
};
use tonic::{Request, Response, Status};

use super::Rpc;

#[tonic::async_trait]
impl BillingAccountService for Rpc {
    async fn get_terms(&self, _: Request<GetTermsRequest>) -> Result<Response<Terms>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn consent_to_invoicing(
        &self,
        _: Request<ConsentToInvoicingRequest>,
    ) -> Result<Response<BillingAccount>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn get_billing_account(
        &self,
        _: Request<GetBillingAccountRequest>,
    ) -> Result<Response<BillingAccount>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn add_billing_admins(
        &self,
        _: Request<AddBillingAdminsRequest>,
    ) -> Result<Response<AddBillingAdminsResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn remove_billing_admin(
        &self,
        _: Request<RemoveBillingAdminRequest>,
    ) -> Result<Response<RemoveBillingAdminResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn list_billing_admins(
        &self,
        _: Request<ListBillingAdminsRequest>,
    ) -> Result<Response<ListBillingAdminsResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn get_payment_method(
        &self,
        _: Request<GetPaymentMethodRequest>,
    ) -> Result<Response<PaymentMethod>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn set_payment_method(
        &self,
        _: Request<SetPaymentMethodRequest>,
    ) -> Result<Response<PaymentMethod>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn remove_payment_method(
        &self,
        _: Request<RemovePaymentMethodRequest>,
    ) -> Result<Response<RemovePaymentMethodResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn get_addresses(&self, _: Request<GetAddressesRequest>) -> Result<Response<Addresses>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn update_addresses(
        &self,
        _: Request<UpdateAddressesRequest>,
    ) -> Result<Response<Addresses>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn list_billed_apps(
        &self,
        _: Request<ListBilledAppsRequest>,
    ) -> Result<Response<ListBilledAppsResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn get_budget(&self, _: Request<GetBudgetRequest>) -> Result<Response<Budget>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn set_budget(&self, _: Request<SetBudgetRequest>) -> Result<Response<Budget>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn who_can_incur_cost(
        &self,
        _: Request<WhoCanIncurCostRequest>,
    ) -> Result<Response<WhoCanIncurCostResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }
}
