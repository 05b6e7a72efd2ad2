//! How the services of one process are put together.
use std::{collections::BTreeMap, io, net::SocketAddr, path::PathBuf, pin::pin, sync::Arc, time::Duration};

use devspaces_events::{self as events, Keeping, Sender, WebhookServer, Worker};
use devspaces_gate::{
    self as gate, AuthzServer, Context, FactsServer, Gate, Invoicing, JournalWatchers, NamedPermissions,
    Peers, Source, Sources, SpaceQuota, authzen, owner_to_wire,
};
use devspaces_kit::{
    clock::Clock,
    connections::Connections,
    identity::{Authenticator, ConfigError, Issuer, Jwks, Keys, ServiceSigner, SigningKey, Trust, follow},
    server::{Limits, Server, ServerError, Streams, Tasks},
    steady::Steady,
    sweep::Sweep,
    tls::{ClientTls, ServerTls},
};
use devspaces_ledger::{
    Mutations,
    db::{self, Pool},
    delivery::{self, Delivery, Receiver},
    outbox::Outbox,
    replay, webhook,
};
use devspaces_proto::{
    authz::v1::authz_service_server::AuthzServiceServer,
    events::v1::webhook_service_server::WebhookServiceServer,
    facts::v1::facts_service_server::FactsServiceServer,
    journal::v1::journal_service_server::JournalServiceServer,
};
use futures::future::select;
use http::HeaderValue;
use tokio::{net::TcpListener, sync::watch};
use tonic::transport::Uri;

use crate::{Parts, Service, journal::JournalServer, peers::Peer};

/// A service that this process runs.
#[derive(Clone, Debug)]
pub struct Hosted {
    /// Its database.
    pub database: Pool,
    /// The key that it signs its calls to peers with.
    pub key: SigningKey,
    /// Where the key is kept. When the file changes, the service signs by the key that is in it then.
    pub key_file: Option<PathBuf>,
}

/// What a process runs, whom it trusts and where its peers are.
pub struct Config {
    /// The services of this process.
    pub services: BTreeMap<Service, Hosted>,
    /// Where each service of the suite is, those of this process included: they too call each other over gRPC. Several
    /// addresses are those of its replicas.
    pub peers: BTreeMap<Service, Vec<Uri>>,
    /// By what the port speaks TLS, if it does.
    pub tls: Option<ServerTls>,
    /// By what peers are called whose addresses begin with `https://`.
    pub peer_tls: ClientTls,
    /// Whose tokens are accepted.
    pub issuers: Vec<Issuer>,
    /// The public keys of the suite's services; the id of each is the service's name, or begins with it and a dot.
    pub suite_keys: Keys,
    /// What the operator lets services do, by their names (R-P7).
    pub named_permissions: NamedPermissions,
    /// The services beside the suite's own that may follow the journals (R-J4), and keep webhooks of the platform (R-J6).
    pub journal_watchers: JournalWatchers,
    /// By what events are sent to addresses outside (R-J6).
    pub sender: Sender,
    /// How many spaces each person may make (R-S10).
    pub space_quota: SpaceQuota,
    /// How the suite deals with money (R-B6, R-B10, R-E3).
    pub invoicing: Invoicing,
    /// How long before a check the facts may have been confirmed by which it allows (R-P9): at most [`gate::WINDOW`].
    pub strict_window: Duration,
    /// How long changes rest that take away: [`REST`](devspaces_ledger::REST), but in tests that look for what goes wrong
    /// without it.
    pub rest: Duration,
    /// Time and identifiers.
    pub clock: Arc<dyn Clock>,
    /// What the port takes on.
    pub limits: Limits,
    /// The origins whose pages may call by gRPC-Web (CORS).
    pub origins: Vec<HeaderValue>,
}

/// Why a suite does not start.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// The schema is not the one that this version needs.
    #[error("the database of {0} is not migrated: run `devspaces migrate`")]
    NotMigrated(Service),
    /// The database does not answer as it should.
    #[error("the database of {service} failed: {error}")]
    Database {
        /// Whose.
        service: Service,
        /// What the engine said.
        error: String,
    },
    /// A peer has no address.
    #[error("--peer {0}=https://… is missing: this process has to call that service")]
    PeerMissing(Service),
    /// A service was given the key of another one.
    #[error(
        "--service-key-file: the key of {service} is that of {other}: the other services would refuse its calls"
    )]
    KeyOfAnother {
        /// Whose key it should be.
        service: Service,
        /// Whose it is.
        other: Service,
    },
    /// A service was given a key that the others don't know it by.
    #[error(
        "--service-key-file: --suite-jwks does not have the key of {0} under its name: the other services would refuse its calls"
    )]
    KeyUnknown(Service),
    /// Issuers or keys don't fit together.
    #[error(transparent)]
    Identity(#[from] ConfigError),
    /// The port.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// The services of one process, on one port.
pub struct Suite {
    server: Server,
}

impl Suite {
    /// Puts the services together on a listener.
    ///
    /// # Errors
    /// [`SuiteError`].
    pub async fn new(listener: TcpListener, config: Config) -> Result<Self, SuiteError> {
        for (service, hosted) in &config.services {
            check_key(*service, &hosted.key, &config.suite_keys.known().unwrap_or_default())?;
            check_schema(*service, &hosted.database).await?;
        }
        let hosted = config.services.keys().copied();
        let authenticator = authenticator(config.clock.clone(), &config.issuers, &config.suite_keys, hosted)?;
        let tasks = Tasks::new();
        let steady = Arc::new(Steady::new(config.clock.clone()));
        let signers = signers(&config, &tasks);
        let server = Server::new(listener, Arc::new(authenticator), tasks.clone())
            .limits(config.limits)
            .tls(config.tls.clone())
            .origins(config.origins.clone())
            .entrances(authzen::at);
        let mut server = waiting(server, &config, &signers);
        let owners: Vec<_> =
            config.services.keys().map(|service| (*service, owning(&config, *service))).collect();
        let facts = FactsServer::new(owners.iter().map(|(_, own)| own.clone()), receiver(&config, &tasks));
        server = server.service(FactsServiceServer::new(facts));
        let mut contexts = Vec::with_capacity(owners.len());
        for (service, own) in owners {
            let signer = signers[&service].clone();
            contexts
                .push((service, Arc::new(context(&config, service, own, signer, &tasks, steady.clone())?)));
        }
        server = host_for_all(server, &config, &contexts, &tasks);
        for (service, context) in contexts {
            server = host(server, service, context, &tasks);
        }
        Ok(Self { server })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.server.local_addr()
    }

    /// Serves until `stop` resolves, and ends in order.
    ///
    /// # Errors
    /// If the port fails, or calls were left when the time to wait for them was over.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
        self.server.run(stop).await
    }
}

/// Who may call these services, and by which keys.
pub(crate) fn authenticator(
    clock: Arc<dyn Clock>,
    issuers: &[Issuer],
    suite_keys: &Keys,
    hosted: impl Iterator<Item = Service>,
) -> Result<Authenticator, ConfigError> {
    let trust = Trust {
        names: Service::ALL.map(|service| service.name().to_owned()).to_vec(),
        hosted: hosted.map(|service| service.name().to_owned()).collect(),
        peers: suite_keys.clone(),
    };
    Authenticator::new(clock, issuers.to_vec(), trust)
}

/// A service of this process as the owner of its facts.
fn owning(config: &Config, service: Service) -> gate::Hosted {
    let pool = config.services[&service].database.clone();
    gate::Hosted::new((Parts::of(service).owner)(&config.invoicing), pool, config.clock.clone())
}

/// Puts what every service answers alike on the port: the gate of one of them answers for all.
fn host_for_all(
    server: Server,
    config: &Config,
    contexts: &[(Service, Arc<Context>)],
    tasks: &Tasks,
) -> Server {
    let Some((_, context)) = contexts.first() else { return server };
    let journals = config.services.iter().map(|(service, it)| (*service, it.database.clone()));
    let journal = JournalServer::new(
        context.gate.clone(),
        journals,
        config.journal_watchers.clone(),
        tasks.clone(),
        context.streams.clone(),
    );
    server
        .service(AuthzServiceServer::new(AuthzServer::new(context.gate.clone())))
        .service(JournalServiceServer::new(journal))
        .service(WebhookServiceServer::new(webhooks(config, contexts, tasks)))
}

/// Answers for the webhooks of these services, and has their events sent.
fn webhooks(config: &Config, contexts: &[(Service, Arc<Context>)], tasks: &Tasks) -> WebhookServer {
    let keeping = |(service, context): &(Service, Arc<Context>)| {
        let (service, context) = (*service, context.clone());
        Keeping { service, context, table: events::table(Parts::of(service).events) }
    };
    let keeping: Vec<_> = contexts.iter().map(keeping).collect();
    for Keeping { service, context, table } in keeping.clone() {
        tasks.spawn(Worker::new(service, context, table, config.sender.clone(), tasks.clone()).run());
    }
    WebhookServer::new(keeping, config.journal_watchers.clone(), &config.sender)
}

/// Puts one service on the port, with what falls due in it.
fn host(server: Server, service: Service, context: Arc<Context>, tasks: &Tasks) -> Server {
    let parts = Parts::of(service);
    let forget = |context: Arc<Context>| async move { replay::forget(&context.pool, &context.steady).await };
    let forget_deliveries =
        |context: Arc<Context>| async move { webhook::forget(&context.pool, &context.steady).await };
    let mut sweeps = vec![
        Sweep::new("forgetting of first results", &context, forget),
        Sweep::new("forgetting of deliveries", &context, forget_deliveries),
    ];
    sweeps.extend((parts.sweeps)(&context));
    for sweep in sweeps {
        tasks.spawn(sweep.run(tasks.stopping()));
    }
    (parts.host)(server, context)
}

/// That the others know a service by its key. They would refuse it else, and it would find out by its first call.
pub(crate) fn check_key(service: Service, key: &SigningKey, suite_keys: &Jwks) -> Result<(), SuiteError> {
    if suite_keys.has(service.name(), key) {
        return Ok(());
    }
    let other = Service::ALL.into_iter().find(|other| suite_keys.has(other.name(), key));
    Err(other.map_or(SuiteError::KeyUnknown(service), |other| SuiteError::KeyOfAnother { service, other }))
}

async fn check_schema(service: Service, pool: &Pool) -> Result<(), SuiteError> {
    match db::is_current(pool, &Parts::of(service).schema()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(SuiteError::NotMigrated(service)),
        Err(error) => Err(SuiteError::Database { service, error: error.for_operator() }),
    }
}

/// Takes the effects that changes of other services have on those of this process.
fn receiver(config: &Config, tasks: &Tasks) -> Receiver {
    config.services.iter().fold(Receiver::new(tasks.clone()), |receiver, (service, hosted)| {
        let inbox = Parts::of(*service).inbox;
        receiver.with(service.name(), inbox(hosted.database.clone(), config.clock.clone()))
    })
}

/// What the handlers of one service work with.
fn context(
    config: &Config,
    service: Service,
    own: gate::Hosted,
    signer: Arc<ServiceSigner>,
    tasks: &Tasks,
    steady: Arc<Steady>,
) -> Result<Context, SuiteError> {
    let clock = config.clock.clone();
    let pool = config.services[&service].database.clone();
    let mut sources = Sources::default().with(Source::hosted(own, clock.clone()));
    let (mut peers, mut bring_to) = (Vec::new(), Vec::new());
    for peer in Service::ALL.into_iter().filter(|peer| *peer != service) {
        let addresses = config.peers.get(&peer).ok_or(SuiteError::PeerMissing(peer))?;
        let connections = Connections::new(addresses.iter().cloned(), &config.peer_tls);
        let source = Source::remote(peer, connections.clone(), signer.clone(), clock.clone());
        sources = sources.with(source);
        bring_to.push(delivery::Peer {
            name: peer.name(),
            owner: owner_to_wire(peer),
            connections: connections.clone(),
        });
        peers.push((peer, connections));
    }
    let gate = Gate::new(
        (Parts::of(service).owner)(&config.invoicing),
        sources,
        config.named_permissions.clone(),
        config.strict_window,
        clock.clone(),
    );
    let outbox = Outbox::new(pool.clone(), Arc::new(Delivery::new(bring_to, signer.clone(), clock.clone())));
    tasks.spawn(outbox.clone().run(tasks.stopping()));
    let mutations = Mutations::new(pool.clone(), clock.clone(), steady.clone(), outbox, tasks.clone())
        .resting(config.rest);
    let streams = Streams::new(tasks.clone(), clock.clone());
    let (space_quota, invoicing) = (config.space_quota.clone(), config.invoicing.clone());
    let peers = Peers::new(peers, signer);
    Ok(Context { pool, clock, steady, gate, mutations, streams, space_quota, invoicing, peers })
}

/// What signs the calls of each service of this process, by the key that is in its file at the time.
fn signers(config: &Config, tasks: &Tasks) -> BTreeMap<Service, Arc<ServiceSigner>> {
    let signer = |(service, hosted): (&Service, &Hosted)| {
        let signer = ServiceSigner::new(service.name(), hosted.key.clone(), config.clock.clone());
        let signer = Arc::new(signer);
        if let Some(file) = hosted.key_file.clone() {
            let following = follow(signer.clone(), file, config.suite_keys.clone());
            let stopping = tasks.stopping();
            tasks.spawn(async move {
                select(pin!(following), pin!(stopping)).await;
            });
        }
        (*service, signer)
    };
    config.services.iter().map(signer).collect()
}

/// Has the server say that it is ready only when its peers are fit for their services, and the keys of issuers are there, or
/// have been looked for.
fn waiting(server: Server, config: &Config, signers: &BTreeMap<Service, Arc<ServiceSigner>>) -> Server {
    let peers = config.peers.iter().filter(|(peer, _)| !config.services.contains_key(*peer));
    let server = peers.fold(server, |server, (service, addresses)| {
        let connections = Connections::new(addresses.iter().cloned(), &config.peer_tls);
        let peer = Peer { service: *service, connections, clock: config.clock.clone() };
        let (what, fit) = peer.fit_for(signers.values().cloned().collect());
        server.waits_for(what, fit)
    });
    config.issuers.iter().fold(server, |server, issuer| {
        let (_, what) = watch::channel("the keys of an issuer".into());
        server.waits_for(what, issuer.keys.tried())
    })
}
