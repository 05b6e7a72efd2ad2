//! Questions for usage by hour, day and month (R-B14).
use std::collections::BTreeSet;

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, MeterName, is_words},
    page,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{QueryUsageRequest, UsagePoint, query_usage_request::Step as WireStep};
use uuid::Uuid;

use crate::domain::usage::query::{Grouping, Of, Point, Step};

/// The most meters that are asked for by name.
const MAX_METERS: usize = 100;
/// The most ways of grouping: the app, the meter and all dimensions of a meter.
const MAX_GROUPS: usize = 12;
/// What a dimension's name stands behind in `group_by`.
const DIMENSION: &str = "dimensions.";

/// What is asked for.
pub(crate) struct Question {
    pub(crate) size: usize,
    pub(crate) step: Step,
    /// Nothing: from the beginning of this month on.
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Timestamp,
    pub(crate) grouping: Grouping,
}

/// What is asked for.
///
/// # Errors
/// `INVALID_ARGUMENT`, naming every bad field.
pub(crate) fn question(request: &QueryUsageRequest) -> Result<Question, Fault> {
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let step = match request.step() {
        WireStep::Unspecified | WireStep::Day => Step::Day,
        WireStep::Hour => Step::Hour,
        WireStep::Month => Step::Month,
    };
    if WireStep::try_from(request.step).is_err() {
        fields.bad("step", "must be STEP_HOUR, STEP_DAY or STEP_MONTH");
    }
    let from = fields.check("from", time(request.from, step));
    let to = fields.check("to", time(request.to, step));
    let to = to.map(|to| to.unwrap_or(Timestamp::from_micros(i64::MAX)));
    if let Some((Some(from), to)) = from.zip(to)
        && from >= to
    {
        fields.bad("to", "must be later than from");
    }
    if request.meters.len() > MAX_METERS {
        fields.bad("meters", format!("must have at most {MAX_METERS} entries"));
    }
    let mut meters = BTreeSet::new();
    for (place, meter) in request.meters.iter().enumerate().take(MAX_METERS) {
        meters.extend(fields.parse::<MeterName>(format!("meters[{place}]"), meter));
    }
    let grouping = grouping(&mut fields, request, meters);
    let ((size, from), to) = fields.finish_with(size.zip(from).zip(to))?;
    Ok(Question { size, step, from, to, grouping })
}

/// The first moment of a step, if one is given.
fn time(time: Option<prost_types::Timestamp>, step: Step) -> Result<Option<Timestamp>, String> {
    let Some(time) = time else { return Ok(None) };
    let begins = match step {
        Step::Hour => "an hour",
        Step::Day => "a day",
        Step::Month => "a month",
    };
    let given = Timestamp::try_from(time).ok().filter(|time| step.start(*time) == *time);
    let sentence = || format!("must be the first moment of {begins} in UTC, of the years 1970 to 9999");
    given.map(Some).ok_or_else(sentence)
}

fn grouping(fields: &mut Fields, request: &QueryUsageRequest, meters: BTreeSet<MeterName>) -> Grouping {
    let mut grouping = Grouping { meters, ..Grouping::default() };
    if request.group_by.len() > MAX_GROUPS {
        fields.bad("group_by", format!("must have at most {MAX_GROUPS} entries"));
    }
    for (place, group) in request.group_by.iter().enumerate().take(MAX_GROUPS) {
        match group.as_str() {
            "app" => grouping.by_app = true,
            // Quantities of two meters are never added up.
            "meter" => {}
            group => match group.strip_prefix(DIMENSION).filter(|name| is_words(name)) {
                Some(name) if !grouping.dimensions.iter().any(|it| it == name) => {
                    grouping.dimensions.push(name.to_owned());
                }
                Some(_) => fields.bad(format!("group_by[{place}]"), "must not be given twice"),
                None => fields.bad(
                    format!("group_by[{place}]"),
                    "must be \"app\", \"meter\" or \"dimensions.\" and the name of a dimension",
                ),
            },
        }
    }
    grouping
}

/// A point as it is told.
pub(crate) fn point((of, point): (Of, Point), grouping: &Grouping) -> UsagePoint {
    let given = grouping.dimensions.iter().zip(of.values).filter(|(_, value)| !value.is_empty());
    UsagePoint {
        start_time: Some(Timestamp::from_micros(of.start).into()),
        app: of.app.map(|app| AppName(Uuid::from_bytes(app)).to_string()).unwrap_or_default(),
        meter: format!("meters/{}", of.meter),
        dimensions: given.map(|(name, value)| (name.clone(), value)).collect(),
        quantity: point.quantity.to_string(),
        events: point.events,
    }
}
