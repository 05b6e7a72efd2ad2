//! Questions in batches: each answered as if it were asked by itself, and nobody else kept waiting.
use devspaces::Service;
use devspaces_authz::Permission;
use devspaces_proto::authz::v1::{
    CheckPermissionError, CheckPermissionRequest, CheckPermissionResponse, CheckPermissionResult,
    check_permission_result::Outcome,
};
use devspaces_proto::errors::v1::Reason;
use devspaces_tests::{Persona, Suite, refused};
use futures::future::join_all;
use tonic::Code;
use uuid::Uuid;

use crate::acts::{
    authz::{about, checks_batch},
    members::{DEVELOPER, VIEWER, adds_members},
    spaces::NOWHERE,
};

scenarios! {
    both engines:
        a_batch_answers_each_question_as_a_check_would_and_as_of_one_time,
        a_bad_question_is_refused_and_spoils_no_other,
        a_batch_has_one_to_a_thousand_questions,
        a_question_about_someone_else_is_for_who_may_ask_it,
        a_question_that_can_not_be_decided_names_the_owner_that_is_down_and_others_are_answered,
        many_large_batches_of_one_caller_keep_nobody_elses_check_from_its_answer;
}

fn answered(result: &CheckPermissionResult) -> &CheckPermissionResponse {
    match result.outcome.as_ref().expect("an outcome") {
        Outcome::Response(response) => response,
        Outcome::Error(error) => panic!("refused: {error:?}"),
    }
}

fn failed(result: &CheckPermissionResult) -> &CheckPermissionError {
    match result.outcome.as_ref().expect("an outcome") {
        Outcome::Response(response) => panic!("answered: {response:?}"),
        Outcome::Error(error) => error,
    }
}

fn fields(error: &CheckPermissionError) -> Vec<&str> {
    error.field_violations.iter().map(|violation| violation.field.as_str()).collect()
}

/// Every permission, on the space or on nothing.
fn everything(space: &str, app: &str) -> Vec<CheckPermissionRequest> {
    let on = |permission: Permission| match permission.resource_type() {
        devspaces_authz::ResourceType::Platform => "",
        devspaces_authz::ResourceType::Space => space,
        devspaces_authz::ResourceType::App => app,
    };
    Permission::ALL.into_iter().map(|it| about("", it.name(), on(it))).collect()
}

// R-P5: also with more questions than are asked at once, and the same ones again and again.
async fn a_batch_answers_each_question_as_a_check_would_and_as_of_one_time(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let app = bob.creates_app(&space).await;
    for who in [&alice, &bob] {
        let checks = everything(&space, &app);
        let count = checks.len();
        let checks: Vec<_> = checks.into_iter().cycle().take(1000).collect();
        let results = checks_batch(who, checks.clone()).await.expect("answers");
        assert_eq!(results.len(), 1000);
        let as_of = answered(&results[0]).as_of;
        for (index, (check, result)) in checks.iter().zip(&results).enumerate() {
            let result = answered(result);
            assert_eq!(result.as_of, as_of, "strict answers are of one time");
            if index < count {
                let single = who.check(&check.permission, &check.resource).await.expect("an answer");
                assert_eq!(result.allowed, single.allowed, "{check:?}");
                assert_eq!(result.explanation, single.explanation, "{check:?}");
            } else {
                assert_eq!(result, answered(&results[index - count]), "{check:?}");
            }
        }
    }
}

// R-P5, R-P1
async fn a_bad_question_is_refused_and_spoils_no_other(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let stale = |seconds| CheckPermissionRequest {
        max_staleness: Some(prost_types::Duration { seconds, nanos: 0 }),
        ..about("", "space.get", &space)
    };
    let checks = vec![
        about("", "space.get", &space),
        about("", "member.list", &space),
        about("", "members.list", "spaces/1"),
        about("bob", "app.get", &space),
        about("", "space.create", &space),
        stale(-1),
        stale(60),
        about("", "space.get", NOWHERE),
    ];
    let results = checks_batch(&alice, checks).await.expect("answers");
    for (index, allowed) in [(0, true), (6, true), (7, false)] {
        assert_eq!(answered(&results[index]).allowed, allowed, "checks[{index}]");
    }
    let unknown = failed(&results[1]);
    assert_eq!((unknown.code, unknown.reason()), (Code::InvalidArgument.into(), Reason::PermissionUnknown));
    assert_eq!(fields(unknown), ["checks[1].permission"]);
    assert!(unknown.message.ends_with("; did you mean \"members.list\"?"), "{}", unknown.message);
    assert!(unknown.field_violations[0].description.ends_with("; did you mean \"members.list\"?"));
    assert!(unknown.retry_delay.is_none());
    for (index, paths) in [
        (2, &["checks[2].resource"][..]),
        (3, &["checks[3].subject", "checks[3].resource"]),
        (4, &["checks[4].resource"]),
        (5, &["checks[5].max_staleness"]),
    ] {
        let error = failed(&results[index]);
        assert_eq!((error.code, error.reason()), (Code::InvalidArgument.into(), Reason::InvalidField));
        assert_eq!(fields(error), paths, "checks[{index}]");
    }
}

// R-P5
async fn a_batch_has_one_to_a_thousand_questions(suite: Suite) {
    let alice = suite.user("alice");
    for number in [0, 1001] {
        let refusal = refused(checks_batch(&alice, vec![about("", "space.create", ""); number]).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["checks"]));
    }
    let results = checks_batch(&alice, vec![about("", "space.create", ""); 1000]).await.expect("answers");
    assert!(results.len() == 1000 && results.iter().all(|result| answered(result).allowed));
}

// R-P6
async fn a_question_about_someone_else_is_for_who_may_ask_it(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let checks = vec![
        about(&bob.name, "members.list", &space),
        // Another plane, another space, a plane of nobody.
        about(&bob.name, "billing.invoices.get", &space),
        about(&bob.name, "members.list", NOWHERE),
        about(&bob.name, "space.create", ""),
        about(&alice.name, "members.list", &space),
    ];
    let answers = |results: Vec<CheckPermissionResult>| {
        let answer = |result: &CheckPermissionResult| match result.outcome.as_ref().expect("an outcome") {
            Outcome::Response(response) => Ok(response.allowed),
            Outcome::Error(error) => Err(error.reason()),
        };
        results.iter().map(answer).collect::<Vec<_>>()
    };
    let denied = Err(Reason::PermissionDenied);
    for (who, expected) in [
        (&alice, [Ok(true), denied, denied, denied, Ok(true)]),
        (&bob, [Ok(true), Ok(false), Ok(false), Ok(true), denied]),
        (&mallory, [denied; 5]),
        (&suite.persona("services/other"), [denied; 5]),
        (&suite.persona("services/auditor"), [Ok(true), Ok(false), Ok(false), Ok(true), Ok(true)]),
    ] {
        let results = checks_batch(who, checks.clone()).await.expect("answers");
        assert_eq!(answers(results.clone()), expected, "{}", who.name);
        if who.name == mallory.name {
            // R-P3: what exists and what does not are told alike.
            let (known, missing) = (failed(&results[0]).clone(), failed(&results[2]).clone());
            assert_eq!(known.message.replace(&space, NOWHERE), missing.message);
        }
    }
}

// R-P2
async fn a_question_that_can_not_be_decided_names_the_owner_that_is_down_and_others_are_answered(
    suite: Suite,
) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    suite.stop(Service::Membership).await;
    let checks = vec![about("", "space.create", ""), about("", "space.get", &space)];
    let results = checks_batch(&alice, checks).await.expect("answers");
    assert!(answered(&results[0]).allowed);
    let error = failed(&results[1]);
    assert_eq!((error.code, error.reason()), (Code::Unavailable.into(), Reason::FactsUnavailable));
    assert_eq!(error.metadata["missing"], "membership");
    assert!(error.retry_delay.is_some());
}

/// As many batches as are worked on at once.
const BATCHES: u128 = 128;

/// Batches of which no two ask the same, so that together they ask more than may wait for an owner of facts.
async fn asks_without_end(who: Persona, about_whom: String) {
    let space = |number| format!("spaces/{}", Uuid::from_u128((0x0190_a8d0_7b1c_7def_8000 << 48) | number));
    let ask = |batch: u128| {
        let spaces = (batch * 1000..(batch + 1) * 1000).map(space);
        checks_batch(&who, spaces.map(|space| about(&about_whom, "space.get", &space)).collect())
    };
    loop {
        for answer in join_all((0..BATCHES).map(ask)).await {
            // Who asks for so much may be told to come again.
            if let Err(status) = answer {
                assert_eq!(refused::<()>(Err(status)).kind(), (Code::ResourceExhausted, "CALLER_LIMITED"));
            }
        }
    }
}

// R-P5: as many of a service's calls are worked on at once as may be, each with as many questions as may be.
async fn many_large_batches_of_one_caller_keep_nobody_elses_check_from_its_answer(suite: Suite) {
    let (alice, auditor) = (suite.user("alice"), suite.persona("services/auditor"));
    let space = alice.creates_space("Team").await;
    let attack = tokio::spawn(asks_without_end(auditor, alice.name.clone()));
    for _ in 0..100 {
        assert!(alice.check("space.get", &space).await.expect("an answer").allowed);
    }
    assert!(!attack.is_finished(), "it has ended: {:?}", attack.await);
    attack.abort();
}
