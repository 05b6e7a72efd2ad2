use std::collections::BTreeMap;

use devspaces_kit::name::MeterName;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::{RateCard, Rates, pricing::total};

const HERE: SpaceName = SpaceName(Uuid::from_u128(1));
const BEFORE: SpaceName = SpaceName(Uuid::from_u128(2));
const METERS: [&str; 2] = ["logs.gb", "kvs.read_gb"];

fn month() -> Month {
    "2026-11".parse().expect("a month")
}

fn app(number: u8) -> AppName {
    AppName(Uuid::from_u128(u128::from(number) + 100))
}

fn tariff(number: usize) -> Tariff {
    Tariff::of_meter(MeterName::of(METERS[number]).expect("a name"))
}

/// In steps of the smallest quantity.
fn quantity(nanos: i64) -> Decimal {
    Decimal::new(nanos, 9).normalize()
}

/// What is set aside for an app, in this space or where it was before.
fn reservation(number: u8, meter: usize, moved: bool, remaining: i64) -> Reservation {
    Reservation {
        name: ReservationName(Uuid::from_u128(9)),
        space: if moved { BEFORE } else { HERE },
        app: app(number),
        held_from: Timestamp::from_micros(if moved { 1 } else { 2 }),
        month: month(),
        tariff: tariff(meter),
        remaining: quantity(remaining),
        end_time: Timestamp::from_micros(100),
    }
}

fn cap(app: Option<AppName>, cents: i64) -> Budget {
    Budget {
        name: BudgetName { space: HERE, app },
        amount: Decimal::new(cents, 2),
        currency: "USD".into(),
        thresholds: vec![100],
        cap: true,
        suspends_in: None,
        update_time: Timestamp::EPOCH,
    }
}

/// Usage of these, at these rates of each meter: how much is free, and the price of a unit in parts of 10^12.
fn usage(of: &[Reservation], rates: [(i64, i64); 2]) -> Usage {
    let rates = rates.into_iter().enumerate().map(|(meter, (free, price))| {
        let own = Rate { allowance: quantity(free), unit_price: Decimal::new(price, 12).normalize() };
        (tariff(meter).meter, Rates { own, by_value: None, exemptions: [].into() })
    });
    let card =
        RateCard { version: 1, currency: "USD".into(), effective_month: month(), meters: rates.collect() };
    let mut usage = Usage { cards: BTreeMap::from([(month(), card)]), ..Usage::default() };
    count_in(&mut usage, of);
    usage
}

/// What a month's lines of an app, or all, come to, exactly.
fn costs(usage: &Usage, app: Option<AppName>) -> Amount {
    let (lines, unpriced) = lines(HERE, month(), usage);
    assert!(unpriced.is_empty());
    let of = lines.iter().filter(|line| app.is_none_or(|app| app == line.allowance.app));
    of.map(Line::amount).try_fold(Amount::default(), Amount::and).expect("a sum")
}

/// What is used and set aside, what is asked for, the rates of both meters, and the caps of the space and of the app, in cents.
type Question = (Vec<Reservation>, Reservation, [(i64, i64); 2], [i64; 2]);

/// Usage and reservations of two apps, of which the second has moved here, with what is asked for and two caps.
fn asked() -> impl Strategy<Value = Question> {
    let nanos = || prop_oneof![0..20_000_000_000_i64, (0..20_i64).prop_map(|it| it * 1_000_000_000)];
    let price =
        || prop_oneof![Just(0_i64), 1..5_000_000_000_000_i64, (0..6_i64).prop_map(|it| it * 500_000_000_000)];
    let part = (0..2_u8, 0..2_usize, any::<bool>(), nanos())
        .prop_map(|(number, meter, moved, nanos)| reservation(number, meter, moved && number == 1, nanos));
    let rates = [(nanos(), price()), (nanos(), price())];
    (
        prop::collection::vec(part, 0..6),
        (0..2_u8, 0..2_usize, 1..40_000_000_000_i64),
        rates,
        [1..10_000_i64, 1..10_000_i64],
    )
        .prop_map(|(parts, (number, meter, nanos), rates, cents)| {
            (parts, reservation(number, meter, false, nanos), rates, cents)
        })
}

proptest! {
    // R-E5: what is granted keeps every cap, and a bit more of it would not.
    #[test]
    fn all_is_granted_that_keeps_every_cap((parts, asked, rates, cents) in asked()) {
        let caps = [cap(None, cents[0]), cap(Some(asked.app), cents[1])];
        let before = usage(&parts, rates);
        let granted = grant(&asked, &before, &caps);
        let with = |quantity: Decimal| {
            let mut all = parts.clone();
            all.push(Reservation { remaining: quantity, ..asked.clone() });
            usage(&all, rates)
        };
        let is_kept = |cap: &Budget, quantity: Decimal| {
            let cost = costs(&with(quantity), cap.name.app);
            // Where a cap is exceeded already, what costs nothing more is granted.
            cost <= Amount::of_money(cap.amount).max(costs(&before, cap.name.app))
        };
        prop_assert!(granted.quantity <= asked.remaining && !granted.quantity.is_sign_negative());
        prop_assert!(caps.iter().all(|cap| is_kept(cap, granted.quantity)), "{granted:?}");
        prop_assert_eq!(granted.limited_by.is_none(), granted.quantity == asked.remaining);
        if let Some(by) = granted.limited_by {
            let more = granted.quantity + quantity(1);
            let cap = caps.iter().find(|cap| cap.name == by).expect("a cap");
            prop_assert!(!is_kept(cap, more), "{granted:?}");
        }
    }

    // R-E5, R-B7: rounded as an invoice is, the costs are not above the cap either.
    #[test]
    fn whatever_is_used_of_what_was_granted_keeps_the_cap(
        wanted in prop::collection::vec((0..2_u8, 0..2_usize, 1..40_000_000_000_i64, 0..=100_i64), 1..8),
        rates in [(0..9_000_000_000_i64, 0..3_000_000_000_000_i64), (0..9_000_000_000_i64, 0..3_000_000_000_000_i64)],
        cents in 1..5_000_i64,
    ) {
        let cap = cap(None, cents);
        let (mut reserved, mut used) = (Vec::new(), Vec::new());
        for (number, meter, nanos, part) in wanted {
            let asked = reservation(number, meter, false, nanos);
            let granted = grant(&asked, &usage(&reserved, rates), std::slice::from_ref(&cap));
            let some = (granted.quantity * Decimal::new(part, 2)).trunc_with_scale(9).normalize();
            used.push(Reservation { remaining: some, ..asked.clone() });
            reserved.push(Reservation { remaining: granted.quantity, ..asked });
        }
        let (lines, _) = lines(HERE, month(), &usage(&used, rates));
        prop_assert!(total(&lines).expect("a total") <= cap.amount);
    }
}

// R-E5
#[test]
fn what_costs_nothing_is_always_granted() {
    let caps = [cap(None, 1)];
    let rates = [(0, 1_000_000_000_000), (0, 0)];
    let full = [reservation(0, 0, false, 10_000_000)];
    let grants = |asked: Reservation| grant(&asked, &usage(&full, rates), &caps).quantity;
    assert_eq!(grants(reservation(0, 0, false, 5)), Decimal::ZERO);
    assert_eq!(grants(reservation(0, 1, false, 5)), quantity(5), "at the price of 0");
    let unpriced = Tariff::of_meter(MeterName::of("queue.messages").expect("a name"));
    assert_eq!(grants(Reservation { tariff: unpriced, ..reservation(0, 0, false, 5) }), quantity(5));
    let none = grant(&reservation(0, 0, false, 5), &usage(&full, rates), &caps);
    assert_eq!(none.limited_by, Some(caps[0].name));
}

fn event(id: &str, nanos: i64) -> Event {
    Event {
        id: id.into(),
        app: app(0),
        meter: tariff(0).meter,
        quantity: quantity(nanos),
        time: Timestamp::EPOCH,
        dimensions: BTreeMap::new(),
    }
}

// R-E5: each event by what is left, and only what something was set aside for.
#[test]
fn events_use_up_the_reservations_that_they_name() {
    let of = reservation(0, 0, false, 10);
    let placed = Placed { total: of.key(), tariff: tariff(0), is_held: true };
    let other = ReservationName(Uuid::from_u128(8));
    let [first, second, third] = [event("a", 7), event("b", 7), event("c", 1)];
    let covered = |placed: &Placed, names: [ReservationName; 3]| {
        let mut all = HashMap::from([(of.name, of.clone())]);
        let events = [(&first, placed, names[0]), (&second, placed, names[1]), (&third, placed, names[2])];
        let covered = cover(&events, &mut all);
        (covered.into_iter().map(|it| it.to_string()).collect::<Vec<_>>(), all[&of.name].remaining)
    };
    let name = of.name;
    let (all, left) = covered(&placed, [name; 3]);
    assert_eq!((all, left), (vec!["0.000000007".into(), "0.000000003".into(), "0".into()], quantity(0)));
    let (some, left) = covered(&placed, [other, name, name]);
    assert_eq!((some, left), (vec!["0".into(), "0.000000007".into(), "0.000000001".into()], quantity(2)));
    let unbilled = Placed { total: TotalKey { billable: false, ..of.key() }, ..placed.clone() };
    assert_eq!(covered(&unbilled, [name, other, other]).1, quantity(3));
    for not in [
        Placed { tariff: tariff(1), ..placed.clone() },
        Placed { total: TotalKey { space: BEFORE, ..of.key() }, ..placed.clone() },
        Placed { total: TotalKey { held_from: Timestamp::EPOCH, ..of.key() }, ..placed.clone() },
        Placed { total: TotalKey { app: app(1), ..of.key() }, ..placed.clone() },
        Placed {
            total: TotalKey { usage_month: month().next(), billed_month: month().next(), ..of.key() },
            ..placed.clone()
        },
    ] {
        assert_eq!(covered(&not, [name; 3]).1, quantity(10), "{not:?}");
    }
}
