use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AccountName, BudgetName},
    status::Fault,
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::billing::v1::{RemoveBudgetRequest, RemoveBudgetResponse};
use serde_json::{Value, json};

use super::set_budget::judge;
use crate::{
    cap, convert,
    domain::{Budget, Month},
    store,
};

/// R-B12, R-E4
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RemoveBudgetRequest,
) -> Result<RemoveBudgetResponse, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        fields.check("name", convert::budget::named(&it.name).map_err(|it| it.to_string()))
    })?;
    context.mutations.answer(&call, remove(context, &call, name)).await
}

async fn remove(context: &Context, call: &Call, name: BudgetName) -> Result<RemoveBudgetResponse, Fault> {
    let permission = Permission::BillingBudgetsUpdate;
    let pass = context.gate.require_active(&call.caller, permission, name.space).await?;
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(Removal(name))).await
}

struct Removal(BudgetName);

impl GuardedChange for Removal {
    type Reply = RemoveBudgetResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<RemoveBudgetResponse, Abort> {
        let name = self.0;
        confirmed.blockers()?.finish()?;
        let before = store::budget::find(tx, name).await?.ok_or_else(|| Fault::not_found(name))?;
        // As a budget that is no cap suspends nothing, so does one that there is not.
        let judged = judge(tx, &Budget { cap: false, ..before.clone() }).await?;
        let mut after = if judged.is_empty() { Value::Null } else { json!({}) };
        cap::tell(&mut after, &judged);
        let change = Change {
            scope: name.space.into(),
            resources: vec![AccountName(name.space).to_string(), name.to_string()],
            before: before.to_json(),
            after,
            facts: false,
        };
        tx.record(change).await?;
        let month = Month::of(tx.time());
        store::budget::remove(tx, name).await?;
        store::budget::forget_crossed(tx, name, month).await?;
        cap::emit(tx, &judged).await?;
        Ok(RemoveBudgetResponse {})
    }
}
