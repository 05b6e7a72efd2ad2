//! Noticing that a month's costs cross a threshold of a budget (R-B12).
use std::{collections::HashMap, time::Duration};

use devspaces_authz::{FactChange, Service, takes_away};
use devspaces_gate::Context;
use devspaces_kit::{
    clock::Timestamp,
    name::{AccountName, BudgetName, Scope, SpaceName},
    status::Fault,
    sweep::each,
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx, db::RowsSql};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{
    cap,
    domain::{Budget, Month, OfOver},
    statement::Estimate,
    store::{self, budget::Look},
};

/// What the journal names in place of a method.
const CROSS: &str = "devspaces.billing/cross";

/// A budget of a space in which nothing was written is looked at again after so long: what other spaces use up of an
/// allowance changes the costs of this one.
const AGAIN: Duration = Duration::from_mins(10);

/// Looks at the budgets of each space that has changed since they were last looked at, and tells the journal of thresholds that
/// were crossed: of each once a month. Several replicas may do it at once.
///
/// # Errors
/// Faults of the database. What is left is done by the next round.
pub(crate) async fn watch_budgets(context: &Context) -> Result<(), Fault> {
    let (mut after, mut result) = (SpaceName::NIL, Ok(()));
    loop {
        let mut db = context.pool.read().await?;
        let limit = i64::try_from(RowsSql::MAX_ROWS).unwrap_or(i64::MAX);
        let looks = store::budget::looks(&mut db, after, limit).await?;
        let Some((last, _)) = looks.last() else { return result };
        after = *last;
        let spaces: Vec<_> = looks.iter().map(|(space, _)| *space).collect();
        let heads = store::budget::heads(&mut db, &spaces).await?;
        drop(db);
        let now = context.clock.now();
        let due = looks.into_iter().filter(|(space, look)| {
            let head = heads.get(&Scope::from(*space).to_string()).copied().unwrap_or_default();
            look.as_ref().is_none_or(|look| is_due(look, head, now))
        });
        let watched = each(due.map(|(space, _)| space).collect(), |space| look_at(context, space));
        result = watched.await.and(result);
    }
}

async fn look_at(context: &Context, space: SpaceName) -> Result<(), Fault> {
    let look = || {
        let call = Call::of_service(Service::Billing.name(), CROSS);
        context.mutations.run(call, vec![space.into()], Watch(space))
    };
    while look().await? {}
    Ok(())
}

/// Whether something may have changed since a budget was looked at. A look that lies ahead was noted by a clock that was
/// wrong, and says nothing.
fn is_due(look: &Look, head: i64, now: Timestamp) -> bool {
    let is_of_now = look.month == Month::of(now).to_string() && (look.time..look.time + AGAIN).contains(&now);
    look.sequence != head || !is_of_now
}

struct Watch(SpaceName);

/// A budget of which thresholds were crossed that the journal has not told yet.
struct Crossing {
    budget: Budget,
    month: Month,
    percents: Vec<i32>,
    costs: Decimal,
}

impl Crossing {
    /// Nothing can be said of costs that can't be computed, which the next change may alter; and they keep no other back.
    fn of(
        budget: &Budget,
        month: Month,
        estimate: &Estimate,
        told: &HashMap<BudgetName, Vec<i32>>,
    ) -> Option<Self> {
        let costs = estimate.costs(budget.name.app)?;
        let told = told.get(&budget.name).map(Vec::as_slice).unwrap_or_default();
        let percents: Vec<_> =
            budget.reached(costs).into_iter().filter(|percent| !told.contains(percent)).collect();
        (!percents.is_empty()).then(|| Self { budget: budget.clone(), month, percents, costs })
    }

    fn to_json(&self) -> Value {
        let Self { budget, month, percents, costs } = self;
        json!({
            "budget": budget.name.to_string(),
            "month": month.to_string(),
            "percents": percents,
            "estimate": costs.to_string(),
            "amount": budget.amount.to_string(),
            "currency_code": budget.currency,
        })
    }
}

impl Mutation for Watch {
    /// Whether there may be more to tell: an entry is of one budget.
    type Reply = bool;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::Suspended])
    }

    async fn once(&self, tx: &mut Tx) -> Result<bool, Abort> {
        let (space, month) = (self.0, Month::of(tx.time()));
        let budgets = store::budget::of_space(tx, space).await?;
        let estimate = cap::estimate_for(tx, space, month, &budgets).await?;
        let crossing = match late_crossing(tx, space, month.previous(), &budgets).await? {
            Some(late) => Some(late),
            None => first_crossing(tx, space, month, &budgets, &estimate).await?,
        };
        // What was not seen when it was used: another space used up something of an allowance at the same time.
        let judged = cap::judge(&budgets, month, &estimate, OfOver::Leave);
        if crossing.is_some() || cap::is_news(&judged) {
            let mut after = json!({});
            cap::tell(&mut after, &judged);
            let mut resources = vec![AccountName(space).to_string()];
            if let Some(crossing) = &crossing {
                after["budget_crossing"] = crossing.to_json();
                resources.push(crossing.budget.name.to_string());
            }
            let change = Change { scope: space.into(), resources, before: Value::Null, after, facts: false };
            tx.record(change).await?;
        }
        cap::settle(tx, &judged).await?;
        if let Some(Crossing { budget, month, percents, .. }) = &crossing {
            for percent in percents {
                store::budget::put_crossed(tx, budget.name, *month, *percent).await?;
            }
        }
        let heads = store::budget::heads(tx, &[space]).await?;
        let sequence = heads.into_values().next().unwrap_or_default();
        let look = Look { time: tx.time(), month: month.to_string(), sequence };
        store::budget::put_look(tx, space, &look).await?;
        Ok(crossing.is_some())
    }
}

/// A budget of which thresholds were crossed in the month before, by what was used in its last hours or reported since. Until that
/// month's invoice is issued its costs may grow; budgets that were set afterwards are none of it.
async fn late_crossing(
    tx: &mut Tx,
    space: SpaceName,
    month: Month,
    budgets: &[Budget],
) -> Result<Option<Crossing>, Abort> {
    let of_then = |budget: &&Budget| budget.update_time < month.next().start();
    let budgets: Vec<Budget> = budgets.iter().filter(of_then).cloned().collect();
    let is_issued = store::invoice::last_issued_month(tx, space).await?.is_some_and(|last| last >= month);
    if budgets.is_empty() || is_issued {
        return Ok(None);
    }
    let estimate = cap::estimate_for(tx, space, month, &budgets).await?;
    first_crossing(tx, space, month, &budgets, &estimate).await
}

async fn first_crossing(
    tx: &mut Tx,
    space: SpaceName,
    month: Month,
    budgets: &[Budget],
    estimate: &Estimate,
) -> Result<Option<Crossing>, Abort> {
    let told = store::budget::all_crossed(tx, space, month).await?;
    Ok(budgets.iter().find_map(|budget| Crossing::of(budget, month, estimate, &told)))
}
