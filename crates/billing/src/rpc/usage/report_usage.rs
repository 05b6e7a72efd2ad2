use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use devspaces_authz::{FactChange, Permission, Service, takes_away};
use devspaces_gate::{Confirmed, ConsentRequiredFor, Context, GuardedChange, Peers, Resource};
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{AccountName, AppName, Malformed, MeterName, Scope, SpaceName},
    status::Fault,
};
use devspaces_ledger::{Abort, Call, Change, Tx, db::Error};
use devspaces_proto::{
    billing::v1::{ReportUsageRequest, ReportUsageResponse},
    facts::v1::{
        AppAt, Holding, ListHoldingsAtRequest, space_records_service_client::SpaceRecordsServiceClient,
    },
};
use serde_json::Value;

use super::{sequences, too_large, vouched};
use crate::{
    consent::{Exhausted, names, suspend_exhausted},
    convert::{self, usage::MAX_EVENTS},
    domain::{
        Meter, Month, RateCard,
        pricing::Allowance,
        usage::{
            Batch, Books, Event, Held, Holdings, LEEWAY, Limits, Outcome, Placed, Placement, Rejection,
            Reported, Sum, Sums, TotalKey, changed, exhausted,
        },
    },
    store,
};

/// R-B5, R-B8
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ReportUsageRequest,
) -> Result<ReportUsageResponse, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    context.mutations.answer(&call, report(context, &call, request)).await
}

async fn report(
    context: &Context,
    call: &Call,
    request: ReportUsageRequest,
) -> Result<ReportUsageResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::UsageReport, Resource::Platform).await?;
    if !(1..=MAX_EVENTS).contains(&request.events.len()) {
        return Err(Fault::bad_field("events", format!("must have 1 to {MAX_EVENTS} entries")));
    }
    let events: Vec<_> = request.events.iter().map(convert::usage::event).collect();
    let now = context.clock.now();
    let meters = meters(context, events.iter().flatten()).await?;
    let holdings = holdings(context, events.iter().flatten()).await?;
    let reported: Vec<_> = events.into_iter().map(|event| reported(event, &meters, &holdings, now)).collect();
    let ids = request.events.into_iter().map(|event| event.id).collect();
    let consent_required_for = context.invoicing.consent_required_for;
    let report = Report { ids, reported, consent_required_for, suspends: AtomicBool::new(false) };
    let scopes = report.scopes(context).await?;
    context.mutations.run(call.clone(), scopes, pass.guard(report)).await
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

/// Asks the space service which spaces held the apps of these events.
async fn holdings(context: &Context, events: impl Iterator<Item = &Event>) -> Result<Holdings, Fault> {
    let questions: BTreeSet<(AppName, Timestamp)> = events.map(|event| (event.app, event.time)).collect();
    let mut holdings = Holdings::default();
    if questions.is_empty() {
        return Ok(holdings);
    }
    let question =
        |(app, time): (AppName, Timestamp)| AppAt { app: app.to_string(), time: Some(time.into()) };
    let question = ListHoldingsAtRequest { questions: questions.into_iter().map(question).collect() };
    let asked = context.peers.ask(Service::Space, question, async |channel, request| {
        SpaceRecordsServiceClient::new(channel).list_holdings_at(request).await
    });
    for holding in asked.await?.holdings {
        let (app, held) = held(&holding).ok_or_else(|| Peers::unreadable(Service::Space))?;
        holdings.add(app, held);
    }
    Ok(holdings)
}

fn held(holding: &Holding) -> Option<(AppName, Held)> {
    let until = holding.end_time.map(Timestamp::try_from).transpose().ok()?;
    let from = Timestamp::try_from(holding.start_time?).ok()?;
    let app: Result<_, Malformed> = holding.app.parse();
    Some((app.ok()?, Held { space: holding.space.parse().ok()?, from, until }))
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
        let exhausted = self.exhausted(tx, &accepted, &sums, &books).await?;
        count(tx, &accepted, &sums).await?;
        let used: BTreeSet<SpaceName> = accepted.iter().map(|(_, placed)| placed.total.space).collect();
        store::summed::know(tx, &used.into_iter().collect::<Vec<_>>()).await?;
        record(tx, &accepted, &exhausted).await?;
        suspend_exhausted(tx, &exhausted).await?;
        let outcomes = batch.outcomes(&inserted, &stored);
        if !exhausted.is_empty() || outcomes.iter().any(Outcome::is_repeated) {
            self.suspends.store(true, Relaxed);
        }
        let results = self.ids.iter().zip(outcomes);
        let results = results.map(|(id, outcome)| convert::usage::result(id.clone(), outcome)).collect();
        Ok(ReportUsageResponse { results })
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

    /// R-E3: the apps that are suspended from now on, since these events have used up an allowance beyond which nobody pays.
    async fn exhausted(
        &self,
        tx: &mut Tx,
        accepted: &[(&Event, &Placed)],
        before: &[(TotalKey, Sums)],
        books: &Books,
    ) -> Result<Exhausted, Error> {
        if self.consent_required_for == ConsentRequiredFor::Never {
            return Ok(Exhausted::new());
        }
        // What is stamped ahead is of the next month, and is not looked at again when that begins.
        let current = Month::of(tx.time());
        let mut all = Exhausted::new();
        for month in [current, current.next()] {
            let found = exhausted(accepted, before, books, month);
            if !found.is_empty() {
                for (space, apps) in store::consent_suspension::add(tx, &found, month).await? {
                    all.entry(space).or_default().extend(apps);
                }
            }
        }
        Ok(all)
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
    let admit = |limits: &mut Limits, (event, placed): &(&Event, &Placed)| {
        limits.admit(Allowance::of(&placed.total, &placed.tariff), event.quantity)
    };
    // Most batches fit, even as if none of their events was there before.
    let mut all = limits.clone();
    if !events.iter().all(|event| admit(&mut all, event)) {
        let ids: Vec<&str> = events.iter().map(|(event, _)| event.id.as_str()).collect();
        let stored = store::usage::events(tx, &ids).await?;
        let new = events.iter().filter(|(event, _)| !stored.contains_key(&event.id));
        let mut limits = limits;
        let refused = new.filter(|event| !admit(&mut limits, event)).map(|(event, _)| event.id.as_str());
        let refused = refused.collect();
        batch.refuse(&refused);
    }
    Ok(sums)
}

/// Adds events to their sums, which were these before.
async fn count(
    tx: &mut Tx,
    accepted: &[(&Event, &Placed)],
    before: &[(TotalKey, Sums)],
) -> Result<(), Abort> {
    let counted = accepted.iter().map(|(event, it)| (it.total, &it.tariff, Sum::of(event.quantity)));
    let sums = changed(counted, before).ok_or_else(too_large)?;
    Ok(store::total::put(tx, &sums).await?)
}

/// One entry for each space in which something counts from now on (R-J1): how many events, what vouches for them, and which apps
/// are suspended for them.
async fn record(tx: &mut Tx, accepted: &[(&Event, &Placed)], exhausted: &Exhausted) -> Result<(), Error> {
    let mut spaces: BTreeMap<SpaceName, Vec<&Event>> = BTreeMap::new();
    for (event, placed) in accepted {
        spaces.entry(placed.total.space).or_default().push(event);
    }
    let change = |(space, events): (SpaceName, Vec<&Event>)| {
        let mut after = vouched(&events);
        if let Some(apps) = exhausted.get(&space) {
            after["apps_wanting_consent"] = names(apps);
        }
        let resources = vec![AccountName(space).to_string()];
        Change { scope: space.into(), resources, before: Value::Null, after, facts: false }
    };
    let changes: Vec<_> = spaces.into_iter().map(change).collect();
    tx.record_all(&changes).await
}
