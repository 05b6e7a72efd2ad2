use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::ListingName,
    status::{Fault, Fields},
};
use devspaces_proto::marketplace::v1::{GetListingRequest, Listing as WireListing};

use super::resource;
use crate::store;

/// R-K6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetListingRequest,
) -> Result<WireListing, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<ListingName>("name", &request.name);
    let name = fields.finish_with(name)?;
    let (resource, _) = resource(context, name).await?;
    let permission = Permission::MarketplaceListingsGet;
    context.gate.require_read(&caller, permission, resource).await?;
    let found = store::listing::find(&mut context.pool.read().await?, name).await?;
    Ok(found.ok_or_else(|| Fault::permission_denied(permission.name(), name))?.into())
}
