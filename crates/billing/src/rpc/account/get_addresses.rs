use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AccountName,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{Addresses, GetAddressesRequest};

use crate::{convert, store};

/// R-B4
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetAddressesRequest,
) -> Result<Addresses, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<AccountName>("name", &request.name);
    let name = fields.finish_with(name)?;
    context.gate.require_read(&caller, Permission::BillingAddressesGet, name.0).await?;
    let addresses = store::address::find(&mut context.pool.read().await?, name.0).await?;
    Ok(convert::address::to_wire(name, addresses))
}
