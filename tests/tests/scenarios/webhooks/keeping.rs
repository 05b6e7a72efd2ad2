//! Who keeps webhooks, and what is told of them.
use devspaces::Service;
use devspaces_proto::events::v1::{
    CreateWebhookRequest, ListEventTypesRequest, RotateWebhookSecretRequest, Webhook, WebhookState,
};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    REQUEST_ID,
    accounts::{adds_billing_admins, consents_to_invoicing},
    journal::{entries_of, json_of, lists_entries},
    members::{VIEWER, adds_members},
    webhooks::{
        MEMBERS, creates_webhook, deletes_webhook, gets_webhook, hearing, lists_webhooks, updates_webhook,
    },
};

scenarios! {
    everywhere:
        who_administers_a_plane_keeps_its_webhooks_and_nobody_else_does,
        a_secret_is_told_when_it_is_made_and_never_again,
        every_bad_field_of_a_webhook_is_told_at_once,
        a_webhook_is_changed_and_deleted_by_its_etag,
        a_space_has_ten_webhooks_of_a_service,
        every_type_of_events_has_a_schema;
}

const OUTSIDE: &str = "https://receiver.invalid/hooks/S3CRET";

// R-J6, R-P3
async fn who_administers_a_plane_keeps_its_webhooks_and_nobody_else_does(suite: Suite) {
    let [alice, bob, carol, mallory] = ["alice", "bob", "carol", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_billing_admins(&alice, &space, &[&carol]).await.expect("added");
    let of_members = hearing(&space, OUTSIDE, &MEMBERS);
    let of_invoices = hearing(&space, OUTSIDE, &["invoice.issued"]);
    let membership = creates_webhook(&alice, Service::Membership, of_members.clone()).await.expect("made");
    let billing = creates_webhook(&carol, Service::Billing, of_invoices).await.expect("made");
    assert_eq!((membership.service.as_str(), billing.service.as_str()), ("membership", "billing"));
    let denied =
        |permission: &str| format!("Permission '{permission}' denied on '{space}' (or it might not exist)");
    for who in [&bob, &carol, &mallory] {
        let refusals = [
            refused(creates_webhook(who, Service::Membership, of_members.clone()).await),
            refused(gets_webhook(who, Service::Membership, &membership.name).await),
            refused(lists_webhooks(who, Service::Membership, &space).await),
            refused(deletes_webhook(who, Service::Membership, &membership.name).await),
        ];
        for refusal in refusals {
            let expected = (Code::PermissionDenied, denied("journal.console.get"));
            assert_eq!((refusal.code, refusal.message), expected, "{}", who.name);
        }
    }
    // A console Admin as such runs no account; the first billing admin is one because of the consent.
    let listed = lists_webhooks(&alice, Service::Billing, &space).await.expect("her own account's");
    assert_eq!(listed.iter().map(|it| &it.name).collect::<Vec<_>>(), [&billing.name]);
    let refusal = refused(lists_webhooks(&bob, Service::Billing, &space).await);
    assert_eq!(refusal.message, denied("journal.billing.get"));
    deletes_webhook(&carol, Service::Billing, &billing.name).await.expect("deleted");
    deletes_webhook(&alice, Service::Membership, &membership.name).await.expect("deleted");
    let gone = refused(gets_webhook(&alice, Service::Membership, &membership.name).await);
    assert_eq!(gone.kind(), (Code::NotFound, "RESOURCE_NOT_FOUND"));
}

// R-J1, R-J5, R-J6
async fn a_secret_is_told_when_it_is_made_and_never_again(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let request_id = REQUEST_ID.to_owned();
    let request = CreateWebhookRequest { request_id, ..hearing(&space, OUTSIDE, &MEMBERS) };
    let made = creates_webhook(&alice, Service::Membership, request.clone()).await.expect("made");
    assert!(made.secret.starts_with("whsec_"), "{}", made.secret);
    let repeated = creates_webhook(&alice, Service::Membership, request).await.expect("repeated");
    assert_eq!(repeated, Webhook { secret: String::new(), ..made.clone() });
    assert_eq!(gets_webhook(&alice, Service::Membership, &made.name).await.expect("got"), repeated);
    let request = RotateWebhookSecretRequest { name: made.name.clone(), ..Default::default() };
    let rotated = alice.webhooks(Service::Membership).rotate_webhook_secret(request).await.expect("rotated");
    let rotated = rotated.into_inner();
    assert!(rotated.secret.starts_with("whsec_") && rotated.secret != made.secret);
    assert!(rotated.old_secret_expire_time.is_some());
    let listed = lists_webhooks(&alice, Service::Membership, &space).await.expect("listed");
    assert_eq!(listed, [Webhook { secret: String::new(), ..rotated.clone() }]);
    // The journal tells of both, of neither secret, and of no more of the address than where it leads.
    let entries = lists_entries(&alice, Service::Membership, entries_of(&space)).await;
    let told: Vec<_> = entries.iter().filter(|entry| entry.resources == [made.name.clone()]).collect();
    assert_eq!(told.len(), 2);
    for entry in told {
        let after = json_of(entry.after.as_ref().expect("a value"));
        assert_eq!(after["origin"], "https://receiver.invalid");
        let text = format!("{entry:?}");
        assert!(![&made.secret, &rotated.secret, "S3CRET"].iter().any(|it| text.contains(*it)), "{text}");
    }
}

// R-J6
async fn every_bad_field_of_a_webhook_is_told_at_once(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let refusal = async |url: &str, types: &[&str]| {
        let refusal =
            refused(creates_webhook(&alice, Service::Membership, hearing(&space, url, types)).await);
        assert_eq!(refusal.kind(), (Code::InvalidArgument, "INVALID_FIELD"), "{url}");
        refusal.fields
    };
    // Nor does anything lead inside, however it is written.
    for url in [
        "",
        "ftp://receiver.invalid",
        "https://u:p@receiver.invalid",
        "https://10.0.0.1",
        "https://[::1]/",
        "https://0x0a.1/",
    ] {
        assert_eq!(
            refusal(url, &["member.added", "invoice.issued"]).await,
            ["webhook.url", "webhook.types[1]"]
        );
    }
    assert_eq!(refusal(OUTSIDE, &[]).await, ["webhook.types"]);
    let made =
        creates_webhook(&alice, Service::Membership, hearing(&space, OUTSIDE, &MEMBERS)).await.expect("made");
    let changed = Webhook { types: vec!["x".into()], url: "x".into(), state: 7, ..made };
    let refusal = refused(updates_webhook(&alice, Service::Membership, changed, &["*"]).await);
    assert_eq!(refusal.fields, ["webhook.url", "webhook.types[0]", "webhook.state"]);
}

// R-J6
async fn a_webhook_is_changed_and_deleted_by_its_etag(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let made =
        creates_webhook(&alice, Service::Membership, hearing(&space, OUTSIDE, &MEMBERS)).await.expect("made");
    assert_eq!(made.state(), WebhookState::Enabled);
    let wanted = Webhook {
        types: vec!["invitation.created".into(), "member.added".into(), "member.added".into()],
        state: WebhookState::Disabled.into(),
        ..made.clone()
    };
    let changed = updates_webhook(&alice, Service::Membership, wanted.clone(), &[]).await.expect("changed");
    assert_eq!(changed.types, ["invitation.created", "member.added"]);
    assert_eq!((changed.state(), changed.url.as_str()), (WebhookState::Disabled, OUTSIDE));
    let stale = refused(updates_webhook(&alice, Service::Membership, wanted, &[]).await);
    assert_eq!(stale.kind(), (Code::Aborted, "ETAG_STALE"));
}

// R-J6
async fn a_space_has_ten_webhooks_of_a_service(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let create =
        async || creates_webhook(&alice, Service::Membership, hearing(&space, OUTSIDE, &MEMBERS)).await;
    let mut names = Vec::new();
    for _ in 0..10 {
        names.push(create().await.expect("made").name);
    }
    let refusal = refused(create().await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "TOO_MANY_WEBHOOKS"));
    let listed = lists_webhooks(&alice, Service::Membership, &space).await.expect("listed");
    assert_eq!(listed.into_iter().map(|it| it.name).collect::<Vec<_>>(), names);
    deletes_webhook(&alice, Service::Membership, &names[0]).await.expect("deleted");
    create().await.expect("made");
}

// R-J6
async fn every_type_of_events_has_a_schema(suite: Suite) {
    let bob = suite.user("bob");
    let planes = [
        (Service::Space, "console", 9),
        (Service::Membership, "console", 7),
        (Service::Billing, "billing", 9),
        (Service::Marketplace, "marketplace", 4),
    ];
    for (service, plane, count) in planes {
        let answer = bob.webhooks(service).list_event_types(ListEventTypesRequest {}).await.expect("types");
        let types = answer.into_inner().event_types;
        let types: Vec<_> = types.into_iter().filter(|it| it.service == service.name()).collect();
        assert_eq!(types.len(), count, "{service}");
        assert!(types.is_sorted_by_key(|it| it.name.clone()));
        for kind in types {
            assert_eq!(kind.plane, plane);
            let schema = kind.schema.expect("a schema");
            assert!(schema.fields.contains_key("$schema"), "{}", kind.name);
        }
    }
}
