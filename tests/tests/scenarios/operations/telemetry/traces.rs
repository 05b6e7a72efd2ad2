//! A request that crosses services is one trace, in spans and in logs.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_proto::{
    authz::v1::CheckPermissionRequest, marketplace::v1::AcceptTermsRequest,
    membership::v1::RemoveMemberRequest, space::v1::ArchiveSpaceRequest,
};
use devspaces_tests::Engine;
use futures::future::join_all;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tonic::{Code, Request};

use super::{Collector, Exported, Observed, servers};
use crate::acts::{
    commands::runs,
    marketplace::acceptance_of_terms,
    members::{DEVELOPER, VIEWER, adds_members},
};

scenarios! {
    both engines:
        a_request_that_crosses_three_services_is_one_trace;
}

const ACCEPT: &str = "devspaces.marketplace.v1.VendorProfileService/AcceptTerms";

/// A filter by which calls that go well are logged as well.
const CALLS_TOO: &str = "info,devspaces_kit=debug";

/// A request that belongs to a trace, below a span of the caller's.
fn traced<T>(message: T, trace: &str, span: &str, flags: &str) -> Request<T> {
    let mut request = Request::new(message);
    let parent = format!("00-{trace}-{span}-{flags}").parse().expect("a traceparent");
    request.metadata_mut().insert("traceparent", parent);
    request
}

/// Every span has a parent among the others, but for those right below the caller's.
fn assert_tree(spans: &[&Exported], root: &str) {
    let ids: BTreeMap<String, &Exported> =
        spans.iter().map(|it| (hex::encode(&it.span.span_id), *it)).collect();
    assert_eq!(ids.len(), spans.len(), "every span has an id of its own");
    let mut roots = 0;
    for it in spans {
        let parent = hex::encode(&it.span.parent_span_id);
        if parent == root {
            assert_eq!(it.span.kind(), SpanKind::Server);
            roots += 1;
            continue;
        }
        let above = ids.get(&parent).unwrap_or_else(|| panic!("no parent: {it:?}"));
        let kinds = (above.span.kind(), it.span.kind());
        let fitting = matches!(
            kinds,
            (SpanKind::Server, SpanKind::Client | SpanKind::Internal) | (SpanKind::Client, SpanKind::Server)
        );
        assert!(fitting, "{kinds:?}");
        assert!(it.span.start_time_unix_nano <= it.span.end_time_unix_nano);
        if kinds.1 == SpanKind::Server {
            assert_ne!(above.service, it.service, "between services");
            assert_eq!(above.attribute("peer.service"), it.service);
            assert_eq!(above.attribute("rpc.method"), it.attribute("rpc.method"));
        }
    }
    assert_eq!(roots, 1, "the caller made one call");
}

async fn a_request_that_crosses_three_services_is_one_trace(engine: Engine) {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const UNSAMPLED: &str = "4bf92f3577b34da6a3ce929d0e0e4737";
    const PREVIEW: &str = "4bf92f3577b34da6a3ce929d0e0e4738";
    const ROOT: &str = "00f067aa0ba902b7";
    let suite = Observed::start(engine, CALLS_TOO).await;
    let alice = suite.processes.user("alice");
    let space = alice.creates_space("Team").await;
    let request = traced(acceptance_of_terms(&space), TRACE, ROOT, "01");
    alice.profiles().accept_terms(request).await.expect("accepted");
    let other = alice.creates_space("Other").await;
    let request = traced(acceptance_of_terms(&other), UNSAMPLED, ROOT, "00");
    alice.profiles().accept_terms(request).await.expect("accepted");
    let preview = ArchiveSpaceRequest { name: space, validate_only: true, ..Default::default() };
    alice.spaces().archive_space(traced(preview, PREVIEW, ROOT, "01")).await.expect("a preview");
    let said = suite.end().await;

    let spans = said.of_trace(TRACE);
    assert_tree(&spans, ROOT);
    let three = BTreeSet::from(["marketplace", "membership", "space"]);
    assert!(servers(&spans).is_superset(&three), "{spans:#?}");
    assert!(said.logged(TRACE).is_superset(&three));
    let first = spans.iter().find(|it| hex::encode(&it.span.parent_span_id) == ROOT).expect("the call");
    assert_eq!((first.span.name.as_str(), first.attribute("rpc.method")), (ACCEPT, ACCEPT));
    assert_eq!(first.attribute("rpc.response.status_code"), "OK");
    assert_eq!((first.service.as_str(), first.attribute("devspaces.caller.kind")), ("marketplace", "user"));
    let below = spans.iter().filter(|it| it.span.kind() == SpanKind::Server && it.span != first.span);
    assert!(below.clone().count() > 1);
    assert!(below.clone().all(|it| it.attribute("devspaces.caller.kind") == "peer"));
    let committed = |trace| -> Vec<bool> {
        let spans = said.of_trace(trace);
        let transactions = spans.iter().filter(|it| it.span.name == "transaction");
        transactions
            .map(|it| {
                assert_eq!(it.span.kind(), SpanKind::Internal);
                it.is_committed()
            })
            .collect()
    };
    assert!(committed(TRACE).contains(&true));
    // One or several: a transaction gives way to others and runs again.
    let preview = committed(PREVIEW);
    assert!(!preview.is_empty() && !preview.contains(&true), "of a preview nothing is committed");

    // Whoever calls decides whether its trace is recorded; it is one trace in the logs all the same.
    assert!(said.of_trace(UNSAMPLED).is_empty());
    assert!(said.logged(UNSAMPLED).is_superset(&three));
    // Calls without a trace begin one.
    let created = said.spans.iter().find(|it| it.span.name.ends_with("SpaceService/CreateSpace"));
    let created = created.expect("the call");
    assert!(created.span.parent_span_id.is_empty() && said.logged(&created.trace()).contains("space"));
    assert!(said.ends.values().all(std::process::ExitStatus::success), "{:?}", said.ends);
}

/// Checks that wait for one another's round trips share calls to the owners of facts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_several_share_is_in_one_trace_and_names_the_others() {
    let suite = Observed::start(Engine::Sqlite, "info").await;
    let alice = suite.processes.user("alice");
    let space = alice.creates_space("Team").await;
    let trace = |number: usize| format!("{:032x}", 0x4bf9_0000 + number);
    let checks = (0..60).map(|number| {
        let request = CheckPermissionRequest {
            permission: "members.add".to_owned(),
            resource: space.clone(),
            ..CheckPermissionRequest::default()
        };
        let request = traced(request, &trace(number), "00f067aa0ba902b7", "01");
        let mut authz = alice.authz();
        async move { assert!(authz.check_permission(request).await.expect("an answer").into_inner().allowed) }
    });
    join_all(checks).await;
    let said = suite.end().await;
    let sent: BTreeSet<String> = (0..60).map(trace).collect();
    for trace in &sent {
        assert_tree(&said.of_trace(trace), "00f067aa0ba902b7");
    }
    let calls =
        said.spans.iter().filter(|it| it.span.kind() == SpanKind::Client && sent.contains(&it.trace()));
    let shared: Vec<_> = calls.filter(|it| !it.span.links.is_empty()).collect();
    assert!(!shared.is_empty(), "none was shared");
    for it in shared {
        let mut all: Vec<String> = it.span.links.iter().map(|link| hex::encode(&link.trace_id)).collect();
        all.push(it.trace());
        let distinct: BTreeSet<_> = all.iter().cloned().collect();
        assert_eq!(distinct.len(), all.len());
        assert!(distinct.is_subset(&sent));
    }
}

/// What a caller is told of a failure is what a trace tells of it, and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_tells_how_its_call_ended() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4738";
    let suite = Observed::start(Engine::Sqlite, "info").await;
    let [alice, bob] = ["alice", "bob"].map(|id| suite.processes.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let removal = RemoveMemberRequest { name: alice.member_of(&space), ..RemoveMemberRequest::default() };
    let request = traced(removal, TRACE, "00f067aa0ba902b7", "01");
    assert_eq!(
        bob.members().remove_member(request).await.expect_err("refused").code(),
        Code::PermissionDenied
    );
    let stranger = suite.processes.bearer(&"users/eve".parse().expect("a name"), "not.a.token");
    assert!(adds_members(&stranger, &space, &[(&bob, VIEWER)]).await.is_err());
    let accept = AcceptTermsRequest { parent: "spaces/none".to_owned(), ..AcceptTermsRequest::default() };
    assert!(alice.profiles().accept_terms(accept).await.is_err());
    let said = suite.end().await;
    let spans = said.of_trace(TRACE);
    assert_tree(&spans, "00f067aa0ba902b7");
    let code = |name: &str, code: &str| {
        let found =
            said.spans.iter().filter(|it| it.span.kind() == SpanKind::Server && it.span.name.ends_with(name));
        assert!(found.clone().any(|it| it.attribute("rpc.response.status_code") == code), "{name} {code}");
        // Refusals are no failures of the service.
        assert!(found.clone().all(|it| it.span.status.as_ref().is_none_or(|status| status.code == 0)));
    };
    code("MembershipService/RemoveMember", "PERMISSION_DENIED");
    code("MembershipService/AddMembers", "UNAUTHENTICATED");
    code("VendorProfileService/AcceptTerms", "INVALID_ARGUMENT");
}

/// Of traces that begin here a share is recorded; of others, whoever began them has decided.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_of_the_traces_that_begin_here_is_recorded_if_the_share_is_none() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4739";
    let (collector, address) = Collector::start().await;
    let endpoint = format!("http://{address}");
    let flags = ["--otlp-endpoint", &endpoint, "--otlp-ratio", "0"];
    let suite = Observed::with(Engine::Sqlite, "info", (collector, &flags)).await;
    let alice = suite.processes.user("alice");
    let space = alice.creates_space("Team").await;
    alice
        .profiles()
        .accept_terms(traced(acceptance_of_terms(&space), TRACE, "00f067aa0ba902b7", "01"))
        .await
        .expect("accepted");
    let said = suite.end().await;
    assert_tree(&said.of_trace(TRACE), "00f067aa0ba902b7");
    assert!(said.spans.iter().all(|it| it.trace() == TRACE), "{:#?}", said.spans);
}

#[tokio::test]
async fn a_collector_or_a_share_that_makes_no_sense_is_refused_at_the_start() {
    for (flag, value) in [
        ("--otlp-endpoint", "collector:4317"),
        // Beyond this machine there is TLS, or `--plaintext otlp`.
        ("--otlp-endpoint", "http://collector:4317"),
        ("--otlp-endpoint", "https://collector:4317/path"),
        ("--otlp-ratio", "1.5"),
        ("--otlp-ratio", "NaN"),
    ] {
        let output = runs(&["dev", flag, value]).await;
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && complained.contains(flag), "{complained}");
    }
}
