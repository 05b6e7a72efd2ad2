//! What traces cost: strict checks without a collector, and with one.
use devspaces_kit::{
    tls::ClientTls,
    trace::{Export, export},
};
use devspaces_proto::authz::v1::CheckPermissionRequest;
use devspaces_tests::{Engine, Persona, Suite};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::load::throughput;

/// Calls under way at once.
const AT_ONCE: usize = 128;
/// How often each is measured, in turn, so that a noisy neighbour disturbs all alike.
const ROUNDS: usize = 5;

/// A collector that throws away what it gets.
struct Collector;

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        _: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A process that exports does so to its end: it is last of all that is measured, and what takes turns is calls whose
/// traces are recorded and calls whose traces are not. The latter differ from calls without a collector by a look at a
/// flag.
pub(crate) async fn run() {
    let suite = Suite::start(Engine::Sqlite).await;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let collector = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(Collector));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let before = checks(&alice, &space, "00").await;
    println!("  strict checks, no collector: {before:.0}/s");
    let to = Export {
        collector: collector.parse().expect("an address"),
        tls: ClientTls::of_the_web().expect("roots"),
        share: 0.0,
        service: "benches".to_owned(),
    };
    export(to).expect("a way to the collector");
    for _ in 0..ROUNDS {
        let not = checks(&alice, &space, "00").await;
        let recorded = checks(&alice, &space, "01").await;
        println!(
            "  strict checks, not recorded: {not:.0}/s; recorded: {recorded:.0}/s, {:.2} of that",
            recorded / not
        );
    }
}

/// Checks of a trace that is recorded, or is not.
async fn checks(who: &Persona, space: &str, flags: &'static str) -> f64 {
    let question = CheckPermissionRequest {
        permission: "space.get".into(),
        resource: space.to_owned(),
        ..Default::default()
    };
    let client = who.authz();
    throughput(AT_ONCE, move |caller| {
        let (mut client, mut request) = (client.clone(), Request::new(question.clone()));
        let parent = format!("00-{:032x}-00f067aa0ba902b7-{flags}", caller + 1);
        request.metadata_mut().insert("traceparent", parent.parse().expect("a traceparent"));
        async move { assert!(client.check_permission(request).await.expect("an answer").into_inner().allowed) }
    })
    .await
}
