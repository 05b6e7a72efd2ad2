use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    status::{Fault, Fields},
};
use devspaces_proto::marketplace::v1::{LookupVendorProfileRequest, VendorProfile};

use crate::{convert, spaces, store};

/// R-K3, R-K5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: LookupVendorProfileRequest,
) -> Result<VendorProfile, Fault> {
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("space", &request.space);
    let space = fields.finish_with(space)?;
    let permission = Permission::MarketplaceProfileGet;
    context.gate.require_read(&caller, permission, space).await?;
    let found = store::profile::of_space(&mut context.pool.read().await?, space).await?;
    let profile = found.ok_or_else(|| Fault::permission_denied(permission.name(), space))?;
    Ok(convert::profile::to_wire(profile, spaces::describe(context, space).await?))
}
