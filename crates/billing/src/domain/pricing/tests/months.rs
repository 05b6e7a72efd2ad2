//! Random months, written down with what this implementation makes of them, for another one to hold against its own: in Python,
//! `tests/python/months.py`. `cargo xtask months` does both.
use std::{
    collections::HashMap,
    env, fs,
    io::{BufWriter, Write as _},
};

use serde_json::{Value, json};

use super::*;
use crate::domain::usage::{Books, Event, Held, Placement, Standing, Taken, changed};

/// Where they are written, how many invoices, and from which seed.
const FILE: &str = "DEVSPACES_MONTHS_FILE";
const INVOICES: &str = "DEVSPACES_MONTHS";
const SEED: &str = "DEVSPACES_MONTHS_SEED";

const METERS: [&str; 2] = ["logs.gb", "kvs.read_gb"];
const REGIONS: [&str; 3] = ["ap", "eu", "us"];
const SPACES: u64 = 3;
const APPS: u64 = 2;
/// Months in which something is used: the first of the year.
const MONTHS: u64 = 3;
const DAY: i64 = 86_400_000_000;

/// Random numbers that are the same on every machine (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn small(&mut self, end: u8) -> u8 {
        u8::try_from(self.below(end.into())).unwrap_or_default()
    }

    /// A decimal of few digits or of many.
    fn decimal(&mut self, most: u64, digits: u64) -> Decimal {
        let scale = u32::try_from(self.below(digits + 1)).unwrap_or_default();
        let parts = self.below(most * 10_u64.pow(scale.min(9)) + 1);
        Decimal::from_i128_with_scale(parts.into(), scale).normalize()
    }

    fn time(&mut self) -> Timestamp {
        let days = i64::try_from(self.below(MONTHS * 30)).unwrap_or_default();
        let rest = i64::try_from(self.below(86_400_000_000)).unwrap_or_default();
        month(0).start() + std::time::Duration::from_micros((days * DAY + rest).unsigned_abs())
    }
}

/// A few spaces and apps, from their first usage to their last invoice.
struct World {
    random: Random,
    cards: BTreeMap<Month, RateCard>,
    accounts: HashMap<SpaceName, Timestamp>,
    holdings: Vec<Vec<Held>>,
    sums: BTreeMap<TotalKey, Sums>,
    issued: BTreeMap<SpaceName, Month>,
    portions: BTreeMap<Allowance, BTreeMap<SpaceName, Portion>>,
    taken: Vec<Taken>,
    steps: Vec<Value>,
    invoices: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let first = random_card(&mut random, 1, 0);
        let from = random.small(2) + 1;
        let second = random_card(&mut random, 2, from);
        let of_month =
            |n: u8| if month(n) >= second.effective_month { second.clone() } else { first.clone() };
        let cards = (0..9).map(|n| (month(n), of_month(n))).collect();
        let mut accounts = HashMap::new();
        for n in 0..SPACES {
            if !random.one_in(5) {
                accounts.insert(space(u8::try_from(n).unwrap_or_default()), random.time());
            }
        }
        let holdings = (0..APPS).map(|_| random_holdings(&mut random)).collect();
        let (sums, issued, portions) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self {
            random,
            cards,
            accounts,
            holdings,
            sums,
            issued,
            portions,
            taken: Vec::new(),
            steps: Vec::new(),
            invoices: 0,
        }
    }

    fn run(&mut self) {
        for n in 0..160 {
            match self.random.below(20) {
                0 if n > 30 => self.issue(),
                1..=4 => self.void(),
                _ => self.take(n),
            }
        }
        for _ in 0..8 {
            self.issue();
        }
    }

    fn take(&mut self, n: u32) {
        let which = usize::try_from(self.random.below(APPS)).unwrap_or_default();
        let mut time = self.random.time();
        let held =
            *self.holdings[which].iter().rfind(|held| held.from <= time).unwrap_or(&self.holdings[which][0]);
        if time < held.from {
            time = Timestamp::from_micros(held.from.micros() - i64::from(n) * 1_000_000);
        }
        let meter_id = METERS[usize::from(self.random.small(2))];
        let mut dimensions = BTreeMap::new();
        for (name, values) in [("region", &REGIONS[..]), ("job", &["backup", "web"][..])] {
            let value = usize::try_from(self.random.below(4)).unwrap_or_default();
            if let Some(value) = values.get(value) {
                dimensions.insert(name.to_owned(), (*value).to_owned());
            }
        }
        let event = Event {
            id: format!("e{n}"),
            app: app(u8::try_from(which).unwrap_or_default()),
            meter: meter(meter_id),
            quantity: self.random.decimal(30, 9).max(Decimal::new(1, NANOS)),
            time,
            dimensions,
        };
        let placement = Placement::of(&event, &held, time);
        let issued = self.issued.iter().flat_map(|(space, last)| {
            (0..9).map(month).filter(move |month| month <= last).map(|month| (*space, month))
        });
        let books =
            Books { accounts: self.accounts.clone(), issued: issued.collect(), cards: self.cards.clone() };
        let placed = books.place(&event, &placement);
        self.steps.push(json!({ "take": {
            "id": event.id, "app": event.app.to_string(), "meter": event.meter.id(), "time": event.time.to_string(),
            "quantity": event.quantity.to_string(), "dimensions": event.dimensions, "space": held.space.to_string(),
            "held_from": held.from.to_string(), "accepted": placed.is_ok(),
        }}));
        let Ok(placed) = placed else { return };
        self.count(placed.total, &placed.tariff, Sum::of(event.quantity));
        let (held_from, billable) = (Some(held.from), Some(placed.total.billable));
        self.taken.push(Taken { event, space: held.space, held_from, billable, is_voided: false });
    }

    fn void(&mut self) {
        if self.taken.is_empty() {
            return;
        }
        let which = usize::try_from(self.random.below(self.taken.len() as u64)).unwrap_or_default();
        let taken = self.taken.swap_remove(which);
        let issued = self.issued.iter().map(|(space, month)| (*space, *month)).collect();
        let standing = Standing { accounts: self.accounts.clone(), issued, cards: self.cards.clone() };
        let sums: Vec<_> = self.sums.iter().map(|(key, sums)| (*key, sums.clone())).collect();
        let (key, tariff) = taken.total(&sums, &standing).expect("what has counted has a sum");
        self.steps.push(json!({ "void": taken.event.id }));
        self.count(key, &tariff, taken.less());
    }

    fn count(&mut self, key: TotalKey, tariff: &Tariff, sum: Sum) {
        let before: Vec<_> = self.sums.get(&key).map(|sums| (key, sums.clone())).into_iter().collect();
        let after = changed([(key, tariff, sum)].into_iter(), &before).expect("sums");
        for (key, sums) in after {
            if sums.is_empty() {
                self.sums.remove(&key)
            } else {
                self.sums.insert(key, sums)
            };
        }
    }

    /// Issues the next invoice of some space that has an account.
    fn issue(&mut self) {
        let space = space(self.random.small(3));
        let Some(since) = self.accounts.get(&space) else { return };
        let month = self.issued.get(&space).map_or_else(|| Month::of(*since), |last| last.next());
        if month > super::month(6) {
            return;
        }
        let is_issued = |key: &TotalKey| {
            key.billable && self.issued.get(&key.space).is_some_and(|last| key.billed_month <= *last)
        };
        let open = self.sums.iter().filter(|(key, _)| !is_issued(key));
        let open = open.map(|(key, sums)| (*key, sums.clone())).collect();
        let usage = Usage { open, issued: self.portions.clone(), cards: self.cards.clone() };
        let lines = priced(space, month, &usage);
        let told: Vec<Value> = lines.iter().map(line_json).collect();
        let total = total(&lines).expect("a total").to_string();
        // Of those that say something.
        self.invoices += u64::from(!lines.is_empty());
        self.steps.push(json!({ "issue": {
            "space": space.to_string(), "month": month.to_string(), "lines": told, "total": total,
        }}));
        for line in lines {
            let portion = self.portions.entry(line.allowance).or_default().entry(space).or_default();
            portion.quantity += line.quantity;
            portion.free += line.free;
        }
        self.issued.insert(space, month);
    }

    fn to_json(&self) -> Value {
        let cards: BTreeMap<i32, &RateCard> = self.cards.values().map(|card| (card.version, card)).collect();
        let accounts: BTreeMap<String, String> =
            self.accounts.iter().map(|(space, since)| (space.to_string(), since.to_string())).collect();
        json!({
            "cards": cards.values().map(|card| card.to_json()).collect::<Vec<_>>(),
            "accounts": accounts,
            "steps": self.steps,
        })
    }
}

fn line_json(line: &Line) -> Value {
    let Allowance { app, usage_month, tariff } = &line.allowance;
    let text = |decimal: Decimal| decimal.normalize().to_string();
    json!({
        "app": app.to_string(), "usage_month": usage_month.to_string(), "tariff": tariff.to_string(),
        "quantity": text(line.quantity), "free": text(line.free), "unit_price": text(line.unit_price),
        "card": line.card, "amount": line.amount().to_string(),
    })
}

fn random_card(random: &mut Random, version: i32, from: u8) -> RateCard {
    let rate =
        |random: &mut Random| Rate { allowance: random.decimal(40, 9), unit_price: random.decimal(3, 12) };
    let rates = |random: &mut Random| {
        let own = rate(random);
        let by_value = (!random.one_in(3)).then(|| {
            let values = REGIONS.iter().take(2).map(|region| ((*region).to_owned(), rate(random)));
            ("region".to_owned(), values.collect())
        });
        let exempt = [of("job", "backup"), of("region", "us"), of("region", "eu")];
        let exemptions = exempt.into_iter().filter(|_| random.one_in(4)).collect();
        Rates { own, by_value, exemptions }
    };
    let meters = METERS.iter().map(|id| (meter(id), rates(random))).collect();
    RateCard { version, currency: "USD".into(), effective_month: month(from), meters }
}

/// An app is held by one space after another, from some day on.
fn random_holdings(random: &mut Random) -> Vec<Held> {
    let mut starts: Vec<Timestamp> = (0..=random.below(4)).map(|_| random.time()).collect();
    starts.sort_unstable();
    starts.dedup();
    if !random.one_in(3) {
        starts[0] = month(0).start();
    }
    let ends = starts.iter().skip(1).map(|end| Some(*end)).chain([None]);
    let held = |(from, until)| Held { space: space(random.small(3)), from, until };
    starts.iter().copied().zip(ends).map(held).collect()
}

// R-B6, R-B7, R-B8, R-B15: what another implementation is held against.
#[test]
#[ignore = "writes a file for tests/python/months.py; cargo xtask months runs both"]
fn random_months_for_another_implementation() {
    let number =
        |name: &str, otherwise: u64| env::var(name).map_or(otherwise, |text| text.parse().expect(name));
    let (wanted, seed) = (number(INVOICES, 1000), number(SEED, 1));
    let file = fs::File::create(env::var(FILE).expect(FILE)).expect("a file");
    let (mut out, mut invoices, mut worlds) = (BufWriter::new(file), 0, 0_u64);
    while invoices < wanted {
        let mut world = World::new(seed.wrapping_mul(1_000_003).wrapping_add(worlds));
        world.run();
        writeln!(out, "{}", world.to_json()).expect("written");
        (invoices, worlds) = (invoices + world.invoices, worlds + 1);
    }
    out.flush().expect("written");
}
