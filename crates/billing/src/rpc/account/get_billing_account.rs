use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AccountName,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{BillingAccount, GetBillingAccountRequest};

use super::{as_shown_to, sees_addresses};
use crate::{convert, store};

/// R-B1, R-B3, R-B4: each field is there for whom its own permission shows it.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetBillingAccountRequest,
) -> Result<BillingAccount, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<AccountName>("name", &request.name);
    let name = fields.finish_with(name)?;
    let pass = context.gate.require_with_facts(&caller, Permission::BillingAccountGet, name.0).await?;
    let mut db = context.pool.read().await?;
    let account = store::account::find(&mut db, name.0).await?.ok_or_else(|| Fault::not_found(name))?;
    let past_due = store::account::is_past_due(&mut db, name.0).await?;
    let method = store::payment::find(&mut db, name.0).await?;
    let method = method.map(|method| as_shown_to(pass.facts(), method));
    let addresses = if sees_addresses(pass.facts()) {
        let addresses = store::address::find(&mut db, name.0).await?;
        (!addresses.is_empty()).then(|| convert::address::to_wire(name, addresses))
    } else {
        None
    };
    Ok(convert::account::to_wire(account, past_due, method, addresses))
}
