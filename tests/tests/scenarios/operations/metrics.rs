//! What Prometheus is told: everything that an operator has to know, and nothing about anybody.

#![expect(clippy::float_cmp, reason = "what is counted is whole numbers")]
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use devspaces::{Service, metrics};
use devspaces_kit::{metrics::Kind, name::Principal};
use devspaces_proto::authz::v1::CheckPermissionRequest;
use devspaces_tests::{
    Engine, Persona,
    engine::Databases,
    process::{Processes, start_until},
    reflection::Raw,
    refused,
    suite::eventually,
};
use prost::bytes::Bytes;
use tonic::{Code, Request, client::Grpc, codegen::http::uri::PathAndQuery};

use crate::acts::{
    apps::creates_app,
    http::http_answer,
    members::{DEVELOPER, VIEWER, adds_members, lists_members, removes_member},
};

scenarios! {
    both engines:
        calls_questions_and_connections_are_counted,
        no_number_tells_of_anybody,
        effects_that_wait_are_told_until_they_are_delivered;
}

/// Every sample by its name and labels: `devspaces_database_up{service="space"}`.
struct Scrape {
    text: String,
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    async fn of(port: SocketAddr) -> Self {
        let answer = http_answer(port, "GET /metrics").await;
        let (head, text) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("application/openmetrics-text"), "{head}");
        assert!(text.contains("# EOF"), "{text}");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            (name.to_owned(), value.parse().expect("a number"))
        };
        Self { samples: samples.map(sample).collect(), text: text.to_owned() }
    }

    /// A sample; 0 if there is none.
    fn get(&self, name: &str) -> f64 {
        self.samples.get(name).copied().unwrap_or_default()
    }

    /// Calls of a method that ended with a code.
    fn calls(&self, method: &str, code: &str) -> f64 {
        self.get(&format!("devspaces_grpc_calls_total{{method=\"{method}\",code=\"{code}\"}}"))
    }

    fn undelivered(&self, service: Service) -> (f64, f64) {
        let of = |name: &str| self.get(&format!("devspaces_outbox_{name}{{service=\"{service}\"}}"));
        (of("undelivered_effects"), of("oldest_effect_age_seconds"))
    }
}

/// The suite with a port for metrics beside each service's.
struct Measured {
    processes: Processes,
    ports: BTreeMap<Service, SocketAddr>,
}

impl Measured {
    async fn start(engine: Engine) -> Self {
        let processes = Processes::with(Databases::create(engine).await).await;
        let mut measured = Self { processes, ports: BTreeMap::new() };
        for service in Service::ALL {
            measured.run(service).await;
        }
        measured
    }

    async fn run(&mut self, service: Service) {
        let mut command = self.processes.command(service);
        command.args(["--metrics-listen", "127.0.0.1:0"]);
        let (child, _, said) = start_until(&mut command, "/metrics").await;
        let port = said.split("http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
        self.ports.insert(service, port.unwrap_or_else(|| panic!("no port in: {said}")));
        self.processes.started(service, child);
    }

    async fn scrape(&self, service: Service) -> Scrape {
        Scrape::of(self.ports[&service]).await
    }

    /// What one service tells, once it tells this.
    async fn once(&self, service: Service, told: impl Fn(&Scrape) -> bool) -> Scrape {
        eventually(async || Some(self.scrape(service).await).filter(|scrape| told(scrape))).await
    }
}

const ADD: &str = "devspaces.membership.v1.MembershipService/AddMembers";
const LIST: &str = "devspaces.membership.v1.MembershipService/ListMembers";
const REMOVE: &str = "devspaces.membership.v1.MembershipService/RemoveMember";

/// A space of alice's with bob in it, and what happened on the way there.
async fn history(suite: &Measured) -> (Persona, Persona, String) {
    let (alice, bob) = (suite.processes.user("alice"), suite.processes.user("bob"));
    let space = alice.creates_space("Classified plans").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    lists_members(&bob, &space).await.expect("a list");
    assert_eq!(
        refused(adds_members(&bob, &space, &[(&alice, VIEWER)]).await).kind().0,
        Code::PermissionDenied
    );
    (alice, bob, space)
}

async fn calls_questions_and_connections_are_counted(engine: Engine) {
    let suite = Measured::start(engine).await;
    let (alice, bob, space) = history(&suite).await;
    assert_eq!(refused(adds_members(&alice, &space, &[(&bob, VIEWER)]).await).kind().1, "MEMBER_EXISTS");
    creates_app(&bob, &space).await.expect("an app");

    let nobody = suite.processes.bearer(&Principal::user("eve"), "opaque");
    assert_eq!(refused(lists_members(&nobody, &space).await).kind().1, "CREDENTIALS_INVALID");
    let stale = suite.processes.stale(&Principal::user("eve"));
    assert_eq!(refused(lists_members(&stale, &space).await).kind().1, "CREDENTIALS_INVALID");

    let told = suite.scrape(Service::Membership).await;
    for (cause, issuer) in [("not_jwt", "unknown"), ("expired", "devspaces-dev/users")] {
        let refused = format!("devspaces_tokens_refused_total{{cause=\"{cause}\",issuer=\"{issuer}\"}}");
        assert_eq!(told.get(&refused), 1.0, "{}", told.text);
    }
    let clocks = "devspaces_clock_difference_seconds{owner=\"space\"}";
    assert_eq!(told.samples.get(clocks), Some(&0.0), "one machine, one clock: {}", told.text);
    assert_eq!((told.calls(ADD, "OK"), told.calls(ADD, "PERMISSION_DENIED")), (1.0, 1.0), "{}", told.text);
    assert_eq!(told.calls(LIST, "OK"), 1.0);
    let duration = "devspaces_grpc_call_duration_seconds";
    assert_eq!(told.get(&format!("{duration}_count{{method=\"{ADD}\"}}")), 3.0);
    assert!(told.get(&format!("{duration}_sum{{method=\"{ADD}\"}}")) > 0.0);
    assert_eq!(told.get(&format!("{duration}_bucket{{le=\"+Inf\",method=\"{ADD}\"}}")), 3.0, "{}", told.text);
    // Who may not change anything begins none.
    for (outcome, count) in [("committed", 1.0), ("ended", 1.0)] {
        let ended = format!("devspaces_transactions_total{{method=\"{ADD}\",outcome=\"{outcome}\"}}");
        assert_eq!(told.get(&ended), count, "{}", told.text);
    }
    for time in ["devspaces_transaction_duration_seconds", "devspaces_transaction_wait_seconds"] {
        assert_eq!(told.get(&format!("{time}_count{{method=\"{ADD}\"}}")), 2.0, "{}", told.text);
    }
    let questions = told.get("devspaces_gate_revalidate_questions_sum{owner=\"membership\"}");
    assert!(questions >= 3.0, "{}", told.text);
    let answers = |answer| {
        told.get(&format!("devspaces_gate_answers_total{{owner=\"membership\",answer=\"{answer}\"}}"))
    };
    assert_eq!(answers("changed") + answers("unchanged"), questions, "no answer is missing");
    assert!(answers("changed") >= 2.0 && answers("unchanged") >= 1.0, "{}", told.text);
    assert_eq!(told.get("devspaces_database_up{service=\"membership\"}"), 1.0);
    let connections =
        told.samples.iter().filter(|(name, _)| name.starts_with("devspaces_database_connections{"));
    assert!(connections.map(|(_, count)| count).sum::<f64>() >= 2.0, "{}", told.text);
    suite.once(Service::Membership, |told| told.get("devspaces_ready") == 1.0).await;
}

/// A path that is nobody's method, with a name in it that is somebody's.
async fn calls_an_unknown_method(who: &Persona) {
    let mut client = Grpc::new(who.authorized(Service::Membership));
    client.ready().await.expect("a connection");
    let path = PathAndQuery::from_static("/users.alice/Classified");
    let answer = client.unary(Request::new(Bytes::new()), path, Raw).await;
    assert_eq!(answer.map(drop).map_err(|status| status.code()), Err(Code::Unimplemented));
}

async fn no_number_tells_of_anybody(engine: Engine) {
    let suite = Measured::start(engine).await;
    let (alice, bob, space) = history(&suite).await;
    let app = creates_app(&bob, &space).await.expect("an app").name;
    calls_an_unknown_method(&alice).await;
    let id = |name: &str| name.split('/').nth(1).expect("an id").to_owned();
    // The last is how every token begins.
    let secrets = ["alice", "bob", "lassified", "Bearer", "eyJ"].map(str::to_owned);
    let mut known = BTreeSet::from(["le"]);
    known.extend(metrics().iter().flat_map(|metric| metric.labels));
    for service in Service::ALL {
        let told = suite.scrape(service).await;
        for secret in secrets.iter().chain(&[id(&space), id(&app)]) {
            assert!(!told.text.contains(secret), "{service} tells of {secret}:\n{}", told.text);
        }
        for name in told.samples.keys() {
            let labels = name.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
            for label in labels.split("\",").filter(|label| !label.is_empty()) {
                let label = label.split('=').next().expect("a label");
                assert!(known.contains(label), "{name}");
            }
        }
    }
    let told = suite.scrape(Service::Membership).await;
    assert_eq!(told.calls("unknown", "UNIMPLEMENTED"), 1.0, "{}", told.text);
}

async fn effects_that_wait_are_told_until_they_are_delivered(engine: Engine) {
    let mut suite = Measured::start(engine).await;
    let (alice, bob, space) = history(&suite).await;
    assert_eq!(suite.scrape(Service::Membership).await.undelivered(Service::Membership), (0.0, 0.0));

    suite.processes.kill(Service::Space).await;
    assert_eq!(refused(removes_member(&alice, &space, &bob).await).kind().1, "EFFECT_PENDING");
    let told = suite.once(Service::Membership, |told| told.undelivered(Service::Membership).1 > 0.0).await;
    assert_eq!(told.undelivered(Service::Membership).0, 1.0, "{}", told.text);
    assert_eq!(told.calls(REMOVE, "UNAVAILABLE"), 1.0);
    // What needs the facts of who is gone goes without.
    let check = CheckPermissionRequest {
        permission: "app.deploy".to_owned(),
        resource: "apps/0190a8d0-7b1c-7def-8000-000000000001".to_owned(),
        ..CheckPermissionRequest::default()
    };
    let unknown = refused(alice.authz_of(Service::Membership).check_permission(check).await);
    assert_eq!(unknown.kind().0, Code::Unavailable);
    let told = suite.scrape(Service::Membership).await;
    assert!(told.get("devspaces_gate_facts_missing_total{owner=\"space\"}") >= 1.0, "{}", told.text);

    suite.run(Service::Space).await;
    suite.once(Service::Membership, |told| told.undelivered(Service::Membership) == (0.0, 0.0)).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_tells_what_it_takes_of_the_machine() {
    let before = std::time::UNIX_EPOCH.elapsed().expect("a time").as_secs_f64();
    let suite = Measured::start(Engine::Sqlite).await;
    let first = suite.scrape(Service::Membership).await;
    history(&suite).await;
    let told = suite.scrape(Service::Membership).await;
    let mebibytes = told.get("process_resident_memory_bytes") / 1024.0 / 1024.0;
    assert!((1.0..1024.0).contains(&mebibytes), "{}", told.text);
    assert!(told.get("process_cpu_seconds_total") >= first.get("process_cpu_seconds_total"), "{}", told.text);
    // A clock of the system's and one that counts ticks since it booted.
    assert!((told.get("process_start_time_seconds") - before).abs() < 60.0, "{}", told.text);
    let files = told.get("process_open_fds");
    assert!(files > 3.0 && files < told.get("process_max_fds"), "{}", told.text);
    assert!(told.get("process_threads") >= 2.0, "{}", told.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_is_what_is_listed_and_only_at_its_path() {
    let suite = Measured::start(Engine::Sqlite).await;
    let (alice, bob, space) = history(&suite).await;
    removes_member(&alice, &space, &bob).await.expect("removed");
    let nobody = suite.processes.bearer(&Principal::user("eve"), "opaque");
    assert_eq!(refused(lists_members(&nobody, &space).await).kind().1, "CREDENTIALS_INVALID");
    let told = suite.scrape(Service::Membership).await;
    // A number by which a defect would be noticed is there before there is any.
    assert!(
        told.samples
            .contains_key(&format!("devspaces_grpc_calls_total{{method=\"{REMOVE}\",code=\"INTERNAL\"}}"))
    );
    // Without TLS there is no certificate that could end, and what the system is asked is asked of Linux alone.
    let told_here = |name: &str| {
        let of_system = name.starts_with("process_") && !cfg!(target_os = "linux");
        !of_system && !name.starts_with("devspaces_tls_certificate")
    };
    let listed: Vec<_> = metrics().into_iter().filter(|it| told_here(it.name)).collect();
    for metric in &listed {
        let family = metric.name.trim_end_matches("_total");
        let kind = metric.kind.name();
        assert!(
            told.text.contains(&format!("# HELP {family} {}.", metric.help)),
            "{}\n{}",
            metric.name,
            told.text
        );
        assert!(told.text.contains(&format!("# TYPE {family} {kind}")), "{}\n{}", metric.name, told.text);
    }
    assert_eq!(told.text.matches("# TYPE ").count(), listed.len(), "{}", told.text);
    let counters = listed.iter().filter(|metric| metric.kind == Kind::Counter);
    assert!(counters.count() >= 4);
    let port = suite.ports[&Service::Membership];
    assert!(http_answer(port, "GET /").await.starts_with("HTTP/1.1 404"));
    assert!(http_answer(port, "POST /metrics").await.starts_with("HTTP/1.1 405"));
}
