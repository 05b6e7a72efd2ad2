//! The `VendorProfileService`: a file for each method.
use devspaces_proto::marketplace::v1::{
    AcceptTermsRequest, AddMarketplaceAdminsRequest, AddMarketplaceAdminsResponse,
    CreateVendorProfileRequest, GetTermsRequest, GetVendorProfileRequest, ImportVendorProfileRequest,
    ImportVendorProfileResponse, ListMarketplaceAdminsRequest, ListMarketplaceAdminsResponse,
    LookupVendorProfileRequest, RemoveMarketplaceAdminRequest, RemoveMarketplaceAdminResponse, Terms,
    UpdateVendorProfileRequest, VendorProfile, vendor_profile_service_server::VendorProfileService,
};
use tonic::{Request, Response, Status};

use super::Rpc;

#[tonic::async_trait]
impl VendorProfileService for Rpc {
    async fn get_terms(&self, _: Request<GetTermsRequest>) -> Result<Response<Terms>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn accept_terms(&self, _: Request<AcceptTermsRequest>) -> Result<Response<VendorProfile>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn create_vendor_profile(
        &self,
        _: Request<CreateVendorProfileRequest>,
    ) -> Result<Response<VendorProfile>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn get_vendor_profile(
        &self,
        _: Request<GetVendorProfileRequest>,
    ) -> Result<Response<VendorProfile>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn lookup_vendor_profile(
        &self,
        _: Request<LookupVendorProfileRequest>,
    ) -> Result<Response<VendorProfile>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn update_vendor_profile(
        &self,
        _: Request<UpdateVendorProfileRequest>,
    ) -> Result<Response<VendorProfile>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn add_marketplace_admins(
        &self,
        _: Request<AddMarketplaceAdminsRequest>,
    ) -> Result<Response<AddMarketplaceAdminsResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn remove_marketplace_admin(
        &self,
        _: Request<RemoveMarketplaceAdminRequest>,
    ) -> Result<Response<RemoveMarketplaceAdminResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn list_marketplace_admins(
        &self,
        _: Request<ListMarketplaceAdminsRequest>,
    ) -> Result<Response<ListMarketplaceAdminsResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn import_vendor_profile(
        &self,
        _: Request<ImportVendorProfileRequest>,
    ) -> Result<Response<ImportVendorProfileResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }
}
