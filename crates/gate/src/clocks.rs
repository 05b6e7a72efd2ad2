//! How far the clocks of the suite's services differ. What ends at a time ends by its owner's clock, tokens by their
//! readers': all that is promised of times holds as far as clocks agree.
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use devspaces_kit::{clock::Timestamp, metrics};
use tokio::time::Instant;

/// From how much on the log warns. Tokens between services bear with 30 s.
const WORTH_A_WARNING: Duration = Duration::from_secs(5);

/// How long the log keeps silent on one owner after a warning.
const SILENCE: Duration = Duration::from_mins(1);

/// The clock of an owner of facts, as its answers show it.
pub(crate) struct PeerClock {
    owner: &'static str,
    warned: Mutex<Option<Instant>>,
}

impl PeerClock {
    pub(crate) fn new(owner: &'static str) -> Self {
        Self { owner, warned: Mutex::new(None) }
    }

    /// Takes note of a time by the owner's clock that lies between two moments by this process's.
    pub(crate) fn read(&self, sent: Timestamp, read: Timestamp, received: Timestamp) {
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
fn ahead(sent: Timestamp, read: Timestamp, received: Timestamp) -> i64 {
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
    use super::*;
    use crate::testing::at;

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
    async fn one_warning_a_minute() {
        let clock = PeerClock::new("space");
        assert!(clock.may_warn());
        assert!(!clock.may_warn());
        tokio::time::advance(SILENCE).await;
        assert!(clock.may_warn());
    }
}
