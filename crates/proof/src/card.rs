//! Rate cards, and by what they price usage (R-B6).
use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::{
    difference::{Difference, differs},
    export::{Export, RateCard},
    fixed::{PRICE, QUANTITY, parse, print},
    journal::Proof,
};

/// The cards of an export, each as the invoice's entry knows it, by their months.
pub(crate) struct Cards(BTreeMap<String, Card>);

/// A card.
pub(crate) struct Card {
    pub(crate) version: i32,
    /// By what is priced, as [`tariff`] tells it.
    rates: BTreeMap<String, Rate>,
    /// The dimension by which a meter is priced.
    dimensions: BTreeMap<String, String>,
    /// Of each meter the dimensions and values that cost nothing, in their order.
    exemptions: BTreeMap<String, Vec<(String, String)>>,
}

/// What a unit costs, in parts of a price, and how much is free, in parts of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) allowance: i128,
    pub(crate) unit_price: i128,
}

/// By what usage is priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Priced {
    pub(crate) meter: String,
    pub(crate) dimension: String,
    pub(crate) value: String,
    pub(crate) exempt: bool,
    /// Nothing of what is exempt.
    pub(crate) rate: Option<Rate>,
}

/// What is priced, in one text: `logs.gb`, `logs.gb region=eu`, `logs.gb !region=eu` where that is exempt.
pub(crate) fn tariff(meter: &str, dimension: &str, value: &str, exempt: bool) -> String {
    let id = meter.strip_prefix("meters/").unwrap_or(meter);
    match (dimension, exempt) {
        ("", _) => id.to_owned(),
        (_, false) => format!("{id} {dimension}={value}"),
        (_, true) => format!("{id} !{dimension}={value}"),
    }
}

impl Cards {
    /// Holds each card against what the invoice's entry knows of it.
    pub(crate) fn check(export: &Export, proof: &Proof) -> Result<Self, Difference> {
        let mut cards = BTreeMap::new();
        for card in &export.cards {
            let at = format!("rate card {}", card.version);
            // One that prices nothing of the invoice is not known there, and is not used.
            let Some(known) = proof.rate_cards.get(&card.version.to_string()) else { continue };
            let digest = digest(card, &at)?;
            if digest != *known {
                let said = format!("what has the digest {digest}");
                return Err(differs(at, said, format!("{known}, by the entry of the invoice's issue")));
            }
            cards.insert(card.effective_month.clone(), read(card, &at)?);
        }
        for version in proof.rate_cards.keys() {
            if !cards.values().any(|card: &Card| card.version.to_string() == *version) {
                let computed = "a card, by the entry of the invoice's issue";
                return Err(differs(format!("rate card {version}"), "nothing", computed));
            }
        }
        Ok(Self(cards))
    }

    /// The card that is in force in a month.
    pub(crate) fn of_month(&self, month: &str) -> Option<&Card> {
        self.0.range(..=month.to_owned()).next_back().map(|(_, card)| card)
    }
}

/// SHA-256 over a line with the version, the month and the currency, and one for each rate and each exemption, in the order of
/// these lines' bytes.
fn digest(card: &RateCard, at: &str) -> Result<String, Difference> {
    let mut rows = Vec::new();
    for it in &card.rates {
        let rate = rate(&it.allowance, &it.unit_price, at)?;
        let (allowance, price) = (print(rate.allowance, QUANTITY), print(rate.unit_price, PRICE));
        rows.push(format!(
            "{allowance} {price} {}\n",
            tariff(&it.meter, &it.dimension, &it.dimension_value, false)
        ));
    }
    for it in &card.exemptions {
        rows.push(format!("exempt {}\n", tariff(&it.meter, &it.dimension, &it.dimension_value, true)));
    }
    rows.sort_unstable();
    let head = format!("{} {} {}\n", card.version, card.effective_month, card.currency_code);
    Ok(hex::encode(Sha256::digest(head + &rows.concat())))
}

fn rate(allowance: &str, unit_price: &str, at: &str) -> Result<Rate, Difference> {
    match (parse(allowance, QUANTITY), parse(unit_price, PRICE)) {
        (Some(allowance), Some(unit_price)) => Ok(Rate { allowance, unit_price }),
        _ => Err(differs(at, format!("{allowance} and {unit_price}"), "decimals")),
    }
}

fn read(card: &RateCard, at: &str) -> Result<Card, Difference> {
    let (mut rates, mut dimensions) = (BTreeMap::new(), BTreeMap::new());
    for it in &card.rates {
        let key = tariff(&it.meter, &it.dimension, &it.dimension_value, false);
        rates.insert(key, rate(&it.allowance, &it.unit_price, at)?);
        if !it.dimension.is_empty() {
            dimensions.insert(it.meter.clone(), it.dimension.clone());
        }
    }
    let mut exemptions: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for it in &card.exemptions {
        let of = (it.dimension.clone(), it.dimension_value.clone());
        exemptions.entry(it.meter.clone()).or_default().push(of);
    }
    for of in exemptions.values_mut() {
        of.sort_unstable();
    }
    Ok(Card { version: card.version, rates, dimensions, exemptions })
}

impl Card {
    /// By what usage is priced; nothing if the card has no price for its meter. An exemption goes before a rate.
    pub(crate) fn priced(&self, meter: &str, dimensions: &BTreeMap<String, String>) -> Option<Priced> {
        let of = |dimension: &str, value: &str, exempt: bool, rate| Priced {
            meter: meter.to_owned(),
            dimension: dimension.to_owned(),
            value: value.to_owned(),
            exempt,
            rate,
        };
        let own = self.rates.get(&tariff(meter, "", "", false))?;
        let exemptions = self.exemptions.get(meter).into_iter().flatten();
        let exempt = exemptions.into_iter().find(|(name, value)| dimensions.get(name) == Some(value));
        if let Some((dimension, value)) = exempt {
            return Some(of(dimension, value, true, None));
        }
        let by_value = self.dimensions.get(meter).and_then(|dimension| {
            let value = dimensions.get(dimension)?;
            let rate = self.rates.get(&tariff(meter, dimension, value, false))?;
            Some(of(dimension, value, false, Some(*rate)))
        });
        Some(by_value.unwrap_or_else(|| of("", "", false, Some(*own))))
    }
}
