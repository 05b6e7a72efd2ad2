//! Quantities by hour, day and month, grouped as is asked for (R-B14).
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Bound,
};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, MeterName},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Month,
    amount::{parts, write_parts},
    meter::Dimensions,
};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// How long each point is of, and each sum that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Hour,
    Day,
    Month,
}

impl Step {
    pub(crate) const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Month];

    /// The first moment of the step that a time is in.
    pub(crate) fn start(self, time: Timestamp) -> Timestamp {
        let of = |length: i64| Timestamp::from_micros(time.micros().div_euclid(length) * length);
        match self {
            Self::Hour => of(HOUR),
            Self::Day => of(DAY),
            Self::Month => Month::of(time).start(),
        }
    }
}

/// A quantity, exactly, however much there is of it: in billionths of a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quantity(i128);

impl Quantity {
    const DIGITS: u32 = 9;

    /// Nothing if it has more digits after the point than are taken, or is beyond 10^28 units.
    pub(crate) fn of(decimal: Decimal) -> Option<Self> {
        parts(decimal, Self::DIGITS).map(Self)
    }

    fn and(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_parts(f, self.0, Self::DIGITS)
    }
}

/// How much was used of something in an hour, a day or a month.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    pub(crate) start: Timestamp,
    pub(crate) app: AppName,
    pub(crate) meter: MeterName,
    pub(crate) dimensions: Dimensions,
    pub(crate) quantity: Quantity,
    pub(crate) events: i64,
}

/// What a point is of, in the order in which points are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Of {
    /// In microseconds since 1970.
    pub(crate) start: i64,
    /// Nothing if apps are not told apart.
    pub(crate) app: Option<[u8; 16]>,
    pub(crate) meter: String,
    /// The values of the dimensions that are told apart; empty where there is none.
    pub(crate) values: Vec<String>,
}

/// A sum that is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) quantity: Quantity,
    pub(crate) events: i64,
}

/// By what usage is told apart, beside its time and its meter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grouping {
    pub(crate) by_app: bool,
    /// Names of dimensions.
    pub(crate) dimensions: Vec<String>,
    /// Only of these meters; of all if there are none.
    pub(crate) meters: BTreeSet<MeterName>,
}

/// The points that usage adds up to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Points(BTreeMap<Of, Point>);

/// A sum is beyond what can be kept.
#[derive(Debug)]
pub(crate) struct TooLarge;

impl Points {
    /// Adds what was used.
    pub(crate) fn add(&mut self, grouping: &Grouping, used: &Used) -> Result<(), TooLarge> {
        if !grouping.meters.is_empty() && !grouping.meters.contains(&used.meter) {
            return Ok(());
        }
        let point = self.0.entry(grouping.of(used)).or_default();
        point.quantity = point.quantity.and(used.quantity).ok_or(TooLarge)?;
        point.events += used.events;
        Ok(())
    }

    /// How many there are after one.
    pub(crate) fn after(&self, after: Option<&Of>) -> usize {
        after.map_or(self.0.len(), |after| self.0.range((Bound::Excluded(after), Bound::Unbounded)).count())
    }

    /// The points after one and before another, without those of which everything was voided.
    pub(crate) fn between<'a>(
        self,
        after: Option<&'a Of>,
        before: Option<&'a Of>,
    ) -> impl Iterator<Item = (Of, Point)> + use<'a> {
        let told = move |of: &Of| after.is_none_or(|it| of > it) && before.is_none_or(|it| of < it);
        self.0.into_iter().filter(move |(of, point)| told(of) && *point != Point::default())
    }
}

impl Grouping {
    /// What usage is a part of.
    pub(crate) fn of(&self, used: &Used) -> Of {
        let value = |name: &String| used.dimensions.get(name).cloned().unwrap_or_default();
        Of {
            start: used.start.micros(),
            app: self.by_app.then(|| used.app.0.into_bytes()),
            meter: used.meter.id().to_owned(),
            values: self.dimensions.iter().map(value).collect(),
        }
    }

    /// The first that what comes with this or after it can be a part of: all before that is complete, if usage is read in the
    /// order of time and then of apps.
    pub(crate) fn first_of(&self, used: &Used) -> Of {
        Of { meter: String::new(), values: Vec::new(), ..self.of(used) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn steps_begin_with_their_hours_days_and_months() {
        let start = |step: Step, time: &str| step.start(time.parse().expect("a time")).to_string();
        let time = "2026-02-28T23:59:59.999999Z";
        assert_eq!(start(Step::Hour, time), "2026-02-28T23:00:00.000000Z");
        assert_eq!(start(Step::Day, time), "2026-02-28T00:00:00.000000Z");
        assert_eq!(start(Step::Month, time), "2026-02-01T00:00:00.000000Z");
        assert_eq!(start(Step::Month, "1970-01-01T00:00:00Z"), "1970-01-01T00:00:00.000000Z");
    }

    // R-B14: sums that a decimal of 28 digits does not hold.
    #[test]
    fn quantities_are_exact_beyond_28_digits() {
        let most: Decimal = "9999999999999999999.999999999".parse().expect("a decimal");
        let most = Quantity::of(most).expect("a quantity");
        let sum = (0..100).try_fold(Quantity::default(), |sum, _| sum.and(most)).expect("a sum");
        assert_eq!(sum.to_string(), "999999999999999999999.9999999");
        assert_eq!(Quantity::of("-0.5".parse().expect("a decimal")).expect("a quantity").to_string(), "-0.5");
        assert_eq!(Quantity::of("0.0000000001".parse().expect("a decimal")), None);
        assert_eq!(Quantity(i128::MAX).and(Quantity(1)), None);
    }

    fn used() -> impl Strategy<Value = Used> {
        (0_i64..72, 0_u128..3, 0_usize..2, 0_u8..3, 1_u32..1000).prop_map(
            |(hour, app, meter, region, quantity)| Used {
                start: Timestamp::from_micros(hour * HOUR),
                app: AppName(Uuid::from_u128(app)),
                meter: MeterName::of(["logs.gb", "kvs.read_gb"][meter]).expect("a name"),
                dimensions: match region {
                    0 => Dimensions::new(),
                    n => Dimensions::from([("region".to_owned(), format!("r{n}"))]),
                },
                quantity: Quantity(quantity.into()),
                events: 1,
            },
        )
    }

    proptest! {
        // R-B14: nothing is lost or counted twice, however it is grouped, and what can still grow is not told yet.
        #[test]
        fn points_add_up_to_what_was_used_and_are_complete_before_what_comes_next(
            mut all in prop::collection::vec(used(), 0..60),
            (by_app, by_region, step) in (any::<bool>(), any::<bool>(), 0_usize..3),
            at in any::<prop::sample::Index>(),
        ) {
            let step = [Step::Hour, Step::Day, Step::Month][step];
            for used in &mut all {
                used.start = step.start(used.start);
            }
            all.sort_by(|a, b| (a.start, a.app, &a.meter, &a.dimensions).cmp(&(b.start, b.app, &b.meter, &b.dimensions)));
            let dimensions = if by_region { vec!["region".to_owned()] } else { Vec::new() };
            let grouping = Grouping { by_app, dimensions, meters: BTreeSet::new() };
            let add = |all: &[Used]| {
                let mut points = Points::default();
                for used in all {
                    points.add(&grouping, used).expect("a sum");
                }
                points
            };
            let whole: Vec<_> = add(&all).between(None, None).collect();
            prop_assert_eq!(whole.iter().map(|(_, point)| point.events).sum::<i64>(), i64::try_from(all.len()).expect("few"));
            let sum: i128 = whole.iter().map(|(_, point)| point.quantity.0).sum();
            prop_assert_eq!(sum, all.iter().map(|used| used.quantity.0).sum::<i128>());
            if !all.is_empty() {
                let next = at.index(all.len());
                let before = grouping.first_of(&all[next]);
                let told: Vec<_> = add(&all[..next]).between(None, Some(&before)).collect();
                prop_assert_eq!(&told[..], &whole[..told.len()]);
            }
        }
    }
}
