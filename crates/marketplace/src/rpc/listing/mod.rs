//! The `ListingService`: a file for each method.
use devspaces_proto::marketplace::v1::{
    ApproveListingRequest, GetListingRequest, ListListingsRequest, ListListingsResponse, Listing,
    SubmitListingRequest, WithdrawListingRequest, listing_service_server::ListingService,
};
use tonic::{Request, Response, Status};

use super::Rpc;

#[tonic::async_trait]
impl ListingService for Rpc {
    async fn submit_listing(&self, _: Request<SubmitListingRequest>) -> Result<Response<Listing>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn approve_listing(&self, _: Request<ApproveListingRequest>) -> Result<Response<Listing>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn withdraw_listing(
        &self,
        _: Request<WithdrawListingRequest>,
    ) -> Result<Response<Listing>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn get_listing(&self, _: Request<GetListingRequest>) -> Result<Response<Listing>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn list_listings(
        &self,
        _: Request<ListListingsRequest>,
    ) -> Result<Response<ListListingsResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }
}
