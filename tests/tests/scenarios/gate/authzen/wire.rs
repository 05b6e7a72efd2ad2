//! The API as it is on the wire: HTTP/1.1, names of requests, and where it says that it is.
use std::net::SocketAddr;

use devspaces::Service;
use devspaces_tests::Suite;
use serde_json::{Value, json};
use tonic::codegen::http::Request;

use crate::acts::{
    authzen::{EVALUATION, asks, posts, sends},
    http::http_answers,
};

scenarios! {
    both engines:
        several_requests_go_over_one_connection_of_http_1,
        an_answer_has_the_name_of_its_request,
        the_metadata_is_of_the_port_that_was_asked;
}

fn port(suite: &Suite) -> SocketAddr {
    let address = suite.addresses(Service::Space)[0].authority().expect("an authority").to_string();
    address.parse().expect("an address")
}

async fn several_requests_go_over_one_connection_of_http_1(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let request = |authorization: &str, body: &str, last: bool| {
        let connection = if last { "close" } else { "keep-alive" };
        format!(
            "POST {EVALUATION} HTTP/1.1\r\nHost: pdp\r\nContent-Type: application/json\r\n\
             Authorization: {authorization}\r\nConnection: {connection}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let allowed = asks(&alice.name, "members.add", &space).to_string();
    let requests = [
        request(alice.authorization(), &allowed, false),
        request(alice.authorization(), "{", false),
        request("Bearer x", &allowed, false),
        request(alice.authorization(), &allowed, true),
    ];
    let answers = http_answers(port(&suite), &requests.concat()).await;
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "400", "401", "200"], "{answers}");
    assert_eq!(answers.matches("{\"decision\":true,").count(), 2, "{answers}");
}

async fn an_answer_has_the_name_of_its_request(suite: Suite) {
    let alice = suite.user("alice");
    let id = "bfe9eb29-ab87-4ca3-be83-a1d5d8305716";
    let question = asks(&alice.name, "space.create", "").to_string();
    for (authorization, body, status) in
        [(alice.authorization(), &*question, 200), (alice.authorization(), "{", 400), ("Bearer x", "{", 401)]
    {
        let request = Request::post(EVALUATION)
            .header("content-type", "application/json")
            .header("authorization", authorization)
            .header("x-request-id", id);
        let answer = sends(&suite, Service::Space, request.body(body.to_owned()).expect("a request")).await;
        assert_eq!(
            (answer.status, &answer.headers["x-request-id"]),
            (status, &id.parse().expect("a header"))
        );
    }
    let without = posts(&alice, EVALUATION, &asks(&alice.name, "space.create", "")).await;
    assert!(!without.headers.contains_key("x-request-id"), "{without:?}");
}

async fn the_metadata_is_of_the_port_that_was_asked(suite: Suite) {
    let alice = suite.user("alice");
    let path = "/.well-known/authzen-configuration";
    for service in Service::ALL {
        let request = Request::get(path).body(String::new()).expect("a request");
        let metadata = sends(&suite, service, request).await.ok();
        let base = format!("{}", suite.addresses(service)[0]);
        assert_eq!(metadata["policy_decision_point"], base.trim_end_matches('/'));
        let evaluation = metadata["access_evaluation_endpoint"].as_str().expect("a URL");
        assert_eq!(evaluation, format!("{}{EVALUATION}", base.trim_end_matches('/')));
    }
    // Behind a proxy that speaks TLS, as its clients see it.
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: pdp.example.com\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
    );
    let answer = http_answers(port(&suite), &request).await;
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    let metadata: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(metadata["policy_decision_point"], "https://pdp.example.com");
    assert_eq!(metadata["search_action_endpoint"], "https://pdp.example.com/access/v1/search/action");
    // Who may ask there is not told by it.
    let question = json!({"subject": {"type": "user", "id": alice.id()}});
    assert_eq!(posts(&alice, EVALUATION, &question).await.status, 400);
}
