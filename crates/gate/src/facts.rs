//! Facts as their owners tell them, before they are judged.
use std::sync::Arc;

use devspaces_authz::{
    AppFacts, AppRole, BillingFacts, ConsoleRole, Fact, Facts, MarketplaceFacts, MembershipFacts, Owner,
    SpaceFacts,
};
use devspaces_kit::{
    clock::Timestamp,
    name::{Principal, Scope, SpaceName},
};
use devspaces_ledger::db::Value;
use prost::bytes::Bytes;

/// What does an owner know of this subject in this scope?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The scope: a space, or an app.
    pub scope: Scope,
    /// The subject. Shared, since a check asks several owners about the same one.
    pub subject: Arc<Principal>,
}

impl Question {
    /// The columns of a question among the rows of a statement: the scope's name, the id of what it is of, and the person.
    pub const COLUMNS: [&str; 3] = ["scope", "id", "person"];

    /// What stands in the columns.
    #[must_use]
    pub fn row(&self) -> [Value<'_>; 3] {
        [self.scope.to_string().into(), self.scope.id().into(), self.subject.person().into()]
    }
}

/// A state of a scope's facts. Two readings with the same version saw the same facts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// The sequence of the last journal entry that changed a fact; 0 before the first.
    pub sequence: i64,
    /// The chained hash of that entry, empty before the first. A database that was restored and written to again
    /// has other hashes, whatever its sequences are.
    pub digest: Bytes,
}

/// What an owner read, about one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The version of the scope's facts.
    pub version: Version,
    /// The time of the scope's last journal entry, whether or not it changed a fact.
    pub last_time: Option<Timestamp>,
    /// The facts.
    pub facts: OwnFacts,
}

/// The facts of one owner about one subject in one scope. No role is no fact missing: it is `None`, or `false`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OwnFacts {
    /// The space service, of a space.
    Space(SpaceFacts),
    /// The membership service, of a space.
    Membership {
        /// The console role, expired or not (R-M1).
        role: Option<ConsoleRole>,
        /// Whether a Developer sees all apps of the space (R-M6).
        view_all_apps: bool,
        /// When the role ends (R-M10). `None`: it does not.
        expire_time: Option<Timestamp>,
        /// Whether the space has a console Admin whose role does not expire (R-M3, R-M4).
        has_admin: bool,
    },
    /// The billing service, of a space.
    Billing(BillingFacts),
    /// The marketplace service, of a space.
    Marketplace(MarketplaceFacts),
    /// The space service, of an app.
    App {
        /// The space that the app is linked to (R-A2), unless it is deleted.
        space: Option<SpaceName>,
        /// Whether the app is soft-deleted, and so in no space (R-A10).
        deleted: bool,
        /// The contributor role on the app (R-A3).
        role: Option<AppRole>,
        /// The name of the group by which the subject has that role (R-M11). `None`: directly.
        via_group: Option<String>,
    },
}

impl OwnFacts {
    /// The facts of this owner about a subject that holds nothing, in a scope of which nothing is known.
    #[must_use]
    pub fn nothing(owner: Owner) -> Self {
        match owner {
            Owner::Space => Self::Space(SpaceFacts::default()),
            Owner::Membership => {
                Self::Membership { role: None, view_all_apps: false, expire_time: None, has_admin: false }
            }
            Owner::Billing => Self::Billing(BillingFacts::default()),
            Owner::Marketplace => Self::Marketplace(MarketplaceFacts::default()),
        }
    }

    /// Enters these facts into what a decision is made from, as they stand at the owner's time of reading: a role
    /// that has expired by then is gone (R-M10).
    pub(crate) fn enter(&self, facts: &mut Facts, read_time: Timestamp) {
        match *self {
            Self::Space(space) => facts.space = Fact::Known(space),
            Self::Membership { role, view_all_apps, expire_time, has_admin } => {
                let role = role.filter(|_| expire_time.is_none_or(|end| read_time < end));
                let view_all_apps = view_all_apps && role.is_some();
                facts.membership = Fact::Known(MembershipFacts { role, view_all_apps, has_admin });
            }
            Self::Billing(billing) => facts.billing = Fact::Known(billing),
            Self::Marketplace(marketplace) => facts.marketplace = Fact::Known(marketplace),
            Self::App { space, deleted, role, .. } => {
                facts.app = Fact::Known(AppFacts { linked: space.is_some(), deleted, role });
            }
        }
    }

    /// Whether these are facts that this owner has of a scope of this kind. What an owner says of anything else
    /// counts for nothing.
    pub(crate) fn are_of(&self, owner: Owner, scope: Scope) -> bool {
        match (self, scope) {
            (Self::App { .. }, Scope::App(_)) | (Self::Space(_), Scope::Space(_)) => owner == Owner::Space,
            (Self::Membership { .. }, Scope::Space(_)) => owner == Owner::Membership,
            (Self::Billing(_), Scope::Space(_)) => owner == Owner::Billing,
            (Self::Marketplace(_), Scope::Space(_)) => owner == Owner::Marketplace,
            _ => false,
        }
    }
}

impl Version {
    /// The version that a head tells: its last entry that changed a fact, with that entry's hash. Without a head, or
    /// before the first such entry, nothing has happened yet.
    #[must_use]
    pub fn of_head(facts_sequence: Option<i64>, facts_hash: Option<Vec<u8>>) -> Self {
        let sequence = facts_sequence.unwrap_or_default();
        let digest = facts_hash.filter(|_| sequence > 0).unwrap_or_default();
        Self { sequence, digest: digest.into() }
    }

    /// Whether whoever knows `known` knows this version. Any difference is a change, a lower sequence as well.
    pub(crate) fn is_known(&self, known: Option<&Self>) -> bool {
        known == Some(self)
    }
}
