use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::AccountName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::billing::v1::{Budget as WireBudget, SetBudgetRequest};
use serde_json::Value;

use crate::{
    convert,
    domain::{Budget, Month},
    store,
};

/// R-B12
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: SetBudgetRequest,
) -> Result<WireBudget, Fault> {
    let (account, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AccountName>("parent", &it.parent))?;
    context.mutations.answer(&call, set(context, &call, account, request)).await
}

async fn set(
    context: &Context,
    call: &Call,
    account: AccountName,
    request: SetBudgetRequest,
) -> Result<WireBudget, Fault> {
    let permission = Permission::BillingBudgetsUpdate;
    let pass = context.gate.require_active(&call.caller, permission, account.0).await?;
    let budget = convert::budget::given(request.budget, context.clock.now())?;
    context.mutations.run(call.clone(), vec![account.0.into()], pass.guard(Setting { account, budget })).await
}

struct Setting {
    account: AccountName,
    budget: Budget,
}

impl GuardedChange for Setting {
    type Reply = WireBudget;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireBudget, Abort> {
        let space = self.account.0;
        confirmed.blockers()?.finish()?;
        let now = tx.time();
        let budget = Budget { update_time: now, ..self.budget.clone() };
        let before = store::budget::find(tx, space).await?;
        let change = Change {
            scope: space.into(),
            resources: vec![self.account.to_string()],
            before: before.as_ref().map_or(Value::Null, Budget::to_json),
            after: budget.to_json(),
            facts: false,
        };
        tx.record(change).await?;
        store::budget::put(tx, space, &budget).await?;
        let month = Month::of(now);
        if !before.is_some_and(|before| before.has_amount_of(&budget)) {
            // The thresholds of another amount are others, to be crossed anew.
            store::budget::forget_crossed(tx, space, month).await?;
        }
        let crossed = store::budget::crossed(tx, space, month).await?;
        Ok(convert::budget::to_wire(budget, crossed))
    }
}
