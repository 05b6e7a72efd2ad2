//! A suite in the test's process: each service on a port and a database of its own. [`composed`](crate::composed) has
//! one that runs elsewhere.
use std::{collections::BTreeMap, env, path::Path, sync::Arc, time::Duration};

use devspaces::{Config, Hosted, keys::of_service};
use devspaces_authz::{Permission, PermissionSet, Service};
use devspaces_events::{Networks, Sender};
use devspaces_gate::{ConsentRequiredFor, Invoicing, JournalWatchers, NamedPermissions, SpaceQuota, WINDOW};
use devspaces_kit::{
    identity::{DevIssuer, Jwks, ServiceSigner, SigningKey},
    name::{Principal, UserName},
    server::Limits,
    tls::{ClientTls, Roots},
};
use devspaces_ledger::{REST, db::Pool};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::transport::Uri;

use crate::{Engine, Persona, Port, TestClock, engine::Databases, listen::listen};

/// How long tokens live. Longer than any test moves its clock.
const TOKEN_LIFETIME: Duration = Duration::from_hours(87600);

/// Why a scenario fails that is listed under `everywhere` and should not be.
const OF_ITS_OWN: &str =
    "a running service of this test's own suite: what needs one is listed under `both engines`";

/// A running suite.
pub struct Suite {
    /// The clock of its services.
    pub clock: Arc<TestClock>,
    /// None that a test could open, where the suite is composed.
    pub(crate) databases: Option<Databases>,
    pub(crate) issuer: DevIssuer,
    pub(crate) issuer_key: SigningKey,
    /// Each service's replicas; under the first of those that share a port.
    pub(crate) running: BTreeMap<Service, Vec<Running>>,
    pub(crate) ports: BTreeMap<Service, Port>,
    pub(crate) config: Template,
    /// What tells the people of this test from those of others, where tests share a suite.
    pub(crate) mark: String,
}

pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// What stays the same when a service is started again.
#[derive(Default)]
pub(crate) struct Template {
    /// By the service's name.
    pub(crate) keys: BTreeMap<&'static str, SigningKey>,
    /// Where each service's replicas are.
    pub(crate) peers: BTreeMap<Service, Vec<Uri>>,
    /// How long changes rest that take away.
    pub(crate) rest: Duration,
    /// How the operator has it with money.
    pub(crate) invoicing: Invoicing,
}

/// By what events are sent: to receivers of tests, which listen on one address of this machine.
fn sender() -> Sender {
    let inside = "127.0.0.1".parse().expect("an address");
    Sender::new(Networks::new(vec![inside]), Roots::default()).expect("roots")
}

/// How many replicas of each service run: `DEVSPACES_TEST_REPLICAS`, or one. SQLite serves one process.
fn replicas(engine: Engine) -> usize {
    let asked = env::var("DEVSPACES_TEST_REPLICAS").ok().filter(|_| engine == Engine::Postgres);
    asked.map_or(1, |number| number.parse().expect("DEVSPACES_TEST_REPLICAS is a number"))
}

impl Suite {
    /// Starts every service, on a port of its own.
    pub async fn start(engine: Engine) -> Self {
        Box::pin(Self::start_services(engine, replicas(engine), false)).await
    }

    /// Starts every service, with changes that don't rest: for tests that must see what goes wrong then.
    pub async fn start_without_rest(engine: Engine) -> Self {
        let mut suite = Self::start(engine).await;
        suite.config.rest = Duration::ZERO;
        for service in Service::ALL {
            suite.stop(service).await;
            suite.restart(service).await;
        }
        suite
    }

    /// Starts every service, with the keys in this folder and a clock that is ahead of the machine's.
    pub async fn start_ahead(engine: Engine, keys: &Path, by: Duration) -> Self {
        let key = |name| SigningKey::load(&keys.join(of_service(name))).expect("the service's key");
        let keys = Service::ALL.map(|owner| (owner.name(), key(owner.name())));
        let clock = TestClock::shared();
        clock.advance(by);
        Self::start_with(engine, 1, false, (clock, keys.into())).await
    }

    /// Starts every service as one process, whatever is asked for: for what one process keeps to itself.
    pub async fn start_single(engine: Engine) -> Self {
        Box::pin(Self::start_services(engine, 1, false)).await
    }

    /// Starts two replicas of every service on one database, which must be PostgreSQL's. Calls go to each by turns, those
    /// of the services among themselves as well.
    pub async fn start_replicated() -> Self {
        Box::pin(Self::start_services(Engine::Postgres, 2, false)).await
    }

    /// Starts every service, all of them on one port. They stop when the suite is dropped and not before.
    pub async fn start_on_one_port(engine: Engine) -> Self {
        Box::pin(Self::start_services(engine, replicas(engine), true)).await
    }

    async fn start_services(engine: Engine, replicas: usize, together: bool) -> Self {
        let keys = Service::ALL.map(|owner| (owner.name(), SigningKey::generate().expect("a key")));
        Self::start_with(engine, replicas, together, (TestClock::shared(), keys.into())).await
    }

    async fn start_with(
        engine: Engine,
        replicas: usize,
        together: bool,
        (clock, keys): (Arc<TestClock>, BTreeMap<&'static str, SigningKey>),
    ) -> Self {
        let databases = Databases::create(engine).await;
        let issuer_key = SigningKey::generate().expect("a key");
        let issuer = DevIssuer::new(issuer_key.clone(), clock.clone());
        let mut listeners = Vec::new();
        let mut peers = BTreeMap::new();
        let hosts: Vec<&[Service]> =
            if together { vec![&Service::ALL] } else { Service::ALL.chunks(1).collect() };
        for services in &hosts {
            let mut addresses = Vec::new();
            for _ in 0..replicas {
                let listener = listen().await;
                let address = listener.local_addr().expect("an address");
                addresses.push(format!("http://{address}").parse().expect("an address"));
                listeners.push((*services, listener));
            }
            peers.extend(services.iter().map(|service| (*service, addresses.clone())));
        }
        let ports = peers.iter().map(|(service, addresses)| (*service, Port::at(addresses))).collect();
        let config = Template { keys, peers, rest: REST, invoicing: Invoicing::default() };
        let (databases, running, mark) = (Some(databases), BTreeMap::new(), String::new());
        let mut suite = Self { clock, databases, issuer, issuer_key, running, ports, config, mark };
        for (services, listener) in listeners {
            suite.run(services, listener).await;
        }
        suite
    }

    async fn run(&mut self, services: &[Service], listener: TcpListener) {
        let keys: Vec<_> = self.config.keys.iter().map(|(name, key)| key.public_jwk(name)).collect();
        let mut hosted = BTreeMap::new();
        for service in services {
            let key = self.config.keys[service.name()].clone();
            hosted.insert(*service, Hosted { database: self.pool(*service).await, key, key_file: None });
        }
        let config = Config {
            services: hosted,
            peers: self.config.peers.clone(),
            tls: None,
            peer_tls: ClientTls::of_the_web().expect("roots"),
            issuers: self.issuer.issuers().expect("the issuer's keys"),
            suite_keys: Jwks::parse(&json!({ "keys": keys }).to_string()).expect("the suite's keys").into(),
            named_permissions: [
                ("auditor", Permission::AuthzCheckOthers),
                ("importer", Permission::ImportApps),
                ("metering", Permission::UsageReport),
                ("billing-run", Permission::BillingRun),
                ("payments", Permission::PaymentsReport),
                ("accounting", Permission::BillingCredit),
                ("migrator", Permission::ImportVendorProfiles),
                ("reviewer", Permission::ListingsApprove),
                ("catalogue", Permission::MetersUpdate),
                ("offboarding", Permission::PeopleDeactivate),
                ("runtime", Permission::AppRun),
            ]
            .into_iter()
            .fold(NamedPermissions::default(), |all, (name, permission)| {
                let set = PermissionSet::EMPTY.with(permission).expect("a service permission");
                all.with(Principal::service(name), set)
            })
            .with(
                Principal::user("operator"),
                [Permission::PlatformBreakGlass, Permission::PlatformSpacesList, Permission::PlatformSuspend]
                    .into_iter()
                    .try_fold(PermissionSet::EMPTY, PermissionSet::with_of_person)
                    .expect("permissions that people are given by name"),
            ),
            journal_watchers: JournalWatchers::default().with(Principal::service("observer")),
            sender: sender(),
            space_quota: SpaceQuota::default().except(UserName::from_stored("maker".into()), 3),
            invoicing: self.config.invoicing.clone(),
            strict_window: WINDOW,
            rest: self.config.rest,
            clock: self.clock.clone(),
            limits: Limits::default(),
            origins: Vec::new(),
        };
        let suite = devspaces::Suite::new(listener, config).await.expect("a suite that starts");
        let (stop, stopped) = oneshot::channel();
        let run = suite.run(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(async move { run.await.expect("an orderly end") });
        self.running.entry(services[0]).or_default().push(Running { stop, task });
    }

    /// Stops a service with all its replicas, in order.
    pub async fn stop(&mut self, service: Service) {
        let running = self.running.remove(&service).expect(OF_ITS_OWN);
        let (stops, tasks): (Vec<_>, Vec<_>) = running.into_iter().map(|it| (it.stop, it.task)).unzip();
        drop(stops);
        for task in tasks {
            task.await.expect("an orderly end");
        }
    }

    /// Starts a service again that was stopped, on its addresses.
    pub async fn restart(&mut self, service: Service) {
        for address in self.config.peers[&service].clone() {
            let authority = address.authority().expect("an authority").to_string();
            let listener = TcpListener::bind(authority).await.expect("the port of before");
            self.run(&[service], listener).await;
        }
    }

    /// Starts the services again that follow it, as an operator does who requires consent for something else than before.
    pub async fn requires_consent_for(&mut self, what: ConsentRequiredFor) {
        self.config.invoicing.consent_required_for = what;
        for service in [Service::Space, Service::Billing] {
            self.stop(service).await;
            self.restart(service).await;
        }
    }

    /// Connections to a service's database, beside its own.
    pub async fn pool(&self, service: Service) -> Pool {
        self.databases().open(service).await
    }

    /// The same, where the suite has databases that a test can open: for what is to be seen there besides.
    pub async fn inside(&self, service: Service) -> Option<Pool> {
        match &self.databases {
            Some(databases) => Some(databases.open(service).await),
            None => None,
        }
    }

    fn databases(&self) -> &Databases {
        self.databases.as_ref().expect(OF_ITS_OWN)
    }

    /// The engine of the databases.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.databases().engine()
    }

    /// A service's port, or those of its replicas by turns.
    #[must_use]
    pub fn channel(&self, service: Service) -> Port {
        self.ports[&service].clone()
    }

    /// The addresses of a service's replicas.
    #[must_use]
    pub fn addresses(&self, service: Service) -> &[Uri] {
        &self.config.peers[&service]
    }

    /// The issuer of the tokens that the suite accepts.
    #[must_use]
    pub fn issuer(&self) -> &DevIssuer {
        &self.issuer
    }

    /// The key that the issuer signs with, for tokens that it would never give.
    #[must_use]
    pub fn issuer_key(&self) -> &SigningKey {
        &self.issuer_key
    }

    /// One of the suite's own services, with a token by its own key for one of the others.
    #[must_use]
    pub fn peer(&self, name: &str, audience: &str) -> Persona {
        let key = self.config.keys.get(name).expect(OF_ITS_OWN);
        let signer = ServiceSigner::new(name, key.clone(), self.clock.clone());
        let token = signer.token_for(audience);
        self.bearer(&Principal::service(name), Some(token.as_str()))
    }

    /// The URL of the services' databases, with `{service}` in place of their names.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.databases().url(None)
    }

    /// Someone with a token: `suite.persona("users/alice")`.
    #[must_use]
    pub fn persona(&self, name: &str) -> Persona {
        let name = if name.starts_with("users/") { self.own(name) } else { name.to_owned() };
        let principal: Principal = name.parse().expect("a principal");
        let token = self.issuer.token(&principal, None, TOKEN_LIFETIME);
        self.bearer(&principal, Some(token.as_str()))
    }

    /// A person with a verified e-mail address.
    #[must_use]
    pub fn user_at(&self, id: &str, email: &str) -> Persona {
        let principal: Principal = self.own(&Principal::user(id).to_string()).parse().expect("a principal");
        let token = self.issuer.token(&principal, Some(email), TOKEN_LIFETIME);
        self.bearer(&principal, Some(token.as_str()))
    }

    /// Someone with a token of the test's own making, or with none.
    #[must_use]
    pub fn bearer(&self, principal: &Principal, token: Option<&str>) -> Persona {
        Persona::new(principal, token, Service::ALL.map(|service| (service, self.channel(service))).into())
    }

    /// A person: `suite.user("alice")`.
    #[must_use]
    pub fn user(&self, id: &str) -> Persona {
        self.persona(&Principal::user(id).to_string())
    }
}

impl Suite {
    /// A text that no other test uses: `own("a")` is the same one each time.
    #[must_use]
    pub fn own(&self, text: &str) -> String {
        format!("{text}{}", self.mark)
    }

    /// A `request_id` that nobody has used.
    #[must_use]
    pub fn request_id(&self) -> String {
        use devspaces_kit::clock::Clock as _;
        self.clock.new_id().to_string()
    }

    /// A moment so many seconds from now, by the suite's clock.
    #[must_use]
    pub fn clock_in(&self, seconds: i64) -> prost_types::Timestamp {
        use devspaces_kit::clock::{Clock as _, Timestamp};
        Timestamp::from_micros(self.clock.now().micros() + seconds * 1_000_000).into()
    }
}

/// Asks again and again until there is an answer, for what another service does in its own time. The pauses are not
/// what a test relies on: an answer that never comes fails it.
pub async fn eventually<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.expect("an answer within 30 s")
}
