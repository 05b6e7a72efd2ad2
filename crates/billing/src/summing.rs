//! Summing usage up by hour, day and month, so that who asks for it reads few rows (R-B14). Nothing depends on when that is done: what
//! is not summed up yet is read from the events.
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use devspaces_authz::{Service, takes_away};
use devspaces_gate::Context;
use devspaces_kit::{
    clock::Timestamp,
    name::{Scope, SpaceName},
    status::Fault,
    sweep::each,
};
use devspaces_ledger::{
    Abort, Call, Mutation, Tx,
    db::{Conn, Error, RowsSql},
};

use crate::{
    domain::usage::{
        Sum,
        query::{Step, Used},
    },
    store::{
        self,
        summed::{self, Key},
        unsummed::{self, Next, Place},
    },
};

/// What the journal would name in place of a method: summing up changes nothing that it tells of.
const SUM_UP: &str = "devspaces.billing/sum_up";
/// So many events are summed up in one transaction, in which the space's other changes wait: those of a large batch, and more.
const PART: i64 = 1500;
/// Fewer events are left to be read beside the sums when somebody asks: a few milliseconds.
pub(crate) const BESIDE: i64 = 2000;
/// So many parts of a space are summed up at a time: who reports without a pause is not outrun.
const PARTS: usize = 20;
/// How often is looked for what is to be summed up.
const EVERY: Duration = Duration::from_secs(30);

/// Sums up what is to be summed up in spaces that have changed since they were last looked at.
///
/// # Errors
/// Faults of the database. What is left is done by the next round, or by who asks for it.
pub(crate) async fn sum_up_changed(context: &Context, last: &Mutex<Option<Timestamp>>) -> Result<(), Fault> {
    let now = context.clock.now();
    let before = *last.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_some_and(|before| (before..before + EVERY).contains(&now)) {
        return Ok(());
    }
    let (mut after, mut result) = (SpaceName::NIL, Ok(()));
    let limit = i64::try_from(RowsSql::MAX_ROWS).unwrap_or(i64::MAX);
    loop {
        let mut db = context.pool.read().await?;
        let looks = unsummed::looks(&mut db, after, limit).await?;
        let Some((last_space, _)) = looks.last() else { break };
        after = *last_space;
        let spaces: Vec<_> = looks.iter().map(|(space, _)| *space).collect();
        let heads = store::budget::heads(&mut db, &spaces).await?;
        drop(db);
        let head = |space: SpaceName| heads.get(&Scope::from(space).to_string()).copied().unwrap_or_default();
        let changed = looks.into_iter().filter(|(space, look)| *look != head(*space));
        let changed = changed.map(|(space, _)| (space, head(space))).collect();
        let summed = each(changed, |(space, head)| sum_up(context, space, PART, Some(head)));
        result = summed.await.and(result);
    }
    *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    result
}

/// Sums up a space's usage until so little is left that it can be read beside the sums, or for long enough.
///
/// # Errors
/// Faults of the database.
pub(crate) async fn sum_up_for_reading(context: &Context, space: SpaceName) -> Result<(), Fault> {
    sum_up(context, space, BESIDE, None).await
}

/// Sums up a space's usage until less than so many events are left; then notes that was looked, up to that entry of its journal.
async fn sum_up(context: &Context, space: SpaceName, left: i64, look: Option<i64>) -> Result<(), Fault> {
    for _ in 0..PARTS {
        let mut db = context.pool.read().await?;
        let place = unsummed::place(&mut db, space).await?;
        let is_done = unsummed::length(&mut db, space, &place, left).await? < left;
        drop(db);
        if is_done && look.is_none() {
            return Ok(());
        }
        let call = Call::of_service(Service::Billing.name(), SUM_UP);
        let look = look.filter(|_| is_done);
        context.mutations.run(call, vec![space.into()], SummingUp { space, look }).await?;
        if is_done {
            return Ok(());
        }
    }
    Ok(())
}

struct SummingUp {
    space: SpaceName,
    /// Nothing is summed up, and that was looked is noted.
    look: Option<i64>,
}

impl Mutation for SummingUp {
    type Reply = ();
    // Effects of the space's changes have nothing to do with it.
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let Self { space, look } = *self;
        if let Some(sequence) = look {
            return Ok(unsummed::put_look(tx, space, sequence).await?);
        }
        let place = unsummed::place(tx, space).await?;
        let events = unsummed::events(tx, space, &place.event, PART).await?;
        let voids = unsummed::voids(tx, space, &place.void, PART).await?;
        for step in Step::ALL {
            let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
            for (next, is_voided) in both(&events, &voids) {
                let sum = sums.entry(next.key(step)).or_default();
                let more = sum.and(next.sum(is_voided)?);
                *sum = more.ok_or_else(|| Fault::internal("a sum that was bounded can't be kept exactly"))?;
            }
            summed::add(tx, space, step, sums).await?;
        }
        let event = events.last().map_or(place.event, Next::place);
        let void = voids.last().map_or(place.void, Next::place);
        Ok(unsummed::put_place(tx, space, &Place { event, void }).await?)
    }
}

/// Events, and those that were voided.
fn both<'a>(events: &'a [Next], voids: &'a [Next]) -> impl Iterator<Item = (&'a Next, bool)> {
    events.iter().map(|next| (next, false)).chain(voids.iter().map(|next| (next, true)))
}

/// How many events are read beside the sums at most: what is reported without a pause has come meanwhile.
const MOST_BESIDE: i64 = 50_000;

/// What of a space's usage comes after a place up to which it is summed up; nothing if that is too much to be read.
///
/// # Errors
/// Those of the database.
pub(crate) async fn beside(
    db: &mut Conn,
    space: SpaceName,
    place: &Place,
    step: Step,
) -> Result<Option<Vec<Used>>, Error> {
    // Voids first: no event is missing that one of them takes away.
    let voids = unsummed::voids(db, space, &place.void, MOST_BESIDE + 1).await?;
    let events = unsummed::events(db, space, &place.event, MOST_BESIDE + 1).await?;
    if [&voids, &events].iter().any(|next| i64::try_from(next.len()).is_ok_and(|len| len > MOST_BESIDE)) {
        return Ok(None);
    }
    both(&events, &voids)
        .map(|(next, is_voided)| next.used(step, is_voided))
        .collect::<Result<_, _>>()
        .map(Some)
}
