//! A collector that is gone, or takes nothing, costs a warning.
use devspaces_tests::Engine;
use tokio::{
    net::{TcpListener, TcpSocket},
    time::Instant,
};

use super::{Collector, Observed};

/// A suite whose collector is at this address answers as ever and ends in order and in time.
async fn costs_a_warning(collector: &str) {
    let flags = ["--otlp-endpoint", collector];
    let suite = Observed::with(Engine::Sqlite, "info", (Collector::default(), &flags)).await;
    let began = Instant::now();
    let alice = suite.processes.user("alice");
    for _ in 0..20 {
        alice.creates_space("Team").await;
    }
    // The last spans are waited for, and not without an end.
    let said = suite.end().await;
    assert!(said.ends.values().all(std::process::ExitStatus::success), "{:?}", said.ends);
    let (service, log) = said.logs.iter().find(|(service, _)| service.name() == "space").expect("its log");
    let warned = log.lines().filter(|line| line.contains("the collector did not take")).count();
    // Once a minute, and never for each batch of spans.
    let minutes = usize::try_from(began.elapsed().as_secs() / 60).expect("some minutes");
    assert!((1..=2 + minutes).contains(&warned), "{service}: {log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_gone_costs_a_warning() {
    // Bound, so that nobody else gets it, and not listened at.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    costs_a_warning(&format!("http://{}", socket.local_addr().expect("an address"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_costs_a_warning() {
    // Connections are made, by the system, and nobody reads what comes.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    costs_a_warning(&format!("http://{}", silent.local_addr().expect("an address"))).await;
}
