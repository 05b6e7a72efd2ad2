//! A clock that a test moves.
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use devspaces_kit::clock::{Clock, SystemClock, Timestamp};
use uuid::Uuid;

/// The machine's clock, moved ahead by as much as the test says.
#[derive(Debug, Default)]
pub struct TestClock {
    ahead: AtomicI64,
    /// How much of that is a clock that was put forward, and no time that passed.
    wrong: AtomicI64,
    /// After how many more readings it is put forward, and by how much.
    ticking: Mutex<Option<(u32, Duration)>>,
    /// What it shows while no time passes.
    held: Mutex<Option<(Timestamp, Duration)>>,
    /// Whether nobody moves it.
    fixed: bool,
}

impl TestClock {
    /// A clock that shows the machine's time.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        Arc::default()
    }

    /// The clock of services that run by the machine's time.
    #[must_use]
    pub fn of_the_machine() -> Arc<Self> {
        Arc::new(Self { fixed: true, ..Self::default() })
    }

    /// Moves the clock ahead.
    pub fn advance(&self, by: Duration) {
        self.add(i64::try_from(by.as_micros()).expect("a sane duration"));
    }

    /// No time passes until the clock [goes on](Self::go_on).
    pub fn hold(&self) {
        let now = (self.now(), self.uptime());
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// Time passes again, and what has passed meanwhile has.
    pub fn go_on(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn held(&self) -> Option<(Timestamp, Duration)> {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the clock back, as an administrator does who corrects it.
    pub fn set_back(&self, by: Duration) {
        self.add(-i64::try_from(by.as_micros()).expect("a sane duration"));
    }

    /// Puts the clock forward while no time passes, as somebody does who makes a mistake.
    pub fn put_forward(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).expect("a sane duration");
        self.wrong.fetch_add(by, Ordering::SeqCst);
        self.add(by);
    }

    /// Puts the clock forward after so many more readings: in the midst of what somebody does by it.
    pub fn put_forward_after(&self, readings: u32, by: Duration) {
        *self.ticking.lock().unwrap_or_else(PoisonError::into_inner) = Some((readings, by));
    }

    /// Puts the clock right again.
    pub fn put_right(&self) {
        *self.ticking.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.add(-self.wrong.swap(0, Ordering::SeqCst));
    }

    /// Counts a reading, and puts the clock forward if it was the last before that.
    fn tick(&self) {
        let mut ticking = self.ticking.lock().unwrap_or_else(PoisonError::into_inner);
        match ticking.take() {
            Some((0, by)) => self.put_forward(by),
            Some((left, by)) => *ticking = Some((left - 1, by)),
            None => {}
        }
    }

    fn add(&self, micros: i64) {
        assert!(
            !self.fixed,
            "a composed suite runs by the machine's clock: what moves it is listed under `both engines`"
        );
        self.ahead.fetch_add(micros, Ordering::SeqCst);
    }

    /// Moves the clock ahead to a time, as RFC 3339 writes it.
    ///
    /// # Panics
    /// If the clock is past it.
    pub fn advance_to(&self, time: &str) {
        let time: Timestamp = time.parse().expect("a time");
        let by = time.micros() - self.now().micros();
        assert!(by >= 0, "the clock does not go back to {time}");
        self.add(by);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.tick();
        if let Some((now, _)) = self.held() {
            return now;
        }
        Timestamp::from_micros(SystemClock.now().micros() + self.ahead.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Duration {
        if let Some((_, uptime)) = self.held() {
            return uptime;
        }
        let passed = self.ahead.load(Ordering::SeqCst) - self.wrong.load(Ordering::SeqCst);
        Duration::from_micros(passed.unsigned_abs()) + SystemClock.uptime()
    }

    fn new_id(&self) -> Uuid {
        SystemClock.new_id()
    }
}
