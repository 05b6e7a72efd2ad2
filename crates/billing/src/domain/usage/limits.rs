use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Sums, TotalKey};
use crate::domain::{Month, RateCard, amount::Amount, pricing::Allowance};

/// The most that one app may use of one tariff in one month, in units of the meter: a million billions.
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
pub(crate) struct Limits<'a> {
    cards: &'a BTreeMap<Month, RateCard>,
    used: BTreeMap<Allowance, Decimal>,
}

impl<'a> Limits<'a> {
    /// At the prices of these months' cards, after these sums.
    pub(crate) fn new(cards: &'a BTreeMap<Month, RateCard>, sums: &[(TotalKey, Sums)]) -> Self {
        let mut used = BTreeMap::<Allowance, Decimal>::new();
        for (key, sums) in sums {
            for (tariff, sum) in sums.iter() {
                let used = used.entry(Allowance::of(key, tariff)).or_default();
                // Sums of before there were limits may be of any size.
                *used = used.saturating_add(sum.quantity);
            }
        }
        Self { cards, used }
    }

    /// Counts a quantity in. False, and it is not counted, if that came to more than there may be.
    pub(crate) fn admit(&mut self, allowance: Allowance, quantity: Decimal) -> bool {
        let Some(card) = self.cards.get(&allowance.usage_month) else { return false };
        let price = card.rate(&allowance.tariff).map_or(Decimal::ZERO, |rate| rate.unit_price);
        let used = self.used.entry(allowance).or_default();
        let after = used.saturating_add(quantity);
        let fits = is_within(after, price);
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
    use devspaces_kit::name::{AppName, MeterName};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        convert::money,
        domain::{
            Rate, Rates, Tariff,
            pricing::{Line, total},
        },
    };

    fn logs() -> MeterName {
        MeterName::of("logs.gb").expect("a name")
    }

    fn allowance() -> Allowance {
        let tariff = Tariff::of_meter(logs());
        Allowance { app: AppName::NIL, usage_month: "2026-11".parse().unwrap(), tariff }
    }

    fn cards(price: &str) -> BTreeMap<Month, RateCard> {
        let own = Rate { allowance: Decimal::ZERO, unit_price: price.parse().unwrap() };
        let rates = Rates { own, by_value: None, exemptions: [].into() };
        let effective_month = allowance().usage_month;
        let (version, currency, meters) = (1, "USD".to_owned(), BTreeMap::from([(logs(), rates)]));
        BTreeMap::from([(effective_month, RateCard { version, currency, effective_month, meters })])
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
            let cards = cards(price);
            let admitted = Limits::new(&cards, &[]).admit(allowance(), quantity.parse().unwrap());
            assert_eq!(admitted, fits, "{quantity} at {price}");
        }
    }

    // R-B5: one after another, and what does not fit leaves room for what does.
    #[test]
    fn sums_are_bounded_and_not_only_events() {
        let cards = cards("1");
        let mut limits = Limits::new(&cards, &[]);
        let mut admit = |quantity: i64| limits.admit(allowance(), quantity.into());
        assert_eq!(
            (admit(600_000_000), admit(600_000_000), admit(400_000_000), admit(1)),
            (true, false, true, false)
        );
    }

    #[test]
    fn what_was_stored_before_there_were_limits_admits_no_more_and_breaks_nothing() {
        let cards = cards("0.5");
        let mut limits = Limits::new(&cards, &[]);
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
