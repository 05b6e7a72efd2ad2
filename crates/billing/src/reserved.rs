//! What becomes of reservations: events use them up, and they end (R-E5).
use std::collections::{BTreeMap, BTreeSet, HashMap};

use devspaces_authz::{Service, takes_away};
use devspaces_gate::Context;
use devspaces_kit::{
    name::{ReservationName, SpaceName},
    status::Fault,
    sweep::each,
};
use devspaces_ledger::{Abort, Call, Mutation, Tx, db::Error};
use rust_decimal::Decimal;

use crate::{
    domain::{
        reservation,
        usage::{Event, Placed},
    },
    store,
};

/// Turns what is reserved into what is used, for the events that name a reservation, by their ids: how much of each is covered.
/// A reservation is of a space that is held, or covers nothing of what is used there.
pub(crate) async fn cover(
    tx: &mut Tx,
    accepted: &[(&Event, &Placed)],
    named: &BTreeMap<&str, ReservationName>,
) -> Result<HashMap<String, Decimal>, Error> {
    let events: Vec<_> = accepted
        .iter()
        .filter_map(|(event, placed)| Some((*event, *placed, *named.get(event.id.as_str())?)))
        .collect();
    if events.is_empty() {
        return Ok(HashMap::new());
    }
    let reservations: BTreeSet<_> = events.iter().map(|(_, _, name)| *name).collect();
    let reservations: Vec<_> = reservations.into_iter().collect();
    let before = store::reservation::of_names(tx, &reservations).await?;
    let mut after = before.clone();
    let covered = reservation::cover(&events, &mut after);
    let changed: Vec<_> =
        after.into_values().filter(|it| before.get(&it.name).is_some_and(|before| before != it)).collect();
    store::reservation::put_remaining(tx, &changed).await?;
    Ok(events.into_iter().map(|(event, _, _)| event.id.clone()).zip(covered).collect())
}

/// What the journal would name in place of a method.
const END: &str = "devspaces.billing/end_reservations";
/// Spaces that are read at a time.
const PAGE: i64 = 100;

/// Gives back what is left of reservations that have ended. Until then they count: so whether one does is not a question of whose clock is
/// asked, but of whose transaction on the space is first.
///
/// # Errors
/// Faults of the database. What is left is done by the next round. `CLOCK_STEPPED` while the clock is doubted.
pub(crate) async fn end_reservations(context: &Context) -> Result<(), Fault> {
    let now = context.steady.now()?;
    let (mut after, mut result) = (SpaceName::NIL, Ok(()));
    loop {
        let spaces =
            store::reservation::with_ended(&mut context.pool.read().await?, now, after, PAGE).await?;
        let Some(last) = spaces.last() else { return result };
        after = *last;
        let ended = each(spaces, |space| {
            let call = Call::of_service(Service::Billing.name(), END);
            context.mutations.run(call, vec![space.into()], Ending(space))
        });
        // One that fails keeps no other back.
        result = ended.await.and(result);
    }
}

struct Ending(SpaceName);

/// Its entry was written when it was made: that said when it ends.
impl Mutation for Ending {
    type Reply = ();
    const FALLS_DUE: bool = true;
    // It has no effect elsewhere, and waits for nobody's.
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let now = tx.time();
        Ok(store::reservation::remove_ended(tx, self.0, now).await?)
    }
}
