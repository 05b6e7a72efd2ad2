//! Why a change that takes away is acknowledged a moment after it is made.
//!
//! A gate may allow by facts that were confirmed less than a moment before the check began (R-P9). Whoever took a
//! permission away is told so when every such confirmation is too old: from the reply on nothing is allowed by it
//! (R-M5), although no gate was asked to forget anything.
use std::time::Duration;

/// How long a change that takes away rests, counted from the last of its commits, those of its effects included. No lock and
/// no connection is held meanwhile. Every window of a gate is shorter: see `devspaces_gate::WINDOW`.
pub const REST: Duration = Duration::from_millis(25);
