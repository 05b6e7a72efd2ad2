//! A suite in the test's process: each service on a port and a database of its own. [`composed`](crate::composed) has
//! one that runs elsewhere.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use devspaces::{Config, Hosted, Service};
use devspaces_authz::{Owner, Permission, PermissionSet};
use devspaces_gate::{JournalWatchers, ServicePermissions};
use devspaces_kit::{
    db::Pool,
    identity::{DevIssuer, Jwks, ServiceSigner, SigningKey},
    name::Principal,
    server::Limits,
};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::transport::{Channel, Endpoint, Uri};

use crate::{Engine, Persona, TestClock, engine::Databases};

/// How long tokens live. Longer than any test moves its clock.
const TOKEN_LIFETIME: Duration = Duration::from_hours(87600);

/// Why a scenario fails that is declared by `everywhere!` and should not be.
const OF_ITS_OWN: &str = "a running service of this test's own suite: `both_engines!` is for what needs one";

/// A running suite.
pub struct Suite {
    /// The clock of its services.
    pub clock: Arc<TestClock>,
    /// None that a test could open, where the suite is composed.
    pub(crate) databases: Option<Databases>,
    pub(crate) issuer: DevIssuer,
    pub(crate) issuer_key: SigningKey,
    pub(crate) running: BTreeMap<Service, Running>,
    pub(crate) config: Template,
    /// What tells the people of this test from those of others, where tests share a suite.
    pub(crate) mark: String,
}

pub(crate) struct Running {
    pub(crate) address: Uri,
    pub(crate) channel: Channel,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) task: Option<JoinHandle<()>>,
}

/// What stays the same when a service is started again.
#[derive(Default)]
pub(crate) struct Template {
    /// By the service's name.
    keys: BTreeMap<&'static str, SigningKey>,
    peers: BTreeMap<Service, Uri>,
}

impl Suite {
    /// Starts every service, on a port of its own.
    pub async fn start(engine: Engine) -> Self {
        Self::start_services(engine, false).await
    }

    /// Starts every service, all of them on one port. They stop when the suite is dropped and not before.
    pub async fn start_on_one_port(engine: Engine) -> Self {
        Self::start_services(engine, true).await
    }

    async fn start_services(engine: Engine, together: bool) -> Self {
        let databases = Databases::create(engine).await;
        let clock = TestClock::shared();
        let issuer_key = SigningKey::generate().expect("a key");
        let issuer = DevIssuer::new(issuer_key.clone(), clock.clone());
        let keys = Owner::ALL.map(|owner| (owner.name(), SigningKey::generate().expect("a key")));
        let mut listeners = BTreeMap::new();
        let mut peers = BTreeMap::new();
        for service in Service::ALL {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            peers.insert(service, format!("http://{address}").parse().expect("an address"));
            listeners.insert(service, listener);
        }
        let first = Service::ALL[0];
        if together {
            let address = Uri::clone(&peers[&first]);
            for peer in peers.values_mut() {
                *peer = address.clone();
            }
        }
        let config = Template { keys: keys.into(), peers };
        let (databases, running, mark) = (Some(databases), BTreeMap::new(), String::new());
        let mut suite = Self { clock, databases, issuer, issuer_key, running, config, mark };
        if together {
            let listener = listeners.remove(&first).expect("a listener");
            suite.run(&Service::ALL, listener).await;
        } else {
            for (service, listener) in listeners {
                suite.run(&[service], listener).await;
            }
        }
        suite
    }

    async fn run(&mut self, services: &[Service], listener: TcpListener) {
        let keys: Vec<_> = self.config.keys.iter().map(|(name, key)| key.public_jwk(name)).collect();
        let mut hosted = BTreeMap::new();
        for service in services {
            let key = self.config.keys[service.name()].clone();
            hosted.insert(*service, Hosted { database: self.pool(*service).await, key });
        }
        let config = Config {
            services: hosted,
            peers: self.config.peers.clone(),
            issuers: self.issuer.issuers().expect("the issuer's keys"),
            suite_keys: Jwks::parse(&json!({ "keys": keys }).to_string()).expect("the suite's keys"),
            service_permissions: [
                ("auditor", Permission::AuthzCheckOthers),
                ("importer", Permission::ImportApps),
                ("metering", Permission::UsageReport),
                ("billing-run", Permission::BillingRun),
                ("payments", Permission::PaymentsReport),
                ("accounting", Permission::BillingCredit),
                ("migrator", Permission::ImportVendorProfiles),
                ("reviewer", Permission::ListingsApprove),
            ]
            .into_iter()
            .fold(ServicePermissions::default(), |all, (name, permission)| {
                let set = PermissionSet::EMPTY.with(permission).expect("a service permission");
                all.with(Principal::service(name), set)
            }),
            journal_watchers: JournalWatchers::default().with(Principal::service("observer")),
            clock: self.clock.clone(),
            limits: Limits::default(),
        };
        let suite = devspaces::Suite::new(listener, config).await.expect("a suite that starts");
        let (stop, stopped) = oneshot::channel();
        let run = suite.run(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(async move { run.await.expect("an orderly end") });
        let address = self.config.peers[&services[0]].clone();
        let channel = Endpoint::from(address.clone()).connect_lazy();
        let mut first = (Some(stop), Some(task));
        for service in services {
            let (stop, task) = std::mem::take(&mut first);
            let running = Running { address: address.clone(), channel: channel.clone(), stop, task };
            self.running.insert(*service, running);
        }
    }

    /// Stops a service, in order.
    pub async fn stop(&mut self, service: Service) {
        let running = self.running.get_mut(&service).expect("a service");
        drop(running.stop.take());
        running.task.take().expect(OF_ITS_OWN).await.expect("an orderly end");
    }

    /// Starts a service again that was stopped, on its address.
    pub async fn restart(&mut self, service: Service) {
        let address = self.running[&service].address.authority().expect("an authority").to_string();
        let listener = TcpListener::bind(address).await.expect("the port of before");
        self.run(&[service], listener).await;
    }

    /// Connections to a service's database, beside its own.
    pub async fn pool(&self, service: Service) -> Pool {
        self.databases().open(service).await
    }

    fn databases(&self) -> &Databases {
        self.databases.as_ref().expect(OF_ITS_OWN)
    }

    /// The engine of the databases.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.databases().engine()
    }

    /// A channel to a service.
    #[must_use]
    pub fn channel(&self, service: Service) -> Channel {
        self.running[&service].channel.clone()
    }

    /// A service's address.
    #[must_use]
    pub fn address(&self, service: Service) -> &Uri {
        &self.running[&service].address
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
