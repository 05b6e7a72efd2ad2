//! Several questions at once: what they have in common, when their answers end, and what becomes of bad ones.
use devspaces::Service;
use devspaces_tests::{Persona, Suite};
use serde_json::{Value, json};

use crate::acts::{
    authzen::{EVALUATIONS, asks, entity, posts},
    members::{VIEWER, adds_members},
    spaces::NOWHERE,
};

scenarios! {
    both engines:
        what_questions_have_in_common_is_said_once,
        answers_end_where_the_semantic_says,
        a_bad_question_is_denied_with_its_error_and_spoils_no_other,
        a_question_that_can_not_be_decided_is_denied_and_says_why,
        a_request_without_questions_is_itself_one;
}

/// Bob, who may list the members of the space and not add any.
async fn viewer(suite: &Suite) -> (Persona, String) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    (bob, space)
}

fn decisions(answer: &Value) -> Vec<bool> {
    let evaluations = answer["evaluations"].as_array().expect("answers");
    evaluations.iter().map(|it| it["decision"].as_bool().expect("a decision")).collect()
}

fn action(name: &str) -> Value {
    json!({"action": {"name": name}})
}

// The payloads of the specification, with what there is here in place of documents and todos.
async fn what_questions_have_in_common_is_said_once(suite: Suite) {
    let (bob, space) = viewer(&suite).await;
    let request = json!({
        "subject": entity(&bob.name),
        "context": {"time": "2024-05-31T15:22-07:00"},
        "action": {"name": "space.get"},
        "resource": entity(&space),
        "evaluations": [
            {},
            action("members.add"),
            {"resource": entity(NOWHERE), "context": {"source": "override"}},
            {"action": {"name": "space.create"}, "resource": entity("")},
        ],
    });
    let answer = posts(&bob, EVALUATIONS, &request).await.ok();
    assert_eq!(decisions(&answer), [true, false, false, true]);
    assert!(answer.get("decision").is_none(), "{answer}");
    let times: Vec<_> = (0..4).map(|index| &answer["evaluations"][index]["context"]["as_of"]).collect();
    assert!(times.iter().all(|time| time.is_string() && **time == *times[0]), "{times:?}");
}

async fn answers_end_where_the_semantic_says(suite: Suite) {
    let (bob, space) = viewer(&suite).await;
    let ended = async |semantic: &str, actions: [&str; 3]| {
        let request = json!({
            "subject": entity(&bob.name),
            "resource": entity(&space),
            "evaluations": actions.map(action),
            "options": {"evaluations_semantic": semantic, "another_option": "value"},
        });
        decisions(&posts(&bob, EVALUATIONS, &request).await.ok())
    };
    let [may, not] = ["space.get", "members.add"];
    assert_eq!(ended("execute_all", [may, not, may]).await, [true, false, true]);
    assert_eq!(ended("deny_on_first_deny", [may, not, may]).await, [true, false]);
    assert_eq!(ended("deny_on_first_deny", [may, "none", may]).await, [true, false], "an error denies");
    assert_eq!(ended("permit_on_first_permit", [not, may, may]).await, [false, true]);
    assert_eq!(ended("permit_on_first_permit", [not, not, not]).await, [false; 3]);
}

// R-P1, R-P6
async fn a_bad_question_is_denied_with_its_error_and_spoils_no_other(suite: Suite) {
    let (bob, space) = viewer(&suite).await;
    let request = json!({
        "subject": entity(&bob.name),
        "action": {"name": "members.list"},
        "options": {"evaluations_semantic": "execute_all"},
        "evaluations": [
            {"resource": entity(&space)},
            {},
            {"resource": {"type": "document", "id": "1"}},
            {"resource": entity(&space), "action": {"name": "member.list"}},
            {"resource": entity(&space), "subject": entity("users/somebody-else")},
            {"resource": entity(&space)},
        ],
    });
    let answer = posts(&bob, EVALUATIONS, &request).await.ok();
    assert_eq!(decisions(&answer), [true, false, false, false, false, true]);
    for (index, status, reason, field) in [
        (1, 400, "INVALID_FIELD", Some("evaluations[1].resource")),
        (2, 400, "INVALID_FIELD", Some("evaluations[2].resource.type")),
        (3, 400, "PERMISSION_UNKNOWN", Some("evaluations[3].action.name")),
        (4, 403, "PERMISSION_DENIED", None),
    ] {
        let error = &answer["evaluations"][index]["context"]["error"];
        assert_eq!((&error["status"], &error["reason"]), (&json!(status), &json!(reason)), "{error}");
        let told = &error["field_violations"][0]["field"];
        assert_eq!(*told, field.map_or(Value::Null, |field| json!(field)), "{error}");
    }
    let message = answer["evaluations"][3]["context"]["error"]["message"].as_str().expect("a message");
    assert!(message.ends_with("; did you mean \"members.list\"?"), "{message}");
    // Nor if all of them are bad.
    let request = json!({"evaluations": [{}, {}]});
    assert_eq!(decisions(&posts(&bob, EVALUATIONS, &request).await.ok()), [false, false]);
}

// R-P2
async fn a_question_that_can_not_be_decided_is_denied_and_says_why(suite: Suite) {
    let mut suite = suite;
    let (bob, space) = viewer(&suite).await;
    suite.stop(Service::Membership).await;
    let request = json!({"evaluations": [
        asks(&bob.name, "space.create", ""),
        asks(&bob.name, "space.get", &space),
    ]});
    let answer = posts(&bob, EVALUATIONS, &request).await.ok();
    assert_eq!(decisions(&answer), [true, false]);
    let error = &answer["evaluations"][1]["context"]["error"];
    assert_eq!((&error["status"], &error["reason"]), (&json!(503), &json!("FACTS_UNAVAILABLE")));
    // By itself it is the error of the request.
    let single = posts(&bob, EVALUATIONS, &asks(&bob.name, "space.get", &space)).await;
    assert_eq!(single.error(), (503, "FACTS_UNAVAILABLE", vec![]));
    assert_eq!(single.headers["retry-after"], "1");
}

async fn a_request_without_questions_is_itself_one(suite: Suite) {
    let (bob, space) = viewer(&suite).await;
    for (permission, allowed) in [("members.list", true), ("members.add", false)] {
        let mut request = asks(&bob.name, permission, &space);
        let absent = posts(&bob, EVALUATIONS, &request).await.ok();
        request["evaluations"] = json!([]);
        let empty = posts(&bob, EVALUATIONS, &request).await.ok();
        for answer in [absent, empty] {
            assert_eq!(answer["decision"], allowed);
            assert!(answer["context"]["explanation"].is_object() && answer.get("evaluations").is_none());
        }
    }
    let incomplete = posts(&bob, EVALUATIONS, &json!({"subject": entity(&bob.name)})).await;
    assert_eq!(incomplete.error(), (400, "INVALID_FIELD", vec!["action", "resource"]));
}
