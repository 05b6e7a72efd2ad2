//! What was used, and what becomes of each event that tells of it (R-B5).
mod added;
mod batch;
mod books;
mod exhausted;
mod holdings;
mod limits;
pub(crate) mod query;
mod rejection;
mod thresholds;
mod voided;

use std::fmt::Write as _;

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, MeterName},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) use self::{
    added::{Added, added},
    batch::{Batch, Outcome, Reported},
    books::{Books, Placed, Placement, Sum, Sums, TotalKey, changed},
    exhausted::{exhausted, used_up},
    holdings::{Held, Holdings, LEEWAY, is_near},
    limits::Limits,
    rejection::Rejection,
    thresholds::{Reached, reached},
    voided::{Standing, Taken},
};
use super::meter::Dimensions;

/// Something that was used, as the metering service tells it. Two events are equal if their content is: 1.0 is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// What the metering service calls it: unique for all time.
    pub(crate) id: String,
    pub(crate) app: AppName,
    pub(crate) meter: MeterName,
    pub(crate) quantity: Decimal,
    pub(crate) time: Timestamp,
    pub(crate) dimensions: Dimensions,
}

impl Event {
    /// The dimensions as a JSON object, in the order of their names: the one text of them.
    pub(crate) fn dimensions_text(&self) -> String {
        // A map from text to text has no way to fail.
        serde_json::to_string(&self.dimensions).unwrap_or_default()
    }
}

/// How the lines of a digest are made, which the journal's entry tells beside it. Entries from before meters had dimensions
/// tell none: their lines end with the time, and name what was the meter before it had its id (`LOGS_GB`).
const DIGEST_FORMAT: u8 = 2;

/// About how long a line of a digest is.
const LINE: usize = 140;

/// What the journal says of events: how many, and what vouches for them (R-J1).
pub(crate) fn vouched(events: &[&Event]) -> Value {
    json!({ "events": events.len(), "digest": digest(events), "digest_format": DIGEST_FORMAT })
}

/// The digest of events, by which the journal's entry vouches for them: each in a line of its own, in the order of their
/// ids, with its time in microseconds since 1970 and its dimensions as a JSON object.
fn digest(events: &[&Event]) -> String {
    let mut sorted = events.to_vec();
    sorted.sort_unstable_by_key(|event| &event.id);
    let mut lines = String::with_capacity(sorted.len() * LINE);
    for event in sorted {
        let Event { id, app, meter, quantity, time, .. } = event;
        let (meter, dimensions) = (meter.id(), event.dimensions_text());
        // A String takes whatever is written to it.
        let _ = writeln!(lines, "{id} {} {meter} {quantity} {} {dimensions}", app.0, time.micros());
    }
    hex::encode(Sha256::digest(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, quantity: &str) -> Event {
        Event {
            id: id.into(),
            app: AppName::NIL,
            meter: MeterName::of("logs.gb").unwrap(),
            quantity: quantity.parse().unwrap(),
            time: Timestamp::from_micros(1),
            dimensions: Dimensions::new(),
        }
    }

    #[test]
    fn a_digest_is_of_the_events_and_not_of_their_order() {
        let (a, b) = (event("a", "1"), event("b", "2.5"));
        assert_eq!(digest(&[&a, &b]), digest(&[&b, &a]));
        assert_ne!(digest(&[&a, &b]), digest(&[&a]));
        assert_ne!(digest(&[&a]), digest(&[&event("a", "2")]));
        // printf 'a 00000000-0000-0000-0000-000000000000 logs.gb 1 1 {}\n' | sha256sum
        assert_eq!(digest(&[&a]), "7acda1da6f9876bc30efaf7ff5fcbb6a352d60dcc3e028954d6b21049cb09acb");
        let dimensions = [("region", "eu"), ("job", "a\"b")].map(|(name, value)| (name.into(), value.into()));
        let with = Event { dimensions: Dimensions::from(dimensions), ..a };
        // The same with {"job":"a\"b","region":"eu"} at its end.
        assert_eq!(digest(&[&with]), "b26e8790424a23fc1093b712372326a703a1bc55d67aa58d72bc1aa533f02869");
    }

    #[test]
    fn content_is_compared_by_value() {
        assert_eq!(event("a", "1"), event("a", "1.000"));
        assert_ne!(event("a", "1"), event("a", "1.001"));
        let dimensions = Dimensions::from([("region".into(), "eu".into())]);
        assert_ne!(event("a", "1"), Event { dimensions, ..event("a", "1") });
    }
}
