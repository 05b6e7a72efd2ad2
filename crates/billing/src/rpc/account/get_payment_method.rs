use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AccountName,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{GetPaymentMethodRequest, PaymentMethod};

use super::{as_shown_to, no_payment_method};
use crate::store;

/// R-B3
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetPaymentMethodRequest,
) -> Result<PaymentMethod, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<AccountName>("name", &request.name);
    let name = fields.finish_with(name)?;
    let pass = context.gate.require_with_facts(&caller, Permission::BillingPaymentMethodGet, name.0).await?;
    let method = store::payment::find(&mut context.pool.read().await?, name.0).await?;
    let method = method.ok_or_else(|| no_payment_method(name))?;
    Ok(as_shown_to(pass.facts(), method))
}
