//! The AuthZEN API: the same answers as over gRPC, to the same callers.
mod evaluations;
mod refusals;
mod searches;
mod wire;

use devspaces::Service;
use devspaces_authz::{Permission, ResourceType};
use devspaces_proto::authz::v1::{CheckPermissionResponse, RoleGrant};
use devspaces_tests::Suite;
use serde_json::{Value, json};

use crate::{
    acts::{
        authz::{about, checks_batch},
        authzen::{EVALUATION, EVALUATIONS, asks, posts, posts_to},
        members::{DEVELOPER, VIEWER, adds_members, removes_member},
    },
    rounds::rounds,
};

scenarios! {
    everywhere:
        a_decision_is_that_of_the_gate_and_says_why,
        a_revocation_is_seen_by_the_next_evaluation_on_every_service;
    both engines:
        what_no_permission_depends_on_changes_no_decision;
}

/// What is told of some roles, in JSON.
fn roles(grants: &[RoleGrant]) -> Value {
    let grant = |grant: &RoleGrant| {
        let mut told = json!({"role": grant.role().as_str_name(), "plane": grant.plane().as_str_name()});
        for (name, phrase) in [("condition", &grant.condition), ("via", &grant.via)] {
            if !phrase.is_empty() {
                told[name] = json!(phrase);
            }
        }
        told
    };
    json!(grants.iter().map(grant).collect::<Vec<_>>())
}

/// That a decision in JSON is this one.
#[track_caller]
fn is_same(told: &Value, response: &CheckPermissionResponse) {
    assert_eq!(told["decision"], response.allowed, "{told}");
    let why = response.explanation.as_ref().expect("an explanation");
    let explanation = &told["context"]["explanation"];
    let mut expected = json!({});
    for (name, list) in [
        ("granted_by", roles(&why.granted_by)),
        ("would_be_granted_by", roles(&why.would_be_granted_by)),
        ("unmet_conditions", json!(why.unmet_conditions)),
        ("missing_facts", json!(why.missing_facts)),
        ("preconditions", json!(why.preconditions)),
    ] {
        if list != json!([]) {
            expected[name] = list;
        }
    }
    assert_eq!(*explanation, expected);
    assert!(told["context"]["as_of"].as_str().is_some_and(|time| time.ends_with('Z')), "{told}");
}

// R-P2, R-P5
async fn a_decision_is_that_of_the_gate_and_says_why(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let app = bob.creates_app(&space).await;
    for who in [&alice, &bob] {
        let (mut evaluations, mut checks) = (Vec::new(), Vec::new());
        for permission in Permission::ALL {
            let on = match permission.resource_type() {
                ResourceType::Platform => "",
                ResourceType::Space => &space,
                ResourceType::App => &app,
            };
            let question = asks(&who.name, permission.name(), on);
            let single = who.check(permission.name(), on).await.expect("an answer");
            is_same(&posts(who, EVALUATION, &question).await.ok(), &single);
            checks.push(about(&who.name, permission.name(), on));
            evaluations.push(question);
        }
        let told = posts(who, EVALUATIONS, &json!({"evaluations": evaluations})).await.ok();
        let told = told["evaluations"].as_array().expect("decisions").clone();
        let results = checks_batch(who, checks).await.expect("answers");
        assert_eq!(told.len(), results.len());
        for (told, single) in told.iter().zip(&evaluations) {
            let single = posts(who, EVALUATION, single).await.ok();
            assert_eq!(told["decision"], single["decision"]);
            assert_eq!(told["context"]["explanation"], single["context"]["explanation"]);
        }
    }
}

// R-P4
async fn a_revocation_is_seen_by_the_next_evaluation_on_every_service(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let question = asks(&bob.name, "members.list", &space);
    let decision =
        async |service| posts_to(service, &bob, EVALUATION, &question).await.ok()["decision"].clone();
    for _ in 0..rounds(10) {
        adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        for service in Service::ALL {
            assert_eq!(decision(service).await, true, "{service}");
        }
        removes_member(&alice, &space, &bob).await.expect("removed");
        for service in Service::ALL {
            assert_eq!(decision(service).await, false, "{service}");
        }
    }
}

async fn what_no_permission_depends_on_changes_no_decision(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let mut question = asks(&alice.name, "members.add", &space);
    let expected = posts(&alice, EVALUATION, &question).await.ok();
    question["subject"]["properties"] = json!({"department": "Sales", "roles": ["viewer"]});
    question["action"]["properties"] = json!({"method": "GET"});
    question["resource"]["properties"] = json!({"ownerID": "rick@the-citadel.com"});
    question["context"] = json!({"time": "1985-10-26T01:22-07:00", "ip": "192.168.1.1"});
    question["futureField"] = json!({"nested": true});
    let told = posts(&alice, EVALUATION, &question).await.ok();
    assert_eq!(told["decision"], true);
    assert_eq!(told["context"]["explanation"], expected["context"]["explanation"]);
}
