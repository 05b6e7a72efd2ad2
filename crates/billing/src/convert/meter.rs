//! Meters (R-B6).
use std::collections::{BTreeMap, BTreeSet};

use devspaces_kit::{
    name::{MeterName, is_words},
    status::{Fault, Fields},
    text,
};
use devspaces_ledger::etag;
use devspaces_proto::billing::v1 as proto;

use crate::domain::{Meter, meter::Allowed};

/// The longest unit, in characters.
const MAX_UNIT: usize = 32;
/// The most dimensions of a meter.
const MAX_DIMENSIONS: usize = 10;
/// The longest name of a dimension.
const MAX_NAME: usize = 32;
/// The most values that a dimension names.
const MAX_VALUES: usize = 200;
/// The longest value, in characters.
const MAX_VALUE: usize = 64;

impl From<Meter> for proto::Meter {
    fn from(meter: Meter) -> Self {
        let dimension = |(name, allowed): (String, Allowed)| match allowed {
            Allowed::Named(values) => {
                proto::Dimension { name, values: values.into_iter().collect(), max_length: 0 }
            }
            Allowed::Text(longest) => {
                let max_length = i32::try_from(longest).unwrap_or(i32::MAX);
                proto::Dimension { name, values: Vec::new(), max_length }
            }
        };
        Self {
            name: meter.name.to_string(),
            unit: meter.unit,
            description: meter.description,
            dimensions: meter.dimensions.into_iter().map(dimension).collect(),
            create_time: Some(meter.create_time.into()),
            update_time: Some(meter.update_time.into()),
            retire_time: meter.retire_time.map(Into::into),
            etag: etag::of(meter.revision),
        }
    }
}

/// What a new meter is.
pub(crate) struct New {
    pub(crate) name: MeterName,
    pub(crate) unit: String,
    pub(crate) description: String,
    pub(crate) dimensions: BTreeMap<String, Allowed>,
}

/// A meter to be.
///
/// # Errors
/// `INVALID_ARGUMENT`, naming every bad field.
pub(crate) fn new(meter: Option<proto::Meter>) -> Result<New, Fault> {
    let meter = meter.unwrap_or_default();
    let mut fields = Fields::new();
    let name = fields.parse::<MeterName>("meter.name", &meter.name);
    fields.check("meter.unit", text::line(&meter.unit, 1..=MAX_UNIT));
    fields.check("meter.description", text::description(&meter.description));
    let dimensions = dimensions(&mut fields, &meter.dimensions);
    let name = fields.finish_with(name)?;
    Ok(New { name, unit: meter.unit, description: meter.description, dimensions })
}

/// What changes of a meter; `None` of what stays.
#[derive(Debug)]
pub(crate) struct Patch {
    pub(crate) description: Option<String>,
    pub(crate) dimensions: Option<BTreeMap<String, Allowed>>,
    /// What the unit is to be: what it is.
    pub(crate) unit: Option<String>,
}

/// What an `UpdateMeter` request changes.
///
/// # Errors
/// `INVALID_ARGUMENT`, naming every bad field.
pub(crate) fn patch(request: &proto::UpdateMeterRequest) -> Result<Patch, Fault> {
    let meter = request.meter.clone().unwrap_or_default();
    let mut fields = Fields::new();
    let populated =
        [("description", !meter.description.is_empty()), ("dimensions", !meter.dimensions.is_empty())];
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &populated);
    // One that is named by the mask is refused there; one that is left as it is says nothing.
    let without_mask = request.update_mask.as_ref().is_none_or(|mask| mask.paths.is_empty());
    let mut patch = Patch {
        description: None,
        dimensions: None,
        unit: without_mask.then_some(meter.unit).filter(|it| !it.is_empty()),
    };
    if masked.contains(&"description") {
        fields.check("meter.description", text::description(&meter.description));
        patch.description = Some(meter.description);
    }
    if masked.contains(&"dimensions") {
        patch.dimensions = Some(dimensions(&mut fields, &meter.dimensions));
    }
    fields.finish_with(Some(patch))
}

/// Whether the unit is left as it is (R-B6).
///
/// # Errors
/// `INVALID_ARGUMENT`, naming the field.
pub(crate) fn same_unit(before: &Meter, patch: &Patch) -> Result<(), Fault> {
    if patch.unit.as_ref().is_none_or(|unit| *unit == before.unit) {
        return Ok(());
    }
    Err(Fault::bad_field("meter.unit", "must be what it is: the unit of a meter never changes"))
}

/// Whether what a meter's dimensions are to be has all that they are.
///
/// # Errors
/// `INVALID_ARGUMENT`, naming the field.
pub(crate) fn grown(before: &Meter, dimensions: &BTreeMap<String, Allowed>) -> Result<(), Fault> {
    let lost = before
        .dimensions
        .iter()
        .filter(|(name, allowed)| dimensions.get(name.as_str()).is_none_or(|new| !new.includes(allowed)));
    let lost: Vec<&str> = lost.map(|(name, _)| name.as_str()).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let sentence = format!(
        "must have the dimensions that the meter has, each with at least the values or the length that it has: not so {}",
        lost.join(", ")
    );
    Err(Fault::bad_field("meter.dimensions", sentence))
}

fn dimensions(fields: &mut Fields, wire: &[proto::Dimension]) -> BTreeMap<String, Allowed> {
    let mut all = BTreeMap::new();
    if wire.len() > MAX_DIMENSIONS {
        fields.bad("meter.dimensions", format!("must have at most {MAX_DIMENSIONS} entries"));
        return all;
    }
    for (index, dimension) in wire.iter().enumerate() {
        let path = format!("meter.dimensions[{index}]");
        let name = &dimension.name;
        if name.len() > MAX_NAME || !is_words(name) {
            let sentence = "must be lower-case words, joined by underscores, of at most 32 characters";
            fields.bad(format!("{path}.name"), sentence);
        }
        let Some(allowed) = allowed(fields, &path, dimension) else { continue };
        if all.insert(name.clone(), allowed).is_some() {
            fields.bad(format!("{path}.name"), "must not be that of another dimension");
        }
    }
    all
}

fn allowed(fields: &mut Fields, path: &str, dimension: &proto::Dimension) -> Option<Allowed> {
    let longest = usize::try_from(dimension.max_length).unwrap_or(usize::MAX);
    if dimension.values.is_empty() {
        let fits = (1..=MAX_VALUE).contains(&longest).then_some(Allowed::Text(longest));
        let sentence = "must be 1 to 64 where no values are named";
        return fields.check(format!("{path}.max_length"), fits.ok_or(sentence));
    }
    if longest != 0 {
        fields.bad(format!("{path}.max_length"), "must be 0 where values are named");
    }
    if dimension.values.len() > MAX_VALUES {
        fields.bad(format!("{path}.values"), format!("must have at most {MAX_VALUES} entries"));
        return None;
    }
    let mut values = BTreeSet::new();
    for (index, value) in dimension.values.iter().enumerate() {
        let path = format!("{path}.values[{index}]");
        fields.check(path.clone(), text::line(value, 1..=MAX_VALUE));
        if !values.insert(value.clone()) {
            fields.bad(path, "must not be named twice");
        }
    }
    Some(Allowed::Named(values))
}

#[cfg(test)]
mod tests {
    use devspaces_kit::status::Reason;

    use super::*;
    use crate::domain::meter::tests::meter;

    // R-B6: what events may have said stays.
    #[test]
    fn dimensions_grow_and_never_shrink() {
        let before = meter("logs.gb");
        let with = |name: &str, allowed: Allowed| {
            let mut dimensions = before.dimensions.clone();
            dimensions.insert(name.into(), allowed);
            dimensions
        };
        let named = |values: &[&str]| Allowed::Named(values.iter().map(ToString::to_string).collect());
        for good in [
            before.dimensions.clone(),
            with("zone", named(&["a"])),
            with("region", named(&["asia", "eu", "us"])),
            with("job", Allowed::Text(6)),
        ] {
            assert!(grown(&before, &good).is_ok(), "{good:?}");
        }
        for bad in [
            BTreeMap::new(),
            with("region", named(&["eu"])),
            with("job", Allowed::Text(4)),
            with("job", named(&["a"])),
        ] {
            let fault = grown(&before, &bad).expect_err("refused");
            assert_eq!(fault.reason(), Reason::InvalidField, "{bad:?}");
        }
    }
}
