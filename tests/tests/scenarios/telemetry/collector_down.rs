//! A collector that is gone, or takes nothing, costs a warning.
use std::time::Duration;

use devspaces_tests::Engine;
use tokio::{net::TcpListener, time::Instant};

use super::{Collector, Observed};

/// A suite whose collector is at this address answers as ever and ends in order and in time.
async fn costs_a_warning(collector: &str) {
    let flags = ["--otlp-endpoint", collector];
    let suite = Observed::with(Engine::Sqlite, "info", (Collector::default(), &flags)).await;
    let alice = suite.processes.user("alice");
    for _ in 0..20 {
        let asked = Instant::now();
        alice.creates_space("Team").await;
        assert!(asked.elapsed() < Duration::from_secs(5));
    }
    let asked = Instant::now();
    let said = suite.end().await;
    // The last spans are waited for, for so long and no longer: three seconds, on a machine that may be busy.
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    assert!(said.ends.values().all(std::process::ExitStatus::success), "{:?}", said.ends);
    let (service, log) = said.logs.iter().find(|(service, _)| service.name() == "space").expect("its log");
    let warned = log.lines().filter(|line| line.contains("the collector did not take")).count();
    assert!((1..=2).contains(&warned), "{service}: {log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_gone_costs_a_warning() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    costs_a_warning(&format!("http://{free}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_costs_a_warning() {
    // Connections are made, by the system, and nobody reads what comes.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    costs_a_warning(&format!("http://{}", silent.local_addr().expect("an address"))).await;
}
