//! What the events come to, line by line (R-B6, R-B7, R-B8, R-B15).
use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::{
    card::{Cards, Priced, tariff},
    difference::{Difference, differs, same},
    export::{Beside, Event, Export, Line},
    fixed::{AMOUNT, PRICE, QUANTITY, parse, print},
    journal::{Journal, of_event},
    time::{counts_from, micros, month},
};

/// What has a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    app: String,
    month: String,
    tariff: String,
}

/// What the space used of it, in parts of a quantity, by the beginnings of its holdings.
#[derive(Clone, Debug, Default)]
struct Used {
    billed: BTreeMap<i64, i128>,
    /// Before it had an account.
    unbilled: BTreeMap<i64, i128>,
}

/// The lines as they are recomputed, by their ids.
pub(crate) struct Lines(BTreeMap<String, Line>);

impl Lines {
    pub(crate) fn of(export: &Export, journal: &Journal, cards: &Cards) -> Result<Self, Difference> {
        let mut used: BTreeMap<Key, (Priced, i32, Used)> = BTreeMap::new();
        for event in &export.events {
            let of = Placed::of(event)?;
            let billable = journal.account_since <= of.counts_from;
            same(format!("{}, billable", of_event(event)), event.billable, billable)?;
            let is_billed = of.month == export.invoice.month
                || of.month < export.invoice.month && event.sequence > journal.issued_before;
            // No other card than those of months that are billed here is known.
            let card = cards.of_month(&of.month).filter(|_| is_billed);
            let Some((card, priced)) =
                card.and_then(|card| Some((card, card.priced(&event.meter, &event.dimensions)?)))
            else {
                continue;
            };
            let tariff = tariff(&priced.meter, &priced.dimension, &priced.value, priced.exempt);
            let key = Key { app: event.app.clone(), month: of.month, tariff };
            let (_, _, used) = used.entry(key).or_insert_with(|| (priced, card.version, Used::default()));
            let sums = if event.billable { &mut used.billed } else { &mut used.unbilled };
            let sum = sums.entry(of.held_from).or_default();
            *sum = sum.checked_add(of.quantity).ok_or_else(|| too_large(&of_event(event)))?;
        }
        let beside: BTreeMap<&str, &Beside> =
            export.lines.iter().filter_map(|line| Some((line.id.as_str(), line.beside.as_ref()?))).collect();
        let mut lines = BTreeMap::new();
        for (key, (priced, version, used)) in used {
            let quantity: i128 = used.billed.values().sum();
            if quantity != 0 {
                let line = line(key, &priced, version, &used, &export.invoice.month, &beside)?;
                lines.insert(line.id.clone(), line);
            }
        }
        Ok(Self(lines))
    }

    /// Holds the lines of the export against these.
    pub(crate) fn check(&self, said: &[Line]) -> Result<(), Difference> {
        let mut seen = BTreeSet::new();
        for line in said {
            let at = format!("line {} ({}, {}, {})", line.id, line.app, line.meter, line.usage_month);
            let Some(computed) = self.0.get(&line.id) else {
                return Err(differs(at, format!("a quantity of {}", line.quantity), "no line of this id"));
            };
            if !seen.insert(&line.id) {
                return Err(differs(at, "it twice", "once"));
            }
            for (field, said, computed) in fields(line, computed) {
                same(format!("{at}, {field}"), said, computed)?;
            }
        }
        match self.0.values().find(|line| !seen.contains(&line.id)) {
            Some(line) => {
                let at = format!("line {} ({}, {}, {})", line.id, line.app, line.meter, line.usage_month);
                Err(differs(at, "no such line", format!("a quantity of {}", line.quantity)))
            }
            None => Ok(()),
        }
    }
}

/// The fields of a line beside those of another.
fn fields(said: &Line, computed: &Line) -> [(&'static str, String, String); 13] {
    let of = |line: &Line| {
        [
            ("app", line.app.clone()),
            ("usage_month", line.usage_month.clone()),
            ("meter", line.meter.clone()),
            ("dimension", line.dimension.clone()),
            ("dimension_value", line.dimension_value.clone()),
            ("exempt", line.exempt.to_string()),
            ("quantity", line.quantity.clone()),
            ("free_quantity", line.free_quantity.clone()),
            ("billed_quantity", line.billed_quantity.clone()),
            ("unit_price", line.unit_price.clone()),
            ("amount", line.amount.clone()),
            ("adjustment", line.adjustment.to_string()),
            ("rate_card_version", line.rate_card_version.to_string()),
        ]
    };
    let (said, computed) = (of(said), of(computed));
    std::array::from_fn(|index| (said[index].0, said[index].1.clone(), computed[index].1.clone()))
}

/// Where an event counts.
struct Placed {
    counts_from: i64,
    month: String,
    held_from: i64,
    /// In parts; less than 0 of what is voided.
    quantity: i128,
}

impl Placed {
    fn of(event: &Event) -> Result<Self, Difference> {
        let time = |text: &str| micros(text).ok_or_else(|| differs(of_event(event), text, "a time"));
        let held_from = event.held_from.as_deref().map(time).transpose()?;
        let quantity = parse(&event.quantity, QUANTITY)
            .ok_or_else(|| differs(of_event(event), &event.quantity, "a decimal"))?;
        let counts_from = counts_from(time(&event.time)?, held_from);
        Ok(Self {
            counts_from,
            month: month(counts_from),
            held_from: held_from.unwrap_or_default(),
            quantity: if event.voiding { -quantity } else { quantity },
        })
    }
}

fn too_large(at: &str) -> Difference {
    differs(at, "more than can be added", "less")
}

fn id(key: &Key) -> String {
    let app = key.app.strip_prefix("apps/").unwrap_or(&key.app);
    let digest = Sha256::digest(format!("{app} {} {}", key.month, key.tariff));
    hex::encode(&digest[..16])
}

fn line(
    key: Key,
    priced: &Priced,
    rate_card_version: i32,
    used: &Used,
    invoice_month: &str,
    beside: &BTreeMap<&str, &Beside>,
) -> Result<Line, Difference> {
    let id = id(&key);
    let at = format!("line {id} ({}, {}, {})", key.app, priced.meter, key.month);
    let known = beside.get(id.as_str()).copied();
    let nothing = Beside::default();
    let beside = known.unwrap_or(&nothing);
    let quantity: i128 = used.billed.values().sum();
    let is_own_month = key.month == invoice_month;
    let (free, price) = match priced.rate {
        None => (quantity, 0),
        Some(rate) if quantity < 0 => (given_back(quantity, beside, &at)?, rate.unit_price),
        Some(rate) => (free(rate.allowance, used, beside, is_own_month, &at)?, rate.unit_price),
    };
    let billed = quantity - free;
    let amount = billed.checked_mul(price).ok_or_else(|| too_large(&at))?;
    Ok(Line {
        id,
        app: key.app,
        adjustment: !is_own_month,
        usage_month: key.month,
        meter: priced.meter.clone(),
        dimension: priced.dimension.clone(),
        dimension_value: priced.value.clone(),
        exempt: priced.exempt,
        quantity: print(quantity, QUANTITY),
        free_quantity: print(free, QUANTITY),
        billed_quantity: print(billed, QUANTITY),
        unit_price: print(price, PRICE),
        amount: print(amount, AMOUNT),
        rate_card_version,
        beside: known.cloned(),
    })
}

/// A decimal that the entry of the issue has; 0 where it has none.
fn decimal(text: &str, at: &str) -> Result<i128, Difference> {
    if text.is_empty() {
        return Ok(0);
    }
    parse(text, QUANTITY).ok_or_else(|| differs(at, text, "a decimal"))
}

/// How much of a quantity below nothing was free: what was billed goes back first.
fn given_back(quantity: i128, beside: &Beside, at: &str) -> Result<i128, Difference> {
    let issued = decimal(&beside.issued_quantity, at)?;
    let issued_free = decimal(&beside.issued_free_quantity, at)?;
    let free_after = issued_free.min(issued + quantity);
    Ok((free_after - issued_free).clamp(quantity, 0))
}

/// How much of what is billed is free: what is left of the allowance goes to all that uses it, in the order of holdings.
fn free(
    allowance: i128,
    used: &Used,
    beside: &Beside,
    is_own_month: bool,
    at: &str,
) -> Result<i128, Difference> {
    let consumed =
        decimal(&beside.issued_free_quantity, at)? + decimal(&beside.issued_free_quantity_elsewhere, at)?;
    let mut left = (allowance - consumed).max(0);
    let mut shares: BTreeMap<i64, (i128, i128)> = BTreeMap::new();
    for share in &beside.shares {
        let from = micros(&share.held_from).ok_or_else(|| differs(at, &share.held_from, "a time"))?;
        let (own, others) = shares.entry(from).or_default();
        *(if share.own { own } else { others }) += decimal(&share.quantity, at)?;
    }
    let beginnings: BTreeSet<i64> =
        used.billed.keys().chain(used.unbilled.keys()).chain(shares.keys()).copied().collect();
    let mut free = 0;
    for from in beginnings {
        let (own, others) = shares.get(&from).copied().unwrap_or_default();
        if others < 0 || others > left {
            let (share, left) = (print(others, QUANTITY), print(left, QUANTITY));
            return Err(differs(format!("{at}, what others used of its allowance"), share, left));
        }
        left -= others;
        let unbilled = used.unbilled.get(&from).copied().unwrap_or_default().clamp(0, left);
        if is_own_month && own != unbilled || own < 0 || own > left {
            let at = format!("{at}, what was used of its allowance before the account");
            return Err(differs(at, print(own, QUANTITY), print(unbilled, QUANTITY)));
        }
        left -= own;
        let taken = used.billed.get(&from).copied().unwrap_or_default().clamp(0, left);
        left -= taken;
        free += taken;
    }
    Ok(free.min(used.billed.values().sum()))
}
