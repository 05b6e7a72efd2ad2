//! Events that count no longer (R-B15).
use std::collections::{BTreeMap, HashMap};

use devspaces_kit::{clock::Timestamp, name::SpaceName};

use super::{Event, Sum, Sums, TotalKey};
use crate::domain::{Month, RateCard, Tariff};

/// What stands in the books when events are voided.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// Since when each space has an account.
    pub(crate) accounts: HashMap<SpaceName, Timestamp>,
    /// The last month of which a space's invoice is issued.
    pub(crate) issued: HashMap<SpaceName, Month>,
    /// The rate cards of the months of usage.
    pub(crate) cards: BTreeMap<Month, RateCard>,
}

/// An event that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) event: Event,
    /// The space that held the app.
    pub(crate) space: SpaceName,
    /// From when on it held it. Nothing of events of before that was kept.
    pub(crate) held_from: Option<Timestamp>,
    /// Whether that had an account then. Nothing of events of before that was kept.
    pub(crate) billable: Option<bool>,
    pub(crate) is_voided: bool,
}

impl Taken {
    /// The month of its time, and where the event can also count: an hour before its holding at most, it counts as used when that
    /// began.
    pub(crate) fn months(&self) -> [Month; 2] {
        let month = Month::of(self.event.time);
        [month, month.next()]
    }

    /// The sum that it is taken from, and the tariff: of the sums of its app that of the holding by which it was counted, on the
    /// first invoice that is not issued. What has counted has a sum.
    pub(crate) fn total(&self, sums: &[(TotalKey, Sums)], standing: &Standing) -> Option<(TotalKey, Tariff)> {
        let tariff = |month: Month| match standing.cards.get(&month) {
            Some(card) => card.tariff(&self.event.meter, &self.event.dimensions),
            None => Tariff::of_meter(self.event.meter.clone()),
        };
        let is_of = |key: &TotalKey, sums: &Sums| {
            (key.space, key.app) == (self.space, self.event.app)
                && self.held_from.is_none_or(|held| key.held_from == held)
                && self.billable.is_none_or(|billable| key.billable == billable)
                && self.months().contains(&key.usage_month)
                && sums.sum(&tariff(key.usage_month)).is_some()
        };
        let found = sums.iter().filter(|(key, sums)| is_of(key, sums)).map(|(key, _)| *key);
        let key = found.min_by_key(|key| self.distance(key, standing))?;
        let last_issued = standing.issued.get(&key.space).filter(|_| key.billable);
        let billed_month = last_issued.map_or(key.usage_month, |last| key.usage_month.max(last.next()));
        Some((TotalKey { billed_month, ..key }, tariff(key.usage_month)))
    }

    /// How far what a sum is of is from the event: the last holding that had begun by its time goes before any that began
    /// later, and of one holding that goes first which was placed as events are.
    fn distance(&self, key: &TotalKey, standing: &Standing) -> (bool, i64, bool, bool) {
        let time = self.event.time;
        let counts_from = time.max(key.held_from);
        let billable = standing.accounts.get(&key.space).is_some_and(|since| *since <= counts_from);
        let apart = (time.micros() - key.held_from.micros()).abs();
        (key.held_from > time, apart, key.usage_month != Month::of(counts_from), key.billable != billable)
    }

    /// What its sum is less by.
    pub(crate) fn less(&self) -> Sum {
        Sum { quantity: -self.event.quantity, events: -1 }
    }
}
