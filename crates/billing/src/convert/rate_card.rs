use std::collections::{BTreeMap, BTreeSet};

use devspaces_kit::{
    clock::Timestamp,
    name::MeterName,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{Exemption as WireExemption, Rate as WireRate, RateCard as WireRateCard};

use crate::domain::{DimensionValue, Meter, Month, Rate, RateCard, Rates, decimal};

/// An allowance has at most so many digits before and after the point, as a quantity has.
const ALLOWANCE: (usize, usize) = (12, 9);
/// A price has at most so many digits before and after the point.
const UNIT_PRICE: (usize, usize) = (6, 12);
/// The most rates of a card, and the most exemptions.
const MOST: usize = 1000;

/// The meters that a card is to price: those that are not retired.
type Meters = BTreeMap<MeterName, Meter>;

/// A card to be, without a version, for these meters, from a month on that comes after `settled`. Prices are in the currency
/// that is in force: an app's allowance is one for a month, and so is what an invoice adds up.
///
/// # Errors
/// `INVALID_ARGUMENT`, naming every bad field.
pub(crate) fn new(
    card: &WireRateCard,
    currency: &str,
    settled: Month,
    meters: &Meters,
) -> Result<RateCard, Fault> {
    let mut fields = Fields::new();
    if card.currency_code != currency {
        fields.bad("rate_card.currency_code", format!("must be {currency}, as in the card in force"));
    }
    let month = fields.parse::<Month>("rate_card.effective_month", &card.effective_month);
    let month = month.and_then(|month| fields.check("rate_card.effective_month", to_come(month, settled)));
    let rates = rates(&mut fields, card, meters);
    let (effective_month, meters) = fields.finish_with(month.zip(Some(rates)))?;
    Ok(RateCard { version: 0, currency: currency.to_owned(), effective_month, meters })
}

/// A month that comes after those whose prices stand.
fn to_come(month: Month, settled: Month) -> Result<Month, String> {
    if month > settled {
        Ok(month)
    } else {
        Err(format!(
            "must be a month after {settled}: a card is made at least the operator's notice before it takes effect, and 10 minutes"
        ))
    }
}

/// What is told of a meter, as far as it is acceptable.
#[derive(Default)]
struct Told {
    own: Option<Rate>,
    by_value: Option<(String, BTreeMap<String, Rate>)>,
    exemptions: BTreeSet<DimensionValue>,
}

fn rates(fields: &mut Fields, card: &WireRateCard, meters: &Meters) -> BTreeMap<MeterName, Rates> {
    let mut told = BTreeMap::<MeterName, Told>::new();
    for (what, count) in [("rates", card.rates.len()), ("exemptions", card.exemptions.len())] {
        if count > MOST {
            fields.bad(format!("rate_card.{what}"), format!("must have at most {MOST} entries"));
            return BTreeMap::new();
        }
    }
    for (index, wire) in card.rates.iter().enumerate() {
        rate(fields, &format!("rate_card.rates[{index}]"), wire, meters, &mut told);
    }
    for (index, wire) in card.exemptions.iter().enumerate() {
        exemption(fields, &format!("rate_card.exemptions[{index}]"), wire, meters, &mut told);
    }
    let missing = meters.keys().filter(|meter| told.get(meter).is_none_or(|told| told.own.is_none()));
    let missing: Vec<_> = missing.map(ToString::to_string).collect();
    if let Some(first) = missing.first() {
        let others = missing.len() - 1;
        let sentence = format!(
            "must have a rate without a dimension for each meter that is not retired: {first} has none, nor have {others} others"
        );
        fields.bad("rate_card.rates", sentence);
    }
    let whole = |(meter, told): (MeterName, Told)| {
        let Told { own, by_value, exemptions } = told;
        Some((meter, Rates { own: own?, by_value, exemptions }))
    };
    told.into_iter().filter_map(whole).collect()
}

fn rate(
    fields: &mut Fields,
    path: &str,
    wire: &WireRate,
    meters: &Meters,
    told: &mut BTreeMap<MeterName, Told>,
) {
    let allowance = decimal(&wire.allowance, ALLOWANCE.0, ALLOWANCE.1)
        .ok_or("must be a decimal, 0 or more, with at most 12 digits before and 9 after the point");
    let unit_price = decimal(&wire.unit_price, UNIT_PRICE.0, UNIT_PRICE.1)
        .ok_or("must be a decimal, 0 or more, with at most 6 digits before and 12 after the point");
    let allowance = fields.check(format!("{path}.allowance"), allowance);
    let unit_price = fields.check(format!("{path}.unit_price"), unit_price);
    let Some(meter) = meter(fields, path, &wire.meter, meters) else { return };
    // A rate that is not acceptable is one all the same: its meter is not missing.
    let rate = Rate { allowance: allowance.unwrap_or_default(), unit_price: unit_price.unwrap_or_default() };
    let told = told.entry(meter.name.clone()).or_default();
    if wire.dimension.is_empty() {
        if !wire.dimension_value.is_empty() {
            fields.bad(format!("{path}.dimension"), "must be given with a dimension_value");
        } else if told.own.replace(rate).is_some() {
            fields.bad(format!("{path}.meter"), "must not be that of another rate without a dimension");
        }
        return;
    }
    let Some(of) = dimension_value(fields, path, meter, &wire.dimension, &wire.dimension_value) else {
        return;
    };
    let (dimension, values) = told.by_value.get_or_insert_with(|| (of.dimension.clone(), BTreeMap::new()));
    if *dimension != of.dimension {
        fields.bad(format!("{path}.dimension"), "must be the same in all rates of the meter");
    } else if values.insert(of.value, rate).is_some() {
        fields.bad(format!("{path}.dimension_value"), "must not be that of another rate of the meter");
    }
}

fn exemption(
    fields: &mut Fields,
    path: &str,
    wire: &WireExemption,
    meters: &Meters,
    told: &mut BTreeMap<MeterName, Told>,
) {
    let Some(meter) = meter(fields, path, &wire.meter, meters) else { return };
    let Some(of) = dimension_value(fields, path, meter, &wire.dimension, &wire.dimension_value) else {
        return;
    };
    if !told.entry(meter.name.clone()).or_default().exemptions.insert(of) {
        fields.bad(format!("{path}.dimension_value"), "must not be that of another exemption");
    }
}

fn meter<'a>(fields: &mut Fields, path: &str, name: &str, meters: &'a Meters) -> Option<&'a Meter> {
    let path = format!("{path}.meter");
    let name = fields.parse::<MeterName>(path.clone(), name)?;
    fields.check(path, meters.get(&name).ok_or("must be a meter that there is, and that is not retired"))
}

/// A value that events of the meter can have.
fn dimension_value(
    fields: &mut Fields,
    path: &str,
    meter: &Meter,
    dimension: &str,
    value: &str,
) -> Option<DimensionValue> {
    let allowed = meter.dimensions.get(dimension).ok_or("must be a dimension of the meter");
    let allowed = fields.check(format!("{path}.dimension"), allowed)?;
    fields.check(format!("{path}.dimension_value"), allowed.admit(value))?;
    Some(DimensionValue { dimension: dimension.to_owned(), value: value.to_owned() })
}

pub(crate) fn to_wire(card: &RateCard, create_time: Timestamp) -> WireRateCard {
    WireRateCard {
        version: card.version,
        currency_code: card.currency.clone(),
        effective_month: card.effective_month.to_string(),
        rates: card.meters.iter().flat_map(|(meter, rates)| rates_to_wire(meter, rates)).collect(),
        create_time: Some(create_time.into()),
        exemptions: card.meters.iter().flat_map(|(meter, rates)| exemptions_to_wire(meter, rates)).collect(),
    }
}

fn rates_to_wire(meter: &MeterName, rates: &Rates) -> Vec<WireRate> {
    let wire = |rate: &Rate, dimension: &str, value: &str| WireRate {
        allowance: rate.allowance.normalize().to_string(),
        unit_price: rate.unit_price.normalize().to_string(),
        meter: meter.to_string(),
        dimension: dimension.to_owned(),
        dimension_value: value.to_owned(),
    };
    let mut all = vec![wire(&rates.own, "", "")];
    if let Some((dimension, values)) = &rates.by_value {
        all.extend(values.iter().map(|(value, rate)| wire(rate, dimension, value)));
    }
    all
}

fn exemptions_to_wire(meter: &MeterName, rates: &Rates) -> Vec<WireExemption> {
    let wire = |of: &DimensionValue| {
        let (dimension, dimension_value) = of.to_pair();
        WireExemption { meter: meter.to_string(), dimension, dimension_value }
    };
    rates.exemptions.iter().map(wire).collect()
}
