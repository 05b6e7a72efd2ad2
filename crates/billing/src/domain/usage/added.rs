//! What events add to the sums.
use std::collections::{HashMap, hash_map::Entry};

use super::{Event, Placed, Sum, TotalKey};
use crate::domain::Tariff;

/// What several events come to that are of one sum and tariff.
#[derive(Clone, Debug)]
pub(crate) struct Added<'a> {
    pub(crate) total: TotalKey,
    pub(crate) tariff: &'a Tariff,
    pub(crate) sum: Sum,
    /// Whether the space still holds the app, as far as is known.
    pub(crate) is_held: bool,
}

/// What these events add, in the order of the first of each sum. Nothing if one has more digits than can be kept.
pub(crate) fn added<'a>(events: &[(&Event, &'a Placed)]) -> Option<Vec<Added<'a>>> {
    let mut all: Vec<Added<'a>> = Vec::new();
    let mut places = HashMap::new();
    for (event, placed) in events {
        let Placed { total, tariff, is_held } = placed;
        let sum = Sum::of(event.quantity);
        match places.entry((total, tariff)) {
            Entry::Occupied(place) => {
                let before: &mut Added<'a> = &mut all[*place.get()];
                before.sum = before.sum.and(sum)?;
            }
            Entry::Vacant(place) => {
                place.insert(all.len());
                all.push(Added { total: *total, tariff, sum, is_held: *is_held });
            }
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use devspaces_kit::{
        clock::Timestamp,
        name::{AppName, MeterName, SpaceName},
    };
    use rust_decimal::Decimal;

    use super::*;

    fn event(quantity: &str) -> Event {
        Event {
            id: "a".into(),
            app: AppName::NIL,
            meter: MeterName::of("logs.gb").expect("a name"),
            quantity: quantity.parse().expect("a decimal"),
            time: Timestamp::EPOCH,
            dimensions: BTreeMap::new(),
        }
    }

    fn placed(meter: &str, billable: bool) -> Placed {
        let month = "2026-11".parse().expect("a month");
        let total = TotalKey {
            space: SpaceName::NIL,
            billed_month: month,
            app: AppName::NIL,
            usage_month: month,
            held_from: Timestamp::EPOCH,
            billable,
        };
        let tariff = Tariff::of_meter(MeterName::of(meter).expect("a name"));
        Placed { total, tariff, is_held: true }
    }

    #[test]
    fn what_is_of_one_sum_and_tariff_is_one() {
        let (logs, reads, free) =
            (placed("logs.gb", true), placed("kvs.read_gb", true), placed("logs.gb", false));
        let (one, two) = (event("1"), event("0.000000002"));
        let events = [(&one, &logs), (&two, &reads), (&two, &logs), (&one, &free)];
        let added = added(&events).expect("sums");
        let told: Vec<_> = added
            .iter()
            .map(|it| (it.tariff, it.total.billable, it.sum.quantity.to_string(), it.sum.events))
            .collect();
        let expected = [
            (&logs.tariff, true, "1.000000002".to_owned(), 2),
            (&reads.tariff, true, "0.000000002".to_owned(), 1),
            (&logs.tariff, false, "1".to_owned(), 1),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_has_too_many_digits_is_told() {
        let (logs, large, small) =
            (placed("logs.gb", true), event("9000000000000000000000000000"), event("0.000000001"));
        assert!(Decimal::MAX > large.quantity && added(&[(&large, &logs), (&small, &logs)]).is_none());
    }
}
