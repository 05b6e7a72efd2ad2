//! Summing usage up by hour and day, so that who asks for it reads few rows (R-B14). Nothing depends on when that is done: what is not
//! summed up yet is read from the events.
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use devspaces_authz::{Service, takes_away};
use devspaces_gate::Context;
use devspaces_kit::{clock::Timestamp, name::SpaceName, status::Fault, sweep::each};
use devspaces_ledger::{Abort, Call, Mutation, Tx, db::Conn};

use crate::{
    domain::usage::{
        Sum,
        query::{Grain, Used},
    },
    store::summed::{self, Key, Next, Place},
};

/// What the journal would name in place of a method: summing up changes nothing that it tells of.
const SUM_UP: &str = "devspaces.billing/sum_up";
/// So many events are summed up in one transaction, in which the space's other changes wait.
const PART: i64 = 500;
/// So many events are read beside the sums when somebody asks: a few milliseconds.
const BESIDE: i64 = 2000;
/// How often is looked for what is to be summed up.
const EVERY: Duration = Duration::from_secs(30);
/// What was written by a clock that is behind by less is found.
const OVERLAP: Duration = Duration::from_mins(2);

/// Sums up what is to be summed up in spaces that were changed lately.
///
/// # Errors
/// Faults of the database. What is left is done by the next round, or by who asks for it.
pub(crate) async fn sum_up_changed(context: &Context, last: &Mutex<Option<Timestamp>>) -> Result<(), Fault> {
    let now = context.clock.now();
    let before = *last.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_some_and(|before| (before..before + EVERY).contains(&now)) {
        return Ok(());
    }
    let since = before.unwrap_or(now).micros() - micros(OVERLAP);
    let mut db = context.pool.read().await?;
    let changed = summed::changed_since(&mut db, Timestamp::from_micros(since)).await?;
    drop(db);
    let result = each(changed, |space| sum_up(context, space, PART)).await;
    *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    result
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Sums up a space's usage until so little is left that it can be read beside the sums.
///
/// # Errors
/// Faults of the database.
pub(crate) async fn sum_up_for_reading(context: &Context, space: SpaceName) -> Result<(), Fault> {
    sum_up(context, space, BESIDE).await
}

/// Sums up a space's usage until less than so many events are left.
async fn sum_up(context: &Context, space: SpaceName, left: i64) -> Result<(), Fault> {
    loop {
        let mut db = context.pool.read().await?;
        let place = summed::place(&mut db, space).await?;
        if summed::length(&mut db, space, &place, left).await? < left {
            return Ok(());
        }
        drop(db);
        let call = Call::of_service(Service::Billing.name(), SUM_UP);
        context.mutations.run(call, vec![space.into()], SummingUp(space)).await?;
    }
}

struct SummingUp(SpaceName);

impl Mutation for SummingUp {
    type Reply = ();

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let space = self.0;
        let place = summed::place(tx, space).await?;
        let events = summed::events(tx, space, &place.event, PART).await?;
        let voids = summed::voids(tx, space, &place.void, PART).await?;
        for grain in Grain::ALL {
            let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
            for (next, is_voided) in both(&events, &voids) {
                let sum = sums.entry(next.key(grain)).or_default();
                let more = sum.and(next.sum(is_voided)?);
                *sum = more.ok_or_else(|| Fault::internal("a sum that was bounded can't be kept exactly"))?;
            }
            summed::add(tx, space, grain, sums).await?;
        }
        let event = events.last().map_or(place.event, Next::place);
        let void = voids.last().map_or(place.void, Next::place);
        Ok(summed::put_place(tx, space, &Place { event, void }).await?)
    }
}

/// Events, and those that were voided.
fn both<'a>(events: &'a [Next], voids: &'a [Next]) -> impl Iterator<Item = (&'a Next, bool)> {
    events.iter().map(|next| (next, false)).chain(voids.iter().map(|next| (next, true)))
}

/// What of a space's usage comes after a place up to which it is summed up.
///
/// # Errors
/// Those of the database.
pub(crate) async fn beside(
    db: &mut Conn,
    space: SpaceName,
    place: &Place,
    grain: Grain,
) -> Result<Vec<Used>, devspaces_ledger::db::Error> {
    // What has come since it was looked whether that is little.
    let events = summed::events(db, space, &place.event, i64::MAX).await?;
    let voids = summed::voids(db, space, &place.void, i64::MAX).await?;
    both(&events, &voids).map(|(next, is_voided)| next.used(grain, is_voided)).collect()
}
