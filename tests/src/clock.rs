//! A clock that a test moves.
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use devspaces_kit::clock::{Clock, SystemClock, Timestamp};
use uuid::Uuid;

/// The machine's clock, moved ahead by as much as the test says.
#[derive(Debug, Default)]
pub struct TestClock {
    ahead: AtomicI64,
}

impl TestClock {
    /// A clock that shows the machine's time.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        Arc::default()
    }

    /// Moves the clock ahead.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(i64::try_from(by.as_micros()).expect("a sane duration"), Ordering::SeqCst);
    }

    /// Moves the clock ahead to a time, as RFC 3339 writes it.
    ///
    /// # Panics
    /// If the clock is past it.
    pub fn advance_to(&self, time: &str) {
        let time: Timestamp = time.parse().expect("a time");
        let by = time.micros() - self.now().micros();
        assert!(by >= 0, "the clock does not go back to {time}");
        self.ahead.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().micros() + self.ahead.load(Ordering::SeqCst))
    }

    fn new_id(&self) -> Uuid {
        SystemClock.new_id()
    }
}
