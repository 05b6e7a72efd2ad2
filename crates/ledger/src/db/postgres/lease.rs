//! For how long a primary may be believed (decision 0051).
//!
//! A primary that is cut off from its standby goes on answering reads and knows of nothing that the next one has
//! acknowledged. But it can't have a commit confirmed. So what it says counts only for a while after a commit of which it
//! has been confirmed, and a new primary is used only when that while is over everywhere.
use std::time::Duration;

/// How long a confirmed commit lets a process use what the server says, counted from when the commit was sent.
pub(super) const LEASE: Duration = Duration::from_secs(2);
/// How long a process leaves a primary alone that has taken another's place, counted from when it met it: until each lease
/// of the one before is over, by the slower of two clocks that run apart by a tenth each, and what a gate still holds from
/// just before that.
pub(super) const FENCE: Duration = Duration::from_millis(2_500);
const _: () = assert!(
    LEASE.as_millis() * 100 + crate::REST.as_millis() * 90 < FENCE.as_millis() * 82,
    "a new primary is used when nobody believes the old one any more"
);
/// Between two commits that are only made to be confirmed.
pub(super) const RENEWAL: Duration = Duration::from_millis(500);

/// The number of a primary: it grows with each promotion. The first server of a cluster has 1.
pub(super) type Timeline = u32;

/// Whether the primary on a timeline may be used. Times are those since the machine's boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    timeline: Timeline,
    from: Duration,
    until: Duration,
}

/// What a lease says at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Valid,
    /// After this time it may be valid.
    Early(Duration),
    /// No commit was confirmed of late.
    Over,
}

impl Lease {
    /// Of the first primary that a process meets. It may be one that was promoted just now, if any ever was.
    pub(super) fn first(timeline: Timeline, now: Duration) -> Self {
        let from = if timeline == 1 { now } else { now + FENCE };
        Self { timeline, from, until: Duration::ZERO }
    }

    /// Of the primary that is met next; none if it is one that was replaced.
    pub(super) fn next(self, timeline: Timeline, now: Duration) -> Option<Self> {
        match timeline.cmp(&self.timeline) {
            std::cmp::Ordering::Less => None,
            // The same, after it was out of reach: nobody else has acknowledged anything.
            std::cmp::Ordering::Equal => Some(self),
            std::cmp::Ordering::Greater => Some(Self { timeline, from: now + FENCE, until: Duration::ZERO }),
        }
    }

    /// A commit that was sent at this time is confirmed.
    pub(super) fn renew(&mut self, sent: Duration) {
        self.until = self.until.max(sent + LEASE);
    }

    /// The server is lost. If it comes back, it may show what it had not had confirmed, until the next commit is.
    pub(super) fn end(&mut self) {
        self.until = Duration::ZERO;
    }

    pub(super) fn at(self, now: Duration) -> Standing {
        let left = self.from.saturating_sub(now);
        if !left.is_zero() {
            Standing::Early(left)
        } else if now < self.until {
            Standing::Valid
        } else {
            Standing::Over
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    #[test]
    fn a_lease_lasts_from_when_the_confirmed_commit_was_sent() {
        let mut lease = Lease::first(1, NOW);
        assert_eq!(lease.at(NOW), Standing::Over, "nothing is confirmed");
        lease.renew(NOW);
        assert_eq!(lease.at(NOW + LEASE.mul_f64(0.99)), Standing::Valid);
        assert_eq!(lease.at(NOW + LEASE), Standing::Over);
        // Of two that are confirmed in another order.
        lease.renew(NOW + LEASE);
        lease.renew(NOW);
        assert_eq!(lease.at(NOW + LEASE), Standing::Valid);
    }

    #[test]
    fn a_server_that_is_lost_is_believed_when_it_has_a_commit_confirmed_again() {
        let mut lease = Lease::first(1, NOW);
        lease.renew(NOW);
        lease.end();
        assert_eq!(lease.at(NOW), Standing::Over);
        lease.renew(NOW);
        assert_eq!(lease.at(NOW), Standing::Valid);
    }

    #[test]
    fn a_primary_that_took_anothers_place_is_left_alone_until_each_lease_of_that_is_over() {
        let mut old = Lease::first(1, NOW);
        old.renew(NOW);
        // The latest lease of the old one: of a commit that was confirmed just before the promotion.
        let mut new = old.next(2, NOW).expect("a newer one");
        for later in (0..4_000).map(Duration::from_millis) {
            new.renew(NOW + later);
            let both = [old, new].map(|lease| lease.at(NOW + later) == Standing::Valid);
            assert_ne!(both, [true, true], "{later:?}");
        }
        assert_eq!(new.at(NOW), Standing::Early(FENCE));
        assert_eq!(new.at(NOW + FENCE), Standing::Valid);
    }

    #[test]
    fn a_primary_that_was_replaced_is_not_used_again() {
        assert_eq!(Lease::first(3, NOW).next(2, NOW), None);
    }

    #[test]
    fn a_primary_that_comes_back_as_it_was_is_not_waited_for() {
        let lease = Lease::first(1, NOW);
        assert_eq!(lease.next(1, NOW + FENCE), Some(lease));
    }

    #[test]
    fn a_process_that_starts_after_any_promotion_takes_it_for_a_recent_one() {
        assert_eq!(Lease::first(2, NOW).at(NOW), Standing::Early(FENCE));
    }
}
