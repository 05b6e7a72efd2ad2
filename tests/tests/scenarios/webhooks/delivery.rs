//! What arrives at a receiver, how it is signed, and in which order.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    events::v1::{Delivery, DeliveryState, RotateWebhookSecretRequest, Webhook, WebhookState},
    space::v1::standing::Reason,
};
use devspaces_tests::{Persona, Receiver, Suite, receiver::Received, sql::count, suite::eventually};
use serde_json::json;
use standardwebhooks::Webhook as Reference;

use crate::acts::{
    invoices::Customer,
    journal::erases_person,
    members::{DEVELOPER, VIEWER, adds_members, demotes_member, removes_member},
    spaces::{archives_space, deletes_space},
    suspensions::{lifts, operator, suspends_app},
    transfers::{TwoSpaces, accepts_transfer},
    webhooks::{creates_webhook, hearing, hears_of_members, sees_deliveries, sets_state},
};

scenarios! {
    both engines:
        events_arrive_signed_and_in_the_order_of_what_happened,
        a_space_hears_of_itself_alone_and_of_what_it_asked_for,
        both_secrets_sign_for_a_day_after_a_rotation,
        a_secret_that_was_replaced_twice_signs_until_its_own_time,
        webhooks_of_a_purged_space_are_gone,
        what_was_erased_before_it_was_sent_is_not_told,
        suspensions_and_transfers_are_told_to_the_spaces_that_they_concern,
        an_invoice_is_told_to_who_runs_the_account;
    two replicas:
        events_arrive_signed_and_in_the_order_of_what_happened,
        a_space_hears_of_itself_alone_and_of_what_it_asked_for;
}

/// Whether one of the signatures of a message is the one that the reference implementation makes by this secret.
fn is_signed(message: &Received, secret: &str) -> bool {
    let reference = Reference::new(secret).expect("a secret");
    let signature = reference.sign(&message.id, message.time, message.text.as_bytes()).expect("a signature");
    message.signature.split(' ').any(|one| one == signature)
}

fn all_delivered(count: usize) -> impl Fn(&[Delivery]) -> bool {
    move |all| all.len() == count && all.iter().all(|it| it.state() == DeliveryState::Delivered)
}

// R-J6
async fn events_arrive_signed_and_in_the_order_of_what_happened(suite: Suite) {
    let (alice, receiver) = (suite.user("alice"), Receiver::start().await);
    let space = alice.creates_space("Team").await;
    let webhook = hears_of_members(&alice, &space, &receiver).await;
    let people: Vec<_> = (0..8).map(|number| suite.user(&format!("person{number}"))).collect();
    adds_members(&alice, &space, &[(&people[0], VIEWER), (&people[1], DEVELOPER)]).await.expect("added");
    for person in &people[2..] {
        adds_members(&alice, &space, &[(person, VIEWER)]).await.expect("added");
        removes_member(&alice, &space, person).await.expect("removed");
    }
    let messages = receiver.takes(14).await;
    let deliveries = sees_deliveries(&alice, &webhook.name, all_delivered(14)).await;
    assert_eq!(receiver.received().len(), 14, "each once, as nothing failed");
    let told = |it: &Received| (it.kind(), it.json()["data"]["user"].as_str().expect("a user").to_owned());
    let mut expected = vec![("member.added", &people[0].name), ("member.added", &people[1].name)];
    for person in &people[2..] {
        expected.extend([("member.added", &person.name), ("member.removed", &person.name)]);
    }
    let expected: Vec<_> = expected.into_iter().map(|(kind, user)| (kind.to_owned(), user.clone())).collect();
    assert_eq!(messages.iter().map(told).collect::<Vec<_>>(), expected);
    for (message, delivery) in messages.iter().zip(deliveries.iter().rev()) {
        assert!(is_signed(message, &webhook.secret), "{message:?}");
        assert_eq!((message.path.as_str(), &message.id), ("/hooks?of=devspaces", &delivery.event));
        assert_eq!((delivery.attempts, delivery.response_code), (1, 204));
        assert_eq!((&delivery.space, &delivery.r#type), (&space, &message.kind()));
    }
    let first = messages[0].json();
    let data = json!({ "space": space, "actor": alice.name, "user": people[0].name, "role": "VIEWER" });
    assert_eq!(first["data"], data);
    assert!(first["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')));
}

// R-J6
async fn a_space_hears_of_itself_alone_and_of_what_it_asked_for(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let [one, other] = [alice.creates_space("One").await, alice.creates_space("Other").await];
    let (of_one, of_other) = (Receiver::start().await, Receiver::start().await);
    hears_of_members(&alice, &one, &of_one).await;
    let request = hearing(&other, &of_other.url(), &["member.removed"]);
    creates_webhook(&alice, Service::Membership, request).await.expect("a webhook");
    for space in [&one, &other] {
        adds_members(&alice, space, &[(&bob, DEVELOPER)]).await.expect("added");
        demotes_member(&alice, space, &bob).await.expect("demoted");
        removes_member(&alice, space, &bob).await.expect("removed");
    }
    let kinds = |all: Vec<Received>| all.iter().map(Received::kind).collect::<Vec<_>>();
    assert_eq!(kinds(of_other.takes(1).await), ["member.removed"]);
    assert_eq!(kinds(of_one.takes(2).await), ["member.added", "member.removed"]);
    assert!(of_one.received().iter().all(|it| it.json()["data"]["space"] == one));
}

// R-J6
async fn both_secrets_sign_for_a_day_after_a_rotation(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let receiver = Receiver::start().await;
    let space = alice.creates_space("Team").await;
    let before = hears_of_members(&alice, &space, &receiver).await;
    let request = RotateWebhookSecretRequest { name: before.name.clone(), ..Default::default() };
    let after = alice.webhooks(Service::Membership).rotate_webhook_secret(request).await.expect("rotated");
    let after = after.into_inner();
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let message = receiver.takes(1).await.remove(0);
    assert!(is_signed(&message, &before.secret) && is_signed(&message, &after.secret));
    suite.clock.advance(Duration::from_hours(24));
    removes_member(&alice, &space, &bob).await.expect("removed");
    let message = receiver.takes(2).await.remove(1);
    assert!(!is_signed(&message, &before.secret) && is_signed(&message, &after.secret));
}

async fn rotates(who: &Persona, webhook: &Webhook) -> Webhook {
    let request = RotateWebhookSecretRequest { name: webhook.name.clone(), ..Default::default() };
    let rotated = who.webhooks(Service::Membership).rotate_webhook_secret(request).await;
    rotated.expect("rotated").into_inner()
}

// R-J6: who loses the reply to a rotation rotates again, and receivers go on by the secret that they have. What is over is erased.
async fn a_secret_that_was_replaced_twice_signs_until_its_own_time(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let receiver = Receiver::start().await;
    let space = alice.creates_space("Team").await;
    let first = hears_of_members(&alice, &space, &receiver).await;
    let lost = rotates(&alice, &first).await;
    suite.clock.advance(Duration::from_hours(1));
    let newest = rotates(&alice, &first).await;
    let signed = |message: &Received| [&first, &lost, &newest].map(|it| is_signed(message, &it.secret));
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    assert_eq!(signed(&receiver.takes(1).await.remove(0)), [true; 3]);
    suite.clock.advance(Duration::from_hours(23));
    removes_member(&alice, &space, &bob).await.expect("removed");
    assert_eq!(signed(&receiver.takes(2).await.remove(1)), [false, true, true]);
    suite.clock.advance(Duration::from_hours(1));
    let pool = suite.pool(Service::Membership).await;
    let kept = "SELECT COUNT(*) FROM webhook WHERE old_secret IS NOT NULL OR older_secret IS NOT NULL";
    eventually(async || (count(&pool, kept).await == 0).then_some(())).await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    assert_eq!(signed(&receiver.takes(3).await.remove(2)), [false, false, true]);
}

// R-S6, R-J6
async fn webhooks_of_a_purged_space_are_gone(suite: Suite) {
    let (alice, receiver) = (suite.user("alice"), Receiver::start().await);
    let space = alice.creates_space("Team").await;
    hears_of_members(&alice, &space, &receiver).await;
    let of_space = hearing(&space, &receiver.url(), &["space.suspended"]);
    creates_webhook(&alice, Service::Space, of_space).await.expect("made");
    archives_space(&alice, &space).await.expect("archived");
    deletes_space(&alice, &space).await.expect("deleted");
    suite.clock.advance(Duration::from_hours(24 * 31));
    for service in [Service::Space, Service::Membership] {
        let pool = suite.pool(service).await;
        eventually(async || (count(&pool, "SELECT COUNT(*) FROM webhook").await == 0).then_some(())).await;
    }
}

// R-J1, R-J6
async fn what_was_erased_before_it_was_sent_is_not_told(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let receiver = Receiver::start().await;
    let space = alice.creates_space("Team").await;
    let webhook = hears_of_members(&alice, &space, &receiver).await;
    sets_state(&alice, &webhook.name, WebhookState::Disabled).await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    removes_member(&alice, &space, &bob).await.expect("removed");
    sees_deliveries(&alice, &webhook.name, |all| all.len() == 2).await;
    erases_person(&suite.pool(Service::Membership).await, "bob").await;
    sets_state(&alice, &webhook.name, WebhookState::Enabled).await;
    let messages = receiver.takes(2).await;
    for message in messages {
        assert_eq!(message.json()["data"]["user"], "(erased)");
        assert!(!message.text.contains("users/bob"), "{}", message.text);
    }
}

// R-J6, R-A7, R-A12
async fn suspensions_and_transfers_are_told_to_the_spaces_that_they_concern(suite: Suite) {
    let spaces = TwoSpaces::new(&suite).await;
    let (of_source, of_destination) = (Receiver::start().await, Receiver::start().await);
    let types = ["app.suspended", "app.lifted", "transfer.proposed", "transfer.ended"];
    for (admin, space, receiver) in
        [(&spaces.alice, &spaces.source, &of_source), (&spaces.dan, &spaces.destination, &of_destination)]
    {
        let request = hearing(space, &receiver.url(), &types);
        creates_webhook(admin, Service::Space, request).await.expect("a webhook");
    }
    let operator = operator(&suite);
    suspends_app(&operator, &spaces.app, Reason::Legal).await.expect("suspended");
    lifts(&operator, &spaces.app, Reason::Legal).await.expect("lifted");
    let transfer = spaces.proposed().await;
    accepts_transfer(&spaces.dan, &transfer).await.expect("accepted");
    let messages = of_source.takes(4).await;
    assert_eq!(messages.iter().map(Received::kind).collect::<Vec<_>>(), types);
    assert_eq!(messages[0].json()["data"]["reason"], "LEGAL");
    let arrived = of_destination.takes(2).await;
    assert_eq!(arrived.iter().map(Received::kind).collect::<Vec<_>>(), types[2..]);
    assert_eq!(arrived[1].json()["data"]["state"], "ACCEPTED");
    assert_eq!(arrived[1].json()["data"]["space"], spaces.destination);
    assert_ne!(arrived[0].id, messages[2].id, "an event of each space's own");
}

// R-J6, R-B7
async fn an_invoice_is_told_to_who_runs_the_account(suite: Suite) {
    let customer = Customer::new(&suite, "alice").await;
    let receiver = Receiver::start().await;
    let request = hearing(&customer.space, &receiver.url(), &["invoice.issued"]);
    creates_webhook(&customer.admin, Service::Billing, request).await.expect("a webhook");
    suite.clock.advance(Duration::from_hours(24 * 40));
    let message = receiver.takes(1).await.remove(0).json();
    assert_eq!(
        (&message["type"], &message["data"]["space"]),
        (&json!("invoice.issued"), &json!(customer.space))
    );
    assert!(message["data"]["total"].is_string() && message["data"]["currency"] == "USD");
}
