use tonic::{Code, server::NamedService as _};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{
    v1::{
        self, server_reflection_client::ServerReflectionClient, server_reflection_response::MessageResponse,
    },
    v1alpha,
};

use super::probe::{Probe, of, start, told};

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
