use std::collections::BTreeMap;

use rust_decimal::Decimal;

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
