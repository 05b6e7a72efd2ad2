//! What follows from usage beside its sums: what is not to run any more (R-E3, R-E4), and which thresholds of allowances it crosses
//! (R-B12). It is all found in the transaction that takes the usage, and told by its entries.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_authz::Service;
use devspaces_gate::ConsentRequiredFor;
use devspaces_kit::name::{AccountName, SpaceName};
use devspaces_ledger::{Change, Tx, db::Error};
use devspaces_proto::facts::v1::{Effect, NoteAllowanceCrossings, effect};
use serde_json::{Value, json};

use crate::{
    cap::{self, Judged, JudgedCaps, judge_all},
    consent::{Exhausted, names, suspend_exhausted},
    convert,
    domain::{
        Month, PricedBy,
        usage::{Added, Books, Event, Placed, Reached, Sums, TotalKey, exhausted, reached, vouched},
    },
    store,
};

/// What follows from a batch.
#[derive(Debug, Default)]
pub(crate) struct Consequences {
    /// The apps that are suspended from now on, since an allowance is used up beyond which nobody pays.
    exhausted: Exhausted,
    /// What becomes of caps.
    caps: JudgedCaps,
    /// The allowances of which thresholds are crossed, each with those that are.
    crossed: BTreeMap<SpaceName, Vec<Reached>>,
}

impl Consequences {
    /// What follows from what was just added to these sums, as they were before.
    pub(crate) async fn of(
        tx: &mut Tx,
        added: &[Added<'_>],
        before: &[(TotalKey, Sums)],
        books: &Books,
        consent_required_for: ConsentRequiredFor,
    ) -> Result<Self, Error> {
        let current = Month::of(tx.time());
        // What is stamped ahead is of the next month, and is not looked at again when that begins.
        let months = [current, current.next()];
        let exhausted = if consent_required_for.includes_overage() {
            all_exhausted(tx, added, before, books, &months).await?
        } else {
            Exhausted::new()
        };
        // The last hours of a month are told in the next.
        let told = [current.previous(), current, current.next()];
        let crossed = crossed(tx, reached(added, before, &books.cards, &told)).await?;
        let keys = added.iter().map(|it| &it.total).chain(before.iter().map(|(key, _)| key));
        let caps = match added {
            [] => JudgedCaps::default(),
            _ => judge_all(tx, keys).await?,
        };
        Ok(Self { exhausted, caps, crossed })
    }

    /// Whether anything is suspended, or was by a report that may rest still.
    pub(crate) fn suspend(&self) -> bool {
        let is_news = |judged: &Vec<Judged>| cap::is_news(judged);
        !self.exhausted.is_empty() || self.caps.was_reached || self.caps.of.values().any(is_news)
    }

    /// One entry for each space in which something counts from now on (R-J1), or follows from it: how many events, what vouches for
    /// them, and what follows.
    pub(crate) async fn record(&self, tx: &mut Tx, accepted: &[(&Event, &Placed)]) -> Result<(), Error> {
        let mut spaces: BTreeMap<SpaceName, Vec<&Event>> = BTreeMap::new();
        for (event, placed) in accepted {
            spaces.entry(placed.total.space).or_default().push(event);
        }
        for (space, judged) in &self.caps.of {
            if cap::is_news(judged) {
                spaces.entry(*space).or_default();
            }
        }
        let changes: Vec<_> = spaces.iter().map(|(space, events)| self.entry(*space, events)).collect();
        tx.record_all(&changes).await
    }

    fn entry(&self, space: SpaceName, events: &[&Event]) -> Change {
        let mut after = json!({});
        if !events.is_empty() {
            after = vouched(events);
        }
        if let Some(apps) = self.exhausted.get(&space) {
            after["apps_wanting_consent"] = names(apps);
        }
        if let Some(judged) = self.caps.of.get(&space) {
            cap::tell(&mut after, judged);
        }
        let mut resources = vec![AccountName(space).to_string()];
        if let Some(crossed) = self.crossed.get(&space) {
            after["allowance_crossings"] = crossed.iter().map(crossing_json).collect();
            let apps: BTreeSet<_> = crossed.iter().map(|it| it.allowance.app).collect();
            resources.extend(apps.into_iter().map(|app| app.to_string()));
        }
        Change { scope: space.into(), resources, before: Value::Null, after, facts: false }
    }

    /// Keeps what became of caps, and tells the space service of all that is suspended and of thresholds that were crossed, after the
    /// entries: of what is to stop first.
    pub(crate) async fn settle(&self, tx: &mut Tx) -> Result<(), Error> {
        suspend_exhausted(tx, &self.exhausted).await?;
        for judged in self.caps.of.values() {
            cap::settle(tx, judged).await?;
        }
        for (space, crossed) in &self.crossed {
            tell_of_crossings(tx, *space, crossed).await?;
        }
        Ok(())
    }
}

/// R-E3: the apps that are suspended from now on, since an allowance is now used up beyond which nobody pays.
async fn all_exhausted(
    tx: &mut Tx,
    added: &[Added<'_>],
    before: &[(TotalKey, Sums)],
    books: &Books,
    months: &[Month],
) -> Result<Exhausted, Error> {
    let mut all = Exhausted::new();
    for month in months {
        let found = exhausted(added, before, books, *month);
        if !found.is_empty() {
            for (space, apps) in store::consent_suspension::add(tx, &found, *month).await? {
                all.entry(space).or_default().extend(apps);
            }
        }
    }
    Ok(all)
}

/// R-B12: of allowances of which thresholds are reached, those that have not been told, each of them once.
async fn crossed(tx: &mut Tx, reached: Vec<Reached>) -> Result<BTreeMap<SpaceName, Vec<Reached>>, Error> {
    let rows: Vec<_> =
        reached.iter().flat_map(|it| it.percents.iter().map(|percent| (&it.allowance, *percent))).collect();
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let news = store::allowance_crossing::add(tx, &rows).await?;
    let mut crossed = BTreeMap::<_, Vec<_>>::new();
    for mut it in reached {
        if let Some(percents) = news.get(&it.allowance) {
            it.percents = percents.iter().copied().collect();
            crossed.entry(it.space).or_default().push(it);
        }
    }
    Ok(crossed)
}

/// How many apps the space service is told of in one transaction, which holds them and their spaces meanwhile.
const PART: usize = 100;

/// Tells the space service of thresholds of allowances that were crossed (R-B12), so that those hear of it who work with the apps, also
/// where nobody is billing admin. After the entry of the space that says so.
async fn tell_of_crossings(tx: &mut Tx, space: SpaceName, crossed: &[Reached]) -> Result<(), Error> {
    for part in crossed.chunks(PART) {
        let noted =
            NoteAllowanceCrossings { crossings: part.iter().map(convert::allowance::crossing).collect() };
        let effect = Effect { effect: Some(effect::Effect::NoteAllowanceCrossings(noted)) };
        tx.emit(space.into(), Service::Space.name(), vec![effect]).await?;
    }
    Ok(())
}

fn crossing_json(it: &Reached) -> Value {
    let mut json = json!({
        "app": it.allowance.app.to_string(),
        "meter": it.allowance.tariff.meter.to_string(),
        "month": it.allowance.usage_month.to_string(),
        "percents": it.percents,
        "used": it.used.to_string(),
        "allowance": it.free.to_string(),
    });
    if let PricedBy::Value(of) = &it.allowance.tariff.by {
        json["dimension"] = of.dimension.as_str().into();
        json["dimension_value"] = of.value.as_str().into();
    }
    json
}
