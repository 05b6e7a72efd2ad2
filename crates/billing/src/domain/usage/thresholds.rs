//! Which thresholds of allowances usage crosses (R-B12).
use std::collections::{BTreeMap, BTreeSet};

use devspaces_kit::name::{AppName, SpaceName};
use rust_decimal::Decimal;

use super::{Added, Sums, TotalKey};
use crate::domain::{Month, RateCard, THRESHOLDS, is_reached, pricing::Allowance};

/// An allowance of which thresholds are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The space in which it came to that.
    pub(crate) space: SpaceName,
    pub(crate) allowance: Allowance,
    /// Which, in their order.
    pub(crate) percents: Vec<i32>,
    /// What is used, whichever spaces held the app.
    pub(crate) used: Decimal,
    /// How much of that is free.
    pub(crate) free: Decimal,
}

/// The allowances of these months of which what is added may have crossed thresholds, each with all that are reached. `before` are the
/// sums of these apps' usage as they were. Those beyond which nothing costs have no thresholds.
///
/// Where several spaces have used something of an allowance, one may not have seen what another did at the same time: there all that
/// are reached are looked at again.
pub(crate) fn reached(
    all_added: &[Added<'_>],
    before: &[(TotalKey, Sums)],
    cards: &BTreeMap<Month, RateCard>,
    months: &[Month],
) -> Vec<Reached> {
    let mut added = BTreeMap::<Allowance, (SpaceName, Decimal)>::new();
    let mut spaces = BTreeMap::<(AppName, Month), BTreeSet<SpaceName>>::new();
    for it in all_added.iter().filter(|it| months.contains(&it.total.usage_month)) {
        let TotalKey { app, usage_month, space, .. } = it.total;
        spaces.entry((app, usage_month)).or_default().insert(space);
        let allowance = Allowance::of(&it.total, it.tariff);
        let added = added.entry(allowance).or_insert((space, Decimal::ZERO));
        *added = (space, added.1.saturating_add(it.sum.quantity));
    }
    let mut used = BTreeMap::<Allowance, Decimal>::new();
    for (key, sums) in before {
        if let Some(spaces) = spaces.get_mut(&(key.app, key.usage_month)) {
            spaces.insert(key.space);
            for (tariff, sum) in sums.iter() {
                let used = used.entry(Allowance::of(key, tariff)).or_default();
                *used = used.saturating_add(sum.quantity);
            }
        }
    }
    let found = added.into_iter().filter_map(|(allowance, (space, added))| {
        let rate = cards.get(&allowance.usage_month)?.rate(&allowance.tariff)?;
        if rate.unit_price.is_zero() || rate.allowance.is_zero() {
            return None;
        }
        let before = used.get(&allowance).copied().unwrap_or_default();
        let used = before.saturating_add(added);
        let reached = |used| THRESHOLDS.into_iter().filter(move |it| is_reached(*it, used, rate.allowance));
        let is_shared = spaces.get(&(allowance.app, allowance.usage_month)).is_some_and(|it| it.len() > 1);
        let is_news = is_shared || reached(used).count() > reached(before).count();
        let percents: Vec<_> = reached(used).filter(|_| is_news).collect();
        let reached = Reached { space, allowance, percents, used: used.normalize(), free: rate.allowance };
        (!reached.percents.is_empty()).then_some(reached)
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use devspaces_kit::{clock::Timestamp, name::MeterName};
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        Rate, Rates, Tariff,
        usage::{Event, Placed, Sum, added},
    };

    const NONE: [i32; 0] = [];
    const APP: AppName = AppName(Uuid::from_u128(3));

    fn month() -> Month {
        "2026-11".parse().expect("a month")
    }

    fn tariff() -> Tariff {
        Tariff::of_meter(MeterName::of("logs.gb").expect("a name"))
    }

    fn key(space: u128) -> TotalKey {
        TotalKey {
            space: SpaceName(Uuid::from_u128(space)),
            billed_month: month(),
            app: APP,
            usage_month: month(),
            held_from: Timestamp::EPOCH,
            billable: true,
        }
    }

    /// Which thresholds of an allowance of 10 this quantity reaches in the first space, after this in that space.
    fn found(free: i64, price: i64, space: u128, before: &str, quantity: &str) -> Vec<i32> {
        let own = Rate { allowance: free.into(), unit_price: price.into() };
        let rates = Rates { own, by_value: None, exemptions: [].into() };
        let card = RateCard {
            version: 1,
            currency: "USD".into(),
            effective_month: month(),
            meters: BTreeMap::from([(tariff().meter, rates)]),
        };
        let event = Event {
            id: "a".into(),
            app: APP,
            meter: tariff().meter,
            quantity: quantity.parse().expect("a decimal"),
            time: Timestamp::EPOCH,
            dimensions: BTreeMap::new(),
        };
        let placed = Placed { total: key(1), tariff: tariff(), is_held: true };
        let sums = Sums::from_iter([(tariff(), Sum::of(before.parse().expect("a decimal")))]);
        let cards = BTreeMap::from([(month(), card)]);
        let events = [(&event, &placed)];
        let added = added(&events).expect("sums");
        let found = reached(&added, &[(key(space), sums)], &cards, &[month()]);
        assert!(reached(&added, &[], &cards, &[month().next()]).is_empty());
        found.into_iter().flat_map(|it| it.percents).collect()
    }

    // R-B12
    #[test]
    fn a_threshold_of_an_allowance_is_crossed_by_what_reaches_it() {
        assert_eq!(found(10, 1, 1, "0", "4.999999999"), NONE);
        assert_eq!(found(10, 1, 1, "4", "1"), [50]);
        assert_eq!(found(10, 1, 1, "0", "9"), [50, 75, 90]);
        assert_eq!(found(10, 1, 1, "5", "2"), NONE);
        assert_eq!(found(10, 1, 1, "7", "3"), [50, 75, 90, 100]);
        assert_eq!(found(10, 1, 1, "100", "1"), NONE);
        assert_eq!(found(10, 1, 2, "7", "0.1"), [50], "what another space did is looked at again");
        assert_eq!(found(10, 0, 1, "0", "10"), NONE, "what costs nothing beyond it");
        assert_eq!(found(0, 1, 1, "0", "10"), NONE, "where nothing is free");
    }
}
