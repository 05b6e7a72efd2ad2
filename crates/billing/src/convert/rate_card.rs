use std::collections::BTreeMap;

use devspaces_kit::{
    clock::Timestamp,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{Rate as WireRate, RateCard as WireRateCard};

use crate::domain::{Metric, Month, Rate, RateCard, decimal};

/// An allowance has at most so many digits before and after the point, as a quantity has.
const ALLOWANCE: (usize, usize) = (12, 9);
/// A price has at most so many digits before and after the point.
const UNIT_PRICE: (usize, usize) = (6, 12);

/// A card to be, without a version. Prices are in the currency that is in force: an app's allowance is one for a month,
/// and so is what an invoice adds up.
///
/// # Errors
/// `INVALID_ARGUMENT`, naming every bad field.
pub(crate) fn new(card: &WireRateCard, currency: &str, current: Month) -> Result<RateCard, Fault> {
    let mut fields = Fields::new();
    if card.currency_code != currency {
        fields.bad("rate_card.currency_code", format!("must be {currency}, as in the card in force"));
    }
    let month = fields.parse::<Month>("rate_card.effective_month", &card.effective_month);
    let month = month.and_then(|month| {
        let checked = to_come(month, current).map(|()| month);
        fields.check("rate_card.effective_month", checked)
    });
    let rates = rates(&mut fields, &card.rates);
    let (effective_month, rates) = fields.finish_with(month.zip(Some(rates)))?;
    Ok(RateCard { version: 0, currency: currency.to_owned(), effective_month, rates })
}

/// Whether a month is still to come.
///
/// # Errors
/// A sentence for the field.
pub(crate) fn to_come(month: Month, current: Month) -> Result<(), String> {
    if month > current {
        Ok(())
    } else {
        Err(format!(
            "must be a month after {current}: those till then have begun, or do so within 10 minutes"
        ))
    }
}

fn rates(fields: &mut Fields, rates: &[WireRate]) -> BTreeMap<Metric, Rate> {
    let mut all = BTreeMap::new();
    for (index, wire) in rates.iter().enumerate() {
        let path = |field| format!("rate_card.rates[{index}].{field}");
        let metric = Metric::from_wire(wire.metric).ok_or("must be one of those that are known");
        let metric = fields.check(path("metric"), metric);
        let allowance = decimal(&wire.allowance, ALLOWANCE.0, ALLOWANCE.1)
            .ok_or("must be a decimal, 0 or more, with at most 12 digits before and 9 after the point");
        let allowance = fields.check(path("allowance"), allowance);
        let unit_price = decimal(&wire.unit_price, UNIT_PRICE.0, UNIT_PRICE.1)
            .ok_or("must be a decimal, 0 or more, with at most 6 digits before and 12 after the point");
        let unit_price = fields.check(path("unit_price"), unit_price);
        let Some(metric) = metric else { continue };
        // A rate that is not acceptable is one all the same: its metric is not missing.
        let rate =
            Rate { allowance: allowance.unwrap_or_default(), unit_price: unit_price.unwrap_or_default() };
        if all.insert(metric, rate).is_some() {
            fields.bad(path("metric"), "must not be that of another rate");
        }
    }
    let missing: Vec<_> = Metric::ALL.into_iter().filter(|metric| !all.contains_key(metric)).collect();
    if !missing.is_empty() {
        let names: Vec<_> = missing.into_iter().map(Metric::name).collect();
        fields.bad(
            "rate_card.rates",
            format!("must have a rate for each metric: {} missing", names.join(", ")),
        );
    }
    all
}

pub(crate) fn to_wire(card: &RateCard, create_time: Timestamp) -> WireRateCard {
    let rate = |(metric, rate): (&Metric, &Rate)| WireRate {
        metric: metric.to_wire().into(),
        allowance: rate.allowance.normalize().to_string(),
        unit_price: rate.unit_price.normalize().to_string(),
    };
    WireRateCard {
        version: card.version,
        currency_code: card.currency.clone(),
        effective_month: card.effective_month.to_string(),
        rates: card.rates.iter().map(rate).collect(),
        create_time: Some(create_time.into()),
    }
}
