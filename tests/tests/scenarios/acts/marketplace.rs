//! The Marketplace: vendor profiles, their admins and their listings.
use devspaces_proto::marketplace::v1::{
    AcceptTermsRequest, AddMarketplaceAdminsRequest, ApproveListingRequest, Contact,
    CreateVendorProfileRequest, GetListingRequest, GetVendorProfileRequest, ListListingsRequest,
    ListMarketplaceAdminsRequest, Listing, LookupVendorProfileRequest, MarketplaceAdmin,
    RemoveMarketplaceAdminRequest, SubmitListingRequest, UpdateVendorProfileRequest, VendorProfile,
    WithdrawListingRequest,
};
use devspaces_tests::{Persona, Suite};
use tonic::Status;

use crate::acts::mask;

/// The Marketplace terms in force.
pub(crate) const TERMS: &str = "2026-11-01";

/// The request that publishes a space.
pub(crate) fn acceptance_of_terms(space: &str) -> AcceptTermsRequest {
    AcceptTermsRequest {
        parent: space.to_owned(),
        terms_version: TERMS.to_owned(),
        ..AcceptTermsRequest::default()
    }
}

/// Publishes a space, which gives it a vendor profile.
pub(crate) async fn accepts_terms(who: &Persona, space: &str) -> Result<VendorProfile, Status> {
    who.profiles().accept_terms(acceptance_of_terms(space)).await.map(tonic::Response::into_inner)
}

/// The request for a vendor profile without a space.
pub(crate) fn creation_of_profile(display_name: &str) -> CreateVendorProfileRequest {
    let profile = VendorProfile { display_name: display_name.to_owned(), ..VendorProfile::default() };
    CreateVendorProfileRequest {
        vendor_profile: Some(profile),
        terms_version: TERMS.to_owned(),
        request_id: String::new(),
    }
}

/// Makes a vendor profile directly on the Marketplace.
pub(crate) async fn creates_profile(who: &Persona, display_name: &str) -> Result<VendorProfile, Status> {
    who.profiles()
        .create_vendor_profile(creation_of_profile(display_name))
        .await
        .map(tonic::Response::into_inner)
}

pub(crate) async fn gets_profile(who: &Persona, name: &str) -> Result<VendorProfile, Status> {
    let request = GetVendorProfileRequest { name: name.to_owned() };
    who.profiles().get_vendor_profile(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn looks_up_profile(who: &Persona, space: &str) -> Result<VendorProfile, Status> {
    let request = LookupVendorProfileRequest { space: space.to_owned() };
    who.profiles().lookup_vendor_profile(request).await.map(tonic::Response::into_inner)
}

/// Makes people Marketplace admins.
pub(crate) async fn adds_marketplace_admins(
    who: &Persona,
    profile: &str,
    people: &[&Persona],
) -> Result<Vec<MarketplaceAdmin>, Status> {
    let users = people.iter().map(|person| person.name.clone()).collect();
    let request = AddMarketplaceAdminsRequest { parent: profile.to_owned(), users, ..Default::default() };
    who.profiles().add_marketplace_admins(request).await.map(|response| response.into_inner().admins)
}

pub(crate) async fn removes_marketplace_admin(
    who: &Persona,
    profile: &str,
    whom: &Persona,
) -> Result<(), Status> {
    let name = format!("{profile}/admins/{}", whom.id());
    let request = RemoveMarketplaceAdminRequest { name, ..Default::default() };
    who.profiles().remove_marketplace_admin(request).await.map(drop)
}

/// The Marketplace admins' names, page by page.
pub(crate) async fn lists_marketplace_admins(
    who: &Persona,
    profile: &str,
    page_size: i32,
) -> Result<Vec<String>, Status> {
    let mut request =
        ListMarketplaceAdminsRequest { parent: profile.to_owned(), page_size, page_token: String::new() };
    let mut admins = Vec::new();
    loop {
        let page = who.profiles().list_marketplace_admins(request.clone()).await?.into_inner();
        admins.extend(page.admins.into_iter().map(|admin| admin.user));
        if page.next_page_token.is_empty() {
            return Ok(admins);
        }
        request.page_token = page.next_page_token;
    }
}

pub(crate) async fn updates_profile(
    who: &Persona,
    profile: VendorProfile,
    paths: &[&str],
) -> Result<VendorProfile, Status> {
    let request = UpdateVendorProfileRequest {
        vendor_profile: Some(profile),
        update_mask: mask(paths),
        request_id: String::new(),
    };
    who.profiles().update_vendor_profile(request).await.map(tonic::Response::into_inner)
}

pub(crate) fn contact(display_name: &str, email: &str) -> Contact {
    Contact { display_name: display_name.to_owned(), email: email.to_owned() }
}

/// The request for a listing of an app.
pub(crate) fn submission(profile: &str, app: &str) -> SubmitListingRequest {
    SubmitListingRequest { parent: profile.to_owned(), app: app.to_owned(), request_id: String::new() }
}

pub(crate) async fn submits_listing(who: &Persona, profile: &str, app: &str) -> Result<Listing, Status> {
    who.listings().submit_listing(submission(profile, app)).await.map(tonic::Response::into_inner)
}

pub(crate) async fn gets_listing(who: &Persona, name: &str) -> Result<Listing, Status> {
    let request = GetListingRequest { name: name.to_owned() };
    who.listings().get_listing(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn withdraws_listing(who: &Persona, name: &str) -> Result<Listing, Status> {
    let request = WithdrawListingRequest { name: name.to_owned(), ..Default::default() };
    who.listings().withdraw_listing(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn approves_listing(suite: &Suite, name: &str) -> Result<Listing, Status> {
    let request = ApproveListingRequest { name: name.to_owned(), ..Default::default() };
    let reviewer = suite.persona("services/reviewer");
    reviewer.listings().approve_listing(request).await.map(tonic::Response::into_inner)
}

/// The listings of a profile, page by page.
pub(crate) async fn lists_listings(
    who: &Persona,
    profile: &str,
    page_size: i32,
) -> Result<Vec<Listing>, Status> {
    let mut request =
        ListListingsRequest { parent: profile.to_owned(), page_size, page_token: String::new() };
    let mut listings = Vec::new();
    loop {
        let page = who.listings().list_listings(request.clone()).await?.into_inner();
        listings.extend(page.listings);
        if page.next_page_token.is_empty() {
            return Ok(listings);
        }
        request.page_token = page.next_page_token;
    }
}
