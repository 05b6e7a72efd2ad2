use std::collections::{BTreeMap, BTreeSet};

use devspaces_kit::name::MeterName;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    Month,
    meter::Dimensions,
    tariff::{DimensionValue, PricedBy, Tariff},
};

/// What things cost from some month on (R-B6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RateCard {
    /// Counts from 1.
    pub(crate) version: i32,
    /// The ISO 4217 code of the prices.
    pub(crate) currency: String,
    /// The first month that it is in force.
    pub(crate) effective_month: Month,
    /// Of each meter that it prices.
    pub(crate) meters: BTreeMap<MeterName, Rates>,
}

/// What a meter costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rates {
    /// What has no rate of its own.
    pub(crate) own: Rate,
    /// The dimension by which it is priced, and the rates of its values.
    pub(crate) by_value: Option<(String, BTreeMap<String, Rate>)>,
    /// What costs nothing.
    pub(crate) exemptions: BTreeSet<DimensionValue>,
}

/// What a unit costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How much is free for each app and month.
    pub(crate) allowance: Decimal,
    /// What a unit above that costs.
    pub(crate) unit_price: Decimal,
}

impl RateCard {
    /// By what usage of a meter with these dimensions is priced. An exemption goes before a rate.
    pub(crate) fn tariff(&self, meter: &MeterName, dimensions: &Dimensions) -> Tariff {
        let by = self.meters.get(meter).map_or(PricedBy::Meter, |rates| rates.priced_by(dimensions));
        Tariff { meter: meter.clone(), by }
    }

    /// The rate of a tariff; nothing if what it prices costs nothing, for being exempt or for being on no card yet.
    pub(crate) fn rate(&self, tariff: &Tariff) -> Option<&Rate> {
        let rates = self.meters.get(&tariff.meter)?;
        match &tariff.by {
            PricedBy::Meter => Some(&rates.own),
            PricedBy::Value(DimensionValue { dimension, value }) => {
                let (_, values) = rates.by_value.as_ref().filter(|(name, _)| name == dimension)?;
                values.get(value)
            }
            PricedBy::Exemption(_) => None,
        }
    }

    /// For the journal.
    pub(crate) fn to_json(&self) -> Value {
        let rates = |(meter, rates): (&MeterName, &Rates)| (meter.id().to_owned(), rates.to_json());
        json!({
            "version": self.version,
            "currency_code": self.currency,
            "effective_month": self.effective_month.to_string(),
            "rates": self.meters.iter().map(rates).collect::<Map<_, _>>(),
        })
    }
}

impl Rates {
    fn priced_by(&self, dimensions: &Dimensions) -> PricedBy {
        let has = |it: &&DimensionValue| dimensions.get(&it.dimension) == Some(&it.value);
        if let Some(exempt) = self.exemptions.iter().find(has) {
            return PricedBy::Exemption(exempt.clone());
        }
        let priced = self.by_value.as_ref().and_then(|(dimension, values)| {
            let value = dimensions.get(dimension).filter(|value| values.contains_key(*value))?;
            Some(DimensionValue { dimension: dimension.clone(), value: value.clone() })
        });
        priced.map_or(PricedBy::Meter, PricedBy::Value)
    }

    fn to_json(&self) -> Value {
        let mut json = self.own.to_json();
        if let Some((dimension, values)) = &self.by_value {
            let values = values.iter().map(|(value, rate)| (value.clone(), rate.to_json()));
            json["by_value"] = json!({ dimension: values.collect::<Map<_, _>>() });
        }
        if !self.exemptions.is_empty() {
            let exempt = |it: &DimensionValue| json!({ "dimension": it.dimension, "value": it.value });
            json["exemptions"] = self.exemptions.iter().map(exempt).collect();
        }
        json
    }
}

impl Rate {
    fn to_json(self) -> Value {
        json!({ "allowance": self.allowance.to_string(), "unit_price": self.unit_price.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(price: i64) -> Rate {
        Rate { allowance: Decimal::ZERO, unit_price: Decimal::from(price) }
    }

    fn value(dimension: &str, value: &str) -> DimensionValue {
        DimensionValue { dimension: dimension.into(), value: value.into() }
    }

    fn logs() -> MeterName {
        MeterName::of("logs.gb").expect("a name")
    }

    fn card() -> RateCard {
        let values = BTreeMap::from([("eu".to_owned(), rate(2)), ("us".to_owned(), rate(3))]);
        let rates = Rates {
            own: rate(1),
            by_value: Some(("region".into(), values)),
            exemptions: BTreeSet::from([value("job", "backup"), value("region", "test")]),
        };
        RateCard {
            version: 1,
            currency: "USD".into(),
            effective_month: "2026-11".parse().expect("a month"),
            meters: BTreeMap::from([(logs(), rates)]),
        }
    }

    fn tariff(dimensions: &[(&str, &str)]) -> Tariff {
        let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        card().tariff(&logs(), &dimensions.collect())
    }

    // R-B6
    #[test]
    fn usage_is_priced_by_an_exemption_or_by_a_value_or_by_its_meter() {
        for (dimensions, printed, price) in [
            (&[][..], "logs.gb", Some(1)),
            (&[("region", "eu")], "logs.gb region=eu", Some(2)),
            (&[("region", "us"), ("job", "web")], "logs.gb region=us", Some(3)),
            (&[("region", "asia")], "logs.gb", Some(1)),
            (&[("region", "us"), ("job", "backup")], "logs.gb !job=backup", None),
            (&[("region", "test")], "logs.gb !region=test", None),
            (&[("region", "test"), ("job", "backup")], "logs.gb !job=backup", None),
        ] {
            let tariff = tariff(dimensions);
            assert_eq!(tariff.to_string(), printed);
            let found = card().rate(&tariff).map(|rate| rate.unit_price);
            assert_eq!(found, price.map(Decimal::from), "{printed}");
        }
    }

    // R-B6: what came after the card is on none yet.
    #[test]
    fn a_meter_that_is_not_on_the_card_has_no_rate() {
        let other = MeterName::of("kvs.read_gb").expect("a name");
        let tariff = card().tariff(&other, &Dimensions::from([("region".into(), "eu".into())]));
        assert_eq!((tariff.to_string().as_str(), card().rate(&tariff)), ("kvs.read_gb", None));
        let of_another = Tariff { meter: logs(), by: PricedBy::Value(value("zone", "eu")) };
        assert_eq!(card().rate(&of_another), None);
    }
}
