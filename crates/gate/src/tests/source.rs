//! Calls under way, deadlines, and who waits for them.
use std::time::Duration;

use devspaces_authz::{ConsoleRole, Service};

use crate::{
    facts::OwnFacts,
    source::{Asking, Source},
    testing::{TestClock, at, member, question, scripted, settle, space},
};

const ADMIN: Option<ConsoleRole> = Some(ConsoleRole::Admin);

fn ask(source: &Source) -> Asking {
    source.ask(question(space(1), "alice"), Duration::ZERO).unwrap()
}

async fn told(asking: Asking) -> Option<OwnFacts> {
    asking.answer().await.map(|confirmed| confirmed.entry.facts.clone())
}

// Join, and the sharing that it leaves.
#[tokio::test(start_paused = true)]
async fn checks_share_the_next_call_and_two_are_under_way_at_most() {
    let (source, mut peer) = scripted(Service::Membership, &TestClock::at(0));
    let (first, second) = (ask(&source), ask(&source));
    let (one, two) = (peer.recv().await.unwrap(), peer.recv().await.unwrap());
    let (third, fourth) = (ask(&source), ask(&source));
    settle().await;
    assert!(peer.try_recv().is_err(), "a third call was sent");
    one.answer_one(1, Some(member(ADMIN)));
    assert_eq!(told(first).await, Some(member(ADMIN)));
    let three = peer.recv().await.unwrap();
    assert_eq!(three.questions.len(), 1);
    two.answer_one(1, Some(member(ADMIN)));
    assert_eq!(told(second).await, Some(member(ADMIN)));
    three.answer_one(2, Some(member(None)));
    assert_eq!((told(third).await, told(fourth).await), (Some(member(None)), Some(member(None))));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_up_disturbs_nobody() {
    let (source, mut peer) = scripted(Service::Membership, &TestClock::at(0));
    drop(ask(&source));
    let other = ask(&source);
    let (gone, stays) = (ask(&source), ask(&source));
    drop(gone);
    peer.recv().await.unwrap().answer_one(1, Some(member(ADMIN)));
    peer.recv().await.unwrap().answer_one(1, Some(member(ADMIN)));
    peer.recv().await.unwrap().answer_one(1, None);
    assert_eq!((told(other).await, told(stays).await), (Some(member(ADMIN)), Some(member(ADMIN))));
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_does_not_answer_in_time_or_fails_or_panics_is_missing_and_asked_anew_next_time() {
    let (source, mut peer) = scripted(Service::Membership, &TestClock::at(0));
    let late = ask(&source);
    let call = peer.recv().await.unwrap();
    assert_eq!(told(late).await, None);
    call.answer_one(1, Some(member(ADMIN)));
    let failed = ask(&source);
    peer.recv().await.unwrap().fail();
    assert_eq!(told(failed).await, None);
    let panicked = ask(&source);
    drop(peer.recv().await.unwrap());
    assert_eq!(told(panicked).await, None);
    let next = ask(&source);
    let call = peer.recv().await.unwrap();
    assert_eq!(call.known, [None], "nothing of a late answer is kept");
    call.answer_one(1, Some(member(ADMIN)));
    assert_eq!(told(next).await, Some(member(ADMIN)));
}

// Age: a slow answer is as old as its question.
#[tokio::test(start_paused = true)]
async fn ages_count_from_the_send() {
    let clock = TestClock::at(0);
    let (source, mut peer) = scripted(Service::Membership, &clock);
    let warm = ask(&source);
    let call = peer.recv().await.unwrap();
    clock.set_to(at(0) + Duration::from_millis(1500));
    call.answer_one(1, Some(member(ADMIN)));
    told(warm).await.unwrap();
    let age = |millis| source.ask(question(space(1), "alice"), Duration::from_millis(millis)).unwrap();
    assert!(matches!(age(1501), Asking::Cached(_)));
    assert!(matches!(age(1500), Asking::Waiting(_)));
}
