use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, Malformed, MeterName, ReservationName},
    status::{Fault, Fields},
    text,
};
use devspaces_proto::billing::v1::{
    LineEvent as WireLineEvent, Usage, UsageEvent, UsageResult, VoidUsageRequest,
    usage_result::{Outcome as WireOutcome, Rejection as WireRejection},
};
use rust_decimal::Decimal;

use crate::domain::{
    Month, decimal,
    line_event::LineEvent,
    usage::{Event, Outcome, Rejection, Sum},
};

/// The longest id of an event.
const MAX_ID: usize = 128;
const ID: &str = "must be 1 to 128 visible ASCII characters";
/// The most events of a batch.
pub(crate) const MAX_EVENTS: usize = 1000;
/// A quantity has at most so many digits before and after the point.
const QUANTITY: (usize, usize) = (12, 9);

/// An event, or a sentence that names every field that is not acceptable. No value is repeated.
pub(crate) fn event(event: UsageEvent) -> Result<Event, String> {
    let id = is_id(&event.id).ok_or_else(|| format!("id {ID}"));
    let app: Result<AppName, _> = event.app.parse().map_err(|_| "app must have the form apps/{uuid}");
    let meter: Result<MeterName, _> = event.meter.parse().map_err(|_| "meter must have the form meters/{id}");
    let quantity = quantity(&event.quantity);
    let time = event.time.and_then(|time| Timestamp::try_from(time).ok());
    let time = time.ok_or("time must be given and lie in the years 1970 to 9999");
    let reservation =
        reservation(&event).map_err(|_| "reservation must be empty or have the form reservations/{uuid}");
    match (id, app, meter, quantity, time, reservation) {
        (Ok(()), Ok(app), Ok(meter), Ok(quantity), Ok(time), Ok(_)) => {
            Ok(Event { id: event.id, app, meter, quantity, time, dimensions: event.dimensions })
        }
        (id, app, meter, quantity, time, reservation) => {
            let sentences = [app.err(), meter.err(), quantity.err(), time.err(), reservation.err()];
            let sentences = sentences.into_iter().flatten().map(ToOwned::to_owned);
            Err(id.err().into_iter().chain(sentences).collect::<Vec<_>>().join("; "))
        }
    }
}

/// Which events are to be voided, and why.
///
/// # Errors
/// `INVALID_ARGUMENT`, naming every bad field.
pub(crate) fn voiding(request: &VoidUsageRequest) -> Result<String, Fault> {
    let mut fields = Fields::new();
    if !(1..=MAX_EVENTS).contains(&request.event_ids.len()) {
        fields.bad("event_ids", format!("must have 1 to {MAX_EVENTS} entries"));
    }
    for (place, id) in request.event_ids.iter().enumerate().take(MAX_EVENTS) {
        if is_id(id).is_none() {
            fields.bad(format!("event_ids[{place}]"), ID);
        }
    }
    let reason = fields.check("reason", text::reason(&request.reason)).map(ToOwned::to_owned);
    fields.finish_with(reason)
}

/// The reservation that an event names, if it names one.
pub(crate) fn reservation(event: &UsageEvent) -> Result<Option<ReservationName>, Malformed> {
    (!event.reservation.is_empty()).then(|| event.reservation.parse()).transpose()
}

fn is_id(id: &str) -> Option<()> {
    ((1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())).then_some(())
}

pub(super) fn quantity(text: &str) -> Result<Decimal, &'static str> {
    let (before, after) = QUANTITY;
    decimal(text, before, after).filter(|quantity| !quantity.is_zero()).ok_or(
        "quantity must be a decimal without sign and exponent, more than 0, with at most 12 digits before and 9 after \
         the point",
    )
}

/// What an app used of something.
pub(crate) fn sum((app, meter, sum): (AppName, MeterName, Sum)) -> Usage {
    let quantity = sum.quantity.normalize().to_string();
    Usage { app: app.to_string(), meter: meter.to_string(), quantity, events: sum.events }
}

/// What an invoice is made of, with the line that it counts in.
pub(crate) fn line_event(of: LineEvent, line: String, billable: bool, usage_month: Month) -> WireLineEvent {
    let LineEvent { event, sequence, held_from, voiding, voided, .. } = of;
    WireLineEvent {
        id: event.id,
        app: event.app.to_string(),
        meter: event.meter.to_string(),
        quantity: event.quantity.to_string(),
        time: Some(event.time.into()),
        dimensions: event.dimensions.into_iter().collect(),
        voiding,
        voided,
        line,
        sequence,
        held_from: held_from.map(Into::into),
        billable,
        usage_month: usage_month.to_string(),
    }
}

/// What became of an event, as its sender is told.
pub(crate) fn result(id: String, outcome: Outcome) -> UsageResult {
    match outcome {
        Outcome::Accepted => {
            UsageResult { id, outcome: WireOutcome::Accepted.into(), ..UsageResult::default() }
        }
        Outcome::Duplicate => {
            UsageResult { id, outcome: WireOutcome::Duplicate.into(), ..UsageResult::default() }
        }
        Outcome::Voided => UsageResult {
            id,
            outcome: WireOutcome::Duplicate.into(),
            message: "It was voided since, and does not count".to_owned(),
            ..UsageResult::default()
        },
        Outcome::Rejected(why) => {
            let (rejection, message) = rejection(why);
            let (outcome, rejection) = (WireOutcome::Rejected.into(), rejection.into());
            UsageResult { id, outcome, rejection, message, ..UsageResult::default() }
        }
    }
}

/// Why a reservation does not cover all of an event.
const NOT_COVERED: &str = "The reservation does not cover all of it: no more is left of it, there is none of this name, or it is of another \
    app, space, month or rate, was released, or has ended";

/// What becomes of an accepted event whose reservation covers so much of this quantity (R-E5).
pub(crate) fn covered(result: UsageResult, covered: Decimal, quantity: Decimal) -> UsageResult {
    let message = if covered < quantity { NOT_COVERED.to_owned() } else { result.message };
    UsageResult { message, covered_quantity: covered.to_string(), ..result }
}

fn rejection(why: Rejection) -> (WireRejection, String) {
    let (rejection, sentence) = match why {
        Rejection::Malformed(sentence) => return (WireRejection::Malformed, sentence),
        Rejection::Dimension(sentence) => return (WireRejection::Dimension, sentence),
        Rejection::MeterUnknown => {
            (WireRejection::MeterUnknown, "There is no such meter: ListMeters tells them")
        }
        Rejection::MeterRetired => (WireRejection::MeterRetired, "The meter was retired by that time"),
        Rejection::AppUnknown => {
            (WireRejection::AppUnknown, "No space held the app at that time, or within 5 minutes of it")
        }
        Rejection::TimeInFuture => (WireRejection::TimeInFuture, "The time lies more than 5 minutes ahead"),
        Rejection::TooMuch => (
            WireRejection::TooMuch,
            "With it the app would use more of the meter in the month than 10^15 units, or than costs 10^9 units of the \
             currency at that month's price",
        ),
        Rejection::MonthClosed => {
            (WireRejection::MonthClosed, "The invoices of its month and of the month after are issued")
        }
        Rejection::ContentDiffers => {
            (WireRejection::ContentDiffers, "An event with this id and other content was accepted before")
        }
    };
    (rejection, sentence.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> UsageEvent {
        UsageEvent {
            id: "e".into(),
            app: "apps/0190a8d0-7b1c-7def-8000-000000000001".into(),
            meter: "meters/logs.gb".into(),
            quantity: "0.250".into(),
            time: Some(prost_types::Timestamp { seconds: 1, nanos: 2_999 }),
            dimensions: [("region".to_owned(), "eu".to_owned())].into(),
            reservation: String::new(),
        }
    }

    // R-B5
    #[test]
    fn an_event_is_understood_as_a_whole_or_every_field_is_named() {
        let good = event(wire()).expect("an event");
        assert_eq!((good.quantity.to_string(), good.time.micros()), ("0.25".into(), 1_000_002));
        let empty = event(UsageEvent::default()).expect_err("no event");
        for field in ["id", "app", "meter", "quantity", "time"] {
            assert!(
                empty.split("; ").any(|sentence| sentence.starts_with(&format!("{field} must "))),
                "{field}"
            );
        }
        let far = prost_types::Timestamp { seconds: 253_402_300_800, nanos: 0 };
        for (bad, field) in [
            (UsageEvent { id: "a b".into(), ..wire() }, "id"),
            (UsageEvent { id: "é".into(), ..wire() }, "id"),
            (UsageEvent { id: "x".repeat(129), ..wire() }, "id"),
            (UsageEvent { app: "apps/x".into(), ..wire() }, "app"),
            (UsageEvent { meter: "logs.gb".into(), ..wire() }, "meter"),
            (UsageEvent { meter: "meters/LOGS_GB".into(), ..wire() }, "meter"),
            (UsageEvent { quantity: "0.000".into(), ..wire() }, "quantity"),
            (UsageEvent { quantity: "-1".into(), ..wire() }, "quantity"),
            (UsageEvent { quantity: "1e3".into(), ..wire() }, "quantity"),
            (UsageEvent { quantity: "0.0000000001".into(), ..wire() }, "quantity"),
            (UsageEvent { time: Some(far), ..wire() }, "time"),
            (UsageEvent { reservation: "reservations/x".into(), ..wire() }, "reservation"),
        ] {
            let sentence = event(bad).expect_err("no event");
            assert!(sentence.starts_with(field) && !sentence.contains("; "), "{sentence}");
        }
        assert!(event(UsageEvent { id: "~".repeat(128), ..wire() }).is_ok());
    }
}
