use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Sums, TotalKey};
use crate::domain::{Metric, Month, RateCard, amount::Amount, pricing::Allowance};

/// The most that one app may use of one metric in one month, in units of the metric: a million billions.
const MOST_UNITS: i64 = 1_000_000_000_000_000;

/// The most that may cost, in units of the currency, with nothing free: a billion. A hundred million of such lines can be
/// added up, and told: more than there are.
const MOST_COST: i64 = 1_000_000_000;

// The arithmetic: an amount holds a hundred million lines of the highest cost, and so do the 64 bits of a message.
const _: () = assert!(MOST_COST <= i64::MAX / 100_000_000);
const _: () = assert!(10_i128.pow(21) * MOST_COST as i128 <= i128::MAX / 100_000_000);

/// How much apps have used of what in a month, and how much more they may, so that whatever is accepted can be priced,
/// added up and told.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    prices: BTreeMap<(Month, Metric), Decimal>,
    used: BTreeMap<Allowance, Decimal>,
}

impl Limits {
    /// At the prices of these months' cards, after these sums.
    pub(crate) fn new(cards: &BTreeMap<Month, RateCard>, sums: &[(TotalKey, Sums)]) -> Self {
        let prices = cards.iter().flat_map(|(month, card)| {
            card.rates.iter().map(|(metric, rate)| ((*month, *metric), rate.unit_price))
        });
        let mut used = BTreeMap::<Allowance, Decimal>::new();
        for (key, sums) in sums {
            for (metric, sum) in sums.iter() {
                let used = used.entry(Allowance::of(key, metric)).or_default();
                // Sums of before there were limits may be of any size.
                *used = used.saturating_add(sum.quantity);
            }
        }
        Self { prices: prices.collect(), used }
    }

    /// Counts a quantity in. False, and it is not counted, if that came to more than there may be.
    pub(crate) fn admit(&mut self, allowance: Allowance, quantity: Decimal) -> bool {
        let Some(price) = self.prices.get(&(allowance.usage_month, allowance.metric)) else { return false };
        let used = self.used.entry(allowance).or_default();
        let after = used.saturating_add(quantity);
        let fits = is_within(after, *price);
        if fits {
            *used = after;
        }
        fits
    }
}

/// Whether so much at this price is within the limits.
fn is_within(quantity: Decimal, unit_price: Decimal) -> bool {
    let cost = Amount::of(quantity, unit_price);
    quantity <= Decimal::from(MOST_UNITS) && cost.is_some_and(|cost| cost <= Amount::units(MOST_COST))
}

#[cfg(test)]
mod tests {
    use devspaces_kit::name::AppName;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        convert::money,
        domain::pricing::{Line, total},
    };

    fn allowance() -> Allowance {
        Allowance { app: AppName::NIL, usage_month: "2026-11".parse().unwrap(), metric: Metric::KvsWriteGb }
    }

    fn limits(price: &str) -> Limits {
        let allowance = allowance();
        let prices = BTreeMap::from([((allowance.usage_month, allowance.metric), price.parse().unwrap())]);
        Limits { prices, used: BTreeMap::new() }
    }

    // R-B5
    #[test]
    fn what_comes_to_more_than_a_billion_is_not_admitted() {
        for (price, quantity, fits) in [
            ("1.09", "100000000000", false),
            ("1.09", "917431192.660550458", true),
            ("1.09", "917431192.660550459", false),
            ("999999", "999999999999", false),
            ("0", "1000000000000000", true),
            ("0", "1000000000000000.000000001", false),
            ("0.000001929", "100001.000000001", true),
        ] {
            let admitted = limits(price).admit(allowance(), quantity.parse().unwrap());
            assert_eq!(admitted, fits, "{quantity} at {price}");
        }
    }

    // R-B5: one after another, and what does not fit leaves room for what does.
    #[test]
    fn sums_are_bounded_and_not_only_events() {
        let mut limits = limits("1");
        let mut admit = |quantity: i64| limits.admit(allowance(), quantity.into());
        assert_eq!(
            (admit(600_000_000), admit(600_000_000), admit(400_000_000), admit(1)),
            (true, false, true, false)
        );
    }

    #[test]
    fn what_was_stored_before_there_were_limits_admits_no_more_and_breaks_nothing() {
        let mut limits = limits("0.5");
        limits.used.insert(allowance(), Decimal::MAX);
        assert!(!limits.admit(allowance(), Decimal::ONE));
    }

    proptest! {
        // R-B5, R-B7: whatever is admitted is priced, added up and told exactly, whatever else is on the invoice.
        #[test]
        fn what_is_within_the_limits_can_be_priced(
            parts in prop::collection::vec(
                (0_i128..=10_i128.pow(24), 0_u32..=24, 0_i128..10_i128.pow(18), 0_u32..=18, 0_i128..10_i128.pow(21)), 1..40),
        ) {
            let mut lines = Vec::new();
            for (quantity, smaller, price, cheaper, free) in parts {
                let quantity = Decimal::from_i128_with_scale(quantity / 10_i128.pow(smaller), 9);
                let price = Decimal::from_i128_with_scale(price / 10_i128.pow(cheaper), 12);
                let free = Decimal::from_i128_with_scale(free, 9).min(quantity);
                if is_within(quantity, price) {
                    let line = Line::new(allowance(), quantity, free, price, 1);
                    prop_assert!(line.is_some(), "{quantity} at {price}");
                    lines.extend(line);
                }
            }
            let total = total(&lines);
            prop_assert!(total.and_then(|total| money::to_wire(total, "USD")).is_some());
        }
    }
}
