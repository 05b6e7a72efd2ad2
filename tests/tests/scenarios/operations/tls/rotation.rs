//! New certificates, keys and authorities in place of the old, while calls go on.
use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use devspaces::{
    Service,
    certificates::{AUTHORITY, Authority},
};
use devspaces_kit::{
    name::Principal,
    tls::{ClientTls, connect_lazy},
};
use devspaces_proto::space::v1::GetSpaceRequest;
use devspaces_tests::{
    Engine, Persona,
    encrypted::{Certificates, replace},
    engine::Databases,
    process::{Processes, start_until},
    suite::eventually,
};
use tonic::{Status, transport::Endpoint};

use crate::acts::{
    http::http_answer,
    members::{DEVELOPER, adds_members, removes_member},
};

scenarios! {
    both engines:
        everything_is_replaced_under_load_without_a_failed_call,
        a_pair_that_does_not_belong_together_is_not_taken;
}

/// The suite with a port for metrics beside each service's.
struct Measured {
    processes: Processes,
    ports: BTreeMap<Service, SocketAddr>,
}

impl Measured {
    async fn start(engine: Engine) -> Self {
        let processes = Processes::encrypted(Databases::create(engine).await).await;
        let mut suite = Self { processes, ports: BTreeMap::new() };
        for service in Service::ALL {
            let mut command = suite.processes.command(service);
            command.args(["--metrics-listen", "127.0.0.1:0", "--plaintext", "metrics"]);
            let (child, _, said) = start_until(&mut command, "/metrics").await;
            let port = said.split("http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
            suite.ports.insert(service, port.expect("a port for metrics"));
            suite.processes.started(service, child);
        }
        suite
    }

    /// How often a service's process has taken changed files, or refused them.
    async fn reloads(&self, service: Service, outcome: &str) -> usize {
        let text = http_answer(self.ports[&service], "GET /metrics").await;
        let name = format!("devspaces_tls_reloads_total{{outcome=\"{outcome}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        value.and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    /// Does something to the files, and waits until every process has taken it: for its port, and for its peers.
    async fn all_take(&mut self, change: impl FnOnce(&mut Certificates)) {
        let mut before = BTreeMap::new();
        for service in Service::ALL {
            before.insert(service, self.reloads(service, "taken").await);
        }
        change(self.processes.certificates());
        for (service, before) in before {
            eventually(async || (self.reloads(service, "taken").await >= before + 2).then_some(())).await;
        }
    }

    /// Someone who calls the space service, over a connection of their own each time.
    fn connecting(&self, id: &str, tls: &ClientTls) -> impl Fn() -> Persona + Send + use<> {
        let endpoint = Endpoint::from_shared(self.processes.address(Service::Space)).expect("an address");
        let (principal, tls) = (Principal::user(id), tls.clone());
        let token = self.processes.token(&principal, None);
        move || Persona::at_one_port(&principal, Some(token.as_str()), &connect_lazy(&endpoint, &tls))
    }

    fn connects(&self, id: &str, tls: &ClientTls) -> Persona {
        self.connecting(id, tls)()
    }
}

async fn gets(who: &Persona, space: &str) -> Result<(), Status> {
    who.spaces().get_space(GetSpaceRequest { name: space.to_owned() }).await.map(drop)
}

/// Calls that go on until they are told to end: over a connection that lasts, over one of its own each, and from service to
/// service.
struct Load {
    over: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    running: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn new() -> Self {
        Self { over: Arc::default(), calls: Arc::default(), running: Vec::new() }
    }

    fn keeps<F: Future<Output = Result<(), Status>> + Send>(
        &mut self,
        what: &'static str,
        mut call: impl FnMut() -> F + Send + 'static,
    ) {
        let (over, calls) = (self.over.clone(), self.calls.clone());
        self.running.push(tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                call().await.unwrap_or_else(|status| panic!("{what}: {status:?}"));
                calls.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }

    /// Waits until so many more calls have been answered.
    async fn goes_on(&self) {
        let before = self.calls.load(Ordering::Relaxed);
        let running = || self.running.iter().all(|it| !it.is_finished());
        eventually(async || {
            assert!(running(), "a call failed");
            (self.calls.load(Ordering::Relaxed) > before + 50).then_some(())
        })
        .await;
    }

    async fn ends(self) {
        self.over.store(true, Ordering::Relaxed);
        for running in self.running {
            running.await.expect("no failed call");
        }
    }
}

/// What a caller trusts, in a file of its own.
fn trusting(certificates: &Certificates, name: &str, authority: &Authority) -> ClientTls {
    let file = certificates.path(name);
    replace(&file, &authority.certificate);
    certificates.client(&file, None)
}

async fn everything_is_replaced_under_load_without_a_failed_call(engine: Engine) {
    let mut suite = Measured::start(engine).await;
    let (alice, bob) = (suite.processes.user("alice"), suite.processes.user("bob"));
    let space = alice.creates_space("Team").await;
    let certificates = suite.processes.certificates();
    let both = certificates.client(&certificates.path(AUTHORITY), None);
    let old_only = trusting(certificates, "old.pem", certificates.authority());

    let mut load = Load::new();
    let (who, name) = (alice.clone(), space.clone());
    load.keeps("over one connection", move || {
        let (who, name) = (who.clone(), name.clone());
        async move { gets(&who, &name).await }
    });
    let (who, name) = (alice.clone(), space.clone());
    load.keeps("from service to service", move || {
        let (who, whom, name) = (who.clone(), bob.clone(), name.clone());
        async move {
            adds_members(&who, &name, &[(&whom, DEVELOPER)]).await?;
            removes_member(&who, &name, &whom).await.map(drop)
        }
    });
    let (connects, name) = (suite.connecting("alice", &both), space.clone());
    load.keeps("over a new connection", move || {
        let (who, name) = (connects(), name.clone());
        async move { gets(&who, &name).await }
    });
    load.goes_on().await;

    let (next, _) = Authority::generate().expect("an authority");
    suite.all_take(|files| files.trust(&[files.authority(), &next])).await;
    load.goes_on().await;
    suite.processes.certificates().succeed(next);
    suite.all_take(|files| Service::ALL.into_iter().for_each(|service| files.renew(service))).await;
    load.goes_on().await;
    suite.all_take(|files| files.trust(&[files.authority()])).await;
    load.goes_on().await;
    load.ends().await;

    let certificates = suite.processes.certificates();
    let new_only = trusting(certificates, "new.pem", certificates.authority());
    gets(&suite.connects("alice", &new_only), &space).await.expect("the new certificate is shown");
    gets(&suite.connects("alice", &old_only), &space).await.expect_err("and the old one is not");
}

fn copy(from: &Path, to: &Path) {
    replace(to, &fs::read_to_string(from).expect("a file"));
}

async fn a_pair_that_does_not_belong_together_is_not_taken(engine: Engine) {
    let mut suite = Measured::start(engine).await;
    let certificates = suite.processes.certificates();
    // Half of what is to be replaced.
    copy(&certificates.path("billing-key.pem"), &certificates.path("space-key.pem"));
    eventually(async || (suite.reloads(Service::Space, "refused").await >= 2).then_some(())).await;
    let certificates = suite.processes.certificates();
    let tls = certificates.client(&certificates.path(AUTHORITY), None);
    let alice = suite.connects("alice", &tls);
    alice.creates_space("Team").await;
    let text = http_answer(suite.ports[&Service::Space], "GET /metrics").await;
    assert!(text.contains("devspaces_tls_certificate_end_timestamp_seconds{flag=\"tls-cert\"}"), "{text}");
    let taken = suite.reloads(Service::Space, "taken").await;
    suite.processes.certificates().renew(Service::Space);
    eventually(async || (suite.reloads(Service::Space, "taken").await >= taken + 2).then_some(())).await;
    let certificates = suite.processes.certificates();
    let tls = certificates.client(&certificates.path(AUTHORITY), None);
    suite.connects("alice", &tls).creates_space("Another").await;
}
