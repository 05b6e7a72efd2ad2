//! What is suspended, and by which step (R-A12).
use std::{collections::BTreeSet, fmt};

use devspaces_authz::{Suspension, SuspensionReason};
use devspaces_kit::name::{AppName, BudgetName, SpaceName};
use serde_json::{Value, json};

/// What a suspension is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspended {
    Space(SpaceName),
    App(AppName),
}

impl fmt::Display for Suspended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(space) => space.fmt(f),
            Self::App(app) => app.fmt(f),
        }
    }
}

/// What becomes of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Suspend,
    Lift,
}

/// Why something is suspended, or no longer, and what is to be said of it.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) reason: SuspensionReason,
    pub(crate) note: String,
}

impl Step {
    /// What this makes of the reasons that there are. `None`: there is nothing to lift.
    pub(crate) fn apply(self, before: Suspension, reason: SuspensionReason) -> Option<Suspension> {
        match self {
            Self::Suspend => Some(before.with(reason)),
            Self::Lift => before.is_for(reason).then(|| before.without(reason)),
        }
    }
}

/// Whether one of these sources of an app is a cap that suspends it in this space (R-E4).
pub(crate) fn is_capped_in(space: SpaceName, sources: &BTreeSet<String>) -> bool {
    sources.iter().any(|source| source.parse::<BudgetName>().is_ok_and(|cap| cap.space == space))
}

/// What journals say of reasons.
pub(crate) fn reasons_json(suspension: Suspension) -> Value {
    suspension.reasons().map(|reason| json!(reason.name())).collect()
}
