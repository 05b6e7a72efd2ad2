//! Strict answers from memory, as the gate gives them (R-P9).
use std::{sync::Arc, time::Duration};

use devspaces_authz::{AppRole, ConsoleRole, MarketplaceFacts, Outcome, Permission, Service};
use devspaces_kit::{clock::Clock as _, name::AppName};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};
use uuid::Uuid;

use crate::{
    WINDOW,
    facts::OwnFacts,
    gate::Gate,
    resource::Resource,
    sources::{NamedPermissions, Sources},
    testing::{
        Call, Memory, TestClock, app_facts, at, caller, held, member, question, scripted, settle, space, user,
    },
};

const ADMIN: Option<ConsoleRole> = Some(ConsoleRole::Admin);

/// A gate with the longest window there is.
fn gate<const N: usize>(owners: [&Arc<Memory>; N], clock: &Arc<TestClock>) -> Gate {
    let sources = owners.into_iter().map(|owner| owner.source(clock)).fold(Sources::default(), Sources::with);
    Gate::new(Memory::of(Service::Membership), sources, NamedPermissions::default(), WINDOW, clock.clone())
}

async fn checked(gate: &Gate, permission: Permission, resource: impl Into<Resource>) -> Outcome {
    let resource = resource.into();
    gate.check(&user("alice"), permission, resource, Duration::ZERO).await.unwrap().decision.outcome()
}

fn pass(clock: &TestClock, time: Duration) {
    clock.set_to(clock.now() + time);
}

const MOMENT: Duration = Duration::from_micros(1);

#[tokio::test(start_paused = true)]
async fn what_was_confirmed_within_the_window_allows_until_it_is_over() {
    let clock = TestClock::at(10);
    let members = Memory::of(Service::Membership);
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    let gate = gate([&members], &clock);
    assert_eq!(checked(&gate, Permission::MembersUpdate, space(1)).await, Outcome::Allowed);
    members.set(question(space(1), "alice"), 2, member(None));
    pass(&clock, WINDOW / 2);
    let from_memory =
        gate.check(&user("alice"), Permission::MembersAdd, space(1).into(), Duration::ZERO).await;
    let from_memory = from_memory.unwrap();
    assert_eq!((from_memory.decision.outcome(), members.calls()), (Outcome::Allowed, 1));
    assert_eq!(from_memory.as_of, clock.now(), "whatever was acknowledged by then would have rested");
    pass(&clock, WINDOW / 2);
    assert_eq!(checked(&gate, Permission::MembersUpdate, space(1)).await, Outcome::Denied);
    assert_eq!(members.calls(), 2);
}

/// A check of alice that runs by itself.
fn begin(gate: &Gate) -> JoinHandle<Outcome> {
    let gate = gate.clone();
    tokio::spawn(async move { checked(&gate, Permission::MembersUpdate, space(1)).await })
}

/// A gate that knows of alice, an Admin, since a window ago; and the calls that it makes to her owner.
async fn with_an_owner(clock: &Arc<TestClock>) -> (Gate, mpsc::UnboundedReceiver<Call>) {
    let (members, mut calls) = scripted(Service::Membership, clock);
    let sources = Sources::default().with(members);
    let home = Memory::of(Service::Membership);
    let gate = Gate::new(home, sources, NamedPermissions::default(), WINDOW, clock.clone());
    let first = begin(&gate);
    calls.recv().await.unwrap().answer_one(1, Some(member(ADMIN)));
    assert_eq!(first.await.unwrap(), Outcome::Allowed);
    (gate, calls)
}

#[tokio::test(start_paused = true)]
async fn when_the_window_is_over_one_call_is_made_for_all_checks_that_wait() {
    let clock = TestClock::at(0);
    let (gate, mut calls) = with_an_owner(&clock).await;
    pass(&clock, WINDOW);
    let first = begin(&gate);
    let call = calls.recv().await.unwrap();
    pass(&clock, WINDOW / 2);
    let later = [begin(&gate), begin(&gate)];
    settle().await;
    call.answer_one(1, None);
    assert_eq!(first.await.unwrap(), Outcome::Allowed);
    for check in later {
        assert_eq!(check.await.unwrap(), Outcome::Allowed);
    }
    assert!(calls.try_recv().is_err(), "they followed the first check's call");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_sent_before_the_window_is_not_followed() {
    let clock = TestClock::at(0);
    let (gate, mut calls) = with_an_owner(&clock).await;
    pass(&clock, WINDOW);
    let first = begin(&gate);
    let earlier = calls.recv().await.unwrap();
    pass(&clock, WINDOW);
    let later = begin(&gate);
    let call = calls.recv().await.unwrap();
    earlier.answer_one(1, None);
    assert_eq!(first.await.unwrap(), Outcome::Allowed);
    call.answer_one(2, Some(member(None)));
    assert_eq!(later.await.unwrap(), Outcome::Denied);
}

// R-P9: whoever follows a call that does not allow asks anew, and so does whoever follows one that brings nothing.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_followed_never_denies() {
    let clock = TestClock::at(0);
    let (gate, mut calls) = with_an_owner(&clock).await;
    let fail = |call: Call| call.fail();
    let deny = |call: Call| call.answer_one(2, Some(member(None)));
    for end in [fail, deny] {
        pass(&clock, WINDOW);
        let first = begin(&gate);
        let call = calls.recv().await.unwrap();
        pass(&clock, MOMENT);
        let follower = begin(&gate);
        settle().await;
        end(call);
        assert_ne!(first.await.unwrap(), Outcome::Allowed);
        calls.recv().await.unwrap().answer_one(3, Some(member(ADMIN)));
        assert_eq!(follower.await.unwrap(), Outcome::Allowed);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_follows_a_call_that_has_become_older_than_a_window() {
    let clock = TestClock::at(0);
    let (gate, mut calls) = with_an_owner(&clock).await;
    pass(&clock, WINDOW);
    let _first = begin(&gate);
    let _silent = calls.recv().await.unwrap();
    pass(&clock, WINDOW / 2);
    let (start, follower) = (Instant::now(), begin(&gate));
    calls.recv().await.unwrap().answer_one(1, None);
    assert_eq!(follower.await.unwrap(), Outcome::Allowed);
    assert!(
        start.elapsed() <= WINDOW / 2 + Duration::from_millis(1),
        "it was half as old when the check began"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_checked_all_the_time_is_asked_for_before_its_window_is_over() {
    let clock = TestClock::at(0);
    let (gate, mut calls) = with_an_owner(&clock).await;
    for _ in 0..20 {
        assert_eq!(begin(&gate).await.unwrap(), Outcome::Allowed, "from memory");
    }
    pass(&clock, WINDOW * 3 / 4);
    for _ in 0..2 {
        assert_eq!(begin(&gate).await.unwrap(), Outcome::Allowed, "from memory");
    }
    calls.recv().await.unwrap().answer_one(1, None);
    settle().await;
    pass(&clock, WINDOW / 2);
    assert_eq!(begin(&gate).await.unwrap(), Outcome::Allowed);
    assert!(calls.try_recv().is_err(), "asked once for all, and confirmed");
}

// R-P4: whoever takes answers of some age has no more asked for them than that.
#[tokio::test(start_paused = true)]
async fn a_check_that_takes_older_facts_neither_renews_nor_follows() {
    let clock = TestClock::at(0);
    let (gate, mut calls) = with_an_owner(&clock).await;
    let relaxed = async || {
        let permission = Permission::MembersUpdate;
        let age = Duration::from_secs(5);
        gate.check(&user("alice"), permission, space(1).into(), age).await.unwrap().decision.outcome()
    };
    for time in [Duration::ZERO, WINDOW * 3 / 4, WINDOW] {
        pass(&clock, time);
        for _ in 0..20 {
            assert_eq!(relaxed().await, Outcome::Allowed);
        }
    }
    assert!(calls.try_recv().is_err());
    let strict = begin(&gate);
    let call = calls.recv().await.unwrap();
    assert_eq!(relaxed().await, Outcome::Allowed, "it waits for nobody");
    call.answer_one(1, None);
    assert_eq!(strict.await.unwrap(), Outcome::Allowed);
}

// R-P2
#[tokio::test(start_paused = true)]
async fn what_is_at_hand_of_one_owner_goes_with_what_is_followed_of_another() {
    let clock = TestClock::at(0);
    let members = Memory::of(Service::Membership);
    let (sellers, mut calls) = scripted(Service::Marketplace, &clock);
    let sources = Sources::default().with(members.source(&clock)).with(sellers);
    let home = Memory::of(Service::Membership);
    let gate = Gate::new(home, sources, NamedPermissions::default(), WINDOW, clock.clone());
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    let nobody = || Some(OwnFacts::Marketplace(MarketplaceFacts { admin: false }));
    let check = || {
        let gate = gate.clone();
        tokio::spawn(async move { checked(&gate, Permission::SpaceGet, space(1)).await })
    };
    let first = check();
    calls.recv().await.unwrap().answer_one(1, nobody());
    assert_eq!(first.await.unwrap(), Outcome::Allowed);
    pass(&clock, WINDOW);
    let second = check();
    let call = calls.recv().await.unwrap();
    settle().await;
    let asked = members.calls();
    pass(&clock, WINDOW / 2);
    let follower = check();
    settle().await;
    assert_eq!(
        members.calls(),
        asked,
        "what one owner has confirmed by now is at hand, and the other is followed"
    );
    call.answer_one(1, None);
    assert_eq!([second.await.unwrap(), follower.await.unwrap()], [Outcome::Allowed; 2]);
    assert!(calls.try_recv().is_err());
}

// R-A4: what is said of an app is never combined with what is said of a space that it is not in.
#[tokio::test(start_paused = true)]
async fn whoever_follows_a_call_by_which_an_app_has_moved_is_answered_by_its_new_space() {
    for (there, expected) in [(None, Outcome::Denied), (ADMIN, Outcome::Allowed)] {
        let clock = TestClock::at(0);
        let members = Memory::of(Service::Membership);
        let (spaces, mut calls) = scripted(Service::Space, &clock);
        let sources = Sources::default().with(members.source(&clock)).with(spaces);
        let home = Memory::of(Service::Membership);
        let gate = Gate::new(home, sources, NamedPermissions::default(), WINDOW, clock.clone());
        members.set(question(space(1), "alice"), 1, member(ADMIN));
        members.set(question(space(2), "alice"), 1, member(there));
        let app = AppName(Uuid::from_u128(7));
        let in_space = |number| Some(app_facts(Some(space(number)), held(None)));
        let check = || {
            let gate = gate.clone();
            tokio::spawn(async move { checked(&gate, Permission::AppGet, app).await })
        };
        let first = check();
        // Once for where it is, and once with that space.
        calls.recv().await.unwrap().answer_one(1, in_space(1));
        calls.recv().await.unwrap().answer_one(1, None);
        assert_eq!(first.await.unwrap(), Outcome::Allowed);
        pass(&clock, WINDOW);
        let second = check();
        let call = calls.recv().await.unwrap();
        settle().await;
        pass(&clock, WINDOW / 2);
        let follower = check();
        settle().await;
        assert!(calls.try_recv().is_err(), "it follows");
        call.answer_one(2, in_space(2));
        let answers = tokio::spawn(async move {
            while let Some(call) = calls.recv().await {
                call.answer_one(2, in_space(2));
            }
        });
        assert_eq!([second.await.unwrap(), follower.await.unwrap()], [expected; 2]);
        answers.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_asked_for_anew_and_what_was_granted_is_seen() {
    let clock = TestClock::at(0);
    let members = Memory::of(Service::Membership);
    let gate = gate([&members], &clock);
    assert_eq!(checked(&gate, Permission::MembersUpdate, space(1)).await, Outcome::Denied);
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    assert_eq!(checked(&gate, Permission::MembersUpdate, space(1)).await, Outcome::Allowed);
    assert_eq!(members.calls(), 2);
}

// R-M10
#[tokio::test(start_paused = true)]
async fn a_role_that_ends_within_the_window_is_seen_to_have_ended() {
    let clock = TestClock::at(0);
    let members = Memory::of(Service::Membership);
    let until = at(0) + Duration::from_millis(10);
    let facts =
        OwnFacts::Membership { role: ADMIN, view_all_apps: false, expire_time: Some(until), has_admin: true };
    members.set(question(space(1), "alice"), 1, facts);
    let gate = gate([&members], &clock);
    assert_eq!(checked(&gate, Permission::MembersUpdate, space(1)).await, Outcome::Allowed);
    pass(&clock, Duration::from_millis(10).saturating_sub(MOMENT));
    assert_eq!(checked(&gate, Permission::MembersUpdate, space(1)).await, Outcome::Allowed);
    assert_eq!(members.calls(), 1);
    pass(&clock, MOMENT);
    assert_eq!(checked(&gate, Permission::MembersUpdate, space(1)).await, Outcome::Denied);
}

// R-P2: or the explanation would leave out a way by which it is granted.
#[tokio::test(start_paused = true)]
async fn all_facts_of_a_decision_are_at_hand_or_all_are_asked_for() {
    let clock = TestClock::at(0);
    let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
    let sellers = Memory::of(Service::Marketplace);
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    sellers.set(question(space(1), "alice"), 1, OwnFacts::Marketplace(MarketplaceFacts { admin: true }));
    let gate = gate([&spaces, &members, &sellers], &clock);
    assert_eq!(checked(&gate, Permission::MembersUpdate, space(1)).await, Outcome::Allowed);
    let both =
        gate.check(&user("alice"), Permission::SpaceGet, space(1).into(), Duration::ZERO).await.unwrap();
    assert_eq!(both.decision.explanation().granted_by.len(), 2);
    assert_eq!((members.calls(), sellers.calls()), (2, 1));
    assert_eq!(checked(&gate, Permission::SpaceGet, space(1)).await, Outcome::Allowed);
    assert_eq!((members.calls(), sellers.calls()), (2, 1));
}

// R-A4, R-P4: the link says which space's facts count, and is as old as they are.
#[tokio::test(start_paused = true)]
async fn an_app_is_answered_from_memory_with_the_space_it_is_in() {
    let clock = TestClock::at(0);
    let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
    let app = AppName(Uuid::from_u128(7));
    let in_space = |space, role| app_facts(space, held(role));
    spaces.set(question(app, "alice"), 1, in_space(Some(space(1)), None));
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    let gate = gate([&spaces, &members], &clock);
    assert_eq!(checked(&gate, Permission::AppGet, app).await, Outcome::Allowed);
    let calls = || (spaces.calls(), members.calls());
    let asked = calls();
    spaces.set(question(app, "alice"), 2, in_space(Some(space(2)), None));
    assert_eq!(checked(&gate, Permission::AppGet, app).await, Outcome::Allowed);
    assert_eq!(calls(), asked);
    pass(&clock, WINDOW);
    assert_eq!(checked(&gate, Permission::AppGet, app).await, Outcome::Denied);
    spaces.set(question(app, "alice"), 3, in_space(None, Some(AppRole::Viewer)));
    assert_eq!(checked(&gate, Permission::AppGet, app).await, Outcome::Allowed);
    let asked = calls();
    assert_eq!(checked(&gate, Permission::AppGet, app).await, Outcome::Allowed);
    assert_eq!(calls(), asked);
}

#[tokio::test(start_paused = true)]
async fn reads_are_answered_from_memory_and_changes_ask() {
    let clock = TestClock::at(0);
    let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    let gate = gate([&spaces, &members], &clock);
    let (alice, permission) = (caller(user("alice")), Permission::MembersList);
    gate.require_read(&alice, permission, space(1)).await.unwrap();
    gate.require_read(&alice, permission, space(1)).await.unwrap();
    assert_eq!(members.calls(), 1);
    gate.require(&alice, permission, space(1)).await.unwrap();
    gate.require_active(&alice, permission, space(1)).await.unwrap();
    gate.require_with_facts(&alice, permission, space(1)).await.unwrap();
    assert_eq!(members.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_back_makes_nothing_young_again() {
    let clock = TestClock::at(100);
    let members = Memory::of(Service::Membership);
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    let gate = gate([&members], &clock);
    assert_eq!(checked(&gate, Permission::MembersUpdate, space(1)).await, Outcome::Allowed);
    clock.put_back(Duration::from_secs(50), WINDOW);
    assert_eq!(checked(&gate, Permission::MembersUpdate, space(1)).await, Outcome::Allowed);
    assert_eq!(members.calls(), 2);
}
