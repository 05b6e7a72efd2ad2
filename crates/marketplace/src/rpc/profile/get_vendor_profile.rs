use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::VendorProfileName,
    status::{Fault, Fields},
};
use devspaces_proto::marketplace::v1::{GetVendorProfileRequest, VendorProfile};

use super::resource;
use crate::{convert, spaces, store};

/// R-K5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetVendorProfileRequest,
) -> Result<VendorProfile, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<VendorProfileName>("name", &request.name);
    let name = fields.finish_with(name)?;
    let (resource, space) = resource(context, name).await?;
    let permission = Permission::MarketplaceProfileGet;
    context.gate.require_read(&caller, permission, resource).await?;
    let found = store::profile::find(&mut context.pool.read().await?, name).await?;
    let profile = found.ok_or_else(|| Fault::permission_denied(permission.name(), name))?;
    Ok(convert::profile::to_wire(profile, spaces::describe(context, space).await?))
}
