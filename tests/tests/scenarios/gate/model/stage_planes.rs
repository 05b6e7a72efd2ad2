//! The calls of a walk on the billing and the Marketplace plane.
use devspaces_proto::{
    billing::v1::{AddBillingAdminsRequest, RemoveBillingAdminRequest},
    marketplace::v1::{
        AddMarketplaceAdminsRequest, RemoveMarketplaceAdminRequest, SubmitListingRequest,
        WithdrawListingRequest,
    },
};
use devspaces_tests::Persona;
use tonic::Status;

use super::{
    op::Op,
    stage::{NOTHING, Stage},
};
use crate::acts::{accounts::consents_to_terms, marketplace::accepts_terms};

impl Stage<'_> {
    pub(super) async fn changes_billing(
        &self,
        who: &Persona,
        op: &Op,
        validate_only: bool,
    ) -> Result<(), Status> {
        let account = |space: usize| format!("{}/billingAccount", self.spaces[space]);
        match *op {
            Op::ConsentToInvoicing { space } => {
                consents_to_terms(who, &self.spaces[space], &self.terms).await.map(drop)
            }
            Op::AddBillingAdmin { space, person } => {
                let (parent, users) = (account(space), vec![self.user(person)]);
                let request = AddBillingAdminsRequest { parent, users, ..AddBillingAdminsRequest::default() };
                who.accounts().add_billing_admins(request).await.map(drop)
            }
            Op::RemoveBillingAdmin { space, person } => {
                let name = format!("{}/admins/{}", account(space), self.people[person].id());
                let request =
                    RemoveBillingAdminRequest { name, validate_only, ..RemoveBillingAdminRequest::default() };
                who.accounts().remove_billing_admin(request).await.map(drop)
            }
            _ => unreachable!("{op:?} is not about billing"),
        }
    }

    pub(super) async fn changes_profile(
        &mut self,
        who: &Persona,
        op: &Op,
        validate_only: bool,
    ) -> Result<(), Status> {
        match *op {
            Op::AcceptTerms { space } => {
                self.profiles[space] = accepts_terms(who, &self.spaces[space]).await?.name;
                Ok(())
            }
            Op::AddMarketplaceAdmin { space, person } => {
                let (parent, users) = (self.profiles[space].clone(), vec![self.user(person)]);
                let request =
                    AddMarketplaceAdminsRequest { parent, users, ..AddMarketplaceAdminsRequest::default() };
                who.profiles().add_marketplace_admins(request).await.map(drop)
            }
            Op::RemoveMarketplaceAdmin { space, person } => {
                let name = format!("{}/admins/{}", self.profiles[space], self.people[person].id());
                let request = RemoveMarketplaceAdminRequest {
                    name,
                    validate_only,
                    ..RemoveMarketplaceAdminRequest::default()
                };
                who.profiles().remove_marketplace_admin(request).await.map(drop)
            }
            _ => unreachable!("{op:?} is not about a profile"),
        }
    }

    pub(super) async fn changes_listing(
        &mut self,
        who: &Persona,
        op: &Op,
        validate_only: bool,
    ) -> Result<(), Status> {
        match *op {
            Op::SubmitListing { app, space } => {
                let (parent, name) = (self.profiles[space].clone(), self.apps[app].clone());
                let request = SubmitListingRequest { parent, app: name, ..SubmitListingRequest::default() };
                let listing = who.listings().submit_listing(request).await?.into_inner().name;
                self.listings.insert(app, listing);
                Ok(())
            }
            Op::WithdrawListing { app } => {
                let nothing = || format!("listings/{NOTHING}");
                let name = self.listings.get(&app).cloned().unwrap_or_else(nothing);
                let request =
                    WithdrawListingRequest { name, validate_only, ..WithdrawListingRequest::default() };
                who.listings().withdraw_listing(request).await.map(drop)
            }
            _ => unreachable!("{op:?} is not about a listing"),
        }
    }
}
