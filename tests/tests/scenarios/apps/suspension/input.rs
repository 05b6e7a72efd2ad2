//! Who suspends, what is refused, and what the journals tell.
use devspaces::Service;
use devspaces_proto::{
    journal::v1::VerifyScopeRequest,
    space::v1::{LiftSuspensionRequest, SuspendAppRequest, SuspendSpaceRequest, standing::Reason},
};
use devspaces_tests::{Suite, refused};
use serde_json::json;
use tonic::Code;

use super::{ABUSE, LEGAL};
use crate::acts::{
    REQUEST_ID,
    journal::{entries_of, json_of, lists_entries},
    refusals::{DENIED, INVALID},
    spaces::NOWHERE,
    suspensions::{lifts, operator, suspends_app, suspends_space, suspension},
};

scenarios! {
    both engines:
        only_whom_the_operator_named_suspends,
        bad_input_to_a_suspension_is_named_by_its_field,
        the_journals_say_who_suspended_what_and_why,
        a_suspension_that_is_repeated_is_the_same_one;
}

const NO_APP: &str = "apps/0190a8d0-7b1c-7def-8000-000000000001";

// R-P8, R-P3
async fn only_whom_the_operator_named_suspends(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    for who in [&alice, &suite.persona("services/other"), &suite.persona("services/runtime")] {
        for name in [&app, NO_APP] {
            assert_eq!(refused(suspends_app(who, name, ABUSE).await).kind(), DENIED, "{name}");
            assert_eq!(refused(lifts(who, name, ABUSE).await).kind(), DENIED, "{name}");
        }
        for name in [&space, NOWHERE] {
            assert_eq!(refused(suspends_space(who, name, ABUSE).await).kind(), DENIED, "{name}");
        }
    }
    // Whoever was named is not told of the space itself.
    assert!(!operator(&suite).may("space.get", &space).await);
}

async fn bad_input_to_a_suspension_is_named_by_its_field(suite: Suite) {
    let (alice, operator) = (suite.user("alice"), operator(&suite));
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    let good = suspension(&app, ABUSE);
    let both = SuspendAppRequest { reason: 0, note: "x".repeat(1001), ..good.clone() };
    let refusal = refused(operator.apps().suspend_app(both).await);
    assert_eq!(refusal.kind(), INVALID);
    assert_eq!(refusal.fields, ["reason", "note"]);
    for reason in [0, 4, 99] {
        let request = SuspendAppRequest { reason, ..good.clone() };
        let refusal = refused(operator.apps().suspend_app(request).await);
        assert_eq!(refusal.kind(), INVALID, "{reason}");
        assert_eq!(refusal.fields, ["reason"], "{reason}");
    }
    for note in ["a\u{202e}b", "4111 1111 1111 1111"] {
        let request = SuspendAppRequest { note: note.to_owned(), ..good.clone() };
        assert_eq!(refused(operator.apps().suspend_app(request).await).fields, ["note"], "{note:?}");
    }
    for name in ["", "spaces/", "users/alice", &app] {
        let request = SuspendSpaceRequest { name: name.to_owned(), reason: 1, ..Default::default() };
        assert_eq!(refused(operator.spaces().suspend_space(request).await).fields, ["name"], "{name}");
    }
    for name in ["", "apps/", "apps/x", "users/alice", &app.to_uppercase()] {
        let request = LiftSuspensionRequest { name: name.to_owned(), reason: 1, ..Default::default() };
        assert_eq!(refused(operator.spaces().lift_suspension(request).await).fields, ["name"], "{name}");
    }
    for refusal in [
        refused(suspends_app(&operator, NO_APP, ABUSE).await),
        refused(lifts(&operator, NO_APP, ABUSE).await),
        refused(suspends_space(&operator, NOWHERE, ABUSE).await),
        refused(lifts(&operator, NOWHERE, ABUSE).await),
    ] {
        assert_eq!(refusal.kind(), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    }
}

// R-P8, R-J1
async fn the_journals_say_who_suspended_what_and_why(suite: Suite) {
    let (alice, operator) = (suite.user("alice"), operator(&suite));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    suspends_app(&operator, &app, ABUSE).await.expect("suspended");
    suspends_space(&operator, &space, LEGAL).await.expect("suspended");
    lifts(&operator, &space, LEGAL).await.expect("lifted");
    let entries = lists_entries(&alice, Service::Space, entries_of(&space)).await;
    let told = entries.iter().filter(|it| it.actor == operator.name).map(|it| {
        let after = json_of(it.after.as_ref().expect("after"));
        (it.method.rsplit('/').next().expect("a method").to_owned(), it.resources[0].clone(), after)
    });
    let told: Vec<_> = told
        .map(|(method, what, it)| (method, what, json!([it["suspended_for"], it["reason"], it["note"]])))
        .collect();
    let expected = [
        ("SuspendApp", &app, json!([["ABUSE"], "ABUSE", "Case 7"])),
        ("SuspendSpace", &space, json!([["LEGAL"], "LEGAL", "Case 7"])),
        ("LiftSuspension", &space, json!([[], "LEGAL", "Case 7"])),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(method, what, told)| (method.to_owned(), what.clone(), told)).collect();
    assert_eq!(told, expected);
    let verified = alice.journal(Service::Space).verify_scope(VerifyScopeRequest { scope: space }).await;
    let verified = verified.expect("verified").into_inner().verifications;
    assert!(!verified.is_empty() && verified.iter().all(|it| it.findings.is_empty()));
}

// R-J5
async fn a_suspension_that_is_repeated_is_the_same_one(suite: Suite) {
    let (alice, operator) = (suite.user("alice"), operator(&suite));
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    let request = SuspendAppRequest { request_id: REQUEST_ID.to_owned(), ..suspension(&app, ABUSE) };
    let first = operator.apps().suspend_app(request.clone()).await.expect("suspended").into_inner();
    lifts(&operator, &app, ABUSE).await.expect("lifted");
    let again = operator.apps().suspend_app(request.clone()).await.expect("answered").into_inner();
    assert_eq!(first, again);
    assert!(suite.persona("services/runtime").may("app.run", &app).await, "nothing was done again");
    let other = SuspendAppRequest { reason: Reason::Legal.into(), ..request };
    assert_eq!(refused(operator.apps().suspend_app(other).await).reason, "REQUEST_ID_REUSED");
}
