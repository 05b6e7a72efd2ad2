//! What is stored as text, read back.
use std::{collections::BTreeMap, fmt::Write as _};

use devspaces_ledger::db::Error;
use rust_decimal::Decimal;

use crate::domain::{
    Metric, Month,
    usage::{Sum, Sums},
};

/// Something is stored that this service does not write, or can't make anything of.
pub(crate) fn unreadable(what: &'static str) -> Error {
    sqlx::Error::Decode(what.into()).into()
}

pub(super) fn decimal(text: &str) -> Result<Decimal, Error> {
    Decimal::from_str_exact(text).map_err(|_| unreadable("an unreadable decimal is stored"))
}

pub(super) fn metric(name: &str) -> Result<Metric, Error> {
    Metric::parse(name).ok_or_else(|| unreadable("an unknown metric is stored"))
}

pub(super) fn month(text: &str) -> Result<Month, Error> {
    text.parse().map_err(|_| unreadable("an unreadable month is stored"))
}

/// Sums as a JSON object: of each metric its quantity, which is a text for being a decimal, and how many events it is of.
pub(super) fn sums_text(sums: &Sums) -> String {
    let mut text = String::with_capacity(256);
    for (metric, Sum { quantity, events }) in sums.iter() {
        text.push(if text.is_empty() { '{' } else { ',' });
        let _ = write!(text, r#""{}":["{quantity}",{events}]"#, metric.name());
    }
    if text.is_empty() {
        text.push('{');
    }
    text + "}"
}

pub(super) fn sums(text: &str) -> Result<Sums, Error> {
    let stored: BTreeMap<&str, (&str, i64)> =
        serde_json::from_str(text).map_err(|_| unreadable("unreadable sums are stored"))?;
    let sum = |(name, (quantity, events)): (&str, (&str, i64))| {
        Ok((metric(name)?, Sum { quantity: decimal(quantity)?, events }))
    };
    stored.into_iter().map(sum).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_are_read_as_they_were_written(
            parts in prop::collection::btree_map(0_usize..7, (0_u64..=u64::MAX, 0_u32..=9, 1_i64..=i64::MAX), 0..7),
        ) {
            let sums: Sums = parts
                .into_iter()
                .map(|(metric, (quantity, scale, events))| {
                    let quantity = Decimal::from_i128_with_scale(quantity.into(), scale).normalize();
                    (Metric::ALL[metric], Sum { quantity, events })
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
        let sums = Sums::from_iter([(Metric::LogsGb, sum("0.25", 1)), (Metric::SqlRequests, sum("12", 30))]);
        assert_eq!(sums_text(&sums), r#"{"LOGS_GB":["0.25",1],"SQL_REQUESTS":["12",30]}"#);
        // As PostgreSQL writes it.
        let spaced = r#"{ "LOGS_GB" : ["0.25", 1], "SQL_REQUESTS" : ["12", 30] }"#;
        assert_eq!(super::sums(spaced).expect("sums"), sums);
        assert_eq!(sums_text(&Sums::default()), "{}");
        for bad in ["", "[]", r#"{"LOGS":["1",1]}"#, r#"{"LOGS_GB":[1,1]}"#, r#"{"LOGS_GB":["1e2",1]}"#] {
            assert!(super::sums(bad).is_err(), "{bad}");
        }
    }
}
