//! Services that are started in any order come up once the rest has.
use devspaces::Service;
use devspaces_tests::{
    Engine,
    engine::Databases,
    process::{Processes, start},
    suite::eventually,
};

use crate::acts::commands::{on_all_services, runs, says};

/// What a health check ends with, as a container's engine makes it, and what it says.
async fn health(processes: &Processes, service: Service) -> (Option<i32>, String) {
    let output = runs(&["health", "--address", &processes.address(service)]).await;
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The space service comes to say that it waits for this.
async fn waits_for(processes: &Processes, what: &str) {
    let what = format!("it waits for {what}");
    let said = async || match health(processes, Service::Space).await {
        (Some(1), said) => said.contains(&what).then_some(()),
        (code, said) => panic!("{code:?}: {said}"),
    };
    eventually(said).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_waits_for_its_database_and_its_peers_and_says_when_it_is_ready() {
    let mut processes = Processes::with(Databases::empty(Engine::Postgres).await).await;
    let mut command = processes.command(Service::Space);
    let starting = tokio::spawn(async move { start(&mut command).await });
    waits_for(&processes, "its database").await;
    assert!(!starting.is_finished(), "it waits");
    says(&on_all_services(&["migrate"], &processes.database_url())).await;
    let (child, _) = starting.await.expect("it listens once the database is migrated");
    processes.started(Service::Space, child);
    waits_for(&processes, "membership, billing, marketplace").await;
    for service in [Service::Membership, Service::Billing, Service::Marketplace] {
        processes.run(service).await;
    }
    for service in Service::ALL {
        eventually(async || (health(&processes, service).await.0 == Some(0)).then_some(())).await;
    }
    // A peer that is gone makes nobody unready: what needs it answers UNAVAILABLE, the rest goes on.
    processes.kill(Service::Billing).await;
    assert_eq!(health(&processes, Service::Space).await.0, Some(0));
    processes.user("alice").creates_space("Team").await;
}
