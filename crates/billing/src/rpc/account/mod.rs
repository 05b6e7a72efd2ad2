//! The `BillingAccountService`: a file for each method.
mod add_billing_admins;
mod consent_to_invoicing;
mod get_addresses;
mod get_billing_account;
mod get_budget;
mod get_payment_method;
mod get_terms;
mod list_billed_apps;
mod list_billing_admins;
mod list_budgets;
mod remove_billing_admin;
mod remove_budget;
mod remove_payment_method;
mod set_budget;
mod set_payment_method;
mod update_addresses;
mod who_can_incur_cost;

use devspaces_authz::{Facts, Permission, decide};
use devspaces_kit::{edge::answer, name::AccountName, status::Fault};
use devspaces_proto::billing::v1::{
    AddBillingAdminsRequest, AddBillingAdminsResponse, Addresses, BillingAccount, Budget,
    ConsentToInvoicingRequest, GetAddressesRequest, GetBillingAccountRequest, GetBudgetRequest,
    GetPaymentMethodRequest, GetTermsRequest, ListBilledAppsRequest, ListBilledAppsResponse,
    ListBillingAdminsRequest, ListBillingAdminsResponse, ListBudgetsRequest, ListBudgetsResponse,
    PaymentMethod, RemoveBillingAdminRequest, RemoveBillingAdminResponse, RemoveBudgetRequest,
    RemoveBudgetResponse, RemovePaymentMethodRequest, RemovePaymentMethodResponse, SetBudgetRequest,
    SetPaymentMethodRequest, Terms, UpdateAddressesRequest, WhoCanIncurCostRequest, WhoCanIncurCostResponse,
    billing_account_service_server::BillingAccountService,
};
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{convert, domain};

#[tonic::async_trait]
impl BillingAccountService for Rpc {
    async fn get_terms(&self, request: Request<GetTermsRequest>) -> Result<Response<Terms>, Status> {
        answer(request, |caller, _| get_terms::handle(&self.0, caller)).await
    }

    async fn consent_to_invoicing(
        &self,
        request: Request<ConsentToInvoicingRequest>,
    ) -> Result<Response<BillingAccount>, Status> {
        answer(request, |caller, request| consent_to_invoicing::handle(&self.0, caller, request)).await
    }

    async fn get_billing_account(
        &self,
        request: Request<GetBillingAccountRequest>,
    ) -> Result<Response<BillingAccount>, Status> {
        answer(request, |caller, request| get_billing_account::handle(&self.0, caller, request)).await
    }

    async fn add_billing_admins(
        &self,
        request: Request<AddBillingAdminsRequest>,
    ) -> Result<Response<AddBillingAdminsResponse>, Status> {
        answer(request, |caller, request| add_billing_admins::handle(&self.0, caller, request)).await
    }

    async fn remove_billing_admin(
        &self,
        request: Request<RemoveBillingAdminRequest>,
    ) -> Result<Response<RemoveBillingAdminResponse>, Status> {
        answer(request, |caller, request| remove_billing_admin::handle(&self.0, caller, request)).await
    }

    async fn list_billing_admins(
        &self,
        request: Request<ListBillingAdminsRequest>,
    ) -> Result<Response<ListBillingAdminsResponse>, Status> {
        answer(request, |caller, request| list_billing_admins::handle(&self.0, caller, request)).await
    }

    async fn get_payment_method(
        &self,
        request: Request<GetPaymentMethodRequest>,
    ) -> Result<Response<PaymentMethod>, Status> {
        answer(request, |caller, request| get_payment_method::handle(&self.0, caller, request)).await
    }

    async fn set_payment_method(
        &self,
        request: Request<SetPaymentMethodRequest>,
    ) -> Result<Response<PaymentMethod>, Status> {
        answer(request, |caller, request| set_payment_method::handle(&self.0, caller, request)).await
    }

    async fn remove_payment_method(
        &self,
        request: Request<RemovePaymentMethodRequest>,
    ) -> Result<Response<RemovePaymentMethodResponse>, Status> {
        answer(request, |caller, request| remove_payment_method::handle(&self.0, caller, request)).await
    }

    async fn get_addresses(
        &self,
        request: Request<GetAddressesRequest>,
    ) -> Result<Response<Addresses>, Status> {
        answer(request, |caller, request| get_addresses::handle(&self.0, caller, request)).await
    }

    async fn update_addresses(
        &self,
        request: Request<UpdateAddressesRequest>,
    ) -> Result<Response<Addresses>, Status> {
        answer(request, |caller, request| update_addresses::handle(&self.0, caller, request)).await
    }

    async fn list_billed_apps(
        &self,
        request: Request<ListBilledAppsRequest>,
    ) -> Result<Response<ListBilledAppsResponse>, Status> {
        answer(request, |caller, request| list_billed_apps::handle(&self.0, caller, request)).await
    }

    async fn get_budget(&self, request: Request<GetBudgetRequest>) -> Result<Response<Budget>, Status> {
        answer(request, |caller, request| get_budget::handle(&self.0, caller, request)).await
    }

    async fn remove_budget(
        &self,
        request: Request<RemoveBudgetRequest>,
    ) -> Result<Response<RemoveBudgetResponse>, Status> {
        answer(request, |caller, request| remove_budget::handle(&self.0, caller, request)).await
    }

    async fn list_budgets(
        &self,
        request: Request<ListBudgetsRequest>,
    ) -> Result<Response<ListBudgetsResponse>, Status> {
        answer(request, |caller, request| list_budgets::handle(&self.0, caller, request)).await
    }

    async fn set_budget(&self, request: Request<SetBudgetRequest>) -> Result<Response<Budget>, Status> {
        answer(request, |caller, request| set_budget::handle(&self.0, caller, request)).await
    }

    async fn who_can_incur_cost(
        &self,
        request: Request<WhoCanIncurCostRequest>,
    ) -> Result<Response<WhoCanIncurCostResponse>, Status> {
        answer(request, |caller, request| who_can_incur_cost::handle(&self.0, caller, request)).await
    }
}

/// R-B3: a payment method as it is shown to someone of whom these facts are known. Whoever may set it sees all but the
/// token, others the last four digits.
fn as_shown_to(facts: &Facts, method: domain::PaymentMethod) -> PaymentMethod {
    if decide(Permission::BillingPaymentMethodUpdate, facts).is_allowed() {
        convert::payment::whole(method)
    } else {
        convert::payment::last_four(method)
    }
}

/// R-B4: whether someone of whom these facts are known sees the addresses.
fn sees_addresses(facts: &Facts) -> bool {
    decide(Permission::BillingAddressesGet, facts).is_allowed()
}

/// What an account's payment method is called where it has to be called something.
fn payment_method_of(account: AccountName) -> String {
    format!("{account}/paymentMethod")
}

fn no_payment_method(account: AccountName) -> Fault {
    Fault::not_found(payment_method_of(account))
}
