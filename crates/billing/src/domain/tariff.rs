use std::{fmt, str::FromStr};

use devspaces_kit::name::MeterName;

/// What decides the price of usage on a rate card (R-B6): usage of the same tariff is summed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tariff {
    pub(crate) meter: MeterName,
    pub(crate) by: PricedBy,
}

/// By what usage of a meter is priced.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum PricedBy {
    /// The meter's own rate.
    Meter,
    /// The rate of this value.
    Value(DimensionValue),
    /// The exemption of this value: it costs nothing.
    Exemption(DimensionValue),
}

/// A value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DimensionValue {
    pub(crate) dimension: String,
    pub(crate) value: String,
}

impl DimensionValue {
    /// The dimension and the value.
    pub(crate) fn to_pair(&self) -> (String, String) {
        (self.dimension.clone(), self.value.clone())
    }
}

impl Tariff {
    /// The meter's own rate.
    pub(crate) fn of_meter(meter: MeterName) -> Self {
        Self { meter, by: PricedBy::Meter }
    }
}

/// `logs.gb`, `logs.gb region=eu` where the value has a rate, `logs.gb !region=eu` where it is exempt. Neither a meter nor a
/// dimension has a space, a `!` or a `=` in its name.
impl fmt::Display for Tariff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meter = self.meter.id();
        match &self.by {
            PricedBy::Meter => f.write_str(meter),
            PricedBy::Value(DimensionValue { dimension, value }) => write!(f, "{meter} {dimension}={value}"),
            PricedBy::Exemption(DimensionValue { dimension, value }) => {
                write!(f, "{meter} !{dimension}={value}")
            }
        }
    }
}

/// A text that names no tariff.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoTariff;

impl FromStr for Tariff {
    type Err = NoTariff;

    fn from_str(text: &str) -> Result<Self, NoTariff> {
        let (id, rest) = text.split_once(' ').map_or((text, None), |(id, rest)| (id, Some(rest)));
        let meter = MeterName::of(id).ok_or(NoTariff)?;
        let Some(rest) = rest else { return Ok(Self::of_meter(meter)) };
        let (exempt, pair) = rest.strip_prefix('!').map_or((false, rest), |pair| (true, pair));
        let (dimension, value) = pair.split_once('=').ok_or(NoTariff)?;
        let value = DimensionValue { dimension: dimension.to_owned(), value: value.to_owned() };
        Ok(Self { meter, by: if exempt { PricedBy::Exemption(value) } else { PricedBy::Value(value) } })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn priced_by() -> impl Strategy<Value = PricedBy> {
        let value = || ("[a-z][a-z0-9]{0,5}", "\\PC{1,9}");
        let of = |(dimension, value)| DimensionValue { dimension, value };
        prop_oneof![
            Just(PricedBy::Meter),
            value().prop_map(move |it| PricedBy::Value(of(it))),
            value().prop_map(move |it| PricedBy::Exemption(of(it))),
        ]
    }

    proptest! {
        #[test]
        fn a_tariff_reads_back_as_it_prints(by in priced_by()) {
            let tariff = Tariff { meter: MeterName::of("kvs.read_gb").expect("a name"), by };
            prop_assert_eq!(tariff.to_string().parse::<Tariff>().ok(), Some(tariff));
        }
    }

    #[test]
    fn a_tariff_prints_short() {
        let meter = MeterName::of("logs.gb").expect("a name");
        let eu = DimensionValue { dimension: "region".into(), value: "eu =!".into() };
        let text = |by| Tariff { meter: meter.clone(), by }.to_string();
        assert_eq!(text(PricedBy::Meter), "logs.gb");
        assert_eq!(text(PricedBy::Value(eu.clone())), "logs.gb region=eu =!");
        assert_eq!(text(PricedBy::Exemption(eu)), "logs.gb !region=eu =!");
        for bad in ["", "LOGS_GB", "logs.gb ", "logs.gb region", "logs.gb !"] {
            assert!(bad.parse::<Tariff>().is_err(), "{bad}");
        }
    }
}
