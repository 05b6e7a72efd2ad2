//! How often an issuer is looked at because of a token by a key that is not known. Whoever makes up tokens decides how many
//! of those there are.
use std::time::Duration;

use tokio::time::Instant;

/// How many looks there may be in short order: a provider may change its keys twice.
const AT_ONCE: u32 = 3;

/// After how long there may be another.
const ANOTHER: Duration = Duration::from_secs(10);

/// What is left of the looks that there may be.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    since: Option<Instant>,
    /// The number of the last look that was asked for.
    asked: u64,
}

impl Budget {
    pub(super) fn full() -> Self {
        Self { left: AT_ONCE, since: None, asked: 0 }
    }

    /// Whether a look may be waited for that begins after so many have begun. Whoever asks while one is asked for already
    /// joins those who wait for that.
    pub(super) fn ask(&mut self, begun: u64, now: Instant) -> bool {
        if self.asked > begun {
            return true;
        }
        self.refill(now);
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.asked = begun + 1;
        true
    }

    fn refill(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let more = now.saturating_duration_since(since).as_secs() / ANOTHER.as_secs();
        self.left = u32::try_from(more).unwrap_or(AT_ONCE).saturating_add(self.left).min(AT_ONCE);
        if more > 0 {
            self.since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn looks_are_few_however_many_ask() {
        let mut budget = Budget::full();
        assert!((0..100).all(|_| budget.ask(0, Instant::now())), "all wait for the same one");
        assert!(budget.ask(1, Instant::now()) && budget.ask(2, Instant::now()));
        assert!((3..100).all(|begun| !budget.ask(begun, Instant::now())));
        tokio::time::advance(ANOTHER).await;
        assert!(budget.ask(100, Instant::now()) && !budget.ask(101, Instant::now()));
        tokio::time::advance(ANOTHER * 100).await;
        assert_eq!((101..200).filter(|begun| budget.ask(*begun, Instant::now())).count(), 3);
    }
}
