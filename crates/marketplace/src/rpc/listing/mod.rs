//! The `ListingService`: a file for each method.
mod approve_listing;
mod get_listing;
mod list_listings;
mod submit_listing;
mod withdraw_listing;

use devspaces_authz::Owner;
use devspaces_gate::{Context, Resource};
use devspaces_kit::{
    edge::answer,
    name::{ListingName, SpaceName},
    status::Fault,
};
use devspaces_ledger::{Abort, Tx};
use devspaces_proto::{
    facts::v1::{Effect, SetAppListing, effect},
    marketplace::v1::{
        ApproveListingRequest, GetListingRequest, ListListingsRequest, ListListingsResponse, Listing,
        SubmitListingRequest, WithdrawListingRequest, listing_service_server::ListingService,
    },
};
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{domain, store};

#[tonic::async_trait]
impl ListingService for Rpc {
    async fn submit_listing(
        &self,
        request: Request<SubmitListingRequest>,
    ) -> Result<Response<Listing>, Status> {
        answer(request, |caller, request| submit_listing::handle(&self.0, caller, request)).await
    }

    async fn approve_listing(
        &self,
        request: Request<ApproveListingRequest>,
    ) -> Result<Response<Listing>, Status> {
        answer(request, |caller, request| approve_listing::handle(&self.0, caller, request)).await
    }

    async fn withdraw_listing(
        &self,
        request: Request<WithdrawListingRequest>,
    ) -> Result<Response<Listing>, Status> {
        answer(request, |caller, request| withdraw_listing::handle(&self.0, caller, request)).await
    }

    async fn get_listing(&self, request: Request<GetListingRequest>) -> Result<Response<Listing>, Status> {
        answer(request, |caller, request| get_listing::handle(&self.0, caller, request)).await
    }

    async fn list_listings(
        &self,
        request: Request<ListListingsRequest>,
    ) -> Result<Response<ListListingsResponse>, Status> {
        answer(request, |caller, request| list_listings::handle(&self.0, caller, request)).await
    }
}

/// A listing as something that a permission is on, with its profile's space. One that does not exist is in nobody's space:
/// it is denied as one of somebody else's is, and by asking the same services (R-P3).
async fn resource(context: &Context, listing: ListingName) -> Result<(Resource, SpaceName), Fault> {
    let found = store::listing::find(&mut context.pool.read().await?, listing).await?;
    let space = found.map_or(SpaceName::NIL, |found| found.space);
    Ok((Resource::Listing { listing, space }, space))
}

/// Has the space service list the app, or release it.
async fn set_app_listing(tx: &mut Tx, listing: &domain::Listing, listed: bool) -> Result<(), Abort> {
    let set = SetAppListing {
        app: listing.app.to_string(),
        space: listing.space.to_string(),
        listing: listing.name.to_string(),
        listed,
    };
    let effect = Effect { effect: Some(effect::Effect::SetAppListing(set)) };
    Ok(tx.emit(listing.space.into(), Owner::Space.name(), vec![effect]).await?)
}
