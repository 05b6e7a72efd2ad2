//! How people stand (R-M12).
use std::time::Duration;

use devspaces_kit::{clock::Timestamp, name::UserName};
use serde_json::{Value, json};

/// How long a person can be reactivated with all that was held. Stated in rules.md and in the API.
const RESTORED: Duration = Duration::from_hours(30 * 24);

/// What has become of a deactivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It was undone.
    Active,
    /// It can be undone.
    Deactivated,
    /// What the person held is being removed.
    Removing,
    /// What the person held is removed.
    Removed,
}

impl Activity {
    pub(crate) const ALL: [Self; 4] = [Self::Active, Self::Deactivated, Self::Removing, Self::Removed];

    /// As it is stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Deactivated => "DEACTIVATED",
            Self::Removing => "REMOVING",
            Self::Removed => "REMOVED",
        }
    }
}

/// How a person stands since a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) person: UserName,
    pub(crate) activity: Activity,
    pub(crate) reason: String,
    pub(crate) update_time: Timestamp,
}

impl Standing {
    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "user": self.person.to_string(),
            "state": self.activity.name(),
            "reason": self.reason,
        })
    }

    /// When what the person holds is removed, if that lies ahead or is on its way.
    pub(crate) fn remove_time(&self) -> Option<Timestamp> {
        let waits = matches!(self.activity, Activity::Deactivated | Activity::Removing);
        waits.then(|| Timestamp::from_micros(self.update_time.micros().saturating_add(restored())))
    }
}

/// Whoever was deactivated by then is removed at `now`.
pub(crate) fn removed_since(now: Timestamp) -> Timestamp {
    Timestamp::from_micros(now.micros().saturating_sub(restored()))
}

fn restored() -> i64 {
    i64::try_from(RESTORED.as_micros()).unwrap_or(i64::MAX)
}
