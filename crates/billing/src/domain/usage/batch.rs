use std::collections::{HashMap, HashSet};

use super::{Books, Event, Placed, Placement, Rejection, Taken};

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    Duplicate,
    /// A duplicate of what was voided since.
    Voided,
    Rejected(Rejection),
}

impl Outcome {
    /// Whether the event was accepted by an earlier report.
    pub(crate) fn is_repeated(&self) -> bool {
        matches!(self, Self::Duplicate | Self::Voided)
    }
}

/// An event of a batch, as far as it is understood.
#[derive(Clone, Debug)]
pub(crate) enum Reported {
    /// Not at all: by this sentence.
    Malformed(String),
    /// It is one, and belongs to a space or to none. One that belongs to none can still be one that was accepted before.
    Event(Event, Result<Placement, Rejection>),
}

/// The events of a batch, each with the sum that it would go to.
pub(crate) struct Batch<'a>(Vec<Entry<'a>>);

enum Entry<'a> {
    Malformed(&'a str),
    Event(&'a Event, Result<Placed, Rejection>),
}

impl<'a> Batch<'a> {
    pub(crate) fn new(reported: &'a [Reported], books: &Books) -> Self {
        let entry = |reported: &'a Reported| match reported {
            Reported::Malformed(sentence) => Entry::Malformed(sentence),
            Reported::Event(event, placement) => {
                let placement = placement.as_ref().map_err(Rejection::clone);
                Entry::Event(event, placement.and_then(|placement| books.place(event, placement)))
            }
        };
        Self(reported.iter().map(entry).collect())
    }

    /// The events that count unless they are stored already, with their sums, in the order of their ids: the first of each
    /// id. In one order for everybody, so that two batches with the same ids can't wait for each other.
    pub(crate) fn candidates(&self) -> Vec<(&'a Event, &Placed)> {
        let mut first = self.in_order();
        first.sort_unstable_by_key(|(event, _)| &event.id);
        first
    }

    /// The same events in the order in which they were sent, and so in the one in which they take up room.
    pub(crate) fn in_order(&self) -> Vec<(&'a Event, &Placed)> {
        let mut seen = HashSet::with_capacity(self.0.len());
        let placed = self.0.iter().filter_map(|entry| match entry {
            Entry::Event(event, Ok(placed)) => Some((*event, placed)),
            _ => None,
        });
        placed.filter(|(event, _)| seen.insert(&event.id)).collect()
    }

    /// Has these events not count, for there is no room for them.
    pub(crate) fn refuse(&mut self, ids: &HashSet<&str>) {
        for entry in &mut self.0 {
            if let Entry::Event(event, placed) = entry
                && placed.is_ok()
                && ids.contains(event.id.as_str())
            {
                *placed = Err(Rejection::TooMuch);
            }
        }
    }

    /// The ids of the events that were not inserted: they are to be looked up.
    pub(crate) fn others(&self, inserted: &HashSet<String>) -> Vec<&'a str> {
        let ids = self.0.iter().filter_map(|entry| match entry {
            Entry::Event(event, _) => Some(event.id.as_str()),
            Entry::Malformed(_) => None,
        });
        let mut others: Vec<_> = ids.filter(|id| !inserted.contains(*id)).collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    /// What became of each event, as if they had come one after another. `inserted` are the ids of the candidates that were
    /// new, `stored` the events of other ids that are there.
    pub(crate) fn outcomes(
        &self,
        inserted: &HashSet<String>,
        stored: &HashMap<String, Taken>,
    ) -> Vec<Outcome> {
        let mut stored: HashMap<&str, (&Event, bool)> =
            stored.iter().map(|(id, taken)| (id.as_str(), (&taken.event, taken.is_voided))).collect();
        let outcome = |entry: &Entry<'a>| match entry {
            Entry::Malformed(sentence) => Outcome::Rejected(Rejection::Malformed((*sentence).to_owned())),
            Entry::Event(event, placed) => match (stored.get(event.id.as_str()), placed) {
                (Some((before, true)), _) if before == event => Outcome::Voided,
                (Some((before, false)), _) if before == event => Outcome::Duplicate,
                (Some(_), _) => Outcome::Rejected(Rejection::ContentDiffers),
                (None, Err(rejection)) => Outcome::Rejected(rejection.clone()),
                (None, Ok(_)) => {
                    debug_assert!(inserted.contains(&event.id), "an event is neither new nor stored");
                    stored.insert(&event.id, (event, false));
                    Outcome::Accepted
                }
            },
        };
        self.0.iter().map(outcome).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use devspaces_kit::{
        clock::Timestamp,
        name::{AppName, MeterName, SpaceName},
    };
    use proptest::prelude::*;
    use rust_decimal::Decimal;
    use uuid::Uuid;

    use super::*;
    use crate::domain::usage::{Held, Sum};

    /// An event of few kinds, so that ids are repeated, with other content and with the same.
    fn reported() -> impl Strategy<Value = Reported> {
        (0_u8..6, 1_i64..4, 0_u8..8).prop_map(|(id, quantity, kind)| {
            let event = Event {
                id: format!("e{id}"),
                app: AppName(Uuid::from_u128(1)),
                meter: MeterName::of("logs.gb").expect("a name"),
                quantity: Decimal::from(quantity),
                time: Timestamp::EPOCH,
                dimensions: BTreeMap::new(),
            };
            let held = Held { space: SpaceName(Uuid::from_u128(2)), from: Timestamp::EPOCH, until: None };
            match kind {
                0 => Reported::Malformed("is malformed".into()),
                1 => Reported::Event(event, Err(Rejection::AppUnknown)),
                _ => {
                    let placement = Placement::of(&event, &held, Timestamp::EPOCH);
                    Reported::Event(event, Ok(placement))
                }
            }
        })
    }

    /// What a database does with a batch, by the parts that are proven here.
    fn take(reported: &[Reported], table: &mut BTreeMap<String, Event>) -> (Vec<Outcome>, Sum) {
        let batch = Batch::new(reported, &Books::default());
        let mut inserted = HashSet::new();
        let mut total = Sum::default();
        for (event, _) in batch.candidates() {
            if !table.contains_key(&event.id) {
                inserted.insert(event.id.clone());
                table.insert(event.id.clone(), event.clone());
                total = total.and(Sum::of(event.quantity)).expect("a sum");
            }
        }
        let found = batch.others(&inserted).into_iter().filter_map(|id| table.get_key_value(id));
        let space = SpaceName(Uuid::from_u128(2));
        let taken = |event: &Event| Taken {
            event: event.clone(),
            space,
            held_from: None,
            billable: None,
            is_voided: false,
        };
        let stored = found.map(|(id, event)| (id.clone(), taken(event))).collect();
        (batch.outcomes(&inserted, &stored), total)
    }

    proptest! {
        // R-B5: however they are split into batches, and sent again, events come to the same.
        #[test]
        fn batches_do_what_their_events_do_one_by_one(
            reported in prop::collection::vec(reported(), 1..40),
            sizes in prop::collection::vec(1_usize..10, 40),
        ) {
            let (mut table, mut one_by_one, mut total) = (BTreeMap::new(), Vec::new(), Sum::default());
            for reported in &reported {
                let (outcome, sum) = take(std::slice::from_ref(reported), &mut table);
                one_by_one.extend(outcome);
                total = total.and(sum).expect("a sum");
            }
            let (mut other, mut outcomes, mut sums, mut rest) =
                (BTreeMap::new(), Vec::new(), Sum::default(), &reported[..]);
            for size in sizes {
                let (batch, after) = rest.split_at(size.min(rest.len()));
                let (outcome, sum) = take(batch, &mut other);
                outcomes.extend(outcome);
                sums = sums.and(sum).expect("a sum");
                rest = after;
            }
            prop_assert!(rest.is_empty());
            prop_assert_eq!(&outcomes, &one_by_one);
            prop_assert_eq!(sums, total);
            prop_assert_eq!(&other, &table);
            let accepted = outcomes.iter().filter(|outcome| **outcome == Outcome::Accepted).count();
            prop_assert_eq!(i64::try_from(accepted), Ok(sums.events));
            // Sent again, nothing is accepted, and what was accepted is a duplicate.
            let (again, none) = take(&reported, &mut other);
            prop_assert_eq!(none, Sum::default());
            for (first, second) in outcomes.iter().zip(&again) {
                prop_assert!(*first != Outcome::Accepted || *second == Outcome::Duplicate);
            }
        }
    }
}
