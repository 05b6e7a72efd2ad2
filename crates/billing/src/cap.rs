//! What does not run because a budget that is a cap is reached (R-E4).
use std::collections::{BTreeMap, BTreeSet};

use devspaces_authz::{FactChange, Service, takes_away};
use devspaces_gate::Context;
use devspaces_kit::{
    name::{AccountName, BudgetName, Scope, SpaceName},
    status::Fault,
    sweep::each,
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx, db::Error};
use serde_json::{Value, json};

use crate::{
    domain::{Budget, Month, OfOver, Verdict, usage::TotalKey},
    enforcement::set_cap,
    statement::{Estimate, estimate, estimate_of_apps},
    store,
};

/// A cap of which something becomes, as it is afterwards.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) cap: Budget,
    pub(crate) verdict: Verdict,
}

/// What becomes of these budgets of one space by what the month comes to so far.
pub(crate) fn judge(budgets: &[Budget], month: Month, estimate: &Estimate, of_over: OfOver) -> Vec<Judged> {
    let judged = budgets.iter().filter_map(|budget| {
        let verdict = budget.verdict(month, estimate.costs(budget.name.app), of_over)?;
        let suspends_in = (verdict != Verdict::Lifts).then_some(month);
        Some(Judged { cap: Budget { suspends_in, ..budget.clone() }, verdict })
    });
    judged.collect()
}

/// Whether there is anything to tell.
pub(crate) fn is_news(judged: &[Judged]) -> bool {
    judged.iter().any(|it| it.verdict != Verdict::GoesOn)
}

/// Has the entry of a space say which of its caps suspend from now on, and which no longer.
pub(crate) fn tell(after: &mut Value, judged: &[Judged]) {
    for (field, verdict) in [("caps_reached", Verdict::Suspends), ("caps_lifted", Verdict::Lifts)] {
        let names = judged.iter().filter(|it| it.verdict == verdict).map(|it| it.cap.name.to_string());
        let names: Vec<_> = names.collect();
        if !names.is_empty() {
            after[field] = json!(names);
        }
    }
}

/// Tells the space service of it, after the entry.
pub(crate) async fn emit(tx: &mut Tx, judged: &[Judged]) -> Result<(), Error> {
    for Judged { cap, verdict } in judged {
        if *verdict != Verdict::GoesOn {
            set_cap(tx, cap.name, *verdict == Verdict::Suspends).await?;
        }
    }
    Ok(())
}

/// Keeps what became of these caps, and tells the space service of it, after the entry.
pub(crate) async fn settle(tx: &mut Tx, judged: &[Judged]) -> Result<(), Error> {
    for it in judged {
        store::budget::put(tx, &it.cap).await?;
    }
    emit(tx, judged).await
}

/// What became of caps, by space.
#[derive(Debug, Default)]
pub(crate) struct JudgedCaps {
    pub(crate) of: BTreeMap<SpaceName, Vec<Judged>>,
    /// Whether one of them had been reached before: perhaps just now, by a report that still rests.
    pub(crate) was_reached: bool,
}

/// What becomes of the caps that usage can concern which was just added to these sums or taken from them, by space: those of the spaces
/// and apps in which it counts, and of others that share an allowance with them, whose costs it changes. Of a space that is not held, since it has used
/// something of the allowance only now, that is found when its budgets are looked at next.
pub(crate) async fn judge_all(
    tx: &mut Tx,
    keys: impl Iterator<Item = &TotalKey>,
) -> Result<JudgedCaps, Error> {
    let month = Month::of(tx.time());
    let keys = keys.filter(|key| key.billable && key.billed_month == month);
    let names: BTreeSet<BudgetName> =
        keys.flat_map(|key| [None, Some(key.app)].map(|app| BudgetName { space: key.space, app })).collect();
    if names.is_empty() {
        return Ok(JudgedCaps::default());
    }
    let held = tx.scopes();
    let mut caps = BTreeMap::<SpaceName, Vec<Budget>>::new();
    for cap in store::budget::caps(tx, &names.into_iter().collect::<Vec<_>>()).await? {
        if held.contains(&Scope::from(cap.name.space)) {
            caps.entry(cap.name.space).or_default().push(cap);
        }
    }
    let mut all = JudgedCaps::default();
    for (space, caps) in caps {
        all.was_reached |= caps.iter().any(|cap| cap.suspends_in.is_some());
        let estimate = estimate_for(tx, space, month, &caps).await?;
        let judged = judge(&caps, month, &estimate, OfOver::Leave);
        if !judged.is_empty() {
            all.of.insert(space, judged);
        }
    }
    Ok(all)
}

/// What these budgets of a space are compared with.
pub(crate) async fn estimate_for(
    tx: &mut Tx,
    space: SpaceName,
    month: Month,
    budgets: &[Budget],
) -> Result<Estimate, Error> {
    let apps: Option<BTreeSet<_>> = budgets.iter().map(|budget| budget.name.app).collect();
    match apps {
        Some(apps) => estimate_of_apps(tx, space, month, &apps).await,
        None => estimate(tx, space, month).await,
    }
}

/// What the journal names in place of a method.
const LIFT: &str = "devspaces.billing/lift";
/// Spaces that are read at a time.
const PAGE: i64 = 100;

/// Lets run what was suspended by a cap in a month that is over.
///
/// # Errors
/// Faults of the database, `EFFECT_PENDING`. What is left is done by the next round. `CLOCK_STEPPED` while the clock is doubted: a
/// month may seem to be over.
pub(crate) async fn lift_what_is_over(context: &Context) -> Result<(), Fault> {
    let month = Month::of(context.steady.now()?);
    let (mut after, mut result) = (SpaceName::NIL, Ok(()));
    loop {
        let over = store::budget::over(&mut context.pool.read().await?, month, after, PAGE).await?;
        let Some(last) = over.last() else { return result };
        after = *last;
        let lifted = each(over, |space| {
            let call = Call::of_service(Service::Billing.name(), LIFT);
            context.mutations.run(call, vec![space.into()], Lifting(space))
        });
        // One that fails keeps no other back.
        result = lifted.await.and(result);
    }
}

struct Lifting(SpaceName);

impl Mutation for Lifting {
    type Reply = ();
    const FALLS_DUE: bool = true;

    // It may be found reached by what was stamped into this month before it began.
    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::Suspended])
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let (space, month) = (self.0, Month::of(tx.time()));
        let mut budgets = store::budget::of_space(tx, space).await?;
        budgets.retain(|budget| budget.suspends_in.is_some());
        let estimate = estimate_for(tx, space, month, &budgets).await?;
        let judged = judge(&budgets, month, &estimate, OfOver::Judge);
        if is_news(&judged) {
            let mut after = json!({});
            tell(&mut after, &judged);
            let resources = vec![AccountName(space).to_string()];
            let change = Change { scope: space.into(), resources, before: Value::Null, after, facts: false };
            tx.record(change).await?;
        }
        Ok(settle(tx, &judged).await?)
    }
}
