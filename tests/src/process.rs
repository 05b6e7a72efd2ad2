//! The suite as separate processes of the shipped binary, which can be killed, and a network between them that can
//! fail.
use std::{
    collections::BTreeMap,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    slice,
};

use devspaces::{Service, certificates::AUTHORITY, keys};
use devspaces_kit::{
    clock::SystemClock,
    identity::{BearerToken, DevIssuer, SigningKey},
    name::Principal,
    tls::ClientTls,
};
use devspaces_ledger::db::Pool;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use tonic::transport::Uri;

pub use crate::network::{Network, Way};
use crate::{
    Engine, Persona, Port,
    encrypted::Certificates,
    engine::{Databases, temporary_folder},
    listen::listen,
};

/// The variable that says what is logged.
pub const LOG: &str = "DEVSPACES_LOG";

/// The shipped binary: `DEVSPACES_BIN`, or the one beside the tests.
#[must_use]
pub fn binary() -> PathBuf {
    let built = env::var_os("DEVSPACES_BIN").map_or_else(
        || {
            let test = env::current_exe().expect("the test's own path");
            test.parent().and_then(|deps| deps.parent()).expect("a target folder").join("devspaces")
        },
        PathBuf::from,
    );
    assert!(built.is_file(), "{} is not built: run `cargo build -p devspaces`", built.display());
    built
}

/// Starts a command and waits for the line by which it says that it is ready, which holds its address.
pub async fn start(command: &mut Command) -> (Child, SocketAddr) {
    let (child, address, _) = start_until(command, "").await;
    (child, address)
}

/// Starts a command and waits until it has said this, too; gives everything that it has said till then.
pub async fn start_until(command: &mut Command, last: &str) -> (Child, SocketAddr, String) {
    // Unless the command has a word on it of its own.
    if !command.as_std().get_envs().any(|(name, _)| name == LOG) {
        command.env(LOG, "warn");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let line = lines.next_line().await.expect("output").expect("a line that says that it is ready");
    let address = line.split([' ', ';']).find_map(|word| word.parse().ok());
    let address = address.unwrap_or_else(|| panic!("no address in: {line}"));
    let mut said = format!("{line}\n");
    while !said.contains(last) {
        said += &lines.next_line().await.expect("output").unwrap_or_else(|| panic!("no '{last}' in: {said}"));
        said.push('\n');
    }
    // Read on, so that the process never waits for a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, address, said)
}

/// `kill -TERM`; the process must then end in order.
pub async fn terminate(mut child: Child) {
    let process = child.id().expect("a running process").to_string();
    // The shell's own, which is there wherever a shell is.
    let kill = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &process]).status();
    assert!(kill.await.expect("a shell").success());
    let ended = child.wait().await.expect("an end");
    assert!(ended.success(), "not an orderly end: {ended}");
}

/// Each service in a process of its own, or in several.
pub struct Processes {
    databases: Databases,
    folder: TempDir,
    /// Where each service's replicas are.
    addresses: BTreeMap<Service, Vec<SocketAddr>>,
    running: BTreeMap<(Service, usize), Child>,
    /// The network on the way to each service from the others, if it can fail. Users don't go by it, and neither does
    /// anybody to one of several replicas.
    networks: BTreeMap<Service, Network>,
    /// What their ports show, if they speak TLS.
    encrypted: Option<(Certificates, ClientTls)>,
}

impl Processes {
    /// Starts every service.
    pub async fn start(engine: Engine) -> Self {
        let mut processes = Self::with(Databases::create(engine).await).await;
        for service in Service::ALL {
            processes.run(service).await;
        }
        processes
    }

    /// Starts two replicas of every service, on PostgreSQL. Calls go to each by turns, those of the services among
    /// themselves as well.
    pub async fn start_replicated() -> Self {
        let mut processes = Self::with_replicas(Databases::create(Engine::Postgres).await, 2).await;
        for service in Service::ALL {
            processes.run(service).await;
        }
        processes
    }

    /// No service runs yet. All connections will be with TLS, and the services will ask one another for certificates.
    pub async fn encrypted(databases: Databases) -> Self {
        let mut processes = Self::with_replicas(databases, 1).await;
        processes.addresses = Certificates::at_home(&processes.addresses);
        let certificates = Certificates::new();
        let tls = certificates.client(&certificates.path(AUTHORITY), None);
        processes.encrypted = Some((certificates, tls));
        processes
    }

    /// The authority of what the ports show, if they show anything.
    #[must_use]
    pub fn authority(&self) -> Option<PathBuf> {
        self.encrypted.as_ref().map(|(certificates, _)| certificates.path(AUTHORITY))
    }

    /// What the ports show. Only of a suite that was made so.
    pub fn certificates(&mut self) -> &mut Certificates {
        &mut self.encrypted.as_mut().expect("a suite with TLS").0
    }

    /// No service runs yet.
    pub async fn with(databases: Databases) -> Self {
        let mut processes = Self::with_replicas(databases, 1).await;
        for (service, replicas) in &processes.addresses {
            processes.networks.insert(*service, Network::to(replicas[0]).await);
        }
        processes
    }

    /// No service runs yet. They call one another without a network that can fail, whose bytes this process would carry:
    /// for measurements.
    pub async fn directly_connected(databases: Databases) -> Self {
        Self::with_replicas(databases, 1).await
    }

    async fn with_replicas(databases: Databases, replicas: usize) -> Self {
        let folder = temporary_folder();
        keys::make(folder.path()).expect("keys");
        let mut addresses = BTreeMap::new();
        for service in Service::ALL {
            let mut ports = Vec::new();
            for _ in 0..replicas {
                ports.push(listen().await.local_addr().expect("an address"));
            }
            addresses.insert(service, ports);
        }
        Self {
            databases,
            folder,
            addresses,
            running: BTreeMap::new(),
            networks: BTreeMap::new(),
            encrypted: None,
        }
    }

    /// Starts a service that is not running, with all its replicas.
    pub async fn run(&mut self, service: Service) {
        for replica in 0..self.addresses[&service].len() {
            self.run_replica(service, replica).await;
        }
    }

    /// Starts a replica that is not running.
    pub async fn run_replica(&mut self, service: Service, replica: usize) {
        let (child, _) = start(&mut self.command_of(service, replica)).await;
        self.running.insert((service, replica), child);
    }

    /// A service has been started by its [`command`](Self::command).
    pub fn started(&mut self, service: Service, child: Child) {
        self.running.insert((service, 0), child);
    }

    /// The command that runs a service.
    #[must_use]
    pub fn command(&self, service: Service) -> Command {
        self.command_of(service, 0)
    }

    fn command_of(&self, service: Service, replica: usize) -> Command {
        let mut command = Command::new(binary());
        let in_folder = |name: &str| self.folder.path().join(name);
        command
            .args(["serve", "--services", service.name()])
            .args(["--listen", &self.addresses[&service][replica].to_string()])
            .args(["--database-url", &self.databases.url(None)])
            .args(["--journal-watcher", "observer"])
            .args(["--webhook-network", "127.0.0.1"])
            .arg("--jwks")
            .arg(in_folder(keys::ISSUER_JWKS))
            .arg("--suite-jwks")
            .arg(in_folder(keys::SUITE_JWKS))
            .arg("--service-key-file")
            .arg(in_folder("{service}.pem"))
            .args(["--service-permission", "auditor=authz.check_others"])
            .args(["--service-permission", "importer=import.apps"])
            .args(["--service-permission", "metering=usage.report"])
            .args(["--service-permission", "billing-run=billing.run"])
            .args(["--service-permission", "payments=payments.report"])
            .args(["--service-permission", "accounting=billing.credit"])
            .args(["--service-permission", "migrator=import.vendor_profiles"])
            .args(["--service-permission", "catalogue=meters.update"])
            .args(["--service-permission", "offboarding=people.deactivate"])
            .args(["--service-permission", "runtime=app.run"])
            .args(["--user-permission", "users/operator=platform.break_glass"])
            .args(["--user-permission", "users/operator=platform.suspend"]);
        for (peer, replicas) in &self.addresses {
            let network = self.networks.get(peer).map(Network::address);
            for address in network.as_ref().map_or(replicas.as_slice(), slice::from_ref) {
                command.args(["--peer", &format!("{peer}={}://{address}", self.scheme())]);
            }
        }
        if let Some((certificates, _)) = &self.encrypted {
            certificates.encrypt(&mut command, service);
        }
        command
    }

    /// The URL of the services' databases, with `{service}` in place of their names.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.databases.url(None)
    }

    fn scheme(&self) -> &'static str {
        if self.encrypted.is_some() { "https" } else { "http" }
    }

    /// The address of a service's port.
    #[must_use]
    pub fn address(&self, service: Service) -> String {
        format!("{}://{}", self.scheme(), self.addresses[&service][0])
    }

    /// A service's port, of all its replicas.
    #[must_use]
    pub fn port(&self, service: Service) -> Port {
        self.port_of(service, |replicas| replicas)
    }

    fn port_of(&self, service: Service, called: impl Fn(&[Uri]) -> &[Uri]) -> Port {
        let uri = |address| format!("{}://{address}", self.scheme()).parse().expect("an address");
        let uris: Vec<_> = self.addresses[&service].iter().map(uri).collect();
        match &self.encrypted {
            Some((_, tls)) => Port::encrypted(called(&uris), tls),
            None => Port::at(called(&uris)),
        }
    }

    /// The network on the way to a service from the others. Users don't go by it.
    #[must_use]
    pub fn network_to(&self, service: Service) -> &Network {
        &self.networks[&service]
    }

    /// `kill -9`, of all replicas.
    pub async fn kill(&mut self, service: Service) {
        for replica in 0..self.addresses[&service].len() {
            self.kill_replica(service, replica).await;
        }
    }

    /// `kill -9`, of one replica.
    pub async fn kill_replica(&mut self, service: Service, replica: usize) {
        let mut child = self.running.remove(&(service, replica)).expect("a running process");
        child.kill().await.expect("killed");
    }

    /// Ends a service in order, with all its replicas.
    pub async fn end(&mut self, service: Service) {
        for replica in 0..self.addresses[&service].len() {
            let child = self.running.remove(&(service, replica)).expect("a running process");
            terminate(child).await;
        }
    }

    /// Connections to a service's database, beside its own.
    pub async fn pool(&self, service: Service) -> Pool {
        self.databases.open(service).await
    }

    /// A person with a token.
    #[must_use]
    pub fn user(&self, id: &str) -> Persona {
        self.persona(&Principal::user(id))
    }

    /// A person who calls one replica of each service only.
    #[must_use]
    pub fn user_at(&self, id: &str, replica: usize) -> Persona {
        let principal = Principal::user(id);
        let token = self.token(&principal, None);
        self.caller(&principal, token.as_str(), |replicas| &replicas[replica..=replica])
    }

    /// A person or a service, with a token.
    #[must_use]
    pub fn persona(&self, principal: &Principal) -> Persona {
        self.bearer(principal, self.token(principal, None).as_str())
    }

    /// Someone with a token of the test's own making.
    #[must_use]
    pub fn bearer(&self, principal: &Principal, token: &str) -> Persona {
        self.caller(principal, token, |replicas| replicas)
    }

    /// Someone whose token has ended.
    #[must_use]
    pub fn stale(&self, principal: &Principal) -> Persona {
        let key = SigningKey::load(&self.folder.path().join(keys::ISSUER)).expect("the issuer's key");
        let claims =
            json!({ "iss": "devspaces-dev/users", "sub": principal.id(), "aud": "devspaces", "exp": 1 });
        self.bearer(principal, &key.sign("dev", "JWT", &claims))
    }

    /// A token that the services accept.
    #[must_use]
    pub fn token(&self, principal: &Principal, email: Option<&str>) -> BearerToken {
        let key = SigningKey::load(&self.folder.path().join(keys::ISSUER)).expect("the issuer's key");
        let issuer = DevIssuer::new(key, SystemClock::shared());
        issuer.token(principal, email, std::time::Duration::from_hours(1))
    }

    /// The folder with the services' keys.
    #[must_use]
    pub fn keys(&self) -> &Path {
        self.folder.path()
    }

    fn caller(&self, principal: &Principal, token: &str, called: impl Fn(&[Uri]) -> &[Uri]) -> Persona {
        let port = |(service, _): (&Service, _)| (*service, self.port_of(*service, &called));
        Persona::new(principal, Some(token), self.addresses.iter().map(port).collect())
    }
}
