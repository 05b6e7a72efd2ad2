//! Rule Enough: what is decided does not wait long for an owner that is slow.
use std::{sync::Arc, time::Duration};

use devspaces_authz::{ConsoleRole, Permission, Service, SpaceFacts, SpaceState};
use devspaces_kit::status::{Fault, Reason};
use tokio::{sync::mpsc, time::Instant};
use tonic::Code;

use crate::{
    facts::OwnFacts,
    gate::Gate,
    testing::{Call, Memory, TestClock, caller, gate, member, question, scripted, space, user},
};

/// A gate whose members are known at once, and whose billing service takes calls and says nothing.
fn with_silent_billing(clock: &Arc<TestClock>) -> (Gate, mpsc::UnboundedReceiver<Call>) {
    let members = Memory::of(Service::Membership);
    members.set(question(space(1), "alice"), 1, member(Some(ConsoleRole::Admin)));
    members.set(question(space(2), "alice"), 1, member(Some(ConsoleRole::Viewer)));
    let (billing, silent) = scripted(Service::Billing, clock);
    (gate([billing, members.source(clock)], clock), silent)
}

// R-P2
#[tokio::test(start_paused = true)]
async fn what_is_decided_does_not_wait_for_a_silent_owner() {
    let clock = TestClock::at(0);
    let (gate, _silent) = with_silent_billing(&clock);
    let (admin, start) = (caller(user("alice")), Instant::now());
    gate.require(&admin, Permission::BillingAdminsList, space(1)).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "an Admin may, whatever else she is");
    gate.require_with_facts(&admin, Permission::BillingAdminsList, space(1)).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(2), "what is shown may depend on the rest");
    let start = Instant::now();
    let undecided = gate.require(&admin, Permission::BillingAdminsList, space(3)).await.map(drop);
    assert_eq!(undecided.unwrap_err(), Fault::facts_unavailable(&["billing"]));
    assert!(start.elapsed() >= Duration::from_secs(2), "it is given its time where it decides");
}

// Every answer can say why: an owner that answers late, but in time, is heard.
#[tokio::test(start_paused = true)]
async fn what_is_decided_waits_a_little_for_the_rest_of_its_reasons() {
    let clock = TestClock::at(0);
    let (gate, mut billing) = with_silent_billing(&clock);
    let answered = tokio::spawn(async move {
        let call = billing.recv().await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        call.answer_one(1, Some(OwnFacts::Billing(devspaces_authz::BillingFacts { admin: true })));
    });
    let admin = caller(user("alice"));
    let pass = gate.require(&admin, Permission::BillingAdminsList, space(1)).await.unwrap();
    assert!(pass.facts().billing.known().is_some_and(|billing| billing.admin));
    answered.await.unwrap();
}

// R-S5: an allowed change still needs to know the state of its space.
#[tokio::test(start_paused = true)]
async fn a_change_waits_for_the_state_of_its_space() {
    let clock = TestClock::at(0);
    let members = Memory::of(Service::Membership);
    members.set(question(space(1), "alice"), 1, member(Some(ConsoleRole::Admin)));
    members.set(question(space(2), "alice"), 1, member(Some(ConsoleRole::Viewer)));
    let (spaces, mut calls) = scripted(Service::Space, &clock);
    let gate = gate([spaces, members.source(&clock)], &clock);
    let slow = tokio::spawn(async move {
        let call = calls.recv().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        call.answer_one(
            1,
            Some(OwnFacts::from(SpaceFacts { state: SpaceState::Archived, ..SpaceFacts::default() })),
        );
        calls
    });
    let change =
        async |id| gate.require_active(&caller(user("alice")), Permission::MembersUpdate, space(id)).await;
    let pass = change(1).await.unwrap();
    assert!(!pass.blockers(pass.facts()).unwrap().is_empty());
    let _silent = slow.await.unwrap();
    let start = Instant::now();
    let denied = change(2).await.map(drop);
    let denied = denied.unwrap_err();
    assert_eq!((denied.code(), denied.reason()), (Code::PermissionDenied, Reason::PermissionDenied));
    assert!(start.elapsed() < Duration::from_secs(1), "a Viewer may not, whatever the space");
}
