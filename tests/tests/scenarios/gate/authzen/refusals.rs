//! Who is not answered, and what is not: the errors of gRPC, in HTTP and in the words of the request.
use devspaces::Service;
use devspaces_kit::server::MESSAGE_LIMIT;
use devspaces_tests::Suite;
use serde_json::json;
use tonic::codegen::http::Request;

use crate::acts::{
    authzen::{ACTIONS, EVALUATION, EVALUATIONS, RESOURCES, SUBJECTS, asks, entity, posts, sends},
    members::{VIEWER, adds_members},
    spaces::NOWHERE,
};

scenarios! {
    both engines:
        without_a_valid_token_nothing_is_told,
        questions_about_others_are_for_who_may_ask_them,
        what_is_wrong_with_a_request_is_told_by_its_path,
        what_is_no_json_is_told_so;
}

const ALL: [&str; 5] = [EVALUATION, EVALUATIONS, SUBJECTS, RESOURCES, ACTIONS];

async fn without_a_valid_token_nothing_is_told(suite: Suite) {
    for path in ALL {
        let post = || Request::post(path).header("content-type", "application/json");
        // Nor what is wrong with the request.
        let request = post().body("{".to_owned()).expect("a request");
        let answer = sends(&suite, Service::Space, request).await;
        assert_eq!(answer.error(), (401, "CREDENTIALS_MISSING", vec![]));
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        let request = post().header("authorization", "Bearer x").body("{".to_owned()).expect("a request");
        let answer = sends(&suite, Service::Space, request).await;
        assert_eq!(answer.error(), (401, "CREDENTIALS_INVALID", vec![]));
        assert_eq!(answer.headers["www-authenticate"], "Bearer error=\"invalid_token\"");
    }
}

// R-P3, R-P6
async fn questions_about_others_are_for_who_may_ask_them(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let question = asks(&bob.name, "members.list", &space);
    for who in [&alice, &bob, &suite.persona("services/auditor")] {
        assert_eq!(posts(who, EVALUATION, &question).await.ok()["decision"], true, "{}", who.name);
    }
    let denied = (403, "PERMISSION_DENIED", vec![]);
    let there = posts(&mallory, EVALUATION, &question).await;
    let nowhere = posts(&mallory, EVALUATION, &asks(&bob.name, "members.list", NOWHERE)).await;
    assert_eq!((there.error(), nowhere.error()), (denied.clone(), denied.clone()));
    assert_eq!(there.body.to_string().replace(&space, NOWHERE), nowhere.body.to_string());
    for path in [SUBJECTS, RESOURCES, ACTIONS] {
        assert_eq!(posts(&mallory, path, &question).await.error(), denied, "{path}");
    }
}

// R-P1
async fn what_is_wrong_with_a_request_is_told_by_its_path(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let asked = async |path: &str, body| posts(&alice, path, &body).await;
    let empty = asked(EVALUATION, json!({})).await;
    assert_eq!(empty.error(), (400, "INVALID_FIELD", vec!["subject", "action", "resource"]));
    let missing = json!({"subject": {"type": "user"}, "action": {}, "resource": {"id": "1"}});
    let missing = asked(EVALUATION, missing).await;
    assert_eq!(missing.error(), (400, "INVALID_FIELD", vec!["subject.id", "action.name", "resource.type"]));
    let mut kinds = asks(&alice.name, "members.list", &space);
    kinds["subject"]["type"] = json!("group");
    kinds["resource"]["type"] = json!("app");
    let kinds = asked(EVALUATION, kinds).await;
    assert_eq!(kinds.error(), (400, "INVALID_FIELD", vec!["subject.type", "resource.type"]));
    let unknown = asked(EVALUATION, asks(&alice.name, "member.list", &space)).await;
    assert_eq!(unknown.error(), (400, "PERMISSION_UNKNOWN", vec!["action.name"]));
    let message = unknown.body["error"]["message"].as_str().expect("a message");
    assert!(message.ends_with("; did you mean \"members.list\"?"), "{message}");
    // What the method finds, too.
    let on_nothing = asked(RESOURCES, asks(&alice.name, "space.create", "")).await;
    assert_eq!(on_nothing.error(), (400, "INVALID_FIELD", vec!["action.name"]));
    let many = vec![json!({"resource": entity(&space)}); 1001];
    let many = asked(EVALUATIONS, json!({"evaluations": many})).await;
    assert_eq!(many.error(), (400, "INVALID_FIELD", vec!["evaluations"]));
}

async fn what_is_no_json_is_told_so(suite: Suite) {
    let alice = suite.user("alice");
    let sent = async |kind: &str, body: String| {
        let request = Request::post(EVALUATION)
            .header("content-type", kind)
            .header("authorization", alice.authorization());
        sends(&suite, Service::Space, request.body(body).expect("a request")).await
    };
    let json = "application/json";
    let malformed = sent(json, "{\"subject\": nobody}".to_owned()).await;
    assert_eq!(malformed.error(), (400, "MESSAGE_MALFORMED", vec![]));
    let message = malformed.body["error"]["message"].as_str().expect("a message");
    assert!(message.ends_with(" at line 1 column 14") && !message.contains("nobody"), "{message}");
    assert_eq!(sent(json, String::new()).await.error().0, 400);
    assert_eq!(sent(json, "[]".to_owned()).await.error().0, 400);
    let large = sent(json, format!("{{\"context\": \"{}\"}}", "x".repeat(MESSAGE_LIMIT))).await;
    assert_eq!(large.error(), (413, "MESSAGE_TOO_LARGE", vec![]));
    assert_eq!(sent("text/plain", "{}".to_owned()).await.status, 415);
    assert_eq!(sent("application/json; charset=utf-8", "{}".to_owned()).await.status, 400);
    let gotten = Request::get(EVALUATION).body(String::new()).expect("a request");
    let gotten = sends(&suite, Service::Space, gotten).await;
    assert_eq!((gotten.status, &gotten.headers["allow"]), (405, &"POST".parse().expect("a header")));
}
