//! Who may ask for lists, what strangers are told, and what is refused.
use devspaces::Service;
use devspaces_proto::authz::v1::{ListPermissionsRequest, ListResourcesRequest, ListSubjectsRequest};
use devspaces_tests::{Refusal, Suite, refused};
use tonic::Code;

use crate::acts::{
    accounts::{consents_to_invoicing, run_by_bob},
    authz::{
        all_permissions, all_resources, all_subjects, lists_permissions, lists_resources, lists_subjects,
        permissions_of, resources_of, subjects_with,
    },
    members::{DEVELOPER, VIEWER, adds_members},
    refusals::DENIED,
    spaces::NOWHERE,
};

scenarios! {
    both engines:
        subjects_are_for_who_administers_the_plane_and_resources_for_services_that_may,
        bad_input_is_named_by_its_field,
        what_everybody_has_is_said_so_and_services_are_listed_by_name,
        an_owner_that_is_down_is_named_where_its_answer_matters,
        entries_say_why_if_that_is_asked_for;
    everywhere:
        permissions_of_others_are_for_services_that_may_and_of_ones_own_planes,
        strangers_are_told_the_same_of_what_is_there_and_what_is_not;
}

// R-P6
async fn permissions_of_others_are_for_services_that_may_and_of_ones_own_planes(suite: Suite) {
    let [alice, bob, carol, mallory] = ["alice", "bob", "carol", "mallory"].map(|id| suite.user(id));
    // Alice is console Admin, Bob billing admin, and neither is both.
    let space = run_by_bob(&alice, &bob).await;
    let app = alice.creates_app(&space).await;
    let of = |who: &str, resource: &str| permissions_of(who, resource);
    let seen_by_bob = all_permissions(&bob, of(&alice.name, &space), 0).await.expect("a list");
    assert!(seen_by_bob.iter().all(|it| it.starts_with("billing.") || it.starts_with("journal.billing")));
    let of_bob = all_permissions(&alice, of(&bob.name, &space), 0).await.expect("a list");
    assert!(of_bob.iter().all(|it| !it.starts_with("billing.invoices")), "{of_bob:?}");
    let auditor = suite.persona("services/auditor");
    let of_bob = all_permissions(&auditor, of(&bob.name, &space), 0).await.expect("a list");
    assert!(of_bob.contains(&"billing.invoices.get".to_owned()));
    all_permissions(&alice, of(&carol.name, &app), 0).await.expect("of the app's plane");
    let auditor_only = [(&mallory, space.as_str()), (&bob, &app), (&carol, NOWHERE), (&alice, "")];
    for (who, resource) in auditor_only {
        let subject = if who.name == alice.name { &bob.name } else { &alice.name };
        assert_eq!(refused(lists_permissions(who, of(subject, resource)).await).kind(), DENIED);
    }
    let other = suite.persona("services/other");
    assert_eq!(refused(lists_permissions(&other, of(&alice.name, &space)).await).kind(), DENIED);
}

// R-P6
async fn subjects_are_for_who_administers_the_plane_and_resources_for_services_that_may(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let app = alice.creates_app(&space).await;
    adds_members(&alice, &space, &[(&carol, VIEWER)]).await.expect("added");
    let listed = all_subjects(&alice, subjects_with("space.get", &space), 0).await.expect("a list");
    assert_eq!(listed, [alice.name.clone(), carol.name.clone()]);
    assert_eq!(
        all_subjects(&alice, subjects_with("app.develop", &app), 0).await.expect("a list"),
        [&*alice.name]
    );
    let invoices = subjects_with("billing.invoices.get", &space);
    assert_eq!(all_subjects(&bob, invoices.clone(), 0).await.expect("a list"), [&*bob.name]);
    let auditor = suite.persona("services/auditor");
    assert_eq!(all_subjects(&auditor, invoices.clone(), 0).await.expect("a list"), [&*bob.name]);
    let other = suite.persona("services/other");
    for (who, request) in [
        (&alice, invoices.clone()),
        (&carol, subjects_with("space.get", &space)),
        (&carol, subjects_with("app.get", &app)),
        (&alice, subjects_with("space.get", NOWHERE)),
        (&alice, subjects_with("space.create", "")),
        (&other, invoices),
    ] {
        assert_eq!(refused(lists_subjects(who, request).await).kind(), DENIED, "{}", who.name);
    }
    let own = all_resources(&carol, resources_of("", "space.get"), 0).await.expect("a list");
    assert_eq!(own, [&*space]);
    let about_carol = resources_of(&carol.name, "space.get");
    assert_eq!(all_resources(&auditor, about_carol.clone(), 0).await.expect("a list"), own);
    for who in [&alice, &other] {
        assert_eq!(refused(lists_resources(who, about_carol.clone()).await).kind(), DENIED);
    }
}

// R-P3
async fn strangers_are_told_the_same_of_what_is_there_and_what_is_not(suite: Suite) {
    let [alice, mallory] = ["alice", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let no_app = NOWHERE.replace("spaces", "apps");
    for (known, missing, permission) in [(&space, NOWHERE, "space.get"), (&app, no_app.as_str(), "app.get")] {
        for resource in [known.as_str(), missing] {
            let own = lists_permissions(&mallory, permissions_of("", resource)).await.expect("a list");
            assert!(own.permissions.is_empty() && own.next_page_token.is_empty());
        }
        let told = |refusal: Refusal| {
            let metadata: Vec<_> =
                refusal.metadata.iter().map(|(_, it)| it.replace(known, missing)).collect();
            (refusal.code, refusal.message.replace(known, missing), metadata)
        };
        let about = |resource: &str| lists_permissions(&mallory, permissions_of(&alice.name, resource));
        let (is, is_not) = (refused(about(known).await), refused(about(missing).await));
        assert_eq!(is.kind(), DENIED);
        assert_eq!(told(is), told(is_not));
        let who = |resource: &str| lists_subjects(&mallory, subjects_with(permission, resource));
        let (is, is_not) = (refused(who(known).await), refused(who(missing).await));
        assert_eq!(is.kind(), DENIED);
        assert_eq!(told(is), told(is_not));
    }
}

// R-P1, and the order of answers: what is malformed before a denial, that before the page.
async fn bad_input_is_named_by_its_field(suite: Suite) {
    let [alice, mallory] = ["alice", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let bad = |refusal: Refusal, reason: &str, fields: &[&str]| {
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, reason, fields.to_vec()), "{refusal:?}");
    };
    for (subject, resource, fields) in [
        ("bob", "spaces/1", &["subject", "resource"][..]),
        ("", "listings/0190a8d0-7b1c-7def-8000-000000000001", &["resource"]),
    ] {
        bad(
            refused(lists_permissions(&alice, permissions_of(subject, resource)).await),
            "INVALID_FIELD",
            fields,
        );
    }
    for (permission, resource, reason, field) in [
        ("member.list", space.as_str(), "PERMISSION_UNKNOWN", "permission"),
        ("members.list", "", "INVALID_FIELD", "resource"),
        ("app.get", &space, "INVALID_FIELD", "resource"),
        ("space.create", &space, "INVALID_FIELD", "resource"),
    ] {
        let refusal = refused(lists_subjects(&alice, subjects_with(permission, resource)).await);
        assert_eq!(refusal.message.contains("did you mean \"members.list\"?"), permission == "member.list");
        bad(refusal, reason, &[field]);
    }
    let on_nothing = refused(lists_resources(&alice, resources_of("", "space.create")).await);
    assert!(on_nothing.message.contains("on no resource"), "{}", on_nothing.message);
    bad(on_nothing, "INVALID_FIELD", &["permission"]);
    bad(
        refused(lists_resources(&alice, resources_of("", "nothing")).await),
        "PERMISSION_UNKNOWN",
        &["permission"],
    );
    bad(
        refused(lists_resources(&alice, resources_of("x", "y")).await),
        "INVALID_FIELD",
        &["subject", "permission"],
    );

    let permissions = ListPermissionsRequest { page_size: -1, ..permissions_of("", &space) };
    bad(refused(lists_permissions(&alice, permissions).await), "INVALID_FIELD", &["page_size"]);
    let subjects = ListSubjectsRequest { page_size: -1, ..subjects_with("space.get", &space) };
    assert_eq!(refused(lists_subjects(&mallory, subjects.clone()).await).kind(), DENIED);
    bad(refused(lists_subjects(&alice, subjects).await), "INVALID_FIELD", &["page_size"]);
    let resources = ListResourcesRequest { page_size: -1, ..resources_of("", "space.get") };
    bad(refused(lists_resources(&alice, resources).await), "INVALID_FIELD", &["page_size"]);
}

// R-P5, R-P7
async fn what_everybody_has_is_said_so_and_services_are_listed_by_name(suite: Suite) {
    let auditor = suite.persona("services/auditor");
    let everybody = lists_subjects(&auditor, subjects_with("space.create", "")).await.expect("an answer");
    assert!(everybody.everyone_signed_in && everybody.subjects.is_empty() && everybody.as_of.is_some());
    let listed = lists_subjects(&auditor, subjects_with("usage.report", "")).await.expect("a list");
    assert!(!listed.everyone_signed_in && !listed.every_service);
    let metering = suite.persona("services/metering").name;
    assert_eq!(listed.subjects.iter().map(|it| it.subject.as_str()).collect::<Vec<_>>(), [&*metering]);
    let own = all_permissions(&suite.persona("services/metering"), permissions_of("", ""), 0).await;
    assert_eq!(own.expect("a list"), ["usage.report"]);
    let nothing = all_resources(&suite.persona("services/metering"), resources_of("", "app.get"), 0).await;
    assert!(nothing.expect("a list").is_empty());
}

// R-P2
async fn an_owner_that_is_down_is_named_where_its_answer_matters(suite: Suite) {
    let mut suite = suite;
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    suite.stop(Service::Billing).await;
    let missing = |refusal: Refusal, owner: &str| {
        assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"), "{refusal:?}");
        assert_eq!(refusal.metadata, [("missing".to_owned(), owner.to_owned())]);
        assert!(refusal.retry);
    };
    // What billing has nothing to say about goes on.
    all_subjects(&alice, subjects_with("space.get", &space), 1).await.expect("a list");
    all_resources(&alice, resources_of("", "app.get"), 1).await.expect("a list");
    missing(refused(lists_permissions(&alice, permissions_of("", &space)).await), "billing");
    missing(refused(lists_resources(&alice, resources_of("", "billing.estimates.get")).await), "billing");
    suite.restart(Service::Billing).await;
    suite.stop(Service::Membership).await;
    missing(refused(lists_resources(&bob, resources_of("", "space.get")).await), "membership");
    missing(refused(lists_resources(&bob, resources_of("", "app.get")).await), "membership");
    missing(refused(lists_permissions(&bob, permissions_of("", &app)).await), "membership");
    missing(refused(lists_subjects(&alice, subjects_with("space.get", &space)).await), "membership");
}

// R-P2
async fn entries_say_why_if_that_is_asked_for(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    for explain in [true, false] {
        let permissions = ListPermissionsRequest { explain, ..permissions_of("", &space) };
        let permissions = lists_permissions(&alice, permissions).await.expect("a list").permissions;
        let subjects = ListSubjectsRequest { explain, ..subjects_with("space.get", &space) };
        let subjects = lists_subjects(&alice, subjects).await.expect("a list").subjects;
        let resources = ListResourcesRequest { explain, ..resources_of("", "space.get") };
        let resources = lists_resources(&alice, resources).await.expect("a list").resources;
        assert!(permissions.len() > 10 && subjects.len() == 1 && resources.len() == 1);
        let why = permissions.into_iter().map(|it| it.explanation);
        let why = why.chain(subjects.into_iter().map(|it| it.explanation));
        for why in why.chain(resources.into_iter().map(|it| it.explanation)) {
            assert_eq!(why.is_some(), explain);
            assert!(why.is_none_or(|why| !why.granted_by.is_empty()));
        }
    }
}
