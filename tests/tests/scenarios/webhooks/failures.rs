//! Receivers that are slow, down, wrong or gone: nothing is lost, the order stays, and nobody else waits.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::events::v1::{Delivery, DeliveryFailure, DeliveryState, WebhookState};
use devspaces_tests::{
    Persona, Receiver, Suite,
    process::Processes,
    receiver::{Answer, Received},
    refused,
    sql::tamper,
};
use tonic::Code;

use crate::acts::{
    members::{VIEWER, adds_members, removes_member},
    webhooks::{
        creates_webhook, deletes_webhook, gets_webhook, hearing, hears_of_members, redelivers,
        sees_deliveries, sets_state, tests_webhook,
    },
};

scenarios! {
    both engines:
        a_receiver_that_fails_gets_everything_later_in_its_order,
        whatever_is_no_confirmation_is_a_failure,
        a_receiver_that_keeps_silent_keeps_nobody_else_waiting,
        after_three_days_a_webhook_is_disabled_and_goes_on_once_it_is_enabled,
        a_receiver_that_was_mended_hears_at_once_what_has_waited,
        what_is_asked_for_is_sent_once_and_beside_the_rest,
        a_service_that_is_started_again_sends_what_was_left,
        deliveries_are_kept_for_thirty_days,
        a_service_that_is_killed_between_attempts_and_within_one_sends_what_was_left;
    two replicas:
        a_receiver_that_fails_gets_everything_later_in_its_order,
        after_three_days_a_webhook_is_disabled_and_goes_on_once_it_is_enabled;
}

/// How long after each failed attempt the next follows, in seconds.
const SCHEDULE: [u64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];

fn failed(attempts: i32) -> impl Fn(&[Delivery]) -> bool {
    move |all| all.iter().any(|it| it.attempts == attempts)
}

/// Bob comes and goes.
async fn comes_and_goes(alice: &Persona, space: &str, bob: &Persona) {
    adds_members(alice, space, &[(bob, VIEWER)]).await.expect("added");
    removes_member(alice, space, bob).await.expect("removed");
}

// R-J6
async fn a_receiver_that_fails_gets_everything_later_in_its_order(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let receiver = Receiver::start().await;
    let space = alice.creates_space("Team").await;
    let webhook = hears_of_members(&alice, &space, &receiver).await;
    receiver.answers(Answer::Status(500));
    comes_and_goes(&alice, &space, &bob).await;
    let all = sees_deliveries(&alice, &webhook.name, |all| all.len() == 2 && failed(1)(all)).await;
    assert_eq!((all[0].attempts, all[1].attempts), (0, 1), "the second waits for the first");
    assert_eq!((all[1].response_code, all[1].failure()), (500, DeliveryFailure::Status));
    assert!(all[1].next_attempt_time.is_some() && all[1].state() == DeliveryState::Pending);
    receiver.answers(Answer::Status(200));
    suite.clock.advance(Duration::from_secs(5));
    let messages = receiver.takes(3).await;
    let kinds: Vec<_> = messages.iter().map(Received::kind).collect();
    assert_eq!(kinds, ["member.added", "member.added", "member.removed"]);
    assert_eq!(messages[0].id, messages[1].id, "by which the receiver knows what it has already");
    let all = sees_deliveries(&alice, &webhook.name, |all| {
        all.iter().all(|it| it.state() == DeliveryState::Delivered)
    })
    .await;
    assert_eq!(
        (all[1].attempts, all[1].failure(), all[1].next_attempt_time),
        (2, DeliveryFailure::Unspecified, None)
    );
}

// R-J6
async fn whatever_is_no_confirmation_is_a_failure(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let answers = [
        (Answer::Redirect, 307, DeliveryFailure::Redirected),
        (Answer::Close, 0, DeliveryFailure::Connection),
        (Answer::Status(404), 404, DeliveryFailure::Status),
    ];
    for (answer, code, failure) in answers {
        let receiver = Receiver::start().await;
        receiver.answers(answer);
        let space = alice.creates_space("Team").await;
        let webhook = hears_of_members(&alice, &space, &receiver).await;
        adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        let all = sees_deliveries(&alice, &webhook.name, failed(1)).await;
        assert_eq!((all[0].response_code, all[0].failure()), (code, failure), "{answer:?}");
        assert!(
            receiver.received().iter().all(|it| it.path.starts_with("/hooks")),
            "no redirect is followed"
        );
    }
    // Nobody listens where this one did.
    let receiver = Receiver::start().await;
    let space = alice.creates_space("Team").await;
    let webhook = hears_of_members(&alice, &space, &receiver).await;
    drop(receiver);
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let all = sees_deliveries(&alice, &webhook.name, failed(1)).await;
    assert_eq!(all[0].failure(), DeliveryFailure::Connection);
}

// R-J6
async fn a_receiver_that_keeps_silent_keeps_nobody_else_waiting(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let (silent, well) = (Receiver::start().await, Receiver::start().await);
    silent.answers(Answer::Silence);
    let space = alice.creates_space("Team").await;
    for receiver in [&silent, &well] {
        hears_of_members(&alice, &space, receiver).await;
    }
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    silent.takes(1).await;
    removes_member(&alice, &space, &bob).await.expect("removed");
    assert_eq!(well.takes(2).await[1].kind(), "member.removed");
    assert_eq!(silent.received().len(), 1, "it has yet to answer the first");
}

// R-J6
async fn after_three_days_a_webhook_is_disabled_and_goes_on_once_it_is_enabled(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let (receiver, told) = (Receiver::start().await, Receiver::start().await);
    let space = alice.creates_space("Team").await;
    let webhook = hears_of_members(&alice, &space, &receiver).await;
    let request = hearing(&space, &told.url(), &["webhook.disabled"]);
    creates_webhook(&alice, Service::Membership, request).await.expect("a webhook");
    receiver.answers(Answer::Status(503));
    comes_and_goes(&alice, &space, &bob).await;
    for (attempts, seconds) in (1..).zip(SCHEDULE) {
        sees_deliveries(&alice, &webhook.name, failed(attempts)).await;
        suite.clock.advance(Duration::from_secs(seconds));
    }
    let all = sees_deliveries(&alice, &webhook.name, failed(10)).await;
    assert_eq!((all[1].state(), all[0].state()), (DeliveryState::Failed, DeliveryState::Pending));
    let disabled = gets_webhook(&alice, Service::Membership, &webhook.name).await.expect("got");
    assert_eq!(disabled.state(), WebhookState::Disabled);
    assert!(disabled.disabled_reason.contains(&all[1].event), "{}", disabled.disabled_reason);
    let message = told.takes(1).await.remove(0).json();
    assert_eq!(
        (&message["type"], &message["data"]["webhook"]),
        (&"webhook.disabled".into(), &webhook.name.as_str().into())
    );
    assert_eq!(message["data"]["space"], space);
    // It missed nothing but what was given up, which can be asked for.
    receiver.answers(Answer::Status(200));
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    sees_deliveries(&alice, &webhook.name, |all| all.len() == 3).await;
    let enabled = sets_state(&alice, &webhook.name, WebhookState::Enabled).await;
    assert_eq!((enabled.state(), enabled.disabled_reason.as_str()), (WebhookState::Enabled, ""));
    let messages = receiver.takes(12).await;
    let kinds: Vec<_> = messages[10..].iter().map(Received::kind).collect();
    assert_eq!(kinds, ["member.removed", "member.added"]);
    redelivers(&alice, &all[1].name).await.expect("asked for");
    assert_eq!(receiver.takes(13).await[12].id, all[1].event);
}

// R-J6: enabling says that it is mended, and nothing waits for its next attempt.
async fn a_receiver_that_was_mended_hears_at_once_what_has_waited(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let receiver = Receiver::start().await;
    let space = alice.creates_space("Team").await;
    let webhook = hears_of_members(&alice, &space, &receiver).await;
    receiver.answers(Answer::Status(500));
    comes_and_goes(&alice, &space, &bob).await;
    let all = sees_deliveries(&alice, &webhook.name, failed(1)).await;
    assert!(all.iter().any(|it| it.next_attempt_time.is_some()));
    sets_state(&alice, &webhook.name, WebhookState::Disabled).await;
    receiver.answers(Answer::Status(200));
    sets_state(&alice, &webhook.name, WebhookState::Enabled).await;
    let kinds: Vec<_> = receiver.takes(3).await.iter().map(Received::kind).collect();
    assert_eq!(kinds, ["member.added", "member.added", "member.removed"]);
    let sent = |all: &[Delivery]| all.iter().all(|it| it.state() == DeliveryState::Delivered);
    let all = sees_deliveries(&alice, &webhook.name, sent).await;
    assert!(all.iter().all(|it| it.attempts == 1), "counted from then on");
}

// R-J6
async fn what_is_asked_for_is_sent_once_and_beside_the_rest(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let receiver = Receiver::start().await;
    let space = alice.creates_space("Team").await;
    let webhook = hears_of_members(&alice, &space, &receiver).await;
    receiver.answers(Answer::Status(500));
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let all = sees_deliveries(&alice, &webhook.name, failed(1)).await;
    sets_state(&alice, &webhook.name, WebhookState::Disabled).await;
    // Though another waits, and though it is disabled.
    let asked = redelivers(&alice, &all[0].name).await.expect("asked for");
    assert_eq!((&asked.event, asked.state()), (&all[0].event, DeliveryState::Pending));
    let test = tests_webhook(&alice, &webhook.name).await.expect("asked for");
    let both = sees_deliveries(&alice, &webhook.name, |all| {
        all.iter().filter(|it| it.state() == DeliveryState::Failed).count() == 2
    })
    .await;
    assert!(both.iter().any(|it| it.name == test.name && it.r#type == "webhook.test" && it.attempts == 1));
    receiver.answers(Answer::Status(200));
    tests_webhook(&alice, &webhook.name).await.expect("asked for");
    let last = receiver.takes(4).await.remove(3).json();
    assert_eq!(
        (&last["type"], &last["data"]["webhook"]),
        (&"webhook.test".into(), &webhook.name.as_str().into())
    );
    let missing = format!("{}/deliveries/0190a8d0-7b1c-7def-8000-000000000001", webhook.name);
    assert_eq!(refused(redelivers(&alice, &missing).await).code, Code::NotFound);
}

// R-J6
async fn a_service_that_is_started_again_sends_what_was_left(suite: Suite) {
    let mut suite = suite;
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let receiver = Receiver::start().await;
    let space = alice.creates_space("Team").await;
    let webhook = hears_of_members(&alice, &space, &receiver).await;
    // It stops while the receiver has the message and has not answered: that message comes again.
    receiver.answers(Answer::Silence);
    comes_and_goes(&alice, &space, &bob).await;
    receiver.takes(1).await;
    suite.stop(Service::Membership).await;
    receiver.answers(Answer::Status(200));
    suite.restart(Service::Membership).await;
    let messages = receiver.takes(3).await;
    let kinds: Vec<_> = messages.iter().map(Received::kind).collect();
    assert_eq!(kinds, ["member.added", "member.added", "member.removed"]);
    assert_eq!(messages[0].id, messages[1].id);
    deletes_webhook(&alice, Service::Membership, &webhook.name).await.expect("deleted");
    comes_and_goes(&alice, &space, &bob).await;
    let next = hears_of_members(&alice, &space, &receiver).await;
    comes_and_goes(&alice, &space, &bob).await;
    sees_deliveries(&alice, &next.name, |all| all.len() == 2).await;
    assert_eq!(receiver.takes(5).await.len(), 5, "nothing of before it was made");
}

// R-J6
async fn a_service_that_is_killed_between_attempts_and_within_one_sends_what_was_left(processes: Processes) {
    let mut processes = processes;
    let [alice, bob] = ["alice", "bob"].map(|id| processes.user(id));
    let receiver = Receiver::start().await;
    let space = alice.creates_space("Team").await;
    let webhook = hears_of_members(&alice, &space, &receiver).await;
    receiver.answers(Answer::Status(500));
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    sees_deliveries(&alice, &webhook.name, failed(1)).await;
    processes.kill(Service::Membership).await;
    receiver.answers(Answer::Silence);
    processes.run(Service::Membership).await;
    // The receiver has it again, and says nothing.
    let messages = receiver.takes(2).await;
    assert_eq!(messages[0].id, messages[1].id);
    processes.kill(Service::Membership).await;
    receiver.answers(Answer::Status(200));
    // Two minutes later nobody waits any more for whoever has claimed it.
    let pool = processes.pool(Service::Membership).await;
    tamper(&pool, "UPDATE webhook_lane SET due = '2026-01-01T00:00:00.000000Z'").await;
    processes.run(Service::Membership).await;
    removes_member(&alice, &space, &bob).await.expect("removed");
    let messages = receiver.takes(4).await;
    let kinds: Vec<_> = messages.iter().map(Received::kind).collect();
    assert_eq!(kinds, ["member.added", "member.added", "member.added", "member.removed"]);
    assert_eq!(messages[1].id, messages[2].id);
}

// R-J6
async fn deliveries_are_kept_for_thirty_days(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let receiver = Receiver::start().await;
    let space = alice.creates_space("Team").await;
    let webhook = hears_of_members(&alice, &space, &receiver).await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    receiver.takes(1).await;
    suite.clock.advance(Duration::from_hours(29 * 24));
    removes_member(&alice, &space, &bob).await.expect("removed");
    receiver.takes(2).await;
    sees_deliveries(&alice, &webhook.name, |all| all.len() == 2).await;
    suite.clock.advance(Duration::from_hours(24));
    let left = sees_deliveries(&alice, &webhook.name, |all| all.len() == 1).await;
    assert_eq!(left[0].r#type, "member.removed");
}
