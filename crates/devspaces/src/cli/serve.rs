use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, process::ExitCode, str::FromStr};

use clap::Args;
use devspaces_events::Sender;
use devspaces_gate::{JournalWatchers, NamedPermissions, authzen};
use devspaces_kit::{
    clock::SystemClock,
    identity::{DevIssuer, Issuer, Jwks, Keys, Renewal, SigningKey},
    server::{Limits, raise_file_limit, starting, stop_signal},
    telemetry,
    tls::{ClientTls, ServerTls},
    trace,
};
use devspaces_ledger::REST;
use tokio::net::TcpListener;
use tonic::transport::Uri;

use super::{
    Failure,
    callers::Callers,
    checks::Checks,
    database::{Databases, Open},
    invoicing::Invoicing,
    issuer::{IssuerSettings, keys_in},
    limits::{Origins, PortLimits},
    log::Log,
    metrics::{MetricsPort, Open as Metrics},
    otlp::Otlp,
    plaintext::Part,
    service_name::{self, NamedPeople, ServiceName, ServicePermission},
    tls::{self, PeerTls, PortTls},
    webhooks::Webhooks,
};
use crate::{Config, Hosted, Service, Suite, suite::check_key};

/// Run some services of the suite in this process.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    databases: Databases,
    /// Where to listen
    #[arg(long, env = "DEVSPACES_LISTEN", default_value = "127.0.0.1:7000")]
    listen: SocketAddr,
    #[command(flatten)]
    tls: PortTls,
    #[command(flatten)]
    metrics: MetricsPort,
    #[command(flatten)]
    otlp: Otlp,
    #[command(flatten)]
    callers: Callers,
    /// Where another service is: membership=https://membership.internal:7000; once for each, or separated by commas. Calls are spread
    /// over a service's replicas if the name stands for several addresses, or if it is given with several
    #[arg(long = "peer", env = "DEVSPACES_PEERS", value_delimiter = ',', value_name = "SERVICE=URL")]
    peers: Vec<Peer>,
    #[command(flatten)]
    peer_tls: PeerTls,
    /// The public keys of the issuer whose tokens `devspaces token` prints, a JSON Web Key Set. Whoever has its private key
    /// can be anybody, also whom an --issuer names
    #[arg(long, env = "DEVSPACES_JWKS", value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// An identity provider: kind=users,iss=https://id.example,aud=devspaces with kind users or services, or by a claim:
    /// kind=users,services-if=CLAIM=VALUE. Its keys are where its discovery document says, or at jwks=URL or jwks=FILE; what
    /// else can be set stands in docs/operations.md. Once for each provider, or separated by semicolons
    #[arg(long = "issuer", env = "DEVSPACES_ISSUERS", value_delimiter = ';', value_name = "SETTINGS")]
    issuers: Vec<IssuerSettings>,
    /// The key that a service signs its calls to the others with, PKCS#8 in PEM; {service} stands for its name
    #[arg(long, env = "DEVSPACES_SERVICE_KEY_FILE", value_name = "FILE")]
    service_key_file: String,
    /// The public keys of the suite's services, a JSON Web Key Set in which the id of each is the service's name, or begins
    /// with it and a dot
    #[arg(long, env = "DEVSPACES_SUITE_JWKS", value_name = "FILE")]
    suite_jwks: PathBuf,
    /// A permission that a service has by its name, as it stands after services/: metering=usage.report; once for each, or
    /// separated by commas
    #[arg(
        long = "service-permission",
        env = "DEVSPACES_SERVICE_PERMISSIONS",
        value_delimiter = ',',
        value_name = "SERVICE=PERMISSION"
    )]
    service_permissions: Vec<ServicePermission>,
    #[command(flatten)]
    named_people: NamedPeople,
    /// A service beside the suite's own that may follow the journals and keep webhooks of the platform, by its name as it stands after
    /// services/; once for each, or separated by commas
    #[arg(
        long = "journal-watcher",
        env = "DEVSPACES_JOURNAL_WATCHERS",
        value_delimiter = ',',
        value_name = "SERVICE"
    )]
    journal_watchers: Vec<ServiceName>,
    #[command(flatten)]
    checks: Checks,
    #[command(flatten)]
    invoicing: Invoicing,
    #[command(flatten)]
    webhooks: Webhooks,
    #[command(flatten)]
    origins: Origins,
    #[command(flatten)]
    limits: PortLimits,
}

#[derive(Clone, Debug)]
struct Peer(Service, Uri);

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (service, url) = text.split_once('=').ok_or("must have the form SERVICE=URL")?;
        let uri = tls::address(url)?;
        Ok(Self(service.parse()?, uri))
    }
}

/// What the settings say of connections.
pub(super) struct Connections {
    /// By what the port speaks TLS.
    pub(super) port: Option<ServerTls>,
    /// By what peers are called.
    pub(super) to_peers: ClientTls,
    /// Where they are.
    pub(super) peers: BTreeMap<Service, Vec<Uri>>,
}

/// What the settings say of whom to trust.
pub(super) struct Trust {
    pub(super) issuers: Vec<Issuer>,
    pub(super) suite_keys: Keys,
    /// By what the keys of both are kept up to date.
    pub(super) renewals: Vec<Renewal>,
    /// The key of each service of this process, and its file.
    pub(super) keys: BTreeMap<Service, (SigningKey, PathBuf)>,
    named_permissions: NamedPermissions,
    journal_watchers: JournalWatchers,
    /// By what events are sent.
    sender: Sender,
}

impl Serve {
    pub(super) async fn run(self, log: &Log) -> Result<ExitCode, Failure> {
        log.start(&self.databases.services)?;
        let stop = stop_signal()?;
        // What is wrong with the settings is told before anything is waited for.
        let mut trust = self.trust()?;
        let connections = self.connections()?;
        let listener = bind(self.listen, &self.limits.limits()).await?;
        let metrics =
            self.metrics.open(&self.databases.services, connections.port.clone(), &self.databases.plaintext);
        let metrics = metrics.await?;
        // Keys that have to be fetched are on their way while the databases are opened.
        for renewal in trust.renewals.drain(..) {
            tokio::spawn(async move { renewal.run(&SystemClock).await });
        }
        tokio::pin!(stop);
        // Nobody is kept waiting: the port answers that it is not ready while this waits.
        let waiting = self.databases.open_migrated(&mut stop);
        let (port, origins) = ((self.limits.limits(), connections.port.clone()), self.origins.allowed());
        let starting = starting(&listener, port, &origins, authzen::at, "its database", waiting);
        let Some(databases) = Box::pin(starting).await? else {
            return Ok(ExitCode::SUCCESS);
        };
        let ended = self.run_on(&databases, listener, (trust, connections), &metrics, stop).await;
        databases.close().await;
        ended.map(|()| ExitCode::SUCCESS)
    }

    /// Runs the services on their databases until it is asked to stop.
    async fn run_on(
        self,
        databases: &Open,
        listener: TcpListener,
        (trust, connections): (Trust, Connections),
        metrics: &Metrics,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let address = listener.local_addr()?;
        let mut services = BTreeMap::new();
        for (service, database) in &databases.pools {
            metrics.databases.add(service.name(), database.clone());
            let (key, file) = trust.keys[service].clone();
            services.insert(*service, Hosted { database: database.clone(), key, key_file: Some(file) });
        }
        let config = Config {
            services,
            peers: connections.peers,
            tls: connections.port,
            peer_tls: connections.to_peers,
            issuers: trust.issuers,
            suite_keys: trust.suite_keys,
            named_permissions: trust.named_permissions,
            journal_watchers: trust.journal_watchers,
            sender: trust.sender,
            space_quota: self.callers.space_quota(),
            invoicing: self.invoicing.invoicing(),
            strict_window: self.checks.window(),
            rest: REST,
            clock: SystemClock::shared(),
            limits: self.callers.limit(self.limits.limits()),
            origins: self.origins.allowed(),
        };
        self.otlp.export(&self.databases.services)?;
        let suite = Suite::new(listener, config).await?;
        let names: Vec<_> = self.databases.services.iter().map(|service| service.name()).collect();
        let names = names.join(", ");
        telemetry::announce(format!("devspaces listens on {address} with {names}{}\n", metrics.notice()));
        let ended = suite.run(stop).await;
        trace::flush().await;
        Ok(ended?)
    }

    /// How the port and the peers are connected to, if none of it is plain text where that is refused.
    pub(super) fn connections(&self) -> Result<Connections, Failure> {
        let plaintext = &self.databases.plaintext;
        let peers = self.peers();
        for url in peers.values().flatten() {
            plaintext.calling(Part::Peers, "--peer", url)?;
        }
        self.otlp.check(plaintext)?;
        let port = self.tls.open(self.listen, &peers, plaintext)?;
        Ok(Connections { port, to_peers: self.peer_tls.open(&self.tls)?, peers })
    }

    /// Whom the services trust and are trusted by, if that fits together.
    pub(super) fn trust(&self) -> Result<Trust, Failure> {
        let (issuers, mut renewals) = self.issuers()?;
        let (suite_keys, renewal) = keys_in("--suite-jwks", "suite", &self.suite_jwks)?;
        renewals.push(renewal);
        let known = suite_keys.known().unwrap_or_default();
        let keys = self.keys(&known)?;
        for unknown in without_key(&known) {
            let service = unknown.name();
            tracing::warn!(
                service,
                "--suite-jwks has no key of this service: its calls will be refused, and what depends on them with them"
            );
        }
        let of_services = service_name::permissions(self.service_permissions.clone(), &issuers)?;
        let named_permissions = self.named_people.added_to(of_services, &issuers)?;
        let journal_watchers = service_name::watchers(self.journal_watchers.clone(), &issuers)?;
        if self.jwks.is_some() && !self.issuers.is_empty() {
            tracing::warn!(
                "--jwks is given beside --issuer: whoever has the private key of that issuer can be anybody"
            );
        }
        let sender = self.webhooks.sender()?;
        Ok(Trust { issuers, suite_keys, renewals, keys, named_permissions, journal_watchers, sender })
    }

    pub(super) fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Where each service of the suite is.
    pub(super) fn peers(&self) -> BTreeMap<Service, Vec<Uri>> {
        addresses(&self.peers)
    }

    fn issuers(&self) -> Result<(Vec<Issuer>, Vec<Renewal>), Failure> {
        let (mut issuers, mut renewals) = (Vec::new(), Vec::new());
        if let Some(file) = &self.jwks {
            let (keys, renewal) = keys_in("--jwks", DevIssuer::NAME, file)?;
            issuers.extend(DevIssuer::trusted(&keys));
            renewals.push(renewal);
        }
        for settings in &self.issuers {
            let (issuer, renewal) = settings.open()?;
            issuers.push(issuer);
            renewals.push(renewal);
        }
        if issuers.is_empty() {
            return Err("--jwks or --issuer must be given: without them nobody could call".into());
        }
        Ok((issuers, renewals))
    }

    /// The key of each service of this process, which the others know by its name.
    fn keys(&self, suite_keys: &Jwks) -> Result<BTreeMap<Service, (SigningKey, PathBuf)>, Failure> {
        let mut keys = BTreeMap::new();
        for service in &self.databases.services {
            let file = PathBuf::from(self.service_key_file.replace("{service}", service.name()));
            let key = SigningKey::load(&file).map_err(|error| format!("--service-key-file: {error}"))?;
            check_key(*service, &key, suite_keys)?;
            keys.insert(*service, (key, file));
        }
        Ok(keys)
    }
}

/// The services that are not known by any key.
fn without_key(suite_keys: &Jwks) -> impl Iterator<Item = Service> {
    Service::ALL.into_iter().filter(|service| !suite_keys.names(service.name()))
}

fn addresses(given: &[Peer]) -> BTreeMap<Service, Vec<Uri>> {
    let mut by_service = BTreeMap::<Service, Vec<Uri>>::new();
    for Peer(service, uri) in given {
        by_service.entry(*service).or_default().push(uri.clone());
    }
    by_service
}

/// Takes the port, with files enough for its connections if the system lets it.
pub(super) async fn bind(address: SocketAddr, limits: &Limits) -> Result<TcpListener, Failure> {
    raise_file_limit(limits.connections);
    let bound = TcpListener::bind(address).await;
    Ok(bound.map_err(|error| format!("--listen {address}: {error}"))?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_without_a_key_in_the_suites_set_is_found_at_the_start() {
        let key = |name| SigningKey::generate().expect("a key").public_jwk(name);
        let keys = json!({ "keys": [key("space"), key("billing"), key("marketplace")] });
        let keys = Jwks::parse(&keys.to_string()).expect("a key set");
        assert_eq!(without_key(&keys).collect::<Vec<_>>(), [Service::Membership]);
    }
}
