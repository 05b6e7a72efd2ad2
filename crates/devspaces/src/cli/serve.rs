use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf, process::ExitCode, str::FromStr};

use clap::Args;
use devspaces_authz::{Permission, PermissionSet};
use devspaces_gate::{JournalWatchers, ServicePermissions};
use devspaces_kit::{
    clock::SystemClock,
    identity::{DevIssuer, Issuer, Jwks, Kind, SigningKey},
    name::Principal,
    server::{starting, stop_signal},
    telemetry, trace,
};
use tokio::net::TcpListener;
use tonic::transport::Uri;

use super::{
    Failure,
    database::{Databases, Open},
    limits::{Origins, PortLimits},
    log::Log,
    metrics::{MetricsPort, Open as Metrics},
    otlp::Otlp,
};
use crate::{Config, Hosted, Service, Suite};

/// Run some services of the suite in this process.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    databases: Databases,
    /// Where to listen
    #[arg(long, env = "DEVSPACES_LISTEN", default_value = "127.0.0.1:7000")]
    listen: SocketAddr,
    #[command(flatten)]
    metrics: MetricsPort,
    #[command(flatten)]
    otlp: Otlp,
    /// Where another service is: membership=http://10.0.0.2:7000; once for each, or separated by commas. Calls are spread
    /// over a service's replicas if the name stands for several addresses, or if it is given with several
    #[arg(long = "peer", env = "DEVSPACES_PEERS", value_delimiter = ',', value_name = "SERVICE=URL")]
    peers: Vec<Peer>,
    /// The public keys of the issuer whose tokens `devspaces token` prints, a JSON Web Key Set
    #[arg(long, env = "DEVSPACES_JWKS", value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// An identity provider: kind=users,iss=https://id.example,aud=devspaces,prefix=,jwks=FILE with kind users or
    /// services; once for each, or separated by semicolons
    #[arg(long = "issuer", env = "DEVSPACES_ISSUERS", value_delimiter = ';', value_name = "SETTINGS")]
    issuers: Vec<IssuerSettings>,
    /// The key that a service signs its calls to the others with, PKCS#8 in PEM; {service} stands for its name
    #[arg(long, env = "DEVSPACES_SERVICE_KEY_FILE", value_name = "FILE")]
    service_key_file: String,
    /// The public keys of the suite's services, a JSON Web Key Set in which the id of each is the service's name
    #[arg(long, env = "DEVSPACES_SUITE_JWKS", value_name = "FILE")]
    suite_jwks: PathBuf,
    /// A permission that a service has by its name: metering=usage.report; once for each, or separated by commas
    #[arg(
        long = "service-permission",
        env = "DEVSPACES_SERVICE_PERMISSIONS",
        value_delimiter = ',',
        value_name = "SERVICE=PERMISSION"
    )]
    service_permissions: Vec<ServicePermission>,
    /// A service beside the suite's own that may follow the journals; once for each, or separated by commas
    #[arg(
        long = "journal-watcher",
        env = "DEVSPACES_JOURNAL_WATCHERS",
        value_delimiter = ',',
        value_name = "SERVICE"
    )]
    journal_watchers: Vec<String>,
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
        let uri: Uri = url.parse().map_err(|_| "the URL must have the form http://HOST:PORT".to_owned())?;
        if uri.scheme_str() != Some("http") || uri.authority().is_none() {
            return Err("the URL must have the form http://HOST:PORT".to_owned());
        }
        Ok(Self(service.parse()?, uri))
    }
}

#[derive(Clone, Debug)]
struct ServicePermission(String, Permission);

impl FromStr for ServicePermission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (service, name) = text.split_once('=').ok_or("must have the form SERVICE=PERMISSION")?;
        let permission = Permission::parse(name).ok_or("the permission is not in the catalogue")?;
        Ok(Self(service.to_owned(), permission))
    }
}

/// An identity provider, as a flag describes it.
#[derive(Clone, Debug)]
struct IssuerSettings {
    kind: Kind,
    iss: String,
    audiences: Vec<String>,
    prefix: String,
    jwks: PathBuf,
}

impl FromStr for IssuerSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut kind, mut iss, mut jwks, mut prefix, mut audiences) =
            (None, None, None, String::new(), Vec::new());
        for setting in text.split(',') {
            let (key, value) = setting.split_once('=').ok_or("each setting must have the form KEY=VALUE")?;
            match (key, value) {
                ("kind", "users") => kind = Some(Kind::Users),
                ("kind", "services") => kind = Some(Kind::Services),
                ("iss", iss_value) => iss = Some(iss_value.to_owned()),
                ("aud", audience) => audiences.push(audience.to_owned()),
                ("prefix", value) => value.clone_into(&mut prefix),
                ("jwks", file) => jwks = Some(PathBuf::from(file)),
                _ => {
                    return Err(
                        "the settings are kind (users or services), iss, aud, prefix and jwks".to_owned()
                    );
                }
            }
        }
        let missing = |name: &str| format!("the setting {name} is missing");
        if audiences.is_empty() {
            return Err(missing("aud"));
        }
        let kind = kind.ok_or_else(|| missing("kind"))?;
        let (iss, jwks) = (iss.ok_or_else(|| missing("iss"))?, jwks.ok_or_else(|| missing("jwks"))?);
        Ok(Self { kind, iss, audiences, prefix, jwks })
    }
}

impl Serve {
    pub(super) async fn run(self, log: &Log) -> Result<ExitCode, Failure> {
        log.start(&self.databases.services)?;
        let stop = stop_signal()?;
        let issuers = self.issuers()?;
        let listener = bind(self.listen).await?;
        let metrics = self.metrics.open(&self.databases.services).await?;
        tokio::pin!(stop);
        // Nobody is kept waiting: the port answers that it is not ready while this waits.
        let waiting = self.databases.open_migrated(&mut stop);
        let Some(databases) = starting(&listener, self.limits.limits(), waiting).await? else {
            return Ok(ExitCode::SUCCESS);
        };
        let ended = self.run_on(&databases, listener, issuers, &metrics, stop).await;
        databases.close().await;
        ended.map(|()| ExitCode::SUCCESS)
    }

    /// Runs the services on their databases until it is asked to stop.
    async fn run_on(
        self,
        databases: &Open,
        listener: TcpListener,
        issuers: Vec<Issuer>,
        metrics: &Metrics,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let address = listener.local_addr()?;
        let mut services = BTreeMap::new();
        for (service, database) in &databases.pools {
            metrics.databases.add(service.name(), database.clone());
            let file = PathBuf::from(self.service_key_file.replace("{service}", service.name()));
            let key = SigningKey::load(&file).map_err(|error| format!("--service-key-file: {error}"))?;
            services.insert(*service, Hosted { database: database.clone(), key });
        }
        let service_permissions = allowed(self.service_permissions)?;
        let watchers = self.journal_watchers.iter().map(|name| Principal::service(name));
        let config = Config {
            services,
            peers: addresses(self.peers),
            issuers,
            suite_keys: key_set("--suite-jwks", &self.suite_jwks)?,
            service_permissions,
            journal_watchers: watchers.fold(JournalWatchers::default(), JournalWatchers::with),
            clock: SystemClock::shared(),
            limits: self.limits.limits(),
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

    fn issuers(&self) -> Result<Vec<Issuer>, Failure> {
        let mut issuers = Vec::new();
        if let Some(file) = &self.jwks {
            issuers.extend(DevIssuer::trusted(&key_set("--jwks", file)?));
        }
        for settings in &self.issuers {
            let keys = key_set("--issuer", &settings.jwks)?;
            let IssuerSettings { kind, iss, audiences, prefix, .. } = settings.clone();
            issuers.push(Issuer { iss, kind, prefix, audiences, keys });
        }
        if issuers.is_empty() {
            return Err("--jwks or --issuer must be given: without them nobody could call".into());
        }
        Ok(issuers)
    }
}

fn addresses(given: Vec<Peer>) -> BTreeMap<Service, Vec<Uri>> {
    let mut by_service = BTreeMap::<Service, Vec<Uri>>::new();
    for Peer(service, uri) in given {
        by_service.entry(service).or_default().push(uri);
    }
    by_service
}

fn allowed(given: Vec<ServicePermission>) -> Result<ServicePermissions, Failure> {
    let mut by_service = BTreeMap::<String, PermissionSet>::new();
    for ServicePermission(service, permission) in given {
        let set = by_service.entry(service).or_default();
        *set = set.with(permission).map_err(|error| format!("--service-permission: {error}"))?;
    }
    let with =
        |all: ServicePermissions, (service, set): (String, _)| all.with(Principal::service(&service), set);
    Ok(by_service.into_iter().fold(ServicePermissions::default(), with))
}

fn key_set(flag: &str, file: &PathBuf) -> Result<Jwks, Failure> {
    let refused = |error: &dyn std::fmt::Display| format!("{flag}: {} {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| refused(&format!("can't be read: {error}")))?;
    Ok(Jwks::parse(&text).map_err(|error| refused(&format!("can't be used: {error}")))?)
}

/// Takes the port.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    Ok(bound.map_err(|error| format!("--listen {address}: {error}"))?)
}
