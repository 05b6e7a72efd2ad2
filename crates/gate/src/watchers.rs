use std::collections::HashSet;

use devspaces_kit::name::Principal;

/// The services beside the suite's own that may follow journals, and have webhooks that hear of every space, as the operator named
/// them. By default none.
#[derive(Clone, Debug, Default)]
pub struct JournalWatchers {
    every_service: bool,
    named: HashSet<Principal>,
}

impl JournalWatchers {
    /// Every service: for `devspaces dev` only.
    #[must_use]
    pub fn dev() -> Self {
        Self { every_service: true, named: HashSet::new() }
    }

    /// These and one more.
    #[must_use]
    pub fn with(mut self, service: Principal) -> Self {
        self.named.insert(service);
        self
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contains(&self, principal: &Principal) -> bool {
        matches!(principal, Principal::Service(_)) && (self.every_service || self.named.contains(principal))
    }
}
