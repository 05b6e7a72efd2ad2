use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AccountName, AppName, BudgetName},
    status::Fault,
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::billing::v1::{Budget as WireBudget, SetBudgetRequest};
use serde_json::Value;

use crate::{
    cap::{self, Judged, estimate_for},
    convert,
    domain::{Budget, Month, OfOver},
    holdings::holder,
    store,
};

/// R-B12, R-E4
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: SetBudgetRequest,
) -> Result<WireBudget, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        let account = fields.parse::<AccountName>("parent", &it.parent);
        let app = match it.budget.as_ref().map(|budget| budget.app.as_str()) {
            None | Some("") => Some(None),
            Some(app) => fields.parse::<AppName>("budget.app", app).map(Some),
        };
        account.zip(app).map(|(account, app)| BudgetName { space: account.0, app })
    })?;
    context.mutations.answer(&call, set(context, &call, name, request)).await
}

async fn set(
    context: &Context,
    call: &Call,
    name: BudgetName,
    request: SetBudgetRequest,
) -> Result<WireBudget, Fault> {
    let permission = Permission::BillingBudgetsUpdate;
    let pass = context.gate.require_active(&call.caller, permission, name.space).await?;
    let budget = convert::budget::given(name, request.budget, context.clock.now())?;
    if let Some(app) = name.app {
        let held = holder(context, app).await?;
        // One in another space is told of as one that there is not (R-P3).
        held.filter(|held| held.space == name.space).ok_or_else(|| Fault::not_found(app))?;
    }
    let setting = Setting { budget, suspends: AtomicBool::new(false) };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(setting)).await
}

struct Setting {
    budget: Budget,
    /// Whether it was found to suspend something.
    suspends: AtomicBool,
}

impl GuardedChange for Setting {
    type Reply = WireBudget;

    fn takes_away(&self) -> bool {
        self.suspends.load(Relaxed) && takes_away(&[FactChange::Suspended])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireBudget, Abort> {
        let name = self.budget.name;
        confirmed.blockers()?.finish()?;
        let now = tx.time();
        let before = store::budget::find(tx, name).await?;
        let suspends_in = before.as_ref().and_then(|before| before.suspends_in);
        let budget = Budget { suspends_in, update_time: now, ..self.budget.clone() };
        let judged = judge(tx, &budget).await?;
        self.suspends.store(cap::is_news(&judged), Relaxed);
        let mut after = budget.to_json();
        cap::tell(&mut after, &judged);
        let change = Change {
            scope: name.space.into(),
            resources: vec![AccountName(name.space).to_string(), name.to_string()],
            before: before.as_ref().map_or(Value::Null, Budget::to_json),
            after,
            facts: false,
        };
        tx.record(change).await?;
        let budget = judged.first().map_or(budget, |judged| judged.cap.clone());
        store::budget::put(tx, &budget).await?;
        cap::emit(tx, &judged).await?;
        let month = Month::of(now);
        if !before.is_some_and(|before| before.has_amount_of(&budget)) {
            // The thresholds of another amount are others, to be crossed anew.
            store::budget::forget_crossed(tx, name, month).await?;
        }
        let crossed = store::budget::crossed(tx, name, month).await?;
        Ok(convert::budget::to_wire(budget, &crossed))
    }
}

/// What becomes of a budget as a cap. Somebody decides it, so that a month which is over is no matter.
pub(super) async fn judge(tx: &mut Tx, budget: &Budget) -> Result<Vec<Judged>, Abort> {
    if !budget.cap && budget.suspends_in.is_none() {
        return Ok(Vec::new());
    }
    let (month, budgets) = (Month::of(tx.time()), std::slice::from_ref(budget));
    let estimate = estimate_for(tx, budget.name.space, month, budgets).await?;
    Ok(cap::judge(budgets, month, &estimate, OfOver::Judge))
}
