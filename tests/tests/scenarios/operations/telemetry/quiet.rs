//! What a default installation logs: what an operator has to know, in a few lines, however much is called.
use std::collections::BTreeMap;

use devspaces::Service;
use devspaces_kit::{name::Principal, server::health, telemetry::DEFAULT_FILTER};
use devspaces_proto::space::v1::{GetSpaceRequest, ListSpacesRequest};
use devspaces_tests::{Engine, Persona};
use serde_json::Value;
use tonic::transport::Endpoint;

use super::Observed;

/// As many lines as a terminal shows at once.
const SCREEN: usize = 50;
/// A busy minute, in which a service is probed, called, and called by who may not.
const CALLS: u64 = 200;

/// A space that there is not, to whoever asks.
async fn is_denied(who: &Persona, space: &str) {
    let request = GetSpaceRequest { name: space.to_owned() };
    who.spaces().get_space(request).await.expect_err("denied");
}

async fn is_busy(suite: &Observed) {
    let alice = suite.processes.user("alice");
    let space = alice.creates_space("Team").await;
    let bob = suite.processes.user("bob");
    let metering = suite.processes.persona(&Principal::service("metering"));
    let nobody = suite.processes.bearer(&Principal::user("nobody"), "no-token");
    let port = Endpoint::from_shared(suite.processes.address(Service::Space)).expect("an address");
    let port = port.connect().await.expect("a connection");
    for _ in 0..CALLS {
        health(port.clone()).await.expect("an answer");
        alice.spaces().list_spaces(ListSpacesRequest::default()).await.expect("a list");
        is_denied(&bob, &space).await;
        is_denied(&nobody, &space).await;
    }
    is_denied(&metering, &space).await;
}

/// How many calls the log tells of, by reason: those that have a line, and those left out.
fn refused(lines: &[Value]) -> BTreeMap<String, u64> {
    let mut refused = BTreeMap::<String, u64>::new();
    for line in lines {
        if line["message"] == "refused" {
            *refused.entry(line["reason"].as_str().expect("a reason").to_owned()).or_default() += 1;
        }
        if let Some(reason) = line["like"].as_str().and_then(|like| like.split("reason=").nth(1)) {
            let reason = reason.split(' ').next().expect("a reason").to_owned();
            *refused.entry(reason).or_default() += line["lines"].as_u64().expect("a number");
        }
    }
    refused
}

/// The log of a busy minute fits on a screen, and has every refusal in it, with its reason and the kind of its caller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_default_installation_logs_in_a_busy_minute_fits_on_a_screen() {
    let suite = Observed::start(Engine::Sqlite, DEFAULT_FILTER).await;
    is_busy(&suite).await;
    let logs = suite.end().await.logs;
    for (service, log) in &logs {
        assert!(log.lines().count() <= SCREEN, "{service}: {log}");
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).expect("an object");
            assert_eq!(line["service"], service.name());
            assert!(line["version"].is_string(), "{line}");
        }
    }
    let log = &logs[&Service::Space];
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let refused = refused(&lines);
    let expected = [("CREDENTIALS_INVALID", CALLS), ("PERMISSION_DENIED", CALLS + 1)];
    assert_eq!(refused.iter().map(|(reason, calls)| (reason.as_str(), *calls)).collect::<Vec<_>>(), expected);
    let service = lines.iter().find(|line| line["caller"] == "service").expect("the service's refusal");
    assert_eq!(service["caller_name"], "metering");
    assert_eq!(service["method"], "devspaces.space.v1.SpaceService/GetSpace");
    assert!(lines.iter().any(|line| line["caller"] == "user"), "{log}");
    assert!(!log.contains("bob"), "people are not named: {log}");
}
