//! What the journal keeps of an invoice when it is issued, so that whoever has its events can recompute it (R-B16).
use std::{collections::BTreeMap, fmt::Write as _};

use devspaces_kit::{clock::Timestamp, name::SpaceName};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    DimensionValue, Month, PricedBy, Rate, RateCard, Tariff,
    pricing::{Line, Portion, Usage, is_billed_by, taken},
};

/// How digests are made and fields are meant, which the entry tells beside them.
const FORMAT: u8 = 1;

/// What decides a line beside the events that count in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Beside {
    /// By what the line is known.
    line: String,
    /// What the space's earlier invoices have said of the same.
    issued: Portion,
    /// How much of the allowance other spaces' issued invoices have used up.
    issued_elsewhere: Decimal,
    shares: Vec<Share>,
}

/// What something that is not on the line uses up of its allowance.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Share {
    /// From when on whoever used it held the app: allowances are used up in this order, and at the same moment this comes first.
    held_from: Timestamp,
    quantity: Decimal,
    /// Whether it is what the space itself used before it had an account.
    own: bool,
}

/// What the journal keeps of an invoice with these lines, of an account with so much credit before it.
pub(crate) fn proof(space: SpaceName, month: Month, lines: &[Line], usage: &Usage, credit: Decimal) -> Value {
    let cards: BTreeMap<String, String> =
        usage.cards.values().map(|card| (card.version.to_string(), digest_of_card(card))).collect();
    let beside = beside(space, month, lines, usage);
    json!({
        "format": FORMAT,
        "lines": lines.len(),
        "digest": digest_of_lines(lines),
        "rate_cards": cards,
        "credit_available": credit.normalize().to_string(),
        "beside": beside.iter().map(Beside::to_json).collect::<Vec<_>>(),
    })
}

/// SHA-256 over a line for each line, in their order: its id, quantity, free quantity, price and card.
fn digest_of_lines(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let Line { quantity, free, unit_price, card, .. } = line;
        let [quantity, free, price] = [quantity, free, unit_price].map(Decimal::normalize);
        // A String takes whatever is written to it.
        let _ = writeln!(text, "{} {quantity} {free} {price} {card}", line.allowance.line_id());
    }
    hex::encode(Sha256::digest(text))
}

/// SHA-256 over a line with the version, the month and the currency, and one for each rate and each exemption, in the order of
/// these lines' bytes.
fn digest_of_card(card: &RateCard) -> String {
    let of_rate = |rate: &Rate, tariff: &Tariff| {
        format!("{} {} {tariff}\n", rate.allowance.normalize(), rate.unit_price.normalize())
    };
    let mut rows = Vec::new();
    for (meter, rates) in &card.meters {
        rows.push(of_rate(&rates.own, &Tariff::of_meter(meter.clone())));
        if let Some((dimension, values)) = &rates.by_value {
            let by_value = |value: &str| {
                let of = DimensionValue { dimension: dimension.clone(), value: value.to_owned() };
                Tariff { meter: meter.clone(), by: PricedBy::Value(of) }
            };
            rows.extend(values.iter().map(|(value, rate)| of_rate(rate, &by_value(value))));
        }
        let exempt =
            |of: &DimensionValue| Tariff { meter: meter.clone(), by: PricedBy::Exemption(of.clone()) };
        rows.extend(rates.exemptions.iter().map(|of| format!("exempt {}\n", exempt(of))));
    }
    rows.sort_unstable();
    let head = format!("{} {} {}\n", card.version, card.effective_month, card.currency);
    hex::encode(Sha256::digest(head + &rows.concat()))
}

/// Of the lines that anything else than their events decides, what that is.
fn beside(space: SpaceName, month: Month, lines: &[Line], usage: &Usage) -> Vec<Beside> {
    let allowances = usage.by_allowance();
    let of_line = |line: &Line| {
        let (issued, issued_elsewhere) = issued(space, line, usage);
        let mut shares = Vec::new();
        let left = usage.left(&line.allowance).filter(|_| !line.quantity.is_sign_negative());
        if let (Some(sums), Some(left)) = (allowances.get(&line.allowance), left) {
            let taken = taken(sums, left).unwrap_or_default();
            let others = sums
                .iter()
                .zip(taken)
                .filter(|((key, _), taken)| !is_billed_by(key, space, month) && !taken.is_zero());
            shares.extend(others.map(|((key, _), quantity)| Share {
                held_from: key.held_from,
                quantity,
                own: key.space == space,
            }));
        }
        Beside { line: line.allowance.line_id(), issued, issued_elsewhere, shares }
    };
    lines.iter().map(of_line).filter(Beside::says_something).collect()
}

/// What issued invoices have said of what a line is of: the space's own, and how much of the allowance others' have used up.
fn issued(space: SpaceName, line: &Line, usage: &Usage) -> (Portion, Decimal) {
    let of = usage.issued.get(&line.allowance);
    let own = of.and_then(|of| of.get(&space)).copied().unwrap_or_default();
    let others = of.into_iter().flatten().filter(|(other, _)| **other != space);
    (own, others.map(|(_, portion)| portion.free).sum())
}

impl Beside {
    fn says_something(&self) -> bool {
        self.issued != Portion::default() || !self.issued_elsewhere.is_zero() || !self.shares.is_empty()
    }

    fn to_json(&self) -> Value {
        let text = |decimal: Decimal| Value::from(decimal.normalize().to_string());
        let share = |share: &Share| {
            json!({
                "held_from": share.held_from.to_string(),
                "quantity": text(share.quantity),
                "own": share.own,
            })
        };
        let mut json = Map::from_iter([("line".to_owned(), self.line.as_str().into())]);
        for (name, decimal) in [
            ("issued_quantity", self.issued.quantity),
            ("issued_free_quantity", self.issued.free),
            ("issued_free_quantity_elsewhere", self.issued_elsewhere),
        ] {
            json.insert(name.to_owned(), text(decimal));
        }
        json.insert("shares".to_owned(), self.shares.iter().map(share).collect());
        Value::Object(json)
    }
}
