//! How far the clocks of the suite's services differ. What ends at a time ends by its owner's clock, tokens by their
//! readers': all that is promised of times holds as far as clocks agree.
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{clock::Timestamp, metrics};

/// From how much on the log warns. Tokens between services bear with three minutes.
const WORTH_A_WARNING: Duration = Duration::from_secs(5);

/// How long the log keeps silent on one owner after a warning.
const SILENCE: Duration = Duration::from_mins(1);

/// The clock of another service, as its answers show it.
#[derive(Debug)]
pub struct PeerClock {
    owner: &'static str,
    warned: Mutex<Option<Instant>>,
}

impl PeerClock {
    /// That of the service with this name.
    #[must_use]
    pub fn new(owner: &'static str) -> Self {
        Self { owner, warned: Mutex::new(None) }
    }

    /// Takes note of a time by the owner's clock that lies between two moments by this process's.
    pub fn read(&self, sent: Timestamp, read: Timestamp, received: Timestamp) {
        let ahead = ahead(sent, read, received);
        metrics::clock_differs(self.owner, ahead);
        if Duration::from_micros(ahead.unsigned_abs()) > WORTH_A_WARNING && self.may_warn() {
            let seconds = ahead / 1_000_000;
            tracing::warn!(
                owner = self.owner,
                ahead_by_seconds = seconds,
                "clocks differ: keep them in time (NTP)"
            );
        }
    }

    /// Takes note of the time that a refusal tells: of a token that was not valid by the owner's clock. Clocks that differ by
    /// so much get no other answer.
    pub fn read_refusal(&self, sent: Timestamp, status: &Status, received: Timestamp) {
        if status.code() != Code::Unauthenticated {
            return;
        }
        let details = status.get_error_details();
        let time = details.error_info().and_then(|info| info.metadata.get("time")?.parse().ok());
        if let Some(time) = time {
            self.read(sent, time, received);
        }
    }

    /// Whether the log was warned.
    #[must_use]
    pub fn has_warned(&self) -> bool {
        self.warned.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn may_warn(&self) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let due = warned.is_none_or(|last| last.elapsed() >= SILENCE);
        if due {
            *warned = Some(Instant::now());
        }
        due
    }
}

/// By how many microseconds at least a clock is ahead that showed `read` at a moment between two of ours; negative if it
/// is behind. How long the call took never counts as a difference. 0 as well if our own clock was set back meanwhile.
#[must_use]
pub fn ahead(sent: Timestamp, read: Timestamp, received: Timestamp) -> i64 {
    let (sent, read, received) = (sent.micros(), read.micros(), received.micros());
    if received < sent {
        0
    } else if read > received {
        read - received
    } else {
        (read - sent).min(0)
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_difference_is_what_the_duration_of_the_call_can_not_explain() {
        let ahead = |sent, read, received| ahead(at(sent), at(read), at(received)) / 1_000_000;
        assert_eq!(ahead(100, 100, 100), 0);
        assert_eq!(ahead(100, 102, 104), 0, "within the call");
        assert_eq!(ahead(100, 110, 104), 6);
        assert_eq!(ahead(100, 40, 104), -60);
        assert_eq!(ahead(100, 100, 40), 0, "our own clock was set back meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_tells_of_clocks_that_differ_too_much_for_any_other_answer() {
        let refusal = |code, time: Timestamp| {
            let metadata =
                [("cause".to_owned(), "expired".to_owned()), ("time".to_owned(), time.to_string())];
            let details = ErrorDetails::with_error_info("CREDENTIALS_INVALID", "devspaces.dev", metadata);
            Status::with_error_details(code, "refused", details)
        };
        let clock = PeerClock::new("space");
        clock.read_refusal(at(100), &Status::unauthenticated("by another"), at(101));
        clock.read_refusal(at(100), &refusal(Code::Unauthenticated, at(101)), at(102));
        clock.read_refusal(at(100), &refusal(Code::Unavailable, at(900)), at(102));
        assert!(!clock.has_warned());
        clock.read_refusal(at(100), &refusal(Code::Unauthenticated, at(900)), at(102));
        assert!(clock.has_warned());
    }

    #[tokio::test(start_paused = true)]
    async fn one_warning_a_minute() {
        let clock = PeerClock::new("space");
        assert!(clock.may_warn());
        assert!(!clock.may_warn());
        tokio::time::advance(SILENCE).await;
        assert!(clock.may_warn());
    }
}
