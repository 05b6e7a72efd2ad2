//! How fast calls are read that are not admitted. To refuse one, for want of a valid token or of a place, costs little, and
//! so does to answer one that needs no token; but nothing else bounds how many there are, and whoever sends them without
//! a pause has the processors. So a connection that has more of them than now and then is not read from for a while, which
//! costs nothing: what was sent waits at the client. The more connections of an address pause, the longer each does, so
//! that together they come to what one address may ask.
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::Limit;
use crate::metrics;

/// So many calls that are not admitted a connection may have in a second without a pause: as many as it may have in progress.
const REFUSED: u32 = 256;
/// So many times as many they must be as those that are: a proxy's connection carries both.
const OUTNUMBER: u32 = 8;
const SECOND: Duration = Duration::from_secs(1);

/// How long a connection pauses, for each of its address that does. With 256 calls between two pauses one address comes to
/// some 5,000 calls a second.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest pause: shorter than what a client has to answer a ping (see `connection`).
const LONGEST: Duration = Duration::from_secs(8);

/// The calls on a connection of late.
pub(super) struct Pace {
    refused: AtomicU32,
    admitted: AtomicU32,
    /// From when on they are counted.
    since: Mutex<Instant>,
}

/// A connection that pauses, among those of its address.
pub(super) struct Pausing(Arc<AtomicUsize>);

impl Pace {
    pub(super) fn new() -> Self {
        Self { refused: AtomicU32::new(0), admitted: AtomicU32::new(0), since: Mutex::new(Instant::now()) }
    }

    /// A call has its place.
    pub(super) fn admits(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }

    /// A call has no valid token, needs none, or its caller has no place for it.
    pub(super) fn refuses(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How long the connection is not to be read from, if so. `pausing`: how many of its address are not.
    pub(super) fn pause(&self, pausing: &Arc<AtomicUsize>) -> Option<(Duration, Pausing)> {
        let refused = self.refused.load(Ordering::Relaxed);
        if refused == 0 {
            return None;
        }
        let too_many =
            refused > REFUSED && refused > OUTNUMBER.saturating_mul(self.admitted.load(Ordering::Relaxed));
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if too_many || since.elapsed() >= SECOND {
            *since = Instant::now();
            self.refused.store(0, Ordering::Relaxed);
            self.admitted.store(0, Ordering::Relaxed);
        }
        too_many.then(|| {
            metrics::limited(Limit::Pace);
            let pausing_before = pausing.fetch_add(1, Ordering::Relaxed);
            let others = u32::try_from(pausing_before).unwrap_or(u32::MAX);
            let pause = PAUSE.saturating_mul(others.saturating_add(1)).min(LONGEST);
            (pause, Pausing(Arc::clone(pausing)))
        })
    }
}

impl Drop for Pausing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn calls(pace: &Pace, refused: u32, admitted: u32) {
        (0..refused).for_each(|_| pace.refuses());
        (0..admitted).for_each(|_| pace.admits());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_pauses_whose_calls_are_refused_without_one() {
        let (pace, pausing) = (Pace::new(), Arc::default());
        for _ in 0..10 {
            calls(&pace, REFUSED, 0);
            assert!(pace.pause(&pausing).is_none(), "now and then");
            advance(SECOND).await;
            assert!(pace.pause(&pausing).is_none());
        }
        calls(&pace, REFUSED + 1, 0);
        let (pause, held) = pace.pause(&pausing).expect("a pause");
        assert_eq!(pause, PAUSE);
        assert!(pace.pause(&pausing).is_none(), "it was counted anew");
        drop(held);
        assert_eq!(pausing.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_behind_a_proxy_stop_nobody_whom_they_do_not_outnumber() {
        let (pace, pausing) = (Pace::new(), Arc::default());
        calls(&pace, 8_000, 1_000);
        assert!(pace.pause(&pausing).is_none());
        calls(&pace, 1, 0);
        assert!(pace.pause(&pausing).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_connections_of_an_address_pause_the_longer_the_more_of_them_do() {
        let pausing = Arc::default();
        let pauses: Vec<_> = (0..1_000)
            .map(|_| {
                let pace = Pace::new();
                calls(&pace, REFUSED + 1, 0);
                pace.pause(&pausing).expect("a pause")
            })
            .collect();
        assert_eq!((pauses[0].0, pauses[99].0, pauses[999].0), (PAUSE, 100 * PAUSE, LONGEST));
    }
}
