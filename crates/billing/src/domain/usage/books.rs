//! Where an event counts, and the sums of what counts.
use std::collections::{BTreeMap, HashMap, HashSet};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};
use rust_decimal::Decimal;

use super::{Event, Held, LEEWAY, Rejection};
use crate::domain::{Month, RateCard, Tariff};

/// Everything that decides what usage costs, beside what was used: events with the same of it are summed, by tariff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TotalKey {
    /// The space that held the app.
    pub(crate) space: SpaceName,
    /// The month whose invoice bills it.
    pub(crate) billed_month: Month,
    pub(crate) app: AppName,
    /// The month in which it was used.
    pub(crate) usage_month: Month,
    /// From when on the space held the app at that time.
    pub(crate) held_from: Timestamp,
    /// Whether the space had an account then.
    pub(crate) billable: bool,
}

/// A sum of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) quantity: Decimal,
    pub(crate) events: i64,
}

impl Sum {
    /// One event.
    pub(crate) fn of(quantity: Decimal) -> Self {
        Self { quantity, events: 1 }
    }

    /// Both together; nothing if that has more digits than can be kept. A decimal that is too long would be rounded, and
    /// loses digits after the point by that.
    pub(crate) fn and(self, other: Self) -> Option<Self> {
        let quantity = self.quantity.checked_add(other.quantity)?;
        let exact = quantity.scale() == self.quantity.scale().max(other.quantity.scale());
        let events = self.events.checked_add(other.events)?;
        exact.then(|| Self { quantity: quantity.normalize(), events })
    }
}

/// The sums of what was used, by tariff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums(BTreeMap<Tariff, Sum>);

impl Sums {
    /// Adds to the sum of a tariff; nothing if that has more digits than can be kept.
    #[must_use]
    pub(crate) fn add(&mut self, tariff: &Tariff, sum: Sum) -> Option<()> {
        match self.0.get_mut(tariff) {
            Some(total) => *total = total.and(sum)?,
            None => drop(self.0.insert(tariff.clone(), sum)),
        }
        Some(())
    }

    /// Adds all of these; nothing if one has more digits than can be kept.
    #[must_use]
    pub(crate) fn add_all(&mut self, sums: &Self) -> Option<()> {
        sums.iter().try_for_each(|(tariff, sum)| self.add(tariff, sum))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Tariff, Sum)> {
        self.0.iter().map(|(tariff, sum)| (tariff, *sum))
    }

    /// The sum of a tariff, if anything of it counts.
    pub(crate) fn sum(&self, tariff: &Tariff) -> Option<Sum> {
        self.0.get(tariff).copied()
    }

    /// Leaves out the sums of which nothing is left: of no event and no quantity.
    pub(crate) fn drop_empty(&mut self) {
        self.0.retain(|_, sum| *sum != Sum::default());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Tariff, Sum)> for Sums {
    fn from_iter<I: IntoIterator<Item = (Tariff, Sum)>>(sums: I) -> Self {
        Self(sums.into_iter().collect())
    }
}

/// The sums that change by these, which were those before: as they are then. Nothing if one has more digits than can be kept.
pub(crate) fn changed<'a>(
    parts: impl Iterator<Item = (TotalKey, &'a Tariff, Sum)>,
    before: &[(TotalKey, Sums)],
) -> Option<Vec<(TotalKey, Sums)>> {
    let mut totals: BTreeMap<TotalKey, Sums> = BTreeMap::new();
    for (key, tariff, sum) in parts {
        totals.entry(key).or_default().add(tariff, sum)?;
    }
    for (key, before) in before {
        if let Some(sums) = totals.get_mut(key) {
            sums.add_all(before)?;
        }
    }
    totals.values_mut().for_each(Sums::drop_empty);
    Some(totals.into_iter().collect())
}

/// Where an event counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) space: SpaceName,
    pub(crate) held_from: Timestamp,
    /// As of when it is judged: what decides the month, and whether the space had an account.
    pub(crate) counts_from: Timestamp,
    pub(crate) usage_month: Month,
    /// Whether the space still holds the app, as far as is known.
    pub(crate) is_held: bool,
}

impl Placement {
    /// An event belongs to the space that held the app at its time (R-B5). One of before the holding, within the leeway,
    /// counts from the holding's first moment: nothing was used earlier, whatever the meter stamped, and what had begun by
    /// then (an account, a month) bills it. Only a holding that begins later than now says nothing: a clock was ahead.
    pub(crate) fn of(event: &Event, held: &Held, now: Timestamp) -> Self {
        let was_ahead = held.from > now + LEEWAY;
        let counts_from = if was_ahead { event.time } else { event.time.max(held.from) };
        Self {
            space: held.space,
            held_from: held.from,
            counts_from,
            usage_month: Month::of(counts_from),
            is_held: held.until.is_none(),
        }
    }
}

/// What stands in the books of the spaces concerned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    /// Since when each space has an account.
    pub(crate) accounts: HashMap<SpaceName, Timestamp>,
    /// The months of which a space's invoice is issued.
    pub(crate) issued: HashSet<(SpaceName, Month)>,
    /// The rate cards of the months of usage.
    pub(crate) cards: BTreeMap<Month, RateCard>,
}

/// The sum that an event goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) total: TotalKey,
    pub(crate) tariff: Tariff,
    /// Whether the space still holds the app, as far as is known.
    pub(crate) is_held: bool,
}

impl Books {
    /// The sum that an event goes to. No card of a month that has begun changes, so the tariff is the same whenever it is
    /// asked for.
    pub(crate) fn place(&self, event: &Event, placement: &Placement) -> Result<Placed, Rejection> {
        let total = self.total(event, placement)?;
        let tariff = match self.cards.get(&total.usage_month) {
            Some(card) => card.tariff(&event.meter, &event.dimensions),
            None => Tariff::of_meter(event.meter.clone()),
        };
        Ok(Placed { total, tariff, is_held: placement.is_held })
    }

    /// What was used before anybody consented is never billed; what comes after its month's invoice was issued is billed by
    /// the next (R-B8).
    fn total(&self, event: &Event, placement: &Placement) -> Result<TotalKey, Rejection> {
        let Placement { space, held_from, counts_from, usage_month, .. } = *placement;
        let billable = self.accounts.get(&space).is_some_and(|since| *since <= counts_from);
        let is_open = |month: &Month| !billable || !self.issued.contains(&(space, *month));
        let months = [usage_month, usage_month.next()];
        let billed_month = months.into_iter().find(is_open).ok_or(Rejection::MonthClosed)?;
        Ok(TotalKey { space, billed_month, app: event.app, usage_month, held_from, billable })
    }
}

#[cfg(test)]
mod tests {
    use devspaces_kit::name::MeterName;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn event(time: &str) -> Event {
        Event {
            id: "a".into(),
            app: AppName(Uuid::from_u128(1)),
            meter: MeterName::of("logs.gb").unwrap(),
            quantity: Decimal::ONE,
            time: time.parse().unwrap(),
            dimensions: BTreeMap::new(),
        }
    }

    const SPACE: SpaceName = SpaceName(Uuid::from_u128(2));

    fn billed(books: &Books, time: &str) -> Result<(String, bool), Rejection> {
        let event = event(time);
        let held = Held { space: SPACE, from: Timestamp::EPOCH, until: None };
        let key = books.total(&event, &Placement::of(&event, &held, event.time))?;
        assert_eq!((key.space, key.app, key.usage_month), (SPACE, event.app, Month::of(event.time)));
        Ok((key.billed_month.to_string(), key.billable))
    }

    fn books(account: Option<&str>, issued: &[&str]) -> Books {
        let accounts = account.map(|since| (SPACE, since.parse().unwrap())).into_iter().collect();
        let issued = issued.iter().map(|month| (SPACE, month.parse().unwrap())).collect();
        Books { accounts, issued, cards: BTreeMap::new() }
    }

    // R-B1: consent is to what comes after it.
    #[test]
    fn usage_is_billable_from_the_moment_of_consent() {
        let books = books(Some("2026-11-10T12:00:00Z"), &[]);
        assert_eq!(billed(&books, "2026-11-10T11:59:59.999999Z"), Ok(("2026-11".into(), false)));
        assert_eq!(billed(&books, "2026-11-10T12:00:00Z"), Ok(("2026-11".into(), true)));
        assert_eq!(billed(&Books::default(), "2026-11-10T12:00:00Z"), Ok(("2026-11".into(), false)));
    }

    /// What an event of this time comes to if the holding begins at that one: the month of the usage, and whether it is billed.
    fn of_holding(account: &str, from: &str, time: &str, now: &str) -> (String, bool) {
        let (event, now) = (event(time), now.parse().unwrap());
        let held = Held { space: SPACE, from: from.parse().unwrap(), until: None };
        let key = books(Some(account), &[]).total(&event, &Placement::of(&event, &held, now)).unwrap();
        assert_eq!((key.billed_month, key.held_from), (key.usage_month, held.from));
        (key.usage_month.to_string(), key.billable)
    }

    // R-B1, R-B5: a meter stamps the head of the hour in which consent and app came about.
    #[test]
    fn usage_stamped_before_its_holding_counts_from_the_holdings_first_moment() {
        let head = "2026-11-10T12:00:00Z";
        let billed = of_holding("2026-11-10T12:20:00Z", "2026-11-10T12:20:02Z", head, "2026-11-10T12:21:00Z");
        assert_eq!(billed, ("2026-11".into(), true));
        // Consent was to what comes after it, and the app was there before.
        let before = of_holding("2026-11-10T12:20:02Z", "2026-11-10T12:20:00Z", head, "2026-11-10T12:21:00Z");
        assert_eq!(before, ("2026-11".into(), false));
        // The account has no invoice of the month before its own.
        let (account, from) = ("2026-12-01T00:01:00Z", "2026-12-01T00:01:02Z");
        let turn = of_holding(account, from, "2026-11-30T23:58:00Z", "2026-12-01T00:02:00Z");
        assert_eq!(turn, ("2026-12".into(), true));
    }

    // A clock that was ahead when the app was made moves no usage to a later month.
    #[test]
    fn a_holding_that_begins_later_than_now_moves_no_usage() {
        let time = "2026-11-10T12:00:00Z";
        let counted =
            of_holding("2026-11-01T00:00:00Z", "2027-11-10T12:00:00Z", time, "2026-11-10T12:01:00Z");
        assert_eq!(counted, ("2026-11".into(), true));
    }

    // R-B8
    #[test]
    fn late_usage_is_billed_by_the_next_invoice_or_not_at_all() {
        let since = Some("2026-01-01T00:00:00Z");
        let at = "2026-11-10T00:00:00Z";
        assert_eq!(billed(&books(since, &["2026-10"]), at), Ok(("2026-11".into(), true)));
        assert_eq!(billed(&books(since, &["2026-11"]), at), Ok(("2026-12".into(), true)));
        assert_eq!(billed(&books(since, &["2026-12"]), at), Ok(("2026-11".into(), true)));
        assert_eq!(billed(&books(since, &["2026-11", "2026-12"]), at), Err(Rejection::MonthClosed));
        // What is not billed has no invoice to be too late for.
        let later = books(Some("2026-11-20T00:00:00Z"), &["2026-11", "2026-12"]);
        assert_eq!(billed(&later, at), Ok(("2026-11".into(), false)));
    }

    #[test]
    fn a_sum_is_exact_or_refused() {
        let sum = |text: &str| Sum::of(text.parse().unwrap());
        let total = sum("0.000000001").and(sum("999999999999.999999999")).unwrap();
        assert_eq!((total.quantity.to_string(), total.events), ("1000000000000".into(), 2));
        assert_eq!(sum("9000000000000000000000000000").and(sum("0.000000001")), None);
        assert_eq!(Sum::of(Decimal::MAX).and(sum("1")), None);
        let full = Sum { quantity: Decimal::ONE, events: i64::MAX };
        assert_eq!(full.and(sum("1")), None);
    }

    proptest! {
        #[test]
        fn sums_do_not_depend_on_order(mut parts in prop::collection::vec((0_u64..1_000_000_000_000, 0_u32..1_000_000_000), 1..50)) {
            let sum = |parts: &[(u64, u32)]| {
                let of = |(whole, part): &(u64, u32)| Sum::of(format!("{whole}.{part:09}").parse().unwrap());
                parts.iter().map(of).try_fold(Sum::default(), Sum::and)
            };
            let first = sum(&parts);
            prop_assert!(first.is_some());
            let nanos: u128 = parts.iter().map(|(whole, part)| u128::from(*whole) * 1_000_000_000 + u128::from(*part)).sum();
            let exact = Decimal::from_i128_with_scale(i128::try_from(nanos).unwrap(), 9);
            prop_assert_eq!(first.map(|sum| sum.quantity), Some(exact));
            parts.reverse();
            prop_assert_eq!(sum(&parts), first);
        }
    }
}
