use std::{
    collections::BTreeMap,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use devspaces_gate::{JournalWatchers, NamedPermissions, authzen};
use devspaces_kit::{
    clock::SystemClock,
    identity::{DevIssuer, Jwks, SigningKey},
    server::{starting, stop_signal},
    telemetry,
    tls::ClientTls,
    trace,
};
use devspaces_ledger::{
    REST,
    db::{self, FolderLock, Pool},
};
use tokio::net::TcpListener;
use tonic::transport::Uri;

use super::{
    Failure,
    callers::Callers,
    checks::Checks,
    database::close,
    invoicing::Invoicing,
    limits::{Origins, PortLimits},
    log::Log,
    metrics::{MetricsPort, Open as Metrics},
    otlp::Otlp,
    plaintext::{Part, Plaintext},
    serve::bind,
    service_name::NamedPeople,
    webhooks::Webhooks,
};
use crate::{Config, Hosted, Parts, Service, Suite, keys};

/// Run the whole suite in this process, for trying it out and for developing against it.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Where to listen; port 0 picks a free one
    #[arg(long, env = "DEVSPACES_LISTEN", default_value = "127.0.0.1:7000")]
    listen: SocketAddr,
    #[command(flatten)]
    plaintext: Plaintext,
    #[command(flatten)]
    metrics: MetricsPort,
    #[command(flatten)]
    otlp: Otlp,
    #[command(flatten)]
    callers: Callers,
    #[command(flatten)]
    named_people: NamedPeople,
    /// The folder for databases and keys; made when missing
    #[arg(long, env = "DEVSPACES_DATA_DIR", default_value = DATA_DIR)]
    data_dir: PathBuf,
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

/// Where `dev` and `token` meet unless told otherwise.
pub(super) const DATA_DIR: &str = "./.devspaces";

impl Dev {
    pub(super) async fn run(self, log: &Log) -> Result<ExitCode, Failure> {
        log.start(&Service::ALL)?;
        // Before anything is made: a second suite on the same port or folder must leave no trace.
        let stop = stop_signal()?;
        self.plaintext.listening(Part::Listen, "--listen", self.listen)?;
        self.otlp.check(&self.plaintext)?;
        let listener = bind(self.listen, &self.limits.limits()).await?;
        let _lock = FolderLock::take(&self.data_dir)?;
        keys::make(&self.data_dir)?;
        let metrics = self.metrics.open(&Service::ALL, None, &self.plaintext).await?;
        let (limits, origins) = (self.limits.limits(), self.origins.allowed());
        let databases = self.databases();
        let starting = starting(&listener, (limits, None), &origins, authzen::at, "its databases", databases);
        let pools = Box::pin(starting).await?;
        let ended = self.run_on(&pools, listener, &metrics, stop).await;
        close(pools.values()).await;
        ended.map(|()| ExitCode::SUCCESS)
    }

    /// Runs the suite on its databases until it is asked to stop.
    async fn run_on(
        &self,
        pools: &BTreeMap<Service, Pool>,
        listener: TcpListener,
        metrics: &Metrics,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let address = listener.local_addr()?;
        let config = self.config(address, pools)?;
        for (service, hosted) in &config.services {
            metrics.databases.add(service.name(), hosted.database.clone());
        }
        self.otlp.export(&Service::ALL)?;
        let suite = Suite::new(listener, config).await?;
        telemetry::announce(welcome(address, &metrics.notice(), &self.data_dir));
        let ended = suite.run(stop).await;
        trace::flush().await;
        Ok(ended?)
    }

    fn config(&self, address: SocketAddr, pools: &BTreeMap<Service, Pool>) -> Result<Config, Failure> {
        let clock = SystemClock::shared();
        let issuer = DevIssuer::new(SigningKey::load(&self.data_dir.join(keys::ISSUER))?, clock.clone());
        let mut services = BTreeMap::new();
        for (service, pool) in pools {
            let key = SigningKey::load(&self.data_dir.join(keys::of_service(service.name())))?;
            services.insert(*service, Hosted { database: pool.clone(), key, key_file: None });
        }
        let suite_keys = std::fs::read_to_string(self.data_dir.join(keys::SUITE_JWKS))?;
        let peer = format!("http://{address}").parse()?;
        let issuers = issuer.issuers()?;
        // R-P7: here, whoever can mint a service's token may be any service.
        let named_permissions = self.named_people.added_to(NamedPermissions::dev(), &issuers)?;
        Ok(Config {
            services,
            peers: Service::ALL.map(|service| (service, vec![Uri::clone(&peer)])).into(),
            tls: None,
            peer_tls: ClientTls::of_the_web()?,
            issuers,
            suite_keys: Jwks::parse(&suite_keys)?.into(),
            named_permissions,
            journal_watchers: JournalWatchers::dev(),
            sender: self.webhooks.sender()?,
            space_quota: self.callers.space_quota(),
            invoicing: self.invoicing.invoicing(),
            strict_window: self.checks.window(),
            rest: REST,
            clock,
            limits: self.callers.limit(self.limits.limits()),
            origins: self.origins.allowed(),
        })
    }

    /// The database of every service, with the schema of this version; or none is open.
    async fn databases(&self) -> Result<BTreeMap<Service, Pool>, Failure> {
        let mut pools = BTreeMap::new();
        for service in Service::ALL {
            if let Err(failure) = self.open(service, &mut pools).await {
                close(pools.values()).await;
                return Err(failure);
            }
        }
        Ok(pools)
    }

    async fn open(&self, service: Service, pools: &mut BTreeMap<Service, Pool>) -> Result<(), Failure> {
        let file = self.data_dir.join(format!("{service}.db"));
        let pool = Pool::open(&format!("sqlite:{}", file.display())).await?;
        let migrated = db::migrate(&pool, &Parts::of(service).schema()).await;
        pools.insert(service, pool);
        migrated.map(drop).map_err(|error| {
            format!("the database {} can't be used: {}", file.display(), error.for_operator()).into()
        })
    }
}

/// Where the suite is and what to do next, in commands that can be pasted.
fn welcome(address: SocketAddr, metrics: &str, data_dir: &Path) -> String {
    let program = env::args().next().unwrap_or_else(|| "devspaces".to_owned());
    let folder = match data_dir.to_str() {
        Some(DATA_DIR) => String::new(),
        _ => format!(" --data-dir '{}'", data_dir.display()),
    };
    let call = "grpcurl -plaintext -H \"authorization: Bearer $TOKEN\"";
    format!(
        "devspaces is ready on {address}; its data is in {}{metrics}

Be somebody:
  TOKEN=$({program} token users/alice{folder})

Then create a space, see your spaces, and ask whether you may add members to the first:
  {call} -d '{{\"space\": {{\"display_name\": \"My team\"}}}}' {address} devspaces.space.v1.SpaceService/CreateSpace
  SPACE=$({call} {address} devspaces.space.v1.SpaceService/ListSpaces | grep -o 'spaces/[0-9a-f-]*' | head -n 1); echo $SPACE
  {call} -d '{{\"permission\": \"members.add\", \"resource\": \"'$SPACE'\"}}' {address} devspaces.authz.v1.AuthzService/CheckPermission

Stop with Ctrl-C; the next start finds the data again.
",
        data_dir.display()
    )
}
