//! Facts on the wire. What a newer peer says that this version does not know never counts as a role, and facts that
//! can't be read fail the call: their owner then counts as out of reach.
use std::str::FromStr;

use devspaces_authz::{
    AppRole, BillingFacts, ConsoleRole, MarketplaceFacts, Service, SpaceFacts, SpaceState,
};
use devspaces_kit::{
    clock::Timestamp,
    name::{Malformed, SpaceName},
};
use devspaces_proto::facts::v1 as proto;

use crate::{
    exchange::Answer,
    facts::{OwnFacts, Version},
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
        OwnFacts::Space(SpaceFacts { state, published, contributes }) => {
            Kind::Space(proto::SpaceFacts { state: state_to_wire(state).into(), published, contributes })
        }
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
        OwnFacts::App { space, deleted, role, via_group } => Kind::App(proto::AppFacts {
            space: space.map(|space| space.to_string()).unwrap_or_default(),
            role: role.map_or(proto::ContributorRole::Unspecified, contributor_to_wire).into(),
            via_group: via_group.unwrap_or_default(),
            deleted,
        }),
        OwnFacts::Person { active } => Kind::Person(proto::PersonFacts { active }),
    };
    proto::Facts { facts: Some(kind) }
}

pub(crate) fn facts_from_wire(facts: proto::Facts) -> Result<OwnFacts, Unreadable> {
    use proto::facts::Facts as Kind;
    Ok(match facts.facts.ok_or(Unreadable)? {
        Kind::Space(proto::SpaceFacts { state, published, contributes }) => {
            OwnFacts::Space(SpaceFacts { state: state_from_wire(state), published, contributes })
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
            role: contributor_from_wire(facts.role),
            via_group: Some(facts.via_group).filter(|group| !group.is_empty()),
            deleted: facts.deleted,
        },
        Kind::Person(proto::PersonFacts { active }) => OwnFacts::Person { active },
    })
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

/// A role that this version does not know is none.
pub(crate) fn console_from_wire(role: i32) -> Option<ConsoleRole> {
    ConsoleRole::ALL.into_iter().find(|&known| console_to_wire(known) as i32 == role)
}

/// A role that this version does not know is none.
pub(crate) fn contributor_from_wire(role: i32) -> Option<AppRole> {
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
    use crate::testing::{at, space};

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
                role: None,
                via_group: Some("spaces/s/groups/g".to_owned()),
            },
        ];
        for role in ConsoleRole::ALL.map(Some) {
            all.push(OwnFacts::Membership { role, view_all_apps: true, expire_time, has_admin: false });
        }
        for role in AppRole::ALL.map(Some) {
            all.push(OwnFacts::App { space: Some(space(1)), deleted: false, role, via_group: None });
        }
        for state in [SpaceState::None, SpaceState::Active, SpaceState::Archived, SpaceState::Deleted] {
            all.push(OwnFacts::Space(SpaceFacts { state, published: true, contributes: true }));
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
        let app = proto::AppFacts { role: NEWER, ..Default::default() };
        let app = read(proto::facts::Facts::App(app)).unwrap();
        assert!(matches!(app, OwnFacts::App { role: None, .. }));
        let space = proto::SpaceFacts { state: NEWER, published: true, contributes: false };
        let space = read(proto::facts::Facts::Space(space)).unwrap();
        assert!(matches!(space, OwnFacts::Space(SpaceFacts { state: SpaceState::None, .. })));
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
