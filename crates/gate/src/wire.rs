//! Facts on the wire. What a newer peer says that this version does not know never counts as a role, and facts that
//! can't be read fail the call: their owner then counts as out of reach.
use std::str::FromStr;

use devspaces_authz::{
    AppCreation, AppRole, BillingFacts, ConsoleRole, MarketplaceFacts, Service, SpaceFacts, SpaceState,
    SuspensionReason,
};
use devspaces_kit::{
    clock::Timestamp,
    name::{Malformed, SpaceName},
};
use devspaces_proto::facts::v1 as proto;

use crate::{
    exchange::Answer,
    facts::{OwnFacts, Version},
    held::{HeldRole, HeldRoles},
    owner::PlacedApp,
};

/// An answer that says nothing this version can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// A service on the wire.
#[must_use]
pub fn owner_to_wire(owner: Service) -> proto::Owner {
    match owner {
        Service::Space => proto::Owner::Space,
        Service::Membership => proto::Owner::Membership,
        Service::Billing => proto::Owner::Billing,
        Service::Marketplace => proto::Owner::Marketplace,
    }
}

pub(crate) fn owner_from_wire(owner: i32) -> Option<Service> {
    Service::ALL.into_iter().find(|&known| owner_to_wire(known) as i32 == owner)
}

impl From<Version> for proto::Version {
    fn from(Version { sequence, digest }: Version) -> Self {
        Self { sequence, digest }
    }
}

impl From<proto::Version> for Version {
    fn from(proto::Version { sequence, digest }: proto::Version) -> Self {
        Self { sequence, digest }
    }
}

/// Reads an answer; `read_time` is the response's.
pub(crate) fn answer_from_wire(answer: proto::Answer, read_time: Timestamp) -> Result<Answer, Unreadable> {
    let own_time = answer.read_time.map(time_from_wire).transpose()?;
    Ok(Answer {
        version: answer.version.ok_or(Unreadable)?.into(),
        facts: answer.facts.map(facts_from_wire).transpose()?,
        read_time: own_time.map_or(read_time, |own| own.max(read_time)),
    })
}

/// Writes an answer; `read_time` is the response's.
pub(crate) fn answer_to_wire(answer: Answer, read_time: Timestamp) -> proto::Answer {
    proto::Answer {
        version: Some(answer.version.into()),
        facts: answer.facts.map(facts_to_wire),
        read_time: (answer.read_time > read_time).then(|| answer.read_time.into()),
    }
}

pub(crate) fn time_from_wire(time: prost_types::Timestamp) -> Result<Timestamp, Unreadable> {
    Timestamp::try_from(time).map_err(|_| Unreadable)
}

pub(crate) fn facts_to_wire(facts: OwnFacts) -> proto::Facts {
    use proto::facts::Facts as Kind;
    let kind = match facts {
        OwnFacts::Space { space, contributes_until } => Kind::Space(proto::SpaceFacts {
            state: state_to_wire(space.state).into(),
            published: space.published,
            app_creation: creation_to_wire(space.app_creation).into(),
            contributes: space.contributes,
            contributes_until: contributes_until.map(Into::into),
        }),
        OwnFacts::Membership { role, view_all_apps, expire_time, has_admin } => {
            Kind::Membership(proto::MembershipFacts {
                role: role.map_or(proto::ConsoleRole::Unspecified, console_to_wire).into(),
                view_all_apps,
                expire_time: expire_time.map(Into::into),
                has_admin,
            })
        }
        OwnFacts::Billing(BillingFacts { admin }) => Kind::Billing(proto::BillingFacts { admin }),
        OwnFacts::Marketplace(MarketplaceFacts { admin }) => {
            Kind::Marketplace(proto::MarketplaceFacts { admin })
        }
        OwnFacts::App { space, deleted, roles, suspension, wants_consent } => {
            let suspended_for =
                suspension.reasons().map(|reason| suspension_reason_to_wire(reason).into()).collect();
            Kind::App(proto::AppFacts { suspended_for, wants_consent, ..app_to_wire(space, deleted, &roles) })
        }
        OwnFacts::Person { active } => Kind::Person(proto::PersonFacts { active }),
    };
    proto::Facts { facts: Some(kind) }
}

pub(crate) fn facts_from_wire(facts: proto::Facts) -> Result<OwnFacts, Unreadable> {
    use proto::facts::Facts as Kind;
    Ok(match facts.facts.ok_or(Unreadable)? {
        Kind::Space(facts) => {
            let space = SpaceFacts {
                state: state_from_wire(facts.state),
                published: facts.published,
                app_creation: creation_from_wire(facts.app_creation),
                contributes: facts.contributes,
            };
            let contributes_until = facts.contributes_until.map(time_from_wire).transpose()?;
            OwnFacts::Space { space, contributes_until }
        }
        Kind::Membership(facts) => OwnFacts::Membership {
            role: console_from_wire(facts.role),
            view_all_apps: facts.view_all_apps,
            expire_time: facts.expire_time.map(time_from_wire).transpose()?,
            has_admin: facts.has_admin,
        },
        Kind::Billing(proto::BillingFacts { admin }) => OwnFacts::Billing(BillingFacts { admin }),
        Kind::Marketplace(proto::MarketplaceFacts { admin }) => {
            OwnFacts::Marketplace(MarketplaceFacts { admin })
        }
        Kind::App(facts) => OwnFacts::App {
            space: optional::<SpaceName>(&facts.space)?,
            deleted: facts.deleted,
            roles: roles_from_wire(facts.role, facts.held)?,
            suspension: facts.suspended_for.into_iter().map(reason_from_wire).collect::<Result<_, _>>()?,
            wants_consent: facts.wants_consent,
        },
        Kind::Person(proto::PersonFacts { active }) => OwnFacts::Person { active },
    })
}

fn app_to_wire(space: Option<SpaceName>, deleted: bool, roles: &HeldRoles) -> proto::AppFacts {
    let is_plain = |held: &&HeldRole| held.expire_time.is_none() && held.through.is_none();
    let plain = roles.iter().find(is_plain).map(|held| held.role);
    let held = roles.iter().filter(|held| !is_plain(held)).map(|held| proto::HeldRole {
        role: contributor_to_wire(held.role).into(),
        expire_time: held.expire_time.map(Into::into),
        through: held.through.clone().unwrap_or_default(),
    });
    proto::AppFacts {
        space: space.map(|space| space.to_string()).unwrap_or_default(),
        role: plain.map_or(proto::ContributorRole::Unspecified, contributor_to_wire).into(),
        deleted,
        held: held.collect(),
        ..proto::AppFacts::default()
    }
}

fn roles_from_wire(plain: i32, held: Vec<proto::HeldRole>) -> Result<HeldRoles, Unreadable> {
    let read = |held: proto::HeldRole| {
        let expire_time = held.expire_time.map(time_from_wire).transpose()?;
        let through = Some(held.through).filter(|through| !through.is_empty());
        Ok(contributor_from_wire(held.role).map(|role| HeldRole { role, expire_time, through }))
    };
    let plain = Ok(contributor_from_wire(plain).map(HeldRole::own));
    let all = std::iter::once(plain).chain(held.into_iter().map(read));
    all.filter_map(Result::transpose).collect()
}

/// A reason of a suspension, on the wire between services.
#[must_use]
pub fn suspension_reason_to_wire(reason: SuspensionReason) -> proto::SuspensionReason {
    match reason {
        SuspensionReason::Abuse => proto::SuspensionReason::Abuse,
        SuspensionReason::Security => proto::SuspensionReason::Security,
        SuspensionReason::Legal => proto::SuspensionReason::Legal,
        SuspensionReason::PastDue => proto::SuspensionReason::PastDue,
        SuspensionReason::Consent => proto::SuspensionReason::Consent,
        SuspensionReason::Cap => proto::SuspensionReason::Cap,
    }
}

/// The reason of a suspension that this is on the wire; nothing if only a newer peer knows it.
#[must_use]
pub fn suspension_reason_from_wire(reason: i32) -> Option<SuspensionReason> {
    SuspensionReason::ALL.into_iter().find(|known| suspension_reason_to_wire(*known) as i32 == reason)
}

/// What is suspended for a reason that only a newer peer knows is not told to run.
fn reason_from_wire(reason: i32) -> Result<SuspensionReason, Unreadable> {
    suspension_reason_from_wire(reason).ok_or(Unreadable)
}

/// A name, or nothing where the field is empty.
fn optional<T: FromStr<Err = Malformed>>(name: &str) -> Result<Option<T>, Unreadable> {
    if name.is_empty() { Ok(None) } else { name.parse().map(Some).map_err(|_| Unreadable) }
}

/// An app at its place in a list.
pub(crate) fn placed_to_wire(placed: PlacedApp) -> proto::PlacedApp {
    let space = placed.space.map(|space| space.to_string()).unwrap_or_default();
    proto::PlacedApp { space, app: placed.app.to_string() }
}

pub(crate) fn placed_from_wire(placed: &proto::PlacedApp) -> Result<PlacedApp, Unreadable> {
    let space = optional::<SpaceName>(&placed.space)?;
    Ok(PlacedApp { space, app: placed.app.parse().map_err(|_| Unreadable)? })
}

fn state_to_wire(state: SpaceState) -> proto::SpaceState {
    match state {
        SpaceState::None => proto::SpaceState::Unspecified,
        SpaceState::Active => proto::SpaceState::Active,
        SpaceState::Archived => proto::SpaceState::Archived,
        SpaceState::Deleted => proto::SpaceState::Deleted,
    }
}

fn creation_to_wire(setting: AppCreation) -> proto::AppCreation {
    match setting {
        AppCreation::Members => proto::AppCreation::Members,
        AppCreation::Admins => proto::AppCreation::Admins,
    }
}

/// A setting that this version does not know lets no Developer create.
fn creation_from_wire(setting: i32) -> AppCreation {
    match proto::AppCreation::try_from(setting) {
        Ok(proto::AppCreation::Unspecified | proto::AppCreation::Members) => AppCreation::Members,
        Ok(proto::AppCreation::Admins) | Err(_) => AppCreation::Admins,
    }
}

/// A role that this version does not know is none.
pub(crate) fn console_from_wire(role: i32) -> Option<ConsoleRole> {
    ConsoleRole::ALL.into_iter().find(|&known| console_to_wire(known) as i32 == role)
}

/// A contributor role that a peer names. One that this version does not know is none.
#[must_use]
pub fn contributor_from_wire(role: i32) -> Option<AppRole> {
    AppRole::ALL.into_iter().find(|&known| contributor_to_wire(known) as i32 == role)
}

/// A state that this version does not know is none in which anything may be done.
fn state_from_wire(state: i32) -> SpaceState {
    let known = [SpaceState::Active, SpaceState::Archived, SpaceState::Deleted];
    known.into_iter().find(|&known| state_to_wire(known) as i32 == state).unwrap_or_default()
}

/// A console role on the wire.
#[must_use]
pub fn console_to_wire(role: ConsoleRole) -> proto::ConsoleRole {
    match role {
        ConsoleRole::Admin => proto::ConsoleRole::Admin,
        ConsoleRole::Developer => proto::ConsoleRole::Developer,
        ConsoleRole::Viewer => proto::ConsoleRole::Viewer,
    }
}

/// A contributor role on the wire.
#[must_use]
pub fn contributor_to_wire(role: AppRole) -> proto::ContributorRole {
    match role {
        AppRole::Owner => proto::ContributorRole::Owner,
        AppRole::Admin => proto::ContributorRole::Admin,
        AppRole::Deployer => proto::ContributorRole::Deployer,
        AppRole::Developer => proto::ContributorRole::Developer,
        AppRole::Viewer => proto::ContributorRole::Viewer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{app_facts, at, space};

    /// A number that no enum has yet.
    const NEWER: i32 = 99;

    fn read(kind: proto::facts::Facts) -> Result<OwnFacts, Unreadable> {
        facts_from_wire(proto::Facts { facts: Some(kind) })
    }

    #[test]
    fn facts_arrive_as_they_were_sent() {
        let expire_time = Some(at(7));
        let mut all = vec![
            OwnFacts::Billing(BillingFacts { admin: true }),
            OwnFacts::Marketplace(MarketplaceFacts { admin: true }),
            OwnFacts::Person { active: true },
            OwnFacts::Membership { role: None, view_all_apps: false, expire_time: None, has_admin: true },
            OwnFacts::App {
                space: None,
                deleted: true,
                roles: HeldRoles::default(),
                suspension: SuspensionReason::ALL.into_iter().collect(),
                wants_consent: true,
            },
        ];
        for role in ConsoleRole::ALL.map(Some) {
            all.push(OwnFacts::Membership { role, view_all_apps: true, expire_time, has_admin: false });
        }
        for role in AppRole::ALL {
            let lower = HeldRole { role: AppRole::Viewer, expire_time: None, through: None };
            let ending = HeldRole { role, expire_time, through: Some("group Mobile".to_owned()) };
            for roles in [vec![HeldRole::own(role)], vec![ending.clone()], vec![ending, lower]] {
                let roles = roles.into_iter().collect();
                all.push(app_facts(Some(space(1)), roles));
            }
        }
        for state in [SpaceState::None, SpaceState::Active, SpaceState::Archived, SpaceState::Deleted] {
            for app_creation in AppCreation::ALL {
                let space = SpaceFacts { state, published: true, app_creation, contributes: true };
                all.push(OwnFacts::Space { space, contributes_until: expire_time });
            }
        }
        for facts in all {
            assert_eq!(facts_from_wire(facts_to_wire(facts.clone())), Ok(facts));
        }
        for owner in Service::ALL {
            assert_eq!(owner_from_wire(owner_to_wire(owner) as i32), Some(owner));
        }
    }

    // A role or state from a newer peer that this version does not know denies.
    #[test]
    fn what_only_a_newer_peer_knows_is_no_role_and_no_state() {
        let member = proto::MembershipFacts { role: NEWER, has_admin: true, ..Default::default() };
        let member = read(proto::facts::Facts::Membership(member)).unwrap();
        assert!(matches!(member, OwnFacts::Membership { role: None, .. }));
        let newer = proto::HeldRole { role: NEWER, ..Default::default() };
        let newer = proto::AppFacts { role: NEWER, held: vec![newer], ..Default::default() };
        let app = read(proto::facts::Facts::App(newer)).unwrap();
        assert!(matches!(app, OwnFacts::App { roles, .. } if roles == HeldRoles::default()));
        // R-A12: nor is it no reason.
        let suspended = proto::AppFacts { suspended_for: vec![NEWER], ..Default::default() };
        assert_eq!(read(proto::facts::Facts::App(suspended)), Err(Unreadable));
        let space =
            proto::SpaceFacts { state: NEWER, published: true, app_creation: NEWER, ..Default::default() };
        let space = read(proto::facts::Facts::Space(space)).unwrap();
        let none = SpaceState::None;
        assert!(matches!(space, OwnFacts::Space { space, .. } if space.state == none));
    }

    // Facts that can't be read are not taken for facts that say nothing: some permissions hang on a "no".
    #[test]
    fn what_can_not_be_read_fails_the_call() {
        assert_eq!(facts_from_wire(proto::Facts { facts: None }), Err(Unreadable));
        let bad = prost_types::Timestamp { seconds: 0, nanos: -1 };
        let member = proto::MembershipFacts { expire_time: Some(bad), ..Default::default() };
        assert_eq!(read(proto::facts::Facts::Membership(member)), Err(Unreadable));
        let app = proto::AppFacts { space: "spaces/x".to_owned(), ..Default::default() };
        assert_eq!(read(proto::facts::Facts::App(app)), Err(Unreadable));
        let unversioned = proto::Answer { version: None, facts: None, read_time: None };
        assert_eq!(answer_from_wire(unversioned, at(0)), Err(Unreadable));
    }
}
