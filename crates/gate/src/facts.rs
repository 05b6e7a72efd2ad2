//! Facts as their owners tell them, before they are judged.
use std::sync::Arc;

use devspaces_authz::{
    AppFacts, BillingFacts, ConsoleRole, Fact, Facts, MarketplaceFacts, MembershipFacts, Service, SpaceFacts,
    SubjectKind, Suspension,
};
use devspaces_kit::{
    clock::Timestamp,
    name::{Principal, Scope, SpaceName},
};
use devspaces_ledger::db::Value;
use prost::bytes::Bytes;
use uuid::Uuid;

use crate::held::HeldRoles;

/// What does an owner know of this subject in this scope?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The scope: a space, an app, or [`Scope::People`] for whether the subject is active.
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

/// What kind of subject somebody is, by their name.
pub(crate) fn kind_of(subject: &Principal) -> SubjectKind {
    match subject {
        Principal::User(_) => SubjectKind::User,
        Principal::Service(_) => SubjectKind::Service,
    }
}

/// A state of a scope's facts. Two readings with the same version saw the same facts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// The sequence of the last journal entry that changed a fact; 0 before the first.
    pub sequence: i64,
    /// The chained hash of that entry, empty before the first, and the stamps of what else the version covers. A database
    /// that was restored and written to again has other hashes, whatever its sequences are.
    pub digest: Bytes,
}

/// What a version covers beside the entries of its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// What changes for all apps of a space at once: its groups and what they are given (R-M11, R-A11), and what it is suspended
    /// for (R-A12).
    Space = 1,
    /// Whether the person is active, in all scopes at once (R-M12).
    Person = 2,
    /// Whether a space has an active Admin: it depends on the standing of several people (R-M3).
    Admins = 3,
    /// Whether deploying wants consent first: it depends on the account of the space, and on what the operator wants (R-E3).
    Consent = 4,
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
    Space {
        /// What it knows, but for contributor roles that end.
        space: SpaceFacts,
        /// When the last of those ends by which the subject contributes to apps of the space. `None`: there are none.
        contributes_until: Option<Timestamp>,
    },
    /// The membership service, of a space.
    Membership {
        /// The console role, expired or not (R-M1).
        role: Option<ConsoleRole>,
        /// Whether a Developer sees all apps of the space (R-M6).
        view_all_apps: bool,
        /// When the role ends (R-M10). `None`: it does not.
        expire_time: Option<Timestamp>,
        /// Whether the space has an active console Admin whose role does not expire (R-M3, R-M4).
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
        /// The contributor roles on the app, by all ways (R-A3, R-M11, R-A11).
        roles: HeldRoles,
        /// Why it does not run: for what it is suspended itself, or the space that it is linked to (R-A12).
        suspension: Suspension,
        /// Whether nobody deploys it before its space has a billing account (R-E3).
        wants_consent: bool,
    },
    /// Any service, of a person.
    Person {
        /// Whether the person is active (R-M12).
        active: bool,
    },
}

impl OwnFacts {
    /// The facts of this owner about a subject that holds nothing, in a scope of which nothing is known.
    #[must_use]
    pub fn nothing(owner: Service) -> Self {
        match owner {
            Service::Space => SpaceFacts::default().into(),
            Service::Membership => {
                Self::Membership { role: None, view_all_apps: false, expire_time: None, has_admin: false }
            }
            Service::Billing => Self::Billing(BillingFacts::default()),
            Service::Marketplace => Self::Marketplace(MarketplaceFacts::default()),
        }
    }

    /// Enters these facts into what a decision is made from, as they stand at the owner's time of reading: a role
    /// that has expired by then is gone (R-M10).
    pub(crate) fn enter(&self, facts: &mut Facts, read_time: Timestamp) {
        match *self {
            Self::Space { space, contributes_until } => {
                let contributes = space.contributes || contributes_until.is_some_and(|end| read_time < end);
                facts.space = Fact::Known(SpaceFacts { contributes, ..space });
            }
            Self::Membership { role, view_all_apps, expire_time, has_admin } => {
                let role = role.filter(|_| expire_time.is_none_or(|end| read_time < end));
                let view_all_apps = view_all_apps && role.is_some();
                facts.membership = Fact::Known(MembershipFacts { role, view_all_apps, has_admin });
            }
            Self::Billing(billing) => facts.billing = Fact::Known(billing),
            Self::Marketplace(marketplace) => facts.marketplace = Fact::Known(marketplace),
            Self::App { space, deleted, ref roles, suspension, wants_consent } => {
                let role = roles.highest_at(read_time).map(|held| held.role);
                let linked = space.is_some();
                facts.app = Fact::Known(AppFacts { linked, deleted, role, suspension, wants_consent });
            }
            Self::Person { active } => facts.active = Fact::Known(active),
        }
    }

    /// Whether these are facts that this owner has of a scope of this kind. What an owner says of anything else
    /// counts for nothing.
    pub(crate) fn are_of(&self, owner: Service, scope: Scope) -> bool {
        match (self, scope) {
            (Self::App { .. }, Scope::App(_)) | (Self::Space { .. }, Scope::Space(_)) => {
                owner == Service::Space
            }
            (Self::Membership { .. }, Scope::Space(_)) => owner == Service::Membership,
            (Self::Billing(_), Scope::Space(_)) => owner == Service::Billing,
            (Self::Marketplace(_), Scope::Space(_)) => owner == Service::Marketplace,
            (Self::Person { .. }, Scope::People) => true,
            _ => false,
        }
    }
}

impl From<SpaceFacts> for OwnFacts {
    fn from(space: SpaceFacts) -> Self {
        Self::Space { space, contributes_until: None }
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

    /// This version, of facts that change with more than the entries of their scope: any other stamp is another version. A
    /// stamp is drawn anew with each change that it stands for, so that it needs no entry in every scope that the change
    /// reaches. `None`: no such change was ever made.
    #[must_use]
    pub fn covering(self, cover: Cover, stamp: Option<Uuid>) -> Self {
        let Some(stamp) = stamp else { return self };
        let parts: [&[u8]; 3] = [&self.digest, &[cover as u8], stamp.as_bytes()];
        Self { digest: parts.concat().into(), ..self }
    }

    /// This version, of facts that say so of what is covered. It is itself a part of the version: whatever changes it needs no
    /// entry in the scope.
    #[must_use]
    pub fn saying(self, cover: Cover, so: bool) -> Self {
        let parts: [&[u8]; 2] = [&self.digest, &[cover as u8, u8::from(so)]];
        Self { digest: parts.concat().into(), ..self }
    }

    /// Whether whoever knows `known` knows this version. Any difference is a change, a lower sequence as well.
    pub(crate) fn is_known(&self, known: Option<&Self>) -> bool {
        known == Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_another_with_any_other_stamp_and_the_same_without_one() {
        let version = || Version::of_head(Some(3), Some(vec![7; 32]));
        let stamps = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let mut all = vec![version()];
        for stamp in stamps {
            for cover in [Cover::Space, Cover::Person] {
                all.push(version().covering(cover, Some(stamp)));
            }
        }
        all.push(version().covering(Cover::Space, Some(stamps[0])).covering(Cover::Person, Some(stamps[1])));
        all.extend([false, true].map(|so| version().saying(Cover::Admins, so)));
        for (place, one) in all.iter().enumerate() {
            assert!(all[place + 1..].iter().all(|other| !other.is_known(Some(one))), "{one:?}");
        }
        assert_eq!(version().covering(Cover::Space, None), version());
    }
}
