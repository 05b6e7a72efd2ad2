//! For how long what was deleted can be had back (R-S6, R-A10).
use std::time::Duration;

use devspaces_kit::clock::Timestamp;

const KEPT: Duration = Duration::from_hours(30 * 24);

/// Until when what was deleted at this time can be had back. To every method it is as if it did not exist then, purged yet
/// or not.
pub(crate) fn purge_time(deleted: Timestamp) -> Timestamp {
    deleted + KEPT
}

/// When that was deleted which is to be purged by now.
pub(crate) fn purged_if_deleted_by(now: Timestamp) -> Timestamp {
    let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_sub(kept))
}
