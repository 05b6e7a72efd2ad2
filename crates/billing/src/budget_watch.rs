//! Noticing that a month's costs cross a threshold of the budget (R-B12).
use std::time::Duration;

use devspaces_authz::{Service, takes_away};
use devspaces_gate::Context;
use devspaces_kit::{
    clock::Timestamp,
    name::{AccountName, Scope, SpaceName},
    status::Fault,
    sweep::each,
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx, db::RowsSql};
use serde_json::{Value, json};

use crate::{
    domain::Month,
    statement::{Unstated, statement},
    store::{self, budget::Look},
};

/// What the journal names in place of a method.
const CROSS: &str = "devspaces.billing/cross";

/// A budget of a space in which nothing was written is looked at again after so long: what other spaces use up of an
/// allowance changes the costs of this one.
const AGAIN: Duration = Duration::from_mins(10);

/// Looks at each budget whose space has changed since it was last looked at, and tells the journal of thresholds that
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
        let watched = each(due.map(|(space, _)| space).collect(), |space| {
            let call = Call::of_service(Service::Billing.name(), CROSS);
            context.mutations.run(call, vec![space.into()], Watch(space))
        });
        result = watched.await.and(result);
    }
}

/// Whether something may have changed since a budget was looked at. A look that lies ahead was noted by a clock that was
/// wrong, and says nothing.
fn is_due(look: &Look, head: i64, now: Timestamp) -> bool {
    let is_of_now = look.month == Month::of(now).to_string() && (look.time..look.time + AGAIN).contains(&now);
    look.sequence != head || !is_of_now
}

struct Watch(SpaceName);

impl Mutation for Watch {
    type Reply = ();

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let (space, month) = (self.0, Month::of(tx.time()));
        let Some(budget) = store::budget::find(tx, space).await? else { return Ok(()) };
        let estimate = match statement(tx, space, month).await {
            Ok(statement) => Some(statement.total),
            // Nothing can be said of it, which the next change may alter; and it keeps no other back.
            Err(Unstated::TooLarge(..)) => None,
            Err(unstated) => return Err(unstated.into()),
        };
        let told = store::budget::crossed(tx, space, month).await?;
        let mut crossed = estimate.map(|estimate| budget.reached(estimate)).unwrap_or_default();
        crossed.retain(|percent| !told.contains(percent));
        if !crossed.is_empty() {
            let change = Change {
                scope: space.into(),
                resources: vec![AccountName(space).to_string()],
                before: Value::Null,
                after: json!({"budget_crossing": {
                    "month": month.to_string(),
                    "percents": crossed,
                    "estimate": estimate.map(|estimate| estimate.to_string()),
                    "amount": budget.amount.to_string(),
                    "currency_code": budget.currency,
                }}),
                facts: false,
            };
            tx.record(change).await?;
            for percent in crossed {
                store::budget::put_crossed(tx, space, month, percent).await?;
            }
        }
        let heads = store::budget::heads(tx, &[space]).await?;
        let sequence = heads.into_values().next().unwrap_or_default();
        let look = Look { time: tx.time(), month: month.to_string(), sequence };
        Ok(store::budget::put_look(tx, space, &look).await?)
    }
}
