use devspaces_proto::{billing::v1 as proto, facts::v1 as facts};
use rust_decimal::Decimal;

use crate::domain::{PricedBy, Rate, THRESHOLDS, Tariff, is_reached, pricing::Allowance, usage::Reached};

/// An allowance of which so much is used, as those see it who see the app.
pub(crate) fn to_wire(allowance: &Allowance, used: Decimal, rate: &Rate) -> proto::Allowance {
    let (dimension, dimension_value) = value(&allowance.tariff);
    let has_thresholds = !rate.unit_price.is_zero() && !rate.allowance.is_zero();
    let reached = |percent: &i32| has_thresholds && is_reached(*percent, used, rate.allowance);
    proto::Allowance {
        meter: allowance.tariff.meter.to_string(),
        dimension,
        dimension_value,
        used: used.normalize().to_string(),
        allowance: rate.allowance.normalize().to_string(),
        reached_percents: THRESHOLDS.into_iter().filter(reached).collect(),
    }
}

/// Thresholds that were crossed, as the space service is told of them.
pub(crate) fn crossing(it: &Reached) -> facts::AllowanceCrossing {
    let (dimension, dimension_value) = value(&it.allowance.tariff);
    facts::AllowanceCrossing {
        app: it.allowance.app.to_string(),
        meter: it.allowance.tariff.meter.to_string(),
        dimension,
        dimension_value,
        month: it.allowance.usage_month.to_string(),
        percents: it.percents.clone(),
        used: it.used.to_string(),
        allowance: it.free.to_string(),
    }
}

/// The dimension whose value has an allowance, and the value; nothing of either if the meter has it.
fn value(tariff: &Tariff) -> (String, String) {
    match &tariff.by {
        PricedBy::Value(of) => of.to_pair(),
        PricedBy::Meter | PricedBy::Exemption(_) => Default::default(),
    }
}
