//! What is stored as text, read back.
use std::{borrow::Cow, collections::BTreeMap};

use devspaces_kit::name::MeterName;
use devspaces_ledger::db::Error;
use rust_decimal::Decimal;

use crate::domain::{
    Month, Tariff,
    meter::Dimensions,
    usage::{Sum, Sums},
};

/// Something is stored that this service does not write, or can't make anything of.
pub(crate) fn unreadable(what: &'static str) -> Error {
    sqlx::Error::Decode(what.into()).into()
}

pub(super) fn decimal(text: &str) -> Result<Decimal, Error> {
    Decimal::from_str_exact(text).map_err(|_| unreadable("an unreadable decimal is stored"))
}

pub(super) fn meter(id: &str) -> Result<MeterName, Error> {
    MeterName::of(id).ok_or_else(|| unreadable("an unreadable meter is stored"))
}

pub(super) fn tariff(text: &str) -> Result<Tariff, Error> {
    text.parse().map_err(|_| unreadable("an unreadable tariff is stored"))
}

pub(super) fn dimensions(text: &str) -> Result<Dimensions, Error> {
    serde_json::from_str(text).map_err(|_| unreadable("unreadable dimensions are stored"))
}

pub(super) fn month(text: &str) -> Result<Month, Error> {
    text.parse().map_err(|_| unreadable("an unreadable month is stored"))
}

/// Sums as a JSON object: of each tariff its quantity, which is a text for being a decimal, and how many events it is of.
pub(super) fn sums_text(sums: &Sums) -> String {
    let stored: BTreeMap<String, (String, i64)> = sums
        .iter()
        .map(|(tariff, sum)| (tariff.to_string(), (sum.quantity.to_string(), sum.events)))
        .collect();
    // A map from text has no way to fail.
    serde_json::to_string(&stored).unwrap_or_default()
}

pub(super) fn sums(text: &str) -> Result<Sums, Error> {
    let stored: BTreeMap<Cow<'_, str>, (&str, i64)> =
        serde_json::from_str(text).map_err(|_| unreadable("unreadable sums are stored"))?;
    let sum = |(name, (quantity, events)): (Cow<'_, str>, (&str, i64))| {
        Ok((tariff(&name)?, Sum { quantity: decimal(quantity)?, events }))
    };
    stored.into_iter().map(sum).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{DimensionValue, PricedBy};

    fn logs(by: PricedBy) -> Tariff {
        Tariff { meter: MeterName::of("logs.gb").expect("a name"), by }
    }

    proptest! {
        #[test]
        fn sums_are_read_as_they_were_written(
            parts in prop::collection::btree_map("\\PC{1,9}", (0_u64..=u64::MAX, 0_u32..=9, 1_i64..=i64::MAX), 0..7),
        ) {
            let sums: Sums = parts
                .into_iter()
                .map(|(value, (quantity, scale, events))| {
                    let quantity = Decimal::from_i128_with_scale(quantity.into(), scale).normalize();
                    let by = PricedBy::Value(DimensionValue { dimension: "region".into(), value });
                    (logs(by), Sum { quantity, events })
                })
                .collect();
            let read = super::sums(&sums_text(&sums)).expect("sums");
            prop_assert_eq!(&read, &sums);
            let digits = |sums: &Sums| sums.iter().map(|(_, sum)| sum.quantity.to_string()).collect::<Vec<_>>();
            prop_assert_eq!(digits(&read), digits(&sums));
        }
    }

    #[test]
    fn sums_are_a_json_object() {
        let sum = |quantity: &str, events| Sum { quantity: quantity.parse().expect("a decimal"), events };
        let eu = PricedBy::Exemption(DimensionValue { dimension: "region".into(), value: "e\"u".into() });
        let sums = Sums::from_iter([(logs(PricedBy::Meter), sum("0.25", 1)), (logs(eu), sum("12", 30))]);
        assert_eq!(sums_text(&sums), r#"{"logs.gb":["0.25",1],"logs.gb !region=e\"u":["12",30]}"#);
        // As PostgreSQL writes it.
        let spaced = r#"{ "logs.gb" : ["0.25", 1], "logs.gb !region=e\"u" : ["12", 30] }"#;
        assert_eq!(super::sums(spaced).expect("sums"), sums);
        assert_eq!(sums_text(&Sums::default()), "{}");
        for bad in ["", "[]", r#"{"LOGS_GB":["1",1]}"#, r#"{"logs.gb":[1,1]}"#, r#"{"logs.gb":["1e2",1]}"#] {
            assert!(super::sums(bad).is_err(), "{bad}");
        }
    }
}
