use std::{collections::BTreeSet, pin::pin};

use devspaces_proto::health::v1::{
    HealthCheckRequest, HealthListRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic::{Code, server::NamedService as _};
use tonic_reflection::pb::{
    v1::{
        self, server_reflection_client::ServerReflectionClient, server_reflection_response::MessageResponse,
    },
    v1alpha,
};

use super::{
    super::{Limits, open},
    probe::{ASK, Probe, of, over_http1_to, start, start_with, told},
    wire::{Wire, framed},
};

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

#[tokio::test]
async fn anyone_may_ask_for_health_of_the_port_and_of_each_service() {
    let running = start(Probe::says(Ok(""))).await;
    let mut health = HealthClient::new(running.channel.clone());
    for service in ["", Probe::NAME] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.expect("an answer");
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    }
    let unknown = health.check(HealthCheckRequest { service: "x".into() }).await.expect_err("an error");
    assert_eq!(told(Err(unknown)), of(Code::NotFound, "RESOURCE_NOT_FOUND"));
    let all = health.list(HealthListRequest {}).await.expect("an answer").into_inner().statuses;
    assert!(all.values().all(|health| health.status() == ServingStatus::Serving));
    assert_eq!(all.into_keys().collect::<BTreeSet<_>>(), BTreeSet::from([String::new(), Probe::NAME.into()]));
}

// gRPC, "Health checking": the service may come to be known, so the stream goes on.
#[tokio::test]
async fn a_watch_of_an_unknown_service_says_so_and_goes_on() {
    let running = start(Probe::says(Ok(""))).await;
    let mut health = HealthClient::new(running.channel.clone());
    let request = HealthCheckRequest { service: "x".into() };
    let mut watch = health.watch(request).await.expect("a stream").into_inner();
    let first = watch.message().await.expect("an answer").expect("an answer");
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
    let next = pin!(watch.message());
    assert!(futures::poll!(next).is_pending());
}

#[tokio::test]
async fn what_is_open_takes_small_messages_only() {
    let running = start(Probe::says(Ok(""))).await;
    let mut wire = Wire::to(&running).await;
    let fits = wire.ask(CHECK, &[], framed(0, &name(open::MESSAGE_LIMIT))).await;
    assert_eq!(fits.code(), "5", "there is no such service");
    for path in [CHECK, WATCH] {
        let large = wire.ask(path, &[], framed(0, &name(open::MESSAGE_LIMIT + 1))).await;
        assert_eq!(large.code(), "8", "{path}");
    }
    // The library's reflection ends a stream whose questions it can't read without a word.
    let large = wire.ask(REFLECTION, &[], framed(0, &name(open::MESSAGE_LIMIT + 1))).await;
    assert!(large.body.is_empty());
}

#[tokio::test]
async fn strangers_have_few_streams_on_a_connection_and_health_is_answered_beside_them() {
    let limits = Limits { open_calls_per_connection: 2, ..Limits::default() };
    let running = start_with(Probe::says(Ok("")), limits).await;
    let mut wire = Wire::to(&running).await;
    let mut watches = Vec::new();
    for _ in 0..2 {
        watches.push(wire.begin(WATCH, &[], framed(0, b"")).await.expect("a stream"));
    }
    for path in [WATCH, REFLECTION] {
        let refused = wire.ask(path, &[], framed(0, b"")).await;
        assert_eq!(
            (refused.code(), &refused.headers["grpc-retry-pushback-ms"]),
            ("8", &"1000".parse().expect("ms"))
        );
    }
    assert_eq!(wire.ask(CHECK, &[], framed(0, b"")).await.code(), "0");
    assert_eq!(
        wire.ask(ASK, &[], framed(0, b"")).await.code(),
        "0",
        "whoever says who they are has other limits"
    );
    let mut other = Wire::to(&running).await;
    watches.push(other.begin(WATCH, &[], framed(0, b"")).await.expect("a stream"));
    drop(watches);
    while wire.ask(REFLECTION, &[], framed(0, b"")).await.code() == "8" {}
}

#[tokio::test]
async fn a_stream_ends_at_the_deadline_that_its_client_set() {
    let running = start(Probe::says(Ok(""))).await;
    let mut wire = Wire::to(&running).await;
    let watched = wire.ask(WATCH, &[("grpc-timeout", "50m")], framed(0, b"")).await;
    assert_eq!((watched.code(), &watched.body[..]), ("4", &framed(0, b"\x08\x01")[..]));
    assert!(watched.trailers.contains_key("grpc-status-details-bin"));
}

// No token, and what is not base64: it must not count as our defect.
#[tokio::test]
async fn a_body_that_is_not_even_base64_is_the_clients_fault() {
    let running = start(Probe::says(Ok(""))).await;
    for body in ["!", "AAAA!", "AAAAAAlB", "AAAAAA"] {
        let answer = over_http1_to(&running, CHECK, body, "").await;
        assert!(
            answer.contains("grpc-status: 3\r\n") && answer.contains("grpc-status-details-bin: "),
            "{answer}"
        );
    }
}

/// The name of a service, in a request of so many bytes: a tag, a length in two bytes, and a text.
fn name(length: usize) -> Vec<u8> {
    let request = HealthCheckRequest { service: "x".repeat(length - 3) };
    let bytes = prost::Message::encode_to_vec(&request);
    assert_eq!(bytes.len(), length);
    bytes
}

#[tokio::test]
async fn anyone_may_read_what_the_port_serves_in_both_versions_of_reflection() {
    let running = start(Probe::says(Ok(""))).await;
    let list = v1::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = v1::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut client = ServerReflectionClient::new(running.channel.clone());
    let mut answers =
        client.server_reflection_info(tokio_stream::once(request)).await.expect("a stream").into_inner();
    let answer = answers.message().await.expect("an answer").and_then(|answer| answer.message_response);
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("a list") };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&Probe::NAME) && names.contains(&"grpc.health.v1.Health"), "{names:?}");
    assert!(!names.contains(&"devspaces.space.v1.SpaceService"), "only what is served here");

    let symbol = "devspaces.space.v1.SpaceService".to_owned();
    let symbol = v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(symbol);
    let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(symbol) };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(running.channel.clone());
    let mut answers =
        client.server_reflection_info(tokio_stream::once(request)).await.expect("a stream").into_inner();
    assert!(answers.message().await.expect("an answer").is_some());
}
