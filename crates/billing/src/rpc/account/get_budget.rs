use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{Budget, GetBudgetRequest};

use crate::{convert, domain::Month, store};

/// R-B12
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetBudgetRequest,
) -> Result<Budget, Fault> {
    let mut fields = Fields::new();
    let name = fields.check("name", convert::budget::named(&request.name).map_err(|it| it.to_string()));
    let name = fields.finish_with(name)?;
    context.gate.require_read(&caller, Permission::BillingEstimatesGet, name.space).await?;
    let mut db = context.pool.read().await?;
    let budget = store::budget::find(&mut db, name).await?.ok_or_else(|| Fault::not_found(name))?;
    let crossed = store::budget::crossed(&mut db, name, Month::of(context.clock.now())).await?;
    Ok(convert::budget::to_wire(budget, &crossed))
}
