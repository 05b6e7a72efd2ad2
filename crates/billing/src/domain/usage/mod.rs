//! What was used, and what becomes of each event that tells of it (R-B5).
mod batch;
mod books;
mod holdings;
mod limits;
mod rejection;

use std::fmt::Write as _;

use devspaces_kit::{clock::Timestamp, name::AppName};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

pub(crate) use self::{
    batch::{Batch, Outcome, Reported},
    books::{Books, Placement, Sum, Sums, TotalKey},
    holdings::{Held, Holdings, LEEWAY},
    limits::Limits,
    rejection::Rejection,
};
use super::Metric;

/// Something that was used, as the metering service tells it. Two events are equal if their content is: 1.0 is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// What the metering service calls it: unique for all time.
    pub(crate) id: String,
    pub(crate) app: AppName,
    pub(crate) metric: Metric,
    pub(crate) quantity: Decimal,
    pub(crate) time: Timestamp,
}

/// About how long a line of a digest is.
const LINE: usize = 120;

/// The digest of events, by which the journal's entry vouches for them: each in a line of its own, in the order of their
/// ids, with its time in microseconds since 1970.
pub(crate) fn digest(events: &[&Event]) -> String {
    let mut sorted = events.to_vec();
    sorted.sort_unstable_by_key(|event| &event.id);
    let mut lines = String::with_capacity(sorted.len() * LINE);
    for Event { id, app, metric, quantity, time } in sorted {
        // A String takes whatever is written to it.
        let _ = writeln!(lines, "{id} {} {} {quantity} {}", app.0, metric.name(), time.micros());
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
            metric: Metric::LogsGb,
            quantity: quantity.parse().unwrap(),
            time: Timestamp::from_micros(1),
        }
    }

    #[test]
    fn a_digest_is_of_the_events_and_not_of_their_order() {
        let (a, b) = (event("a", "1"), event("b", "2.5"));
        assert_eq!(digest(&[&a, &b]), digest(&[&b, &a]));
        assert_ne!(digest(&[&a, &b]), digest(&[&a]));
        assert_ne!(digest(&[&a]), digest(&[&event("a", "2")]));
        // printf 'a 00000000-0000-0000-0000-000000000000 LOGS_GB 1 1\n' | sha256sum
        assert_eq!(digest(&[&a]), "2598c1d588acb67f3ad90312bf53671478e07d0a1760e8916b545ef02e8f86ab");
    }

    #[test]
    fn content_is_compared_by_value() {
        assert_eq!(event("a", "1"), event("a", "1.000"));
        assert_ne!(event("a", "1"), event("a", "1.001"));
    }
}
