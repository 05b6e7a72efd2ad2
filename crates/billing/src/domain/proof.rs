//! What the journal keeps of an invoice when it is issued, so that whoever has its events can recompute it (R-B16).
use std::{collections::BTreeMap, fmt::Write as _};

use devspaces_kit::clock::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{DimensionValue, Month, PricedBy, Rate, RateCard, Tariff, beside::Beside, pricing::Line};

/// How digests are made and fields are meant, which the entry tells beside them.
const FORMAT: u8 = 2;

/// What the journal keeps of an invoice.
pub(crate) struct Proof<'a> {
    pub(crate) lines: &'a [Line],
    /// Of each of the lines what else than its events decides it.
    pub(crate) beside: &'a [Option<Beside>],
    /// The cards of the months that are billed.
    pub(crate) cards: &'a BTreeMap<Month, RateCard>,
    /// What the account had to its credit before.
    pub(crate) credit: Decimal,
    /// Since when there is an account: what was used before is not billed.
    pub(crate) account_since: Timestamp,
}

impl Proof<'_> {
    pub(crate) fn to_json(&self) -> Value {
        let Self { lines, beside, cards, credit, account_since } = self;
        let cards: BTreeMap<String, String> =
            cards.values().map(|card| (card.version.to_string(), digest_of_card(card))).collect();
        json!({
            "format": FORMAT,
            "lines": lines.len(),
            "digest": digest_of_lines(lines),
            "rate_cards": cards,
            "credit_available": credit.normalize().to_string(),
            "account_since": account_since.to_string(),
            "beside": digest_of_beside(lines, beside),
        })
    }
}

/// SHA-256 over a line for each line that more than its events decides, in their order: its id, and what that is. It is told with
/// the lines, and not here: an entry stays small, however many lines there are.
fn digest_of_beside(lines: &[Line], beside: &[Option<Beside>]) -> String {
    let of_line = |(line, beside): (&Line, &Option<Beside>)| {
        beside.as_ref().map(|beside| format!("{} {beside}\n", line.allowance.line_id()))
    };
    hex::encode(Sha256::digest(lines.iter().zip(beside).filter_map(of_line).collect::<String>()))
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
