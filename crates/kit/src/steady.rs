//! Whether the machine's clock can be relied on for what can't be taken back.
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    clock::{Clock, Timestamp},
    status::Fault,
};

/// By how much a clock may be put forward at once without a doubt: more than clocks that are kept by a server ever are.
const STEP: Duration = Duration::from_mins(1);

/// For how long a clock that was put forward is doubted, unless it is put back: so long does whoever made a mistake have to
/// notice it.
const HOLD: Duration = Duration::from_mins(10);

/// Watches a clock against the time that passes. What falls due and can't be taken back (months that close, roles that end
/// for good, what is purged) waits while the clock is doubted.
///
/// A clock that was wrong before the process began is not known to be.
pub struct Steady {
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

/// What the clock showed, after which time had passed.
#[derive(Clone, Copy, Debug)]
struct Reading {
    time: Timestamp,
    uptime: Duration,
}

#[derive(Debug)]
struct Seen {
    /// When it was not doubted.
    last: Reading,
    /// When it was found to be put forward, if it is doubted.
    doubted: Option<Reading>,
}

impl Reading {
    /// Whether a clock that showed this, and went on, would now show clearly less.
    fn is_behind(self, now: Self) -> bool {
        now.time > self.time + now.uptime.saturating_sub(self.uptime) + STEP
    }
}

impl Steady {
    /// Watches this clock, which is right as of now.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let last = Reading { time: clock.now(), uptime: clock.uptime() };
        Self { clock, seen: Mutex::new(Seen { last, doubted: None }) }
    }

    /// The time, unless the clock is doubted. What can't be taken back is decided by this very reading: a clock that is put
    /// forward after a check would be believed by whoever read it again.
    ///
    /// # Errors
    /// `UNAVAILABLE` / `CLOCK_STEPPED`.
    pub fn now(&self) -> Result<Timestamp, Fault> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Reading { time: self.clock.now(), uptime: self.clock.uptime() };
        if !seen.last.is_behind(now) {
            *seen = Seen { last: now, doubted: None };
            return Ok(now.time);
        }
        let since = match seen.doubted {
            Some(since) if !since.is_behind(now) => since,
            // Put forward, or again.
            _ => {
                tracing::warn!(from = %seen.last.time, to = %now.time, "the clock was put forward; what falls due waits");
                seen.doubted = Some(now);
                now
            }
        };
        let passed = now.uptime.saturating_sub(since.uptime);
        if passed >= HOLD {
            *seen = Seen { last: now, doubted: None };
            return Ok(now.time);
        }
        Err(Fault::clock_stepped().retry_after(HOLD.saturating_sub(passed)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

    use uuid::Uuid;

    use super::*;

    /// A clock with a hand that is turned, over time that passes. Both in seconds.
    #[derive(Default)]
    struct Hands {
        turned: AtomicI64,
        passed: AtomicI64,
    }

    impl Hands {
        fn turn(&self, seconds: i64) {
            self.turned.fetch_add(seconds, Relaxed);
        }

        fn pass(&self, seconds: i64) {
            self.passed.fetch_add(seconds, Relaxed);
        }
    }

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            let seconds = 1_000_000_000 + self.turned.load(Relaxed) + self.passed.load(Relaxed);
            Timestamp::from_micros(seconds * 1_000_000)
        }

        fn uptime(&self) -> Duration {
            Duration::from_secs(self.passed.load(Relaxed).unsigned_abs())
        }

        fn new_id(&self) -> Uuid {
            Uuid::nil()
        }
    }

    const YEAR: i64 = 365 * 86_400;

    fn watched() -> (Arc<Hands>, Steady) {
        let clock = Arc::new(Hands::default());
        (clock.clone(), Steady::new(clock))
    }

    #[test]
    fn time_that_passes_is_no_doubt_and_neither_are_corrections() {
        let (clock, steady) = watched();
        for _ in 0..100 {
            clock.pass(YEAR);
            clock.turn(30);
            assert!(steady.now().is_ok());
            clock.turn(-90);
            assert!(steady.now().is_ok());
        }
    }

    #[test]
    fn the_time_is_the_reading_that_was_not_doubted() {
        let (clock, steady) = watched();
        clock.pass(YEAR);
        assert_eq!(steady.now().ok(), Some(clock.now()));
    }

    #[test]
    fn a_clock_that_is_put_forward_is_doubted_until_it_is_put_back() {
        let (clock, steady) = watched();
        clock.turn(YEAR);
        assert!(steady.now().is_err());
        clock.pass(60);
        assert!(steady.now().is_err());
        clock.turn(-YEAR);
        assert!(steady.now().is_ok());
    }

    #[test]
    fn a_clock_that_stays_forward_is_believed_after_ten_minutes() {
        let (clock, steady) = watched();
        clock.turn(YEAR);
        assert!(steady.now().is_err());
        clock.pass(599);
        assert!(steady.now().is_err());
        clock.pass(1);
        assert!(steady.now().is_ok());
        clock.pass(1);
        assert!(steady.now().is_ok());
    }

    #[test]
    fn a_second_step_is_doubted_anew() {
        let (clock, steady) = watched();
        clock.turn(YEAR);
        assert!(steady.now().is_err());
        clock.pass(590);
        clock.turn(YEAR);
        assert!(steady.now().is_err());
        clock.pass(20);
        assert!(steady.now().is_err());
        clock.turn(-2 * YEAR);
        assert!(steady.now().is_ok());
    }
}
