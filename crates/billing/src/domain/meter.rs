use std::collections::{BTreeMap, BTreeSet};

use devspaces_kit::{clock::Timestamp, name::MeterName, text};
use serde_json::{Map, Value, json};

/// Something that is measured (R-B6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meter {
    pub(crate) name: MeterName,
    pub(crate) unit: String,
    pub(crate) description: String,
    /// What more events may tell, by name.
    pub(crate) dimensions: BTreeMap<String, Allowed>,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) retire_time: Option<Timestamp>,
    /// The journal entry of the last change.
    pub(crate) revision: i64,
}

/// Which values a dimension may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// These.
    Named(BTreeSet<String>),
    /// Any text of at most so many characters.
    Text(usize),
}

/// What events tell of their usage: the value of each dimension.
pub(crate) type Dimensions = BTreeMap<String, String>;

impl Meter {
    /// Whether it takes these dimensions.
    ///
    /// # Errors
    /// A sentence that names every dimension that it does not take. No value is repeated.
    pub(crate) fn admit(&self, dimensions: &Dimensions) -> Result<(), String> {
        let refused = dimensions.iter().filter_map(|(name, value)| match self.dimensions.get(name) {
            None => Some(self.own_dimensions()),
            Some(allowed) => {
                allowed.admit(value).err().map(|sentence| format!("dimensions[\"{name}\"] {sentence}"))
            }
        });
        // Of each sentence one: names that are not the meter's are not told.
        let refused: BTreeSet<String> = refused.collect();
        if refused.is_empty() { Ok(()) } else { Err(refused.into_iter().collect::<Vec<_>>().join("; ")) }
    }

    /// What is said of a dimension that it does not have.
    fn own_dimensions(&self) -> String {
        let names: Vec<&str> = self.dimensions.keys().map(String::as_str).collect();
        match names.as_slice() {
            [] => "dimensions must be empty: the meter has none".to_owned(),
            names => format!("dimensions must be among those of the meter: {}", names.join(", ")),
        }
    }

    /// Whether it is retired at a time.
    pub(crate) fn is_retired(&self, time: Timestamp) -> bool {
        self.retire_time.is_some_and(|retired| retired <= time)
    }

    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        let dimensions = self.dimensions.iter().map(|(name, allowed)| (name.clone(), allowed.to_json()));
        json!({"meter": {
            "name": self.name.to_string(),
            "unit": self.unit,
            "description": self.description,
            "dimensions": dimensions.collect::<Map<_, _>>(),
            "retire_time": self.retire_time.map(|time| time.to_string()),
        }})
    }
}

impl Allowed {
    /// Whether a value is among them.
    ///
    /// # Errors
    /// A sentence that says which are.
    pub(crate) fn admit(&self, value: &str) -> Result<(), String> {
        match self {
            Self::Named(values) if values.contains(value) => Ok(()),
            Self::Named(_) => Err("must be one of the values that the meter names".to_owned()),
            Self::Text(longest) => text::line(value, 1..=*longest).map(drop),
        }
    }

    /// Whether it has every value of another.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(values), Self::Named(others)) => values.is_superset(others),
            (Self::Text(longest), Self::Text(other)) => longest >= other,
            (Self::Text(longest), Self::Named(others)) => {
                others.iter().all(|value| value.chars().count() <= *longest)
            }
            (Self::Named(_), Self::Text(_)) => false,
        }
    }

    /// The values as an array, or the length.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Named(values) => json!(values),
            Self::Text(longest) => json!(longest),
        }
    }

    /// What was stored by `to_json`.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        if let Some(longest) = value.as_u64() {
            return usize::try_from(longest).ok().map(Self::Text);
        }
        let values = value.as_array()?.iter().map(|value| value.as_str().map(ToOwned::to_owned));
        values.collect::<Option<_>>().map(Self::Named)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A meter with a dimension of two values and one of free text.
    pub(crate) fn meter(id: &str) -> Meter {
        let named = Allowed::Named(BTreeSet::from(["eu".to_owned(), "us".to_owned()]));
        Meter {
            name: MeterName::of(id).expect("a name"),
            unit: "GB".into(),
            description: String::new(),
            dimensions: BTreeMap::from([("region".into(), named), ("job".into(), Allowed::Text(5))]),
            create_time: Timestamp::EPOCH,
            update_time: Timestamp::EPOCH,
            retire_time: None,
            revision: 0,
        }
    }

    fn dimensions(pairs: &[(&str, &str)]) -> Dimensions {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    // R-B6
    #[test]
    fn a_meter_takes_its_own_dimensions_and_the_values_that_it_allows() {
        let meter = meter("logs.gb");
        for good in [&[][..], &[("region", "eu")], &[("job", "a b"), ("region", "us")]] {
            assert_eq!(meter.admit(&dimensions(good)), Ok(()), "{good:?}");
        }
        for (bad, sentences) in [
            (&[("zone", "eu")][..], &["dimensions must be among those of the meter: job, region"][..]),
            (
                &[("zone", "eu"), ("tenant", "x")],
                &["dimensions must be among those of the meter: job, region"],
            ),
            (&[("region", "EU")], &["dimensions[\"region\"] must be one of the values"]),
            (&[("job", "123456")], &["dimensions[\"job\"] must be 1 to 5 characters"]),
            (
                &[("job", ""), ("region", "")],
                &["dimensions[\"job\"] must be 1 to 5", "dimensions[\"region\"] must be one"],
            ),
        ] {
            let told = meter.admit(&dimensions(bad)).expect_err("refused");
            let told: Vec<_> = told.split("; ").collect();
            assert_eq!(told.len(), sentences.len(), "{told:?}");
            assert!(told.iter().zip(sentences).all(|(told, said)| told.starts_with(said)), "{told:?}");
        }
    }

    // R-B3: no free text holds a card number.
    #[test]
    fn a_value_that_looks_like_a_card_number_is_refused() {
        let allowed = Allowed::Text(64);
        assert_eq!(allowed.admit("4111 1111 1111 1111"), Err(text::CARD_NUMBER.to_owned()));
        assert_eq!(allowed.admit("4111"), Ok(()));
    }

    // R-B6: what events may have said stays.
    #[test]
    fn a_dimension_includes_one_of_which_it_has_every_value() {
        let named = |values: &[&str]| Allowed::Named(values.iter().map(ToString::to_string).collect());
        let (small, large) = (named(&["a"]), named(&["a", "bcd"]));
        for (wide, narrow, includes) in [
            (&large, &small, true),
            (&small, &large, false),
            (&Allowed::Text(3), &large, true),
            (&Allowed::Text(2), &large, false),
            (&Allowed::Text(3), &Allowed::Text(3), true),
            (&Allowed::Text(2), &Allowed::Text(3), false),
            (&large, &Allowed::Text(1), false),
        ] {
            assert_eq!(wide.includes(narrow), includes, "{wide:?} {narrow:?}");
        }
    }

    #[test]
    fn what_is_allowed_is_read_as_it_was_written() {
        for allowed in [Allowed::Text(7), Allowed::Named(BTreeSet::from(["a".into(), "b\"".into()]))] {
            assert_eq!(Allowed::from_json(&allowed.to_json()), Some(allowed));
        }
        for bad in [json!("a"), json!([1]), json!(-1), json!(null)] {
            assert_eq!(Allowed::from_json(&bad), None, "{bad}");
        }
    }
}
