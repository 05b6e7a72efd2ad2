//! The `VendorProfileService`: a file for each method.
mod accept_terms;
mod add_marketplace_admins;
mod create_vendor_profile;
mod get_terms;
mod get_vendor_profile;
mod import_vendor_profile;
mod list_marketplace_admins;
mod lookup_vendor_profile;
mod remove_marketplace_admin;
mod update_vendor_profile;

use devspaces_authz::Service;
use devspaces_gate::{Context, Resource};
use devspaces_kit::{
    edge::answer,
    name::{MarketplaceAdminName, SpaceName, UserName, VendorProfileName},
    status::{Blockers, Fault, Reason},
};
use devspaces_ledger::{Abort, Change, Tx};
use devspaces_proto::{
    facts::v1::{CreatePublishedSpace, CreatedApp, Effect, SpaceDescription, effect},
    marketplace::v1::{
        AcceptTermsRequest, AddMarketplaceAdminsRequest, AddMarketplaceAdminsResponse,
        CreateVendorProfileRequest, GetTermsRequest, GetVendorProfileRequest, ImportVendorProfileRequest,
        ImportVendorProfileResponse, ListMarketplaceAdminsRequest, ListMarketplaceAdminsResponse,
        LookupVendorProfileRequest, RemoveMarketplaceAdminRequest, RemoveMarketplaceAdminResponse, Terms,
        UpdateVendorProfileRequest, VendorProfile, vendor_profile_service_server::VendorProfileService,
    },
};
use serde_json::{Value, json};
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{
    domain::{ImportedApp, OwnFields, Profile, terms},
    store,
};

#[tonic::async_trait]
impl VendorProfileService for Rpc {
    async fn get_terms(&self, request: Request<GetTermsRequest>) -> Result<Response<Terms>, Status> {
        answer(request, |caller, _| get_terms::handle(&self.0, caller)).await
    }

    async fn accept_terms(
        &self,
        request: Request<AcceptTermsRequest>,
    ) -> Result<Response<VendorProfile>, Status> {
        answer(request, |caller, request| accept_terms::handle(&self.0, caller, request)).await
    }

    async fn create_vendor_profile(
        &self,
        request: Request<CreateVendorProfileRequest>,
    ) -> Result<Response<VendorProfile>, Status> {
        answer(request, |caller, request| create_vendor_profile::handle(&self.0, caller, request)).await
    }

    async fn get_vendor_profile(
        &self,
        request: Request<GetVendorProfileRequest>,
    ) -> Result<Response<VendorProfile>, Status> {
        answer(request, |caller, request| get_vendor_profile::handle(&self.0, caller, request)).await
    }

    async fn lookup_vendor_profile(
        &self,
        request: Request<LookupVendorProfileRequest>,
    ) -> Result<Response<VendorProfile>, Status> {
        answer(request, |caller, request| lookup_vendor_profile::handle(&self.0, caller, request)).await
    }

    async fn update_vendor_profile(
        &self,
        request: Request<UpdateVendorProfileRequest>,
    ) -> Result<Response<VendorProfile>, Status> {
        answer(request, |caller, request| update_vendor_profile::handle(&self.0, caller, request)).await
    }

    async fn add_marketplace_admins(
        &self,
        request: Request<AddMarketplaceAdminsRequest>,
    ) -> Result<Response<AddMarketplaceAdminsResponse>, Status> {
        answer(request, |caller, request| add_marketplace_admins::handle(&self.0, caller, request)).await
    }

    async fn remove_marketplace_admin(
        &self,
        request: Request<RemoveMarketplaceAdminRequest>,
    ) -> Result<Response<RemoveMarketplaceAdminResponse>, Status> {
        answer(request, |caller, request| remove_marketplace_admin::handle(&self.0, caller, request)).await
    }

    async fn list_marketplace_admins(
        &self,
        request: Request<ListMarketplaceAdminsRequest>,
    ) -> Result<Response<ListMarketplaceAdminsResponse>, Status> {
        answer(request, |caller, request| list_marketplace_admins::handle(&self.0, caller, request)).await
    }

    async fn import_vendor_profile(
        &self,
        request: Request<ImportVendorProfileRequest>,
    ) -> Result<Response<ImportVendorProfileResponse>, Status> {
        answer(request, |caller, request| import_vendor_profile::handle(&self.0, caller, request)).await
    }
}

/// A profile as something that a permission is on, with its space. One that does not exist is in nobody's space: it is
/// denied as one of somebody else's is, and by asking the same services (R-P3).
pub(super) async fn resource(
    context: &Context,
    profile: VendorProfileName,
) -> Result<(Resource, SpaceName), Fault> {
    let space = store::profile::space_of(&mut context.pool.read().await?, profile).await?;
    let space = space.unwrap_or(SpaceName::NIL);
    Ok((Resource::VendorProfile { profile, space }, space))
}

fn block_outdated_terms(blockers: &mut Blockers, version: &str) {
    if !terms::is_current(version) {
        let sentence = format!("The Marketplace terms in force are those of {}", terms::VERSION);
        blockers.add(Reason::TermsOutdated, "terms_version", sentence);
    }
}

/// A vendor profile that is to be, with its first Marketplace admins.
struct NewProfile {
    name: VendorProfileName,
    space: SpaceName,
    fields: OwnFields,
    terms_version: String,
    admins: Vec<UserName>,
}

impl NewProfile {
    /// Stores and records it.
    async fn store(&self, tx: &mut Tx) -> Result<Profile, Abort> {
        let now = tx.time();
        let mut profile = Profile {
            name: self.name,
            space: self.space,
            fields: self.fields.clone(),
            terms_version: self.terms_version.clone(),
            create_time: now,
            update_time: now,
            revision: 0,
        };
        let admin =
            |user: &UserName| MarketplaceAdminName { profile: self.name, user: user.clone() }.to_string();
        let admins: Vec<Value> = self.admins.iter().map(|user| json!({ "user": user.to_string() })).collect();
        let change = Change {
            scope: self.space.into(),
            resources: std::iter::once(self.name.to_string()).chain(self.admins.iter().map(admin)).collect(),
            before: Value::Null,
            after: json!({ "profile": profile.to_json(), "admins": admins }),
            facts: true,
        };
        profile.revision = tx.record(change).await?;
        store::profile::put(tx, &profile).await?;
        for user in &self.admins {
            store::admin::add(tx, self.space, user, now).await?;
        }
        Ok(profile)
    }
}

/// Has a new profile's space created (R-K2, R-K7).
async fn create_space(
    tx: &mut Tx,
    space: SpaceName,
    about: &SpaceDescription,
    apps: &[ImportedApp],
) -> Result<(), Abort> {
    let app = |app: &ImportedApp| CreatedApp {
        app: app.name.to_string(),
        display_name: app.display_name.clone(),
        owner: app.owner.to_string(),
    };
    let created = CreatePublishedSpace {
        space: space.to_string(),
        display_name: about.display_name.clone(),
        description: about.description.clone(),
        logo_uri: about.logo_uri.clone(),
        apps: apps.iter().map(app).collect(),
    };
    let effect = Effect { effect: Some(effect::Effect::CreatePublishedSpace(created)) };
    Ok(tx.emit(space.into(), Service::Space.name(), vec![effect]).await?)
}
