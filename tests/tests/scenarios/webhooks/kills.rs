//! A service that is killed again and again while it sends: nothing is lost, and each space's events come in their order (R-J6).
use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use devspaces::Service;
use devspaces_kit::clock::{Clock as _, SystemClock};
use devspaces_ledger::journal;
use devspaces_proto::membership::v1::{AddMembersRequest, Member, RemoveMemberRequest};
use devspaces_tests::{
    Persona, Receiver, process::Processes, receiver::Received, sql::execute, suite::eventually,
};
use futures::future::{join, join_all};
use tokio::time::sleep;

use crate::{
    acts::{members::VIEWER, webhooks::hears_of_members},
    rounds::rounds_of_trial,
};

scenarios! {
    both engines:
        a_service_that_is_killed_again_and_again_loses_nothing_and_keeps_the_order_of_each_space;
}

const KILLS: u16 = 100;
const SPACES: usize = 4;

/// What a receiver is to hear of: the type of an event, and of whom.
type Told = (String, String);

/// A space, and who hears of its members.
struct Heard {
    space: String,
    receiver: Receiver,
}

impl Heard {
    async fn of(alice: &Persona) -> Self {
        let (space, receiver) = (alice.creates_space("Team").await, Receiver::start().await);
        hears_of_members(alice, &space, &receiver).await;
        Self { space, receiver }
    }

    /// People come and go, one after another, each call repeated by its id until it is answered. What came of it.
    async fn comes_and_goes(&self, alice: &Persona, over: &AtomicBool) -> Vec<Told> {
        let mut told = Vec::new();
        for number in 0.. {
            if over.load(SeqCst) {
                break;
            }
            let id = format!("person{number}");
            let user = format!("users/{id}");
            let members = vec![Member { user: user.clone(), role: VIEWER.into(), ..Member::default() }];
            let request_id = SystemClock.new_id().to_string();
            let add = AddMembersRequest { parent: self.space.clone(), members, request_id };
            eventually(async || alice.members().add_members(add.clone()).await.ok()).await;
            let name = format!("{}/members/{id}", self.space);
            let request_id = SystemClock.new_id().to_string();
            let remove = RemoveMemberRequest { name, request_id, ..RemoveMemberRequest::default() };
            eventually(async || alice.members().remove_member(remove.clone()).await.ok()).await;
            told.extend(["member.added", "member.removed"].map(|it| (it.to_owned(), user.clone())));
        }
        told
    }

    /// What it hears is what happened, once all of it has come. What came again came before anything else did.
    async fn has_heard(&self, told: &[Told]) -> usize {
        let distinct = || self.receiver.received().into_iter().map(|it| it.id).collect::<HashSet<_>>().len();
        eventually(async || (distinct() >= told.len()).then_some(())).await;
        let mut heard = Vec::<Received>::new();
        let mut again = 0;
        for message in self.receiver.received() {
            if heard.last().is_some_and(|last| last.id == message.id) {
                again += 1;
            } else {
                heard.push(message);
            }
        }
        let user = |it: &Received| it.json()["data"]["user"].as_str().expect("a user").to_owned();
        let heard: Vec<_> = heard.iter().map(|it| (it.kind(), user(it))).collect();
        assert_eq!(heard, told);
        again
    }
}

/// Kills the service after some more messages and some moments, neither of which follows from what it is at then.
async fn kills(suite: &mut Processes, heard: &[Heard]) {
    let pool = suite.pool(Service::Membership).await;
    let received = || heard.iter().map(|it| it.receiver.received().len()).sum::<usize>();
    for kill in 0..rounds_of_trial::<usize>(KILLS) {
        let (more, moments) = (kill * 7 % 5 * SPACES, kill * 37 % 41);
        let goal = received() + more;
        eventually(async || (received() >= goal).then_some(())).await;
        sleep(Duration::from_millis(moments.try_into().expect("few"))).await;
        suite.kill(Service::Membership).await;
        // Two minutes later nobody waits any more for whoever has claimed it.
        let past = "2026-01-01T00:00:00.000000Z";
        execute(&pool, &format!("UPDATE webhook_lane SET due = '{past}'")).await;
        suite.run(Service::Membership).await;
    }
}

// R-J6
async fn a_service_that_is_killed_again_and_again_loses_nothing_and_keeps_the_order_of_each_space(
    suite: Processes,
) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let heard = join_all((0..SPACES).map(|_| Heard::of(&alice))).await;
    let over = AtomicBool::new(false);
    let killing = async {
        kills(&mut suite, &heard).await;
        over.store(true, SeqCst);
    };
    let (told, ()) = join(join_all(heard.iter().map(|it| it.comes_and_goes(&alice, &over))), killing).await;
    let again = join_all(heard.iter().zip(&told).map(|(it, told)| it.has_heard(told))).await;
    let pool = suite.pool(Service::Membership).await;
    assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, []);
    let (kills, events) = (rounds_of_trial::<u16>(KILLS), told.iter().map(Vec::len).sum::<usize>());
    println!("{kills} kills, {events} events, {} sent again", again.iter().sum::<usize>());
}
