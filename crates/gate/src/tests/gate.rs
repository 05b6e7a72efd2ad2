//! Whom a decision asks, and what it makes of the answers.
use std::{sync::Arc, time::Duration};

use devspaces_authz::{
    ConsoleRole, Fact, MarketplaceFacts, Outcome, Permission, PermissionSet, Service, SpaceFacts, SpaceState,
    SubjectKind,
};
use devspaces_kit::{
    name::Principal,
    status::{Blockers, Fault, Reason},
};
use tonic::Code;

use crate::{
    facts::OwnFacts,
    gate::Gate,
    resource::Resource,
    sources::NamedPermissions,
    testing::{
        Memory, TestClock, at, caller, down, gate, gate_of, member, question, scripted, settle, space, user,
    },
};

const ADMIN: Option<ConsoleRole> = Some(ConsoleRole::Admin);
const VIEWER: Option<ConsoleRole> = Some(ConsoleRole::Viewer);

pub(super) fn in_space(state: SpaceState, published: bool) -> OwnFacts {
    OwnFacts::from(SpaceFacts { state, published, ..SpaceFacts::default() })
}

pub(super) async fn require(
    gate: &Gate,
    permission: Permission,
    resource: impl Into<Resource>,
) -> Result<(), Fault> {
    gate.require(&caller(user("alice")), permission, resource).await.map(drop)
}

/// The fault's code and reason.
pub(super) fn said(result: Result<impl Sized, Fault>) -> (Code, Reason) {
    result.err().map(|fault| (fault.code(), fault.reason())).unwrap()
}

#[tokio::test(start_paused = true)]
async fn only_owners_that_the_permission_depends_on_are_asked() {
    let clock = TestClock::at(0);
    let owners = [Service::Space, Service::Membership, Service::Billing].map(Memory::of);
    owners[1].set(question(space(1), "alice"), 1, member(ADMIN));
    let gate = gate(owners.iter().map(|owner| owner.source(&clock)), &clock);
    require(&gate, Permission::MembersUpdate, space(1)).await.unwrap();
    assert_eq!(owners.each_ref().map(|owner| owner.calls()), [0, 1, 0]);
    // R-M12: whether the person is active, the deciding service knows.
    require(&gate, Permission::SpaceCreate, Resource::Platform).await.unwrap();
    assert_eq!(owners.each_ref().map(|owner| owner.calls()), [0, 2, 0]);
}

// R-P3
#[tokio::test(start_paused = true)]
async fn denied_and_unknown_read_alike_also_while_an_owner_is_down() {
    let clock = TestClock::at(0);
    let members = Memory::of(Service::Membership);
    members.set(question(space(1), "alice"), 1, member(VIEWER));
    let (billing, unreachable) = scripted(Service::Billing, &clock);
    drop(unreachable);
    let gate = gate([members.source(&clock), billing], &clock);
    for id in [1, 2] {
        let fault = require(&gate, Permission::MembersUpdate, space(id)).await.unwrap_err();
        assert_eq!(fault, Fault::permission_denied("members.update", space(id)));
    }
}

/// Published, not published, and missing.
fn three_spaces() -> Arc<Memory> {
    let spaces = Memory::of(Service::Space);
    for subject in ["alice", "bob"] {
        for (id, published) in [(1, true), (2, false)] {
            spaces.set(question(space(id), subject), 1, in_space(SpaceState::Active, published));
        }
    }
    spaces
}

// R-P3: whether the rest decides depends on the state of the space, of which strangers must learn nothing.
#[tokio::test(start_paused = true)]
async fn strangers_get_the_same_answer_whatever_the_space_while_an_owner_of_roles_is_down() {
    let clock = TestClock::at(0);
    let (spaces, others) = (three_spaces(), [Service::Membership, Service::Marketplace]);
    for is_down in others {
        let other =
            |owner| if owner == is_down { down(owner, &clock) } else { Memory::of(owner).source(&clock) };
        let gate = gate([spaces.source(&clock)].into_iter().chain(others.map(other)), &clock);
        for permission in
            [Permission::SpaceUpdate, Permission::MembersAdd, Permission::MarketplaceTermsAccept]
        {
            for id in [1, 2, 3] {
                let fault = require(&gate, permission, space(id)).await.unwrap_err();
                // Accepting the terms takes no role that the marketplace service has.
                let same = if devspaces_authz::owners(SubjectKind::User, permission).contains(is_down) {
                    Fault::facts_unavailable(&[is_down.name()])
                } else {
                    Fault::permission_denied(permission.name(), space(id))
                };
                assert_eq!(fault, same, "{permission:?} on {id}");
            }
        }
    }
}

// R-P2: whoever holds a role is told what the rest decides.
#[tokio::test(start_paused = true)]
async fn a_member_is_denied_although_an_owner_of_roles_is_down_if_the_rest_decides() {
    let clock = TestClock::at(0);
    let (spaces, members) = (three_spaces(), Memory::of(Service::Membership));
    for id in [1, 2] {
        members.set(question(space(id), "alice"), 1, member(VIEWER));
    }
    let gate =
        gate([spaces.source(&clock), members.source(&clock), down(Service::Marketplace, &clock)], &clock);
    let published = require(&gate, Permission::SpaceUpdate, space(1)).await;
    assert_eq!(published.unwrap_err(), Fault::facts_unavailable(&["marketplace"]));
    let unpublished = require(&gate, Permission::SpaceUpdate, space(2)).await;
    assert_eq!(unpublished.unwrap_err(), Fault::permission_denied("space.update", space(2)));
}

// R-P2
#[tokio::test(start_paused = true)]
async fn an_owner_that_is_down_makes_a_decision_unavailable_unless_the_rest_decides() {
    let clock = TestClock::at(0);
    let billing = Memory::of(Service::Billing);
    let (members, unreachable) = scripted(Service::Membership, &clock);
    drop(unreachable);
    billing.set(
        question(space(1), "alice"),
        1,
        OwnFacts::Billing(devspaces_authz::BillingFacts { admin: true }),
    );
    let gate = gate([members, billing.source(&clock)], &clock);
    let listed = require(&gate, Permission::MembersList, space(1)).await;
    assert_eq!(listed.unwrap_err(), Fault::facts_unavailable(&["membership"]));
    require(&gate, Permission::BillingAdminsList, space(1)).await.unwrap();
    let other = require(&gate, Permission::BillingAdminsList, space(2)).await;
    assert_eq!(said(other), (Code::Unavailable, Reason::FactsUnavailable));
}

// Nobody holds anything of a plane whose owner is not deployed.
#[tokio::test(start_paused = true)]
async fn an_owner_that_is_not_deployed_is_known_to_say_nothing() {
    let clock = TestClock::at(0);
    let gate = gate([Memory::of(Service::Membership).source(&clock)], &clock);
    let denied = require(&gate, Permission::BillingInvoicesGet, space(1)).await;
    assert_eq!(said(denied), (Code::PermissionDenied, Reason::PermissionDenied));
}

// R-M10, Expiry: the owner's time counts, also when nothing changed since.
#[tokio::test(start_paused = true)]
async fn a_role_ends_by_the_owners_time() {
    let (gates_clock, owners_clock) = (TestClock::at(500), TestClock::at(99));
    let members = Memory::of(Service::Membership);
    let expires = OwnFacts::Membership {
        role: ADMIN,
        view_all_apps: false,
        expire_time: Some(at(100)),
        has_admin: true,
    };
    members.set(question(space(1), "alice"), 1, expires);
    let gate = gate([members.source(&owners_clock)], &gates_clock);
    require(&gate, Permission::MembersUpdate, space(1)).await.unwrap();
    owners_clock.set(100);
    gates_clock.set(0);
    let denied = require(&gate, Permission::MembersUpdate, space(1)).await;
    assert_eq!(said(denied), (Code::PermissionDenied, Reason::PermissionDenied));
}

// R-S5
#[tokio::test(start_paused = true)]
async fn the_state_of_the_space_comes_with_the_same_round_trip() {
    let clock = TestClock::at(0);
    let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    let gate = gate([spaces.source(&clock), members.source(&clock)], &clock);
    let active = async |state| {
        spaces.set(question(space(1), "alice"), state as i64, in_space(state, false));
        let pass = gate.require_active(&caller(user("alice")), Permission::MembersUpdate, space(1)).await;
        pass.and_then(|pass| pass.blockers(pass.facts())).and_then(Blockers::finish)
    };
    active(SpaceState::Active).await.unwrap();
    for state in [SpaceState::Archived, SpaceState::Deleted] {
        assert_eq!(said(active(state).await), (Code::FailedPrecondition, Reason::SpaceArchived));
    }
    assert_eq!(said(active(SpaceState::None).await), (Code::PermissionDenied, Reason::PermissionDenied));
    assert_eq!((spaces.calls(), members.calls()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_could_not_be_had_is_not_active() {
    let clock = TestClock::at(0);
    let members = Memory::of(Service::Membership);
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    let (spaces, unreachable) = scripted(Service::Space, &clock);
    drop(unreachable);
    let gate = gate([spaces, members.source(&clock)], &clock);
    let pass =
        gate.require_active(&caller(user("alice")), Permission::MembersUpdate, space(1)).await.unwrap();
    assert_eq!(pass.blockers(pass.facts()).unwrap_err(), Fault::facts_unavailable(&["space"]));
}

// R-P7
#[tokio::test(start_paused = true)]
async fn a_service_has_what_was_configured_for_its_name_and_nothing_else() {
    let clock = TestClock::at(0);
    let members = Memory::of(Service::Membership);
    let meter = Principal::service("metering");
    let permissions = PermissionSet::EMPTY.with(Permission::UsageReport).unwrap();
    let configured = NamedPermissions::default().with(meter.clone(), permissions);
    let gate = gate_of(members.clone(), [members.source(&clock)], configured, &clock);
    let require = async |service: &Principal, permission, resource| {
        gate.require(&caller(service.clone()), permission, resource).await.map(drop)
    };
    require(&meter, Permission::UsageReport, Resource::Platform).await.unwrap();
    let other = Principal::service("other");
    for (service, permission, resource) in [
        (&meter, Permission::BillingRun, Resource::Platform),
        (&other, Permission::UsageReport, Resource::Platform),
        (&meter, Permission::MembersList, space(1).into()),
    ] {
        let denied = require(service, permission, resource).await;
        assert_eq!(said(denied), (Code::PermissionDenied, Reason::PermissionDenied));
    }
    let dev = gate_of(members.clone(), [], NamedPermissions::dev(), &clock);
    dev.require(&caller(other), Permission::UsageReport, Resource::Platform).await.unwrap();
    let nobody = dev.require(&caller(user("alice")), Permission::UsageReport, Resource::Platform).await;
    assert_eq!(said(nobody), (Code::PermissionDenied, Reason::PermissionDenied));
    assert_eq!(members.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn too_many_checks_are_turned_away() {
    let clock = TestClock::at(0);
    let (source, peer) = scripted(Service::Membership, &clock);
    let gate = gate([source.clone()], &clock);
    while source.ask(question(space(1), "bob"), Duration::ZERO).is_ok() {}
    let turned_away = require(&gate, Permission::MembersList, space(1)).await;
    assert_eq!(said(turned_away), (Code::ResourceExhausted, Reason::Overloaded));
    drop(peer);
}

// Age
#[tokio::test(start_paused = true)]
async fn an_aged_decision_says_as_of_when_it_holds() {
    let clock = TestClock::at(10);
    let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
    let sellers = Memory::of(Service::Marketplace);
    let admin = OwnFacts::Marketplace(MarketplaceFacts { admin: true });
    sellers.set(question(space(1), "alice"), 1, admin);
    let gate = gate([&spaces, &members, &sellers].map(|owner| owner.source(&clock)), &clock);
    let check = async |permission, seconds| {
        let resource = Resource::Space(space(1));
        gate.check(&user("alice"), permission, resource, Duration::from_secs(seconds)).await.unwrap()
    };
    assert_eq!(check(Permission::MarketplaceProfileGet, 0).await.as_of, at(10));
    clock.set(20);
    sellers.set(question(space(1), "alice"), 2, OwnFacts::nothing(Service::Marketplace));
    let mixed = check(Permission::SpaceGet, 11).await;
    assert_eq!((mixed.as_of, mixed.decision.outcome()), (at(10), Outcome::Allowed));
    assert_eq!((members.calls(), sellers.calls()), (1, 1), "only what was not known is asked");
    let younger = check(Permission::MarketplaceProfileGet, 10).await;
    assert_eq!((younger.as_of, younger.decision.outcome()), (at(20), Outcome::Denied));
    clock.set(30);
    assert_eq!(check(Permission::SpaceCreate, 10).await.as_of, at(30));
}

// R-P4: as seen from the gate.
#[tokio::test(start_paused = true)]
async fn a_strict_check_uses_only_facts_confirmed_after_it_began() {
    let clock = TestClock::at(0);
    let (source, mut peer) = scripted(Service::Membership, &clock);
    let gate = Arc::new(gate([source], &clock));
    let check = || {
        let gate = Arc::clone(&gate);
        tokio::spawn(async move { require(&gate, Permission::MembersUpdate, space(1)).await })
    };
    let before = check();
    let call = peer.recv().await.unwrap();
    let after = check();
    settle().await;
    call.answer_one(1, Some(member(ADMIN)));
    before.await.unwrap().unwrap();
    peer.recv().await.unwrap().answer_one(2, Some(member(None)));
    assert_eq!(said(after.await.unwrap()), (Code::PermissionDenied, Reason::PermissionDenied));
}

#[tokio::test(start_paused = true)]
async fn facts_of_anyone_are_those_asked_for() {
    let clock = TestClock::at(0);
    let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
    members.set(question(space(1), "bob"), 1, member(VIEWER));
    let gate = gate([spaces.source(&clock), members.source(&clock)], &clock);
    let standing =
        gate.facts(&user("bob"), space(1), &[Service::Membership, Service::Billing]).await.unwrap();
    let facts = standing.facts();
    assert_eq!(facts.membership.known().and_then(|member| member.role), VIEWER);
    assert_eq!(facts.billing, Fact::Known(devspaces_authz::BillingFacts::default()), "not deployed");
    assert_eq!((facts.space, spaces.calls()), (Fact::Missing, 0));
}
