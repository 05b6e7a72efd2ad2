//! What a transaction tells the journal.
use devspaces_kit::{
    clock::Timestamp,
    name::{Principal, Scope},
};
use serde_json::Value;

/// Who does something, by which method and when: what each journal entry of a transaction says of its origin.
#[derive(Clone, Debug)]
pub struct Act {
    /// Who does it.
    pub actor: Principal,
    /// On whose behalf a service does it.
    pub on_behalf_of: Option<Principal>,
    /// The method: `devspaces.space.v1.SpaceService/UpdateSpace`.
    pub method: String,
    /// When, by the service's clock. An entry is stamped with it, or as the one before if that is later.
    pub time: Timestamp,
}

/// What a transaction changes in one scope.
#[derive(Clone, Debug)]
pub struct Change {
    /// The scope: one of those that the transaction began with.
    pub scope: Scope,
    /// The names of the resources that are changed, by which entries are found (R-J3).
    pub resources: Vec<String>,
    /// What was before; null where nothing was.
    pub before: Value,
    /// What is after; null where nothing is.
    pub after: Value,
    /// Whether the change could alter what any subject's facts in this scope are: other services' copies of them
    /// are then out of date. When in doubt, true.
    pub facts: bool,
}
