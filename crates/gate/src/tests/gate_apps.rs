//! Two hops: an app is asked about together with the space that it was in.
use devspaces_authz::{AppRole, ConsoleRole, Fact, MembershipFacts, Permission, Service};
use devspaces_kit::{
    name::{AppName, SpaceName, TransferName},
    status::Reason,
};
use tonic::Code;
use uuid::Uuid;

use super::gate::{require, said};
use crate::{
    facts::OwnFacts,
    resource::Resource,
    testing::{
        Memory, TestClock, app_facts, caller, down, gate, held, member, question, scripted, space, user,
    },
};

const ADMIN: Option<ConsoleRole> = Some(ConsoleRole::Admin);

/// An app that the space service holds in memory.
fn app_in(id: Option<u128>) -> OwnFacts {
    app_facts(id.map(space), held(None))
}

const APP: AppName = AppName(Uuid::from_u128(7));

// Two hops
#[tokio::test(start_paused = true)]
async fn an_app_is_asked_together_with_the_space_it_was_in() {
    let clock = TestClock::at(0);
    let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
    spaces.set(question(APP, "alice"), 1, app_in(Some(1)));
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    let gate = gate([spaces.source(&clock), members.source(&clock)], &clock);
    require(&gate, Permission::AppUpdate, Resource::App(APP)).await.unwrap();
    assert_eq!((spaces.calls(), members.calls()), (2, 1), "the space was not known yet");
    require(&gate, Permission::AppUpdate, Resource::App(APP)).await.unwrap();
    assert_eq!((spaces.calls(), members.calls()), (3, 2), "one round trip to each");
}

// Two hops: alice is Admin where the app was, and nothing where it is now; then the other way round.
#[tokio::test(start_paused = true)]
async fn an_app_that_moved_is_judged_by_its_new_space() {
    let clock = TestClock::at(0);
    let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
    spaces.set(question(APP, "alice"), 1, app_in(Some(1)));
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    let gate = gate([spaces.source(&clock), members.source(&clock)], &clock);
    let update = async || require(&gate, Permission::AppUpdate, Resource::App(APP)).await;
    update().await.unwrap();
    spaces.set(question(APP, "alice"), 2, app_in(Some(2)));
    assert_eq!(said(update().await), (Code::PermissionDenied, Reason::PermissionDenied));
    spaces.set(question(APP, "alice"), 3, app_in(Some(1)));
    update().await.unwrap();
    spaces.set(question(APP, "alice"), 4, app_in(None));
    assert_eq!(said(update().await), (Code::PermissionDenied, Reason::PermissionDenied));
}

// R-A7: by a role in the space that it is asked about, and nowhere else; also when nobody can say where its app is by now.
#[tokio::test(start_paused = true)]
async fn a_transfer_is_decided_by_the_roles_in_one_of_its_spaces() {
    let clock = TestClock::at(0);
    let members = Memory::of(Service::Membership);
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    members.set(question(space(2), "alice"), 1, member(Some(ConsoleRole::Developer)));
    let gate = gate([down(Service::Space, &clock), members.source(&clock)], &clock);
    for permission in [Permission::AppTransfer, Permission::TransferAccept] {
        let of = async |id: SpaceName| {
            let on = Resource::Transfer { transfer: TransferName(Uuid::from_u128(9)), space: id };
            require(&gate, permission, on).await
        };
        of(space(1)).await.unwrap();
        for other in [space(2), SpaceName::NIL] {
            assert_eq!(said(of(other).await), (Code::PermissionDenied, Reason::PermissionDenied));
        }
    }
}

// Two hops: an app that moves with every answer is no reason to ask for ever.
#[tokio::test(start_paused = true)]
async fn an_app_that_moves_on_and_on_is_unavailable() {
    let clock = TestClock::at(0);
    let (spaces, mut peer) = scripted(Service::Space, &clock);
    let members = Memory::of(Service::Membership);
    for id in 0..10 {
        members.set(question(space(id), "alice"), 1, member(ADMIN));
    }
    let gate = gate([spaces, members.source(&clock)], &clock);
    let moving = tokio::spawn(async move {
        for id in 0_u8.. {
            let Some(call) = peer.recv().await else { return id };
            call.answer_one(id.into(), Some(app_in(Some(id.into()))));
        }
        u8::MAX
    });
    let moved = require(&gate, Permission::AppUpdate, Resource::App(APP)).await;
    assert_eq!(said(moved), (Code::Unavailable, Reason::FactsUnavailable));
    drop(gate);
    assert_eq!(moving.await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_contributor_of_an_unlinked_app_needs_no_space() {
    let clock = TestClock::at(0);
    let spaces = Memory::of(Service::Space);
    let owned = app_facts(None, held(Some(AppRole::Owner)));
    spaces.set(question(APP, "alice"), 1, owned);
    let gate = gate([spaces.source(&clock), Memory::of(Service::Membership).source(&clock)], &clock);
    let pass = gate.require(&caller(user("alice")), Permission::AppGet, Resource::App(APP)).await.unwrap();
    assert_eq!(pass.facts().app.known().and_then(|app| app.role), Some(AppRole::Owner));
    assert_eq!(pass.facts().membership, Fact::Known(MembershipFacts::default()), "known and empty");
}

// R-P3, Two hops: what is asked about an app that is in no space grants nothing, not even if it were answered.
#[tokio::test(start_paused = true)]
async fn strangers_get_the_same_answer_whatever_the_app_also_while_an_owner_is_down() {
    let clock = TestClock::at(0);
    let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
    let [linked, unlinked, none] = [1, 2, 3].map(|id| AppName(Uuid::from_u128(id)));
    spaces.set(question(linked, "alice"), 1, app_in(Some(1)));
    spaces.set(question(unlinked, "alice"), 1, app_in(None));
    members.set(question(space(0), "alice"), 1, member(ADMIN));
    for (source, code) in [
        (members.source(&clock), Code::PermissionDenied),
        (down(Service::Membership, &clock), Code::Unavailable),
    ] {
        let gate = gate([spaces.source(&clock), source], &clock);
        for permission in [Permission::AppGet, Permission::AppUpdate, Permission::AppTransfer] {
            // The first time nothing is known of the app, the second time its space.
            for app in [linked, unlinked, none, linked, unlinked, none] {
                let answer = require(&gate, permission, Resource::App(app)).await;
                assert_eq!(said(answer).0, code, "{permission:?} {app}");
            }
        }
    }
}

// R-A2: with an owner down, contributors of an unlinked app see it, and are told that they may do no more.
#[tokio::test(start_paused = true)]
async fn a_contributor_of_an_unlinked_app_needs_no_owner_of_other_roles() {
    let clock = TestClock::at(0);
    let spaces = Memory::of(Service::Space);
    let owned = app_facts(None, held(Some(AppRole::Owner)));
    spaces.set(question(APP, "alice"), 1, owned);
    let gate = gate([spaces.source(&clock), down(Service::Membership, &clock)], &clock);
    for _ in 0..2 {
        require(&gate, Permission::AppGet, Resource::App(APP)).await.unwrap();
        let update = require(&gate, Permission::AppUpdate, Resource::App(APP)).await;
        assert_eq!(said(update), (Code::PermissionDenied, Reason::PermissionDenied));
    }
}
