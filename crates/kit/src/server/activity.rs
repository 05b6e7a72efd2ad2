//! What is known of a connection's use, and what becomes of the connection by it.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::Limits;

/// With these HTTP/2 begins: the client's connection preface (RFC 9113, 3.4). No request over HTTP/1 is shorter.
const PREFACE: u64 = 24;

/// What is known of a connection's use. Times are in milliseconds from `opened`.
pub(super) struct Activity {
    pub(super) opened: Instant,
    /// How many bytes came.
    heard: AtomicU64,
    calls: AtomicUsize,
    /// When the last call ended.
    last: AtomicU64,
    /// How many pieces of responses are there for the client.
    offered: AtomicUsize,
    /// When the client took one, or the first of them was there.
    moved: AtomicU64,
}

/// What becomes of a connection.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// It is open at least until then.
    Keep(Instant),
    /// It has not said what it wants.
    Silent,
    /// It has had no call for so long that nobody seems to need it.
    Idle,
    /// Its client has taken nothing for so long of what is there for it.
    Unread,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            heard: AtomicU64::new(0),
            calls: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            offered: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
        }
    }

    /// So many bytes came.
    pub(super) fn hears(&self, bytes: usize) {
        self.heard.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn passed(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn at(&self, time: &AtomicU64) -> Instant {
        self.opened + Duration::from_millis(time.load(Ordering::Relaxed))
    }

    /// What becomes of the connection by now.
    pub(super) fn judge(&self, limits: &Limits) -> Verdict {
        let now = Instant::now();
        let unread = limits.unread();
        if self.offered.load(Ordering::Acquire) > 0 {
            let until = self.at(&self.moved) + unread;
            return if until <= now { Verdict::Unread } else { Verdict::Keep(until) };
        }
        if self.calls.load(Ordering::Acquire) > 0 {
            return Verdict::Keep(now + limits.idle.min(unread));
        }
        if self.heard.load(Ordering::Relaxed) < PREFACE {
            let until = self.opened + limits.handshake;
            return if until <= now { Verdict::Silent } else { Verdict::Keep(until) };
        }
        let until = self.at(&self.last) + limits.idle;
        if until <= now { Verdict::Idle } else { Verdict::Keep(until) }
    }
}

/// A call in progress on a connection, until the client has taken its response.
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    pub(super) fn with(activity: &Arc<Activity>) -> Self {
        activity.calls.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(activity))
    }

    /// A piece of the response is there for the client.
    pub(super) fn offers(&self) {
        // First the time: whoever sees the piece must see that it is new.
        if self.0.offered.load(Ordering::Acquire) == 0 {
            self.0.moved.store(self.0.passed(), Ordering::Release);
        }
        self.0.offered.fetch_add(1, Ordering::AcqRel);
    }

    /// The client has taken a piece.
    pub(super) fn taken(&self) {
        self.0.moved.store(self.0.passed(), Ordering::Relaxed);
        self.0.offered.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // A call has ended: the client takes something, if only the news of it.
        self.0.moved.store(self.0.passed(), Ordering::Relaxed);
        self.0.last.store(self.0.passed(), Ordering::Relaxed);
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_kept_while_it_says_something_and_has_calls() {
        let limits = Limits::default();
        let activity = Arc::new(Activity::new());
        assert_eq!(activity.judge(&limits), Verdict::Keep(activity.opened + limits.handshake));
        advance(limits.handshake).await;
        assert_eq!(activity.judge(&limits), Verdict::Silent);
        activity.heard.store(PREFACE, Ordering::Relaxed);
        assert_eq!(activity.judge(&limits), Verdict::Keep(activity.opened + limits.idle));

        let call = Busy::with(&activity);
        advance(limits.idle * 2).await;
        assert_eq!(activity.judge(&limits), Verdict::Keep(Instant::now() + limits.unread()));
        drop(call);
        assert_eq!(activity.judge(&limits), Verdict::Keep(Instant::now() + limits.idle));
        advance(limits.idle).await;
        assert_eq!(activity.judge(&limits), Verdict::Idle);
    }
    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_client_takes_nothing_is_closed_and_one_that_waits_for_us_is_not() {
        let limits = Limits::default();
        let activity = Arc::new(Activity::new());
        let call = Busy::with(&activity);
        advance(limits.unread() * 2).await;
        assert_eq!(activity.judge(&limits), Verdict::Keep(Instant::now() + limits.unread()));
        call.offers();
        call.offers();
        advance(limits.unread() / 2).await;
        call.taken();
        assert_eq!(activity.judge(&limits), Verdict::Keep(Instant::now() + limits.unread()));
        advance(limits.unread()).await;
        assert_eq!(activity.judge(&limits), Verdict::Unread);
        call.taken();
        assert!(matches!(activity.judge(&limits), Verdict::Keep(_)));
    }
}
