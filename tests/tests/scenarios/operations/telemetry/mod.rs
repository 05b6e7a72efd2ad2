//! What the suite says of itself while it runs: lines of the log, spans, metrics.
mod collector_down;
mod quiet;
mod secrets;
mod traces;
mod unread;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    net::SocketAddr,
    process::ExitStatus,
    sync::{Arc, Mutex},
    time::Duration,
};

use devspaces::Service;
use devspaces_tests::{
    Engine,
    engine::{Databases, temporary_folder},
    process::{Processes, start_until},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, Span, span::SpanKind},
};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    time::timeout,
};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// Longer than a process takes to end, on any machine.
const LONG: Duration = Duration::from_mins(1);

/// A collector of spans.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ResourceSpans>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().expect("spans").extend(request.into_inner().resource_spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let collector = Self::default();
        let server =
            tonic::transport::Server::builder().add_service(TraceServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (collector, address)
    }
}

/// A span, with the name of the service whose it is.
#[derive(Clone, Debug)]
struct Exported {
    service: String,
    span: Span,
}

impl Exported {
    fn trace(&self) -> String {
        hex::encode(&self.span.trace_id)
    }

    fn attribute(&self, key: &str) -> &str {
        text(&self.span.attributes, key)
    }

    fn is_committed(&self) -> bool {
        let committed = self.span.attributes.iter().find(|attribute| attribute.key == "devspaces.committed");
        let value = committed.and_then(|attribute| attribute.value.as_ref()?.value.as_ref());
        matches!(value, Some(Value::BoolValue(true)))
    }
}

/// The text of an attribute, empty if there is none.
fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let attribute = attributes.iter().find(|attribute| attribute.key == key);
    match attribute.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

/// The suite in processes of its own that say as much as they can.
struct Observed {
    processes: Processes,
    metrics: BTreeMap<Service, SocketAddr>,
    running: BTreeMap<Service, Child>,
    collector: Collector,
    logs: TempDir,
}

/// All that they have said by their end.
struct Said {
    spans: Vec<Exported>,
    /// Each span whole, as the collector got it.
    raw: String,
    logs: BTreeMap<Service, String>,
    ends: BTreeMap<Service, ExitStatus>,
}

impl Observed {
    /// A suite with this log filter, that exports to a collector.
    async fn start(engine: Engine, filter: &str) -> Self {
        let (collector, address) = Collector::start().await;
        Self::with(engine, filter, (collector, &["--otlp-endpoint", &format!("http://{address}")])).await
    }

    async fn with(engine: Engine, filter: &str, (collector, flags): (Collector, &[&str])) -> Self {
        let processes = Processes::with(Databases::create(engine).await).await;
        let logs = temporary_folder();
        let (metrics, running) = (BTreeMap::new(), BTreeMap::new());
        let mut observed = Self { processes, metrics, running, collector, logs };
        for service in Service::ALL {
            let mut command = observed.processes.command(service);
            command
                .args(["--log", filter, "--metrics-listen", "127.0.0.1:0"])
                .args(flags)
                .stderr(File::create(observed.log(service)).expect("a file"));
            let (child, _, said) = start_until(&mut command, "/metrics").await;
            let port = said.split("http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
            observed.metrics.insert(service, port.unwrap_or_else(|| panic!("no port in: {said}")));
            observed.running.insert(service, child);
        }
        observed
    }

    fn log(&self, service: Service) -> std::path::PathBuf {
        self.logs.path().join(service.name())
    }

    /// Asks a process to end, by `SIGTERM`.
    async fn ask_to_end(child: &Child) {
        let id = child.id().expect("it runs").to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill");
        assert!(told.success());
    }

    /// Ends one process in order.
    async fn stop(&mut self, service: Service) {
        let mut child = self.running.remove(&service).expect("it runs");
        Self::ask_to_end(&child).await;
        assert!(child.wait().await.expect("an end").success());
    }

    /// Ends every process in order.
    async fn end(mut self) -> Said {
        let mut ends = BTreeMap::new();
        for child in self.running.values() {
            Self::ask_to_end(child).await;
        }
        for (service, child) in &mut self.running {
            let end = timeout(LONG, child.wait()).await.expect("it ends by itself");
            ends.insert(*service, end.expect("an end"));
        }
        let log = |service| (service, fs::read_to_string(self.log(service)).expect("its log"));
        let logs = Service::ALL.map(log).into();
        let groups = std::mem::take(&mut *self.collector.0.lock().expect("spans"));
        let raw = format!("{groups:?}");
        let spans = groups.into_iter().flat_map(|group| {
            let resource = group.resource.unwrap_or_default();
            let service = text(&resource.attributes, "service.name").to_owned();
            let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.map(move |span| Exported { service: service.clone(), span })
        });
        Said { spans: spans.collect(), raw, logs, ends }
    }
}

impl Said {
    fn of_trace(&self, trace: &str) -> Vec<&Exported> {
        self.spans.iter().filter(|span| span.trace() == trace).collect()
    }

    /// The services in whose logs there is a line of a call of this trace.
    fn logged(&self, trace: &str) -> BTreeSet<&'static str> {
        let tells = |log: &&String| {
            log.lines().any(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
                line["code"].is_string() && line["trace_id"] == trace
            })
        };
        self.logs.iter().filter(|(_, log)| tells(log)).map(|(service, _)| service.name()).collect()
    }
}

/// The services that answered calls in these spans.
fn servers<'a>(spans: &[&'a Exported]) -> BTreeSet<&'a str> {
    let answered = spans.iter().filter(|it| it.span.kind() == SpanKind::Server);
    answered.map(|it| it.service.as_str()).collect()
}
