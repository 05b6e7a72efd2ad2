use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{AccountName, AppName, Scope, SpaceName},
    status::Fault,
};
use devspaces_ledger::{Abort, Call, Change, Tx, db::Error};
use devspaces_proto::billing::v1::{
    VoidUsageRequest, VoidUsageResponse, VoidUsageResult, void_usage_result::Outcome,
};
use serde_json::{Value, json};

use super::{sequences, too_large};
use crate::{
    cap::{self, Judged, judge_all},
    consent::{lift, names},
    convert,
    domain::{
        Month, Tariff,
        usage::{Event, Standing, Sums, Taken, TotalKey, changed, used_up, vouched},
    },
    store,
};

/// R-B15
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: VoidUsageRequest,
) -> Result<VoidUsageResponse, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    context.mutations.answer(&call, void(context, &call, request)).await
}

async fn void(context: &Context, call: &Call, request: VoidUsageRequest) -> Result<VoidUsageResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::UsageReport, Resource::Platform).await?;
    let reason = convert::usage::voiding(&request)?;
    let voiding = Voiding { ids: request.event_ids, reason };
    let scopes = voiding.scopes(context).await?;
    context.mutations.run(call.clone(), scopes, pass.guard(voiding)).await
}

struct Voiding {
    ids: Vec<String>,
    reason: String,
}

/// The events that count no longer, each with the sum that it is taken from.
type Voided<'a> = Vec<(&'a Taken, TotalKey, Tariff)>;

impl Voiding {
    /// The spaces of the events, and those that have used something of the same allowances, which may not be used up any more.
    async fn scopes(&self, context: &Context) -> Result<Vec<Scope>, Fault> {
        let mut db = context.pool.read().await?;
        let events = store::usage::events(&mut db, &self.distinct()).await?;
        let used = used(events.values());
        let mut spaces = store::total::holders(&mut db, &used).await?;
        spaces.extend(events.values().map(|taken| taken.space));
        // Where nothing of it counts any more the app can still be suspended.
        let suspended = store::consent_suspension::holders(&mut db, &used).await?;
        spaces.extend(suspended.into_iter().map(|(space, ..)| space));
        Ok(spaces.into_iter().map(Scope::from).collect())
    }

    fn distinct(&self) -> Vec<&str> {
        self.ids.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Which allowances events may have used something of.
fn used<'a>(events: impl Iterator<Item = &'a Taken>) -> Vec<(AppName, Month)> {
    let used = events.flat_map(|taken| taken.months().map(|month| (taken.event.app, month)));
    used.collect::<BTreeSet<_>>().into_iter().collect()
}

impl GuardedChange for Voiding {
    type Reply = VoidUsageResponse;

    fn takes_away(&self) -> bool {
        // What was not seen when it was used may be seen now.
        takes_away(&[FactChange::SuspensionLifted, FactChange::Suspended])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<VoidUsageResponse, Abort> {
        // What another report took meanwhile, in a space that is not held here, is voided by the next call.
        let held: HashSet<Scope> = tx.scopes().into_iter().collect();
        let mut events = store::usage::events(tx, &self.distinct()).await?;
        events.retain(|_, taken| held.contains(&taken.space.into()));
        let sums = store::total::of_apps(tx, &used(events.values())).await?;
        let counting: Vec<&Taken> = events.values().filter(|taken| !taken.is_voided).collect();
        let standing = standing(tx, &counting, &sums).await?;
        let mut voided = Voided::with_capacity(counting.len());
        for taken in counting {
            let (key, tariff) = taken.total(&sums, &standing).ok_or_else(uncounted)?;
            voided.push((taken, key, tariff));
        }
        let less = voided.iter().map(|(taken, key, tariff)| (*key, tariff, taken.less()));
        let after = changed(less, &sums).ok_or_else(too_large)?;
        store::total::put(tx, &after).await?;
        let keys = sums.iter().chain(&after).map(|(key, _)| key);
        let caps = if voided.is_empty() { BTreeMap::new() } else { judge_all(tx, keys).await?.of };
        let lifted = lifted(tx, &voided, sums, &after, &standing).await?;
        let spaces: BTreeSet<SpaceName> = voided.iter().map(|(taken, ..)| taken.space).collect();
        let sequences = sequences(tx, spaces)?;
        self.record(tx, &voided, &lifted, &caps).await?;
        let taken: Vec<&Taken> = voided.iter().map(|(taken, ..)| *taken).collect();
        store::usage::void(tx, &taken, &sequences).await?;
        for (space, apps) in &lifted {
            lift(tx, *space, &apps.iter().copied().collect::<Vec<_>>()).await?;
        }
        for judged in caps.values() {
            cap::settle(tx, judged).await?;
        }
        Ok(VoidUsageResponse { results: self.results(&events) })
    }
}

/// What has counted is in a sum.
fn uncounted() -> Fault {
    Fault::internal("an event that counted is in no sum")
}

/// What stands in the books of these events' spaces.
async fn standing(tx: &mut Tx, events: &[&Taken], sums: &[(TotalKey, Sums)]) -> Result<Standing, Error> {
    let spaces: BTreeSet<SpaceName> = events.iter().map(|taken| taken.space).collect();
    let spaces: Vec<_> = spaces.into_iter().collect();
    let accounts = store::usage::accounts(tx, &spaces).await?;
    let issued = store::usage::last_issued(tx, &spaces).await?;
    let mut cards = BTreeMap::new();
    for month in sums.iter().map(|(key, _)| key.usage_month).collect::<BTreeSet<_>>() {
        cards.insert(month, store::rate_card::for_month(tx, month).await?);
    }
    Ok(Standing { accounts, issued, cards })
}

/// R-E3: the apps that are suspended for want of consent no longer, since without these events they have used up no allowance.
async fn lifted(
    tx: &mut Tx,
    voided: &Voided<'_>,
    before: Vec<(TotalKey, Sums)>,
    after: &[(TotalKey, Sums)],
    standing: &Standing,
) -> Result<BTreeMap<SpaceName, BTreeSet<AppName>>, Error> {
    let mut sums: BTreeMap<TotalKey, Sums> = before.into_iter().collect();
    sums.extend(after.iter().cloned());
    let sums: Vec<_> = sums.into_iter().collect();
    let months: BTreeSet<Month> = voided.iter().map(|(_, key, _)| key.usage_month).collect();
    let mut lifted = Vec::new();
    for month in months {
        let Some(card) = standing.cards.get(&month) else { continue };
        let used_up = used_up(&sums, card, month);
        let apps: BTreeSet<AppName> = voided.iter().map(|(_, key, _)| key.app).collect();
        lifted.extend(apps.difference(&used_up).map(|app| (*app, month)));
    }
    let held: HashSet<Scope> = tx.scopes().into_iter().collect();
    let lifted = store::consent_suspension::holders(tx, &lifted).await?;
    let lifted: Vec<_> = lifted.into_iter().filter(|(space, ..)| held.contains(&(*space).into())).collect();
    store::consent_suspension::release(tx, &lifted).await
}

impl Voiding {
    /// One entry for each space in which something counts no longer, or something runs again (R-J1).
    async fn record(
        &self,
        tx: &mut Tx,
        voided: &Voided<'_>,
        lifted: &BTreeMap<SpaceName, BTreeSet<AppName>>,
        caps: &BTreeMap<SpaceName, Vec<Judged>>,
    ) -> Result<(), Error> {
        let uncapped = caps.iter().filter(|(_, judged)| cap::is_news(judged)).map(|(space, _)| space);
        let mut spaces: BTreeMap<SpaceName, Vec<&Event>> =
            lifted.keys().chain(uncapped).map(|space| (*space, Vec::new())).collect();
        for (taken, ..) in voided {
            spaces.entry(taken.space).or_default().push(&taken.event);
        }
        let change = |(space, events): (SpaceName, Vec<&Event>)| {
            let mut after = json!({});
            // Where something only runs again, why others voided what is none of their business.
            if !events.is_empty() {
                after = json!({ "voided": vouched(&events), "reason": self.reason });
            }
            if let Some(apps) = lifted.get(&space) {
                after["apps_no_longer_wanting_consent"] = names(apps);
            }
            if let Some(judged) = caps.get(&space) {
                cap::tell(&mut after, judged);
            }
            let resources = vec![AccountName(space).to_string()];
            Change { scope: space.into(), resources, before: Value::Null, after, facts: false }
        };
        let changes: Vec<_> = spaces.into_iter().map(change).collect();
        tx.record_all(&changes).await
    }

    /// What became of each id, as if they had come one after another.
    fn results(&self, events: &HashMap<String, Taken>) -> Vec<VoidUsageResult> {
        let mut seen = HashSet::new();
        let outcome = |id: &String| match events.get(id) {
            None => Outcome::Unknown,
            Some(taken) if taken.is_voided || !seen.insert(id.clone()) => Outcome::AlreadyVoided,
            Some(_) => Outcome::Voided,
        };
        let outcomes: Vec<_> = self.ids.iter().map(outcome).collect();
        let results = self.ids.iter().zip(outcomes);
        results.map(|(id, outcome)| VoidUsageResult { id: id.clone(), outcome: outcome.into() }).collect()
    }
}
