//! Billing accounts: consent, billing admins, addresses, budgets and how they are paid.
use devspaces_proto::{
    billing::v1::{
        AddBillingAdminsRequest, Address, Addresses, BillingAccount, BillingAdmin, Budget,
        ConsentToInvoicingRequest, GetAddressesRequest, GetBillingAccountRequest, GetBudgetRequest,
        GetPaymentMethodRequest, GetTermsRequest, ListBillingAdminsRequest, PaymentMethod,
        RemoveBillingAdminRequest, RemovePaymentMethodRequest, SetBudgetRequest, SetPaymentMethodRequest,
        UpdateAddressesRequest,
    },
    r#type::v1::Money,
};
use devspaces_tests::Persona;
use tonic::Status;

use crate::acts::mask;

/// A space's billing account.
pub(crate) fn account_of(space: &str) -> String {
    format!("{space}/billingAccount")
}

/// Someone as a billing admin of a space.
pub(crate) fn billing_admin_of(space: &str, who: &Persona) -> String {
    format!("{space}/billingAccount/admins/{}", who.id())
}

/// The version of the terms of app invoicing that is in force.
pub(crate) async fn invoicing_terms(who: &Persona) -> String {
    who.accounts().get_terms(GetTermsRequest {}).await.expect("the terms").into_inner().version
}

/// Agrees to these terms.
pub(crate) async fn consents_to_terms(
    who: &Persona,
    space: &str,
    terms_version: &str,
) -> Result<BillingAccount, Status> {
    let request = ConsentToInvoicingRequest {
        parent: space.to_owned(),
        terms_version: terms_version.to_owned(),
        request_id: String::new(),
    };
    who.accounts().consent_to_invoicing(request).await.map(tonic::Response::into_inner)
}

/// Agrees to the terms in force, which makes the account.
pub(crate) async fn consents_to_invoicing(who: &Persona, space: &str) -> Result<BillingAccount, Status> {
    consents_to_terms(who, space, &invoicing_terms(who).await).await
}

pub(crate) async fn gets_account(who: &Persona, space: &str) -> Result<BillingAccount, Status> {
    let request = GetBillingAccountRequest { name: account_of(space) };
    who.accounts().get_billing_account(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn adds_billing_admins(
    who: &Persona,
    space: &str,
    people: &[&Persona],
) -> Result<Vec<BillingAdmin>, Status> {
    let users = people.iter().map(|person| person.name.clone()).collect();
    let request = AddBillingAdminsRequest { parent: account_of(space), users, request_id: String::new() };
    who.accounts().add_billing_admins(request).await.map(|response| response.into_inner().admins)
}

pub(crate) async fn removes_billing_admin(who: &Persona, space: &str, whom: &Persona) -> Result<(), Status> {
    let request = RemoveBillingAdminRequest { name: billing_admin_of(space, whom), ..Default::default() };
    who.accounts().remove_billing_admin(request).await.map(drop)
}

/// The ids of the billing admins, page by page.
pub(crate) async fn lists_billing_admins(who: &Persona, space: &str) -> Result<Vec<String>, Status> {
    let mut request =
        ListBillingAdminsRequest { parent: account_of(space), page_size: 3, page_token: String::new() };
    let mut ids = Vec::new();
    loop {
        let page = who.accounts().list_billing_admins(request.clone()).await?.into_inner();
        assert!(page.admins.len() <= 3);
        ids.extend(page.admins.iter().map(|it| it.user.strip_prefix("users/").expect("a user").to_owned()));
        if page.next_page_token.is_empty() {
            return Ok(ids);
        }
        request.page_token = page.next_page_token;
    }
}

/// A space of alice's with a billing account that bob, who is nothing else there, runs alone.
pub(crate) async fn run_by_bob(alice: &Persona, bob: &Persona) -> String {
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(alice, &space).await.expect("an account");
    adds_billing_admins(alice, &space, &[bob]).await.expect("added");
    removes_billing_admin(bob, &space, alice).await.expect("removed");
    space
}

pub(crate) fn address(recipient: &str) -> Address {
    Address {
        recipient: recipient.into(),
        lines: vec!["Heidestraße 17".into(), "Hinterhaus".into()],
        locality: "Köln".into(),
        administrative_area: String::new(),
        postal_code: "51147".into(),
        country_code: "DE".into(),
        tax_id: "DE123456789".into(),
    }
}

pub(crate) async fn gets_addresses(who: &Persona, space: &str) -> Result<Addresses, Status> {
    let request = GetAddressesRequest { name: account_of(space) };
    who.accounts().get_addresses(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn updates_addresses(
    who: &Persona,
    space: &str,
    addresses: Addresses,
    paths: &[&str],
) -> Result<Addresses, Status> {
    let request = UpdateAddressesRequest {
        addresses: Some(Addresses { name: account_of(space), ..addresses }),
        update_mask: mask(paths),
        request_id: String::new(),
    };
    who.accounts().update_addresses(request).await.map(tonic::Response::into_inner)
}

/// The addresses to bill to only.
pub(crate) fn billing_address_only(address: Address) -> Addresses {
    Addresses { billing: Some(address), ..Addresses::default() }
}

/// A budget in dollars, with its thresholds.
pub(crate) fn budget(units: i64, nanos: i32, percents: &[i32]) -> Budget {
    let amount = Some(Money { currency_code: "USD".into(), units, nanos });
    Budget { amount, threshold_percents: percents.to_vec(), ..Budget::default() }
}

pub(crate) async fn sets_budget(who: &Persona, space: &str, budget: Budget) -> Result<Budget, Status> {
    let budget = Some(budget);
    let request = SetBudgetRequest {
        parent: account_of(space),
        budget,
        request_id: String::new(),
        ..SetBudgetRequest::default()
    };
    who.accounts().set_budget(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn gets_budget(who: &Persona, space: &str) -> Result<Budget, Status> {
    let request = GetBudgetRequest { name: account_of(space) };
    who.accounts().get_budget(request).await.map(tonic::Response::into_inner)
}

/// The provider's token of [`payment_method`].
pub(crate) const TOKEN: &str = "tok_live_Zm9vYmFy";

/// A card, as a provider tells of it.
pub(crate) fn payment_method() -> PaymentMethod {
    PaymentMethod {
        token: TOKEN.into(),
        brand: "Visa".into(),
        last_four: "4242".into(),
        expiry: "2099-04".into(),
        ..PaymentMethod::default()
    }
}

pub(crate) async fn sets_payment_method(
    who: &Persona,
    space: &str,
    payment_method: PaymentMethod,
) -> Result<PaymentMethod, Status> {
    let payment_method = Some(payment_method);
    let request = SetPaymentMethodRequest { parent: account_of(space), payment_method, ..Default::default() };
    who.accounts().set_payment_method(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn gets_payment_method(who: &Persona, space: &str) -> Result<PaymentMethod, Status> {
    let request = GetPaymentMethodRequest { name: account_of(space) };
    who.accounts().get_payment_method(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn removes_payment_method(who: &Persona, space: &str, etag: &str) -> Result<(), Status> {
    let request =
        RemovePaymentMethodRequest { name: account_of(space), etag: etag.to_owned(), ..Default::default() };
    who.accounts().remove_payment_method(request).await.map(drop)
}
