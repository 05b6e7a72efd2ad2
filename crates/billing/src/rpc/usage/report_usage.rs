use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, ConsentRequiredFor, Context, GuardedChange, Resource};
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{AppName, MeterName, ReservationName, Scope, SpaceName},
    status::Fault,
};
use devspaces_ledger::{Abort, Call, Tx, db::Error};
use devspaces_proto::billing::v1::{ReportUsageRequest, ReportUsageResponse, UsageEvent, UsageResult};
use rust_decimal::Decimal;

use super::{sequences, too_large};
use crate::{
    consequences::Consequences,
    convert::{self, usage::MAX_EVENTS},
    domain::{
        Meter, Month, RateCard,
        pricing::Allowance,
        usage::{
            Added, Batch, Books, Event, Holdings, LEEWAY, Limits, Outcome, Placed, Placement, Rejection,
            Reported, Sums, TotalKey, added, changed,
        },
    },
    holdings::holdings,
    reserved::cover,
    store,
};

/// R-B5, R-B8
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ReportUsageRequest,
) -> Result<ReportUsageResponse, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    context.mutations.answer(&call, report(context, &call, request.events)).await
}

async fn report(context: &Context, call: &Call, sent: Vec<UsageEvent>) -> Result<ReportUsageResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::UsageReport, Resource::Platform).await?;
    if !(1..=MAX_EVENTS).contains(&sent.len()) {
        return Err(Fault::bad_field("events", format!("must have 1 to {MAX_EVENTS} entries")));
    }
    let ids = sent.iter().map(|event| event.id.clone()).collect();
    let named: Vec<_> = sent.iter().map(|event| convert::usage::reservation(event).ok().flatten()).collect();
    let events: Vec<_> = sent.into_iter().map(convert::usage::event).collect();
    let now = context.clock.now();
    let meters = meters(context, events.iter().flatten()).await?;
    let holdings = holdings_of(context, events.iter().flatten()).await?;
    let reported: Vec<_> = events.into_iter().map(|event| reported(event, &meters, &holdings, now)).collect();
    let reservations = reservations(&reported, &named);
    let consent_required_for = context.invoicing.consent_required_for;
    let suspends = AtomicBool::new(false);
    let report = Report { ids, reported, reservations, consent_required_for, suspends };
    let scopes = report.scopes(context).await?;
    context.mutations.run(call.clone(), scopes, pass.guard(report)).await
}

/// The reservations that events name, by their ids.
fn reservations(
    reported: &[Reported],
    named: &[Option<ReservationName>],
) -> BTreeMap<String, Option<ReservationName>> {
    let mut reservations = BTreeMap::new();
    if named.iter().all(Option::is_none) {
        return reservations;
    }
    for (reported, named) in reported.iter().zip(named) {
        // The first of an id that counts anywhere is the one that is taken.
        if let Reported::Event(event, Ok(_)) = reported
            && let Entry::Vacant(first) = reservations.entry(event.id.clone())
        {
            first.insert(*named);
        }
    }
    reservations
}

/// The meters of these events. Whether one is retired is judged by the time of the usage, so it makes no difference how long
/// before the change they are read.
async fn meters(
    context: &Context,
    events: impl Iterator<Item = &Event>,
) -> Result<BTreeMap<MeterName, Meter>, Fault> {
    let names: BTreeSet<MeterName> = events.map(|event| event.meter.clone()).collect();
    Ok(store::meter::of_names(&mut context.pool.read().await?, &names).await?)
}

/// Which spaces held the apps of these events.
async fn holdings_of(context: &Context, events: impl Iterator<Item = &Event>) -> Result<Holdings, Fault> {
    holdings(context, events.map(|event| (event.app, event.time)).collect()).await
}

fn reported(
    event: Result<Event, String>,
    meters: &BTreeMap<MeterName, Meter>,
    holdings: &Holdings,
    now: Timestamp,
) -> Reported {
    match event {
        Err(sentence) => Reported::Malformed(sentence),
        Ok(event) => {
            let placement = placement(&event, meters, holdings, now);
            Reported::Event(event, placement)
        }
    }
}

/// Where an event counts, or why it doesn't.
fn placement(
    event: &Event,
    meters: &BTreeMap<MeterName, Meter>,
    holdings: &Holdings,
    now: Timestamp,
) -> Result<Placement, Rejection> {
    if event.time > now + LEEWAY {
        return Err(Rejection::TimeInFuture);
    }
    let meter = meters.get(&event.meter).ok_or(Rejection::MeterUnknown)?;
    if meter.is_retired(event.time) {
        return Err(Rejection::MeterRetired);
    }
    meter.admit(&event.dimensions).map_err(Rejection::Dimension)?;
    let held = holdings.of(event.app, event.time, now);
    held.map(|held| Placement::of(event, held, now)).ok_or(Rejection::AppUnknown)
}

struct Report {
    /// As they were sent, one for each event.
    ids: Vec<String>,
    reported: Vec<Reported>,
    /// The reservations that they name, by their ids.
    reservations: BTreeMap<String, Option<ReservationName>>,
    consent_required_for: ConsentRequiredFor,
    /// Whether it was found to suspend something, or may repeat a report that does.
    suspends: AtomicBool,
}

impl GuardedChange for Report {
    type Reply = ReportUsageResponse;
    // What was used is noted also behind a suspension of another app that can't be delivered. What follows waits in its order.
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        self.suspends.load(Relaxed) && takes_away(&[FactChange::Suspended])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<ReportUsageResponse, Abort> {
        let books = self.books(tx).await?;
        let mut batch = Batch::new(&self.reported, &books);
        let sums = bound(tx, &mut batch, &books.cards).await?;
        let candidates = batch.candidates();
        let sequences = sequences(tx, self.spaces())?;
        let inserted = store::usage::insert(tx, &candidates, &sequences).await?;
        let stored = store::usage::events(tx, &batch.others(&inserted)).await?;
        let accepted: Vec<_> =
            candidates.into_iter().filter(|(event, _)| inserted.contains(&event.id)).collect();
        let covered = cover(tx, &accepted, &self.named()).await?;
        let added = added(&accepted).ok_or_else(too_large)?;
        count(tx, &added, &sums).await?;
        let used: BTreeSet<SpaceName> = added.iter().map(|it| it.total.space).collect();
        store::unsummed::know(tx, &used.into_iter().collect::<Vec<_>>()).await?;
        let required = self.consent_required_for;
        let consequences = Consequences::of(tx, &added, &sums, &books, required).await?;
        consequences.record(tx, &accepted).await?;
        consequences.settle(tx).await?;
        let outcomes = batch.outcomes(&inserted, &stored);
        if consequences.suspend() || outcomes.iter().any(Outcome::is_repeated) {
            self.suspends.store(true, Relaxed);
        }
        Ok(ReportUsageResponse { results: self.results(outcomes, &covered) })
    }
}

/// Which allowances an event uses something of: those of an app and a month.
fn of_an_app(reported: &Reported) -> Option<(AppName, Month)> {
    match reported {
        Reported::Event(event, Ok(placement)) => Some((event.app, placement.usage_month)),
        _ => None,
    }
}

impl Report {
    fn placements(&self) -> impl Iterator<Item = &Placement> {
        self.reported.iter().filter_map(|reported| match reported {
            Reported::Event(_, Ok(placement)) => Some(placement),
            _ => None,
        })
    }

    /// The spaces in which something counts, and those that have used something of the same allowances: of reports at once for
    /// several of them, one sees the other's, and so that an allowance is used up (R-E3). Where none of them has used anything of
    /// it yet, that is seen with the app's next report.
    async fn scopes(&self, context: &Context) -> Result<Vec<Scope>, Fault> {
        let used: BTreeSet<(AppName, Month)> = self.reported.iter().filter_map(of_an_app).collect();
        let used: Vec<_> = used.into_iter().collect();
        let mut spaces = store::total::holders(&mut context.pool.read().await?, &used).await?;
        spaces.extend(self.spaces());
        Ok(spaces.into_iter().map(Scope::from).collect())
    }

    fn spaces(&self) -> BTreeSet<SpaceName> {
        self.placements().map(|placement| placement.space).collect()
    }

    /// The reservations that events name, by their ids.
    fn named(&self) -> BTreeMap<&str, ReservationName> {
        self.reservations.iter().filter_map(|(id, name)| Some((id.as_str(), (*name)?))).collect()
    }

    /// What became of each event, and how much of it is covered by its reservation.
    fn results(&self, outcomes: Vec<Outcome>, covered: &HashMap<String, Decimal>) -> Vec<UsageResult> {
        let result = |((id, reported), outcome): ((&String, &Reported), Outcome)| {
            let covered = covered.get(id).filter(|_| outcome == Outcome::Accepted);
            let result = convert::usage::result(id.clone(), outcome);
            match (reported, covered) {
                (Reported::Event(event, _), Some(covered)) => {
                    convert::usage::covered(result, *covered, event.quantity)
                }
                _ => result,
            }
        };
        self.ids.iter().zip(&self.reported).zip(outcomes).map(result).collect()
    }

    /// What decides where the events count. No month has an issued invoice before it is over.
    async fn books(&self, tx: &mut Tx) -> Result<Books, Error> {
        let spaces: Vec<_> = self.spaces().into_iter().collect();
        let accounts = store::usage::accounts(tx, &spaces).await?;
        let current = Month::of(tx.time());
        let late =
            self.placements().filter(|it| it.usage_month < current && accounts.contains_key(&it.space));
        let months: BTreeSet<_> =
            late.flat_map(|it| [(it.space, it.usage_month), (it.space, it.usage_month.next())]).collect();
        let months: Vec<_> = months.into_iter().collect();
        let issued = store::usage::issued_months(tx, &months).await?;
        let mut cards = BTreeMap::new();
        for month in self.placements().map(|it| it.usage_month).collect::<BTreeSet<_>>() {
            cards.insert(month, store::rate_card::for_month(tx, month).await?);
        }
        Ok(Books { accounts, issued, cards })
    }
}

/// Refuses what would make more than can be priced of an app's use of something in a month: so all that is accepted can
/// be. The sums of the apps and months concerned, as they are before.
async fn bound(
    tx: &mut Tx,
    batch: &mut Batch<'_>,
    cards: &BTreeMap<Month, RateCard>,
) -> Result<Vec<(TotalKey, Sums)>, Error> {
    let events = batch.in_order();
    let used: BTreeSet<(AppName, Month)> =
        events.iter().map(|(event, placed)| (event.app, placed.total.usage_month)).collect();
    let sums = store::total::of_apps(tx, &used.into_iter().collect::<Vec<_>>()).await?;
    let limits = Limits::new(cards, &sums);
    // Most batches fit, even as if none of their events was there before.
    let mut all = limits.clone();
    let mut fits = |it: &Added<'_>| all.admit(Allowance::of(&it.total, it.tariff), it.sum.quantity);
    if !added(&events).is_some_and(|added| added.iter().all(&mut fits)) {
        let ids: Vec<&str> = events.iter().map(|(event, _)| event.id.as_str()).collect();
        let stored = store::usage::events(tx, &ids).await?;
        let new = events.iter().filter(|(event, _)| !stored.contains_key(&event.id));
        let mut limits = limits;
        let mut admit = |event: &Event, placed: &Placed| {
            limits.admit(Allowance::of(&placed.total, &placed.tariff), event.quantity)
        };
        let refused = new.filter(|(event, placed)| !admit(event, placed)).map(|(event, _)| event.id.as_str());
        let refused = refused.collect();
        batch.refuse(&refused);
    }
    Ok(sums)
}

/// Adds to sums, which were these before.
async fn count(tx: &mut Tx, added: &[Added<'_>], before: &[(TotalKey, Sums)]) -> Result<(), Abort> {
    let counted = added.iter().map(|it| (it.total, it.tariff, it.sum));
    let sums = changed(counted, before).ok_or_else(too_large)?;
    Ok(store::total::put(tx, &sums).await?)
}
