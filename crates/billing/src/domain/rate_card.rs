use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{Metric, Month};

/// What things cost from some month on (R-B6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RateCard {
    /// Counts from 1.
    pub(crate) version: i32,
    /// The ISO 4217 code of the prices.
    pub(crate) currency: String,
    /// The first month that it is in force.
    pub(crate) effective_month: Month,
    /// One for each metric.
    pub(crate) rates: BTreeMap<Metric, Rate>,
}

/// What one metric costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How much is free for each app and month.
    pub(crate) allowance: Decimal,
    /// What a unit above that costs.
    pub(crate) unit_price: Decimal,
}

impl RateCard {
    /// For the journal.
    pub(crate) fn to_json(&self) -> Value {
        let rate = |(metric, rate): (&Metric, &Rate)| {
            let Rate { allowance, unit_price } = rate;
            let decimals =
                json!({ "allowance": allowance.to_string(), "unit_price": unit_price.to_string() });
            (metric.name().to_owned(), decimals)
        };
        json!({
            "version": self.version,
            "currency_code": self.currency,
            "effective_month": self.effective_month.to_string(),
            "rates": self.rates.iter().map(rate).collect::<Map<_, _>>(),
        })
    }
}
