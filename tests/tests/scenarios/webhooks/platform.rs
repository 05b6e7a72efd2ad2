//! Webhooks that hear of every space, and a port that several services share.
use devspaces::Service;
use devspaces_proto::events::v1::WebhookState;
use devspaces_tests::{Engine, Receiver, Suite, receiver::Answer, refused};
use tonic::Code;

use crate::acts::{
    accounts::{adds_billing_admins, consents_to_invoicing},
    members::{VIEWER, adds_members},
    webhooks::{
        MEMBERS, creates_webhook, gets_webhook, hearing, hears_of_members, lists_webhooks, sees_deliveries,
        updates_webhook,
    },
};

scenarios! {
    both engines:
        a_webhook_of_the_platform_hears_of_every_space_and_one_space_keeps_no_other_waiting,
        webhooks_of_the_platform_are_the_operators,
        on_a_port_of_several_services_each_plane_has_its_own;
}

// R-J6
async fn a_webhook_of_the_platform_hears_of_every_space_and_one_space_keeps_no_other_waiting(suite: Suite) {
    let [alice, bob, observer] = [suite.user("alice"), suite.user("bob"), suite.persona("services/observer")];
    let receiver = Receiver::start().await;
    let webhook = hears_of_members(&observer, "", &receiver).await;
    assert!(webhook.name.starts_with("webhooks/"), "{}", webhook.name);
    receiver.answers(Answer::Status(500));
    let one = alice.creates_space("One").await;
    sees_deliveries(&observer, &webhook.name, |all| all.len() == 1 && all[0].attempts == 1).await;
    receiver.answers(Answer::Status(200));
    let other = alice.creates_space("Other").await;
    adds_members(&alice, &other, &[(&bob, VIEWER)]).await.expect("added");
    let messages = receiver.takes(3).await;
    let spaces: Vec<_> = messages.iter().map(|it| it.json()["data"]["space"].clone()).collect();
    assert_eq!(spaces, [one, other.clone(), other]);
}

// R-J6, R-P7, R-P8
async fn webhooks_of_the_platform_are_the_operators(suite: Suite) {
    let observer = suite.persona("services/observer");
    let request = hearing("", "https://receiver.invalid", &MEMBERS);
    let made = creates_webhook(&observer, Service::Membership, request.clone()).await.expect("made");
    for who in [suite.user("operator"), suite.user("alice"), suite.persona("services/auditor")] {
        let refusals = [
            refused(creates_webhook(&who, Service::Membership, request.clone()).await),
            refused(lists_webhooks(&who, Service::Membership, "").await),
            refused(gets_webhook(&who, Service::Membership, &made.name).await),
        ];
        for refusal in refusals {
            assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "{}", who.name);
        }
    }
    // Nor does it keep those of spaces, which are the spaces'.
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let refusal = refused(lists_webhooks(&observer, Service::Membership, &space).await);
    assert_eq!(refusal.code, Code::PermissionDenied);
    assert_eq!(lists_webhooks(&alice, Service::Membership, &space).await.expect("listed"), []);
}

// R-J6
async fn on_a_port_of_several_services_each_plane_has_its_own(engine: Engine) {
    let suite = Suite::start_on_one_port(engine).await;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&bob_as_admin(&suite, &alice, &space).await, &space).await.expect("an account");
    adds_billing_admins(&bob, &space, &[&carol]).await.expect("added");
    let url = "https://receiver.invalid";
    let create = async |who, types: &[&str]| {
        creates_webhook(who, Service::Membership, hearing(&space, url, types)).await
    };
    let mixed = refused(create(&alice, &["member.added", "app.suspended"]).await);
    assert_eq!(mixed.fields[0], "webhook.types");
    let ambiguous = refused(create(&alice, &["webhook.disabled"]).await);
    assert_eq!(ambiguous.fields[0], "webhook.service");
    let of_apps = create(&alice, &["app.suspended"]).await.expect("made");
    let of_members = create(&alice, &["member.added"]).await.expect("made");
    assert_eq!((of_apps.service.as_str(), of_members.service.as_str()), ("space", "membership"));
    let of_invoices = create(&carol, &["invoice.issued"]).await.expect("made");
    let refusal = refused(create(&carol, &["member.added"]).await);
    assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "of another plane");
    let listed = async |who| {
        let all = lists_webhooks(who, Service::Membership, &space).await.expect("listed");
        all.into_iter().map(|it| it.name).collect::<Vec<_>>()
    };
    assert_eq!(listed(&alice).await, [of_members.name.clone(), of_apps.name.clone()]);
    assert_eq!(listed(&carol).await, std::slice::from_ref(&of_invoices.name));
    let hidden = refused(gets_webhook(&alice, Service::Membership, &of_invoices.name).await);
    assert_eq!(hidden.code, Code::NotFound, "as if there were none");
    let changed = devspaces_proto::events::v1::Webhook { state: WebhookState::Disabled.into(), ..of_apps };
    let changed = updates_webhook(&alice, Service::Membership, changed, &["state"]).await.expect("changed");
    assert_eq!((changed.service.as_str(), changed.state()), ("space", WebhookState::Disabled));
}

/// Bob, who is console Admin as long as it takes to consent, and runs the account as Alice does not.
async fn bob_as_admin(
    suite: &Suite,
    alice: &devspaces_tests::Persona,
    space: &str,
) -> devspaces_tests::Persona {
    let bob = suite.user("bob");
    adds_members(alice, space, &[(&bob, crate::acts::members::ADMIN)]).await.expect("added");
    bob
}
