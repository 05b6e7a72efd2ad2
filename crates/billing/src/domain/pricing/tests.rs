mod examples;
mod months;
mod tariffs;
mod voided;

use std::collections::BTreeSet;

use devspaces_kit::{clock::Timestamp, name::MeterName};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::{DimensionValue, Rate, Rates, usage::Sum};

/// Billionths, as quantities have.
const NANOS: u32 = 9;

fn space(n: u8) -> SpaceName {
    SpaceName(Uuid::from_u128(u128::from(n) + 1))
}

fn app(n: u8) -> AppName {
    AppName(Uuid::from_u128(u128::from(n) + 1))
}

fn month(n: u8) -> Month {
    format!("2026-{:02}", n + 1).parse().expect("a month")
}

fn meter(id: &str) -> MeterName {
    MeterName::of(id).expect("a meter")
}

fn logs() -> Tariff {
    Tariff::of_meter(meter("logs.gb"))
}

/// What the tests' usage shares: the logs of an app in a month.
fn logs_of_the_first() -> Allowance {
    Allowance { app: app(0), usage_month: month(0), tariff: logs() }
}

/// A card on which two meters have this allowance and price, and logs from Europe twice the price.
fn card(version: i32, allowance: Decimal, unit_price: Decimal) -> RateCard {
    let own = Rate { allowance, unit_price };
    let eu = Rate { allowance, unit_price: unit_price * Decimal::TWO };
    let values = BTreeMap::from([("eu".to_owned(), eu)]);
    let rates =
        Rates { own, by_value: Some(("region".into(), values)), exemptions: [of("region", "test")].into() };
    let meters = ["logs.gb", "kvs.read_gb"].map(|id| (meter(id), rates.clone()));
    RateCard { version, currency: "USD".into(), effective_month: month(0), meters: meters.into() }
}

fn of(dimension: &str, value: &str) -> DimensionValue {
    DimensionValue { dimension: dimension.into(), value: value.into() }
}

/// A sum, as a test tells it: the space, the app, the month of the usage, how late the holding began, whether it is
/// billable, and billionths.
type Told = (u8, u8, u8, u8, bool, u64);

fn told() -> impl Strategy<Value = Told> {
    (0_u8..3, 0_u8..2, 0_u8..2, 0_u8..3, prop::bool::weighted(0.8), 1_u64..5_000_000_000)
}

fn key(&(holder, used, usage, held, billable, _): &Told, billed: u8) -> TotalKey {
    TotalKey {
        space: space(holder),
        billed_month: month(billed),
        app: app(used),
        usage_month: month(usage),
        held_from: Timestamp::from_micros(held.into()),
        billable,
    }
}

fn quantity(nanos: u64) -> Decimal {
    Decimal::from_i128_with_scale(nanos.into(), NANOS)
}

/// The same in whole billionths.
fn nanos(quantity: Decimal) -> i128 {
    let mut quantity = quantity;
    quantity.rescale(NANOS);
    quantity.mantissa()
}

fn of_logs(sum: Sum) -> Sums {
    Sums::from_iter([(logs(), sum)])
}

/// What stands in the books, and what becomes of usage and invoices as they come.
#[derive(Default)]
struct Books {
    totals: BTreeMap<TotalKey, Sum>,
    issued: BTreeSet<(SpaceName, Month)>,
    lines: Vec<(SpaceName, Line)>,
    cards: BTreeMap<Month, RateCard>,
    /// What counts and can be voided.
    taken: Vec<Told>,
    /// Of what something was voided when some invoice was issued.
    corrected: BTreeSet<(AppName, Month)>,
}

impl Books {
    fn of(allowances: [u64; 2]) -> Self {
        let cards = (0..2).zip(1..).zip(allowances);
        let cards = cards.map(|((n, version), allowance)| {
            (month(n), card(version, quantity(allowance), Decimal::new(1_234_567, 12)))
        });
        Self { cards: cards.collect(), ..Self::default() }
    }

    /// R-B8: counts for the month, or for the next one if that is issued, or not at all.
    fn take(&mut self, told: &Told) {
        let (holder, _, usage, _, billable, nanos) = *told;
        let is_open = |n: &u8| !billable || !self.issued.contains(&(space(holder), month(*n)));
        let Some(billed) = [usage, usage + 1].into_iter().find(is_open) else { return };
        let sum = self.totals.entry(key(told, billed)).or_default();
        *sum = sum.and(Sum::of(quantity(nanos))).expect("a sum");
        self.taken.push(*told);
    }

    /// R-B15: as if it had not been, or taken from the next invoice that is not issued.
    fn void(&mut self, which: prop::sample::Index) {
        if self.taken.is_empty() {
            return;
        }
        let told = self.taken.swap_remove(which.index(self.taken.len()));
        let (holder, used, usage, _, billable, nanos) = told;
        let is_open = |n: &u8| !billable || !self.issued.contains(&(space(holder), month(*n)));
        let billed = (usage..LAST).find(is_open).expect("a month that is never issued");
        if !self.issued.is_empty() {
            self.corrected.insert((app(used), month(usage)));
        }
        let sum = self.totals.entry(key(&told, billed)).or_default();
        *sum = sum.and(Sum { quantity: -quantity(nanos), events: -1 }).expect("a sum");
    }

    fn usage(&self) -> Usage {
        let open = self.totals.iter().map(|(key, sum)| (*key, of_logs(*sum)));
        let covered = |key: &TotalKey| key.billable && self.issued.contains(&(key.space, key.billed_month));
        let mut issued = BTreeMap::<Allowance, BTreeMap<SpaceName, Portion>>::new();
        for (space, line) in &self.lines {
            let portion = issued.entry(line.allowance.clone()).or_default().entry(*space).or_default();
            portion.quantity += line.quantity;
            portion.free += line.free;
        }
        Usage { open: open.filter(|(key, _)| !covered(key)).collect(), issued, cards: self.cards.clone() }
    }

    fn issue(&mut self, holder: u8, billed: u8) {
        let (space, month) = (space(holder), month(billed));
        if self.issued.contains(&(space, month)) {
            return;
        }
        let issued = priced(space, month, &self.usage());
        self.issued.insert((space, month));
        self.lines.extend(issued.into_iter().map(|line| (space, line)));
    }
}

/// What happens next: usage arrives, some of it is voided, or an invoice of some space and month is issued.
#[derive(Clone, Debug)]
enum Event {
    Used(Told),
    Voided(prop::sample::Index),
    Issued(u8, u8),
}

/// The month before which invoices are issued, at the end.
const LAST: u8 = 6;

/// The lines of an invoice of which all usage has one.
fn priced(space: SpaceName, month: Month, usage: &Usage) -> Vec<Line> {
    let (lines, unpriced) = lines(space, month, usage);
    assert_eq!(unpriced, Vec::new());
    lines
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => told().prop_map(Event::Used),
        1 => any::<prop::sample::Index>().prop_map(Event::Voided),
        1 => (0_u8..3, 0_u8..4).prop_map(|(space, month)| Event::Issued(space, month)),
    ]
}

/// To cents, half to even, in whole numbers of 10^-21.
fn rounded(exact: i128) -> i128 {
    let cent = 10_i128.pow(19);
    let (cents, rest) = (exact / cent, exact % cent);
    match (rest * 2).cmp(&cent) {
        std::cmp::Ordering::Less => cents,
        std::cmp::Ordering::Greater => cents + 1,
        std::cmp::Ordering::Equal => cents + cents % 2,
    }
}

proptest! {
    // R-B7: no line is rounded, and the total once.
    #[test]
    fn a_total_is_the_rounded_sum_of_its_lines(
        parts in prop::collection::vec((1_u64..1_000_000_000_000_000, 0_u64..1_000_000_000, 1_i64..100_000_000), 0..60),
    ) {
        let allowance = logs_of_the_first();
        let (mut all, mut exact) = (Vec::new(), 0_i128);
        for (used, free, price) in parts {
            let free = free.min(used);
            let price_of_unit = Decimal::new(price, 12);
            all.push(Line::new(allowance.clone(), quantity(used), quantity(free), price_of_unit, 1).expect("a line"));
            exact += i128::from(used - free) * i128::from(price);
        }
        let sum = all.iter().map(Line::amount).try_fold(Amount::default(), Amount::and).expect("an amount");
        prop_assert_eq!(sum.to_string(), Decimal::from_i128_with_scale(exact, 21).normalize().to_string());
        prop_assert_eq!(total(&all), Some(Decimal::from_i128_with_scale(rounded(exact), 2)));
    }

    // R-B5, R-B7
    #[test]
    fn neither_the_order_nor_the_grouping_of_what_arrives_changes_an_invoice(
        told in prop::collection::vec(told(), 1..40),
        split in prop::collection::vec(0_u64..5_000_000_000, 40),
        order in any::<prop::sample::Index>(),
    ) {
        let (mut one, mut other) = (Books::of([3_000_000_000; 2]), Books::of([3_000_000_000; 2]));
        for it in &told {
            one.take(it);
        }
        // In two parts each, from some place on and backwards.
        let parts = told.iter().zip(split).flat_map(|(it, at)| {
            let at = at.min(it.5 - 1);
            let part = |nanos| (nanos > 0).then_some((it.0, it.1, it.2, it.3, it.4, nanos));
            [part(at), part(it.5 - at)]
        });
        let mut parts: Vec<Told> = parts.flatten().collect();
        let turn = order.index(parts.len());
        parts.rotate_left(turn);
        parts.reverse();
        for it in &parts {
            other.take(it);
        }
        for (holder, billed) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)] {
            let of = |books: &Books| {
                let mut usage = books.usage();
                // Nor does the order in which the sums are read.
                let by = turn % usage.open.len();
                usage.open.rotate_left(by);
                lines(space(holder), month(billed), &usage)
            };
            prop_assert_eq!(of(&one), lines(space(holder), month(billed), &one.usage()));
            prop_assert_eq!(of(&one), of(&other));
        }
    }

    // R-B6, R-B8, R-B15: whatever moves, comes late, is voided and is issued when.
    #[test]
    fn no_allowance_is_given_twice_and_nothing_is_billed_twice(
        events in prop::collection::vec(event(), 1..60),
        allowances in [0_u64..20_000_000_000, 0_u64..20_000_000_000],
    ) {
        let mut books = Books::of(allowances);
        for event in events {
            match event {
                Event::Used(told) => books.take(&told),
                Event::Voided(which) => books.void(which),
                // An account's invoices are issued in the order of their months.
                Event::Issued(holder, last) => (0..=last).for_each(|billed| books.issue(holder, billed)),
            }
        }
        for billed in 0..LAST {
            for holder in 0..3 {
                books.issue(holder, billed);
            }
        }
        let mut told = BTreeMap::<Allowance, BTreeMap<SpaceName, (i128, i128)>>::new();
        for (key, sum) in &books.totals {
            let of_pool = told.entry(Allowance::of(key, &logs())).or_default();
            let (paid_for, all) = of_pool.entry(key.space).or_default();
            *paid_for += if key.billable { nanos(sum.quantity) } else { 0 };
            *all += nanos(sum.quantity);
        }
        for (allowance, spaces) in told {
            let (billable, all) = spaces.values().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
            let (mut free, mut billed) = (0, 0);
            for (space, (billable, _)) in &spaces {
                let lines = books.lines.iter().filter(|(of, line)| of == space && line.allowance == allowance);
                let sums = lines.fold((0, 0), |sum, (_, line)| {
                    (sum.0 + nanos(line.free), sum.1 + nanos(line.billed()))
                });
                prop_assert!(sums.0 >= 0 && sums.1 >= 0);
                prop_assert_eq!(sums.0 + sums.1, *billable);
                (free, billed) = (free + sums.0, billed + sums.1);
            }
            let most = nanos(books.cards[&allowance.usage_month].rate(&allowance.tariff).expect("a rate").allowance);
            prop_assert!(free <= most);
            // No less is billed than is above the allowance.
            prop_assert!(billed >= (billable - most).max(0));
            // What was free for one and is given back later is not taken from what another was billed before.
            let is_of = |key: &TotalKey| (key.app, key.usage_month) == (allowance.app, allowance.usage_month);
            let is_shared = spaces.len() > 1 || books.totals.keys().any(|key| is_of(key) && !key.billable);
            let corrected = books.corrected.contains(&(allowance.app, allowance.usage_month));
            if all == billable && !(is_shared && corrected) {
                prop_assert_eq!(billed, (all - most).max(0));
            }
        }
    }
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// A allowance's usage in sums: held from, space, billable, billed month, quantity.
fn open(sums: &[(i64, u8, bool, u8, &str)]) -> Vec<(TotalKey, Sums)> {
    let sum = |&(held, holder, billable, billed, quantity): &(i64, u8, bool, u8, &str)| {
        let key = key(&(holder, 0, 0, 0, billable, 0), billed);
        (TotalKey { held_from: Timestamp::from_micros(held), ..key }, of_logs(Sum::of(decimal(quantity))))
    };
    sums.iter().map(sum).collect()
}

/// What is free and what is billed on the only line of a space's invoice, at an allowance of 10.
fn split(usage: &Usage, holder: u8, billed: u8) -> (String, String) {
    let lines = priced(space(holder), month(billed), usage);
    assert_eq!(lines.len(), 1);
    (lines[0].free.normalize().to_string(), lines[0].billed().to_string())
}

fn usage(sums: &[(i64, u8, bool, u8, &str)]) -> Usage {
    let cards = BTreeMap::from([(month(0), card(1, decimal("10"), decimal("0.5")))]);
    Usage { open: open(sums), issued: BTreeMap::new(), cards }
}
