use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use devspaces_ledger::db::{self, FolderLock, OpenError, Pool};
use futures::future::join_all;
use tokio::time::{sleep, timeout};

use super::{
    Failure,
    plaintext::{Part, Plaintext, is_here},
};
use crate::{Parts, Service};

/// Which services, and where their databases are.
#[derive(Clone, Debug, Args)]
pub(super) struct Databases {
    /// The services, separated by commas
    #[arg(long, env = "DEVSPACES_SERVICES", value_delimiter = ',', required = true)]
    pub(super) services: Vec<Service>,
    /// The database: postgres://… or sqlite:PATH. {service} stands for each service's name; without it only one
    /// service can be given, since each has a database of its own
    #[arg(long, env = "DEVSPACES_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// A file that holds the database URL, so that its password is in no environment. In its path, too, {service}
    /// stands for each service's name
    #[arg(long, env = "DEVSPACES_DATABASE_URL_FILE", conflicts_with = "database_url", value_name = "FILE")]
    database_url_file: Option<String>,
    #[command(flatten)]
    pub(super) plaintext: Plaintext,
}

/// Open databases, and the locks of their folders where they are files. To be [closed](Self::close), however the work
/// with them ends.
pub(super) struct Open {
    pub(super) pools: BTreeMap<Service, Pool>,
    _locks: BTreeMap<PathBuf, FolderLock>,
}

impl Open {
    /// Ends in order: see [`close`].
    pub(super) async fn close(self) {
        close(self.pools.values()).await;
    }
}

/// How long a connection that is still in use is waited for. Whoever had calls to end has waited for them before.
const CLOSING: Duration = Duration::from_secs(5);

/// Closes databases in order: a file of SQLite then holds everything by itself, and PostgreSQL is told goodbye.
pub(super) async fn close(pools: impl IntoIterator<Item = &Pool>) {
    let closed = timeout(CLOSING, join_all(pools.into_iter().map(Pool::close))).await;
    if closed.is_err() {
        tracing::warn!("connections were in use to the end; what is committed is kept all the same");
    }
}

impl Databases {
    /// Of one of the services.
    pub(super) fn of(&self, service: Service) -> Self {
        Self { services: vec![service], ..self.clone() }
    }

    /// Connects to every service's database, and keeps other processes out of the folders of SQLite files.
    pub(super) async fn open(&self) -> Result<Open, Failure> {
        let urls = self.urls()?;
        let locks = lock(&urls)?;
        Ok(Open { pools: connect(&urls, async |url| Pool::open(url).await).await?, _locks: locks })
    }

    /// As [`open`](Self::open), and waits for databases that are not there yet or not migrated: what is started in any
    /// order comes up once the rest has. None if it is asked to stop before that.
    pub(super) async fn open_migrated(
        &self,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<Open>, Failure> {
        let urls = self.urls()?;
        let mut open = Open { pools: BTreeMap::new(), _locks: lock(&urls)? };
        tokio::pin!(stop);
        for (service, url) in &urls {
            match migrated(*service, url, &mut stop).await {
                Ok(Some(pool)) => drop(open.pools.insert(*service, pool)),
                ended => {
                    open.close().await;
                    return ended.map(|_| None);
                }
            }
        }
        Ok(Some(open))
    }

    /// Does something with the databases that are there, one after the other, beside a process that may be serving from
    /// them, and closes them.
    pub(super) async fn beside<T>(
        &self,
        work: impl AsyncFnMut(Service, &Pool) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        self.beside_all(work, async |results| Ok(results)).await
    }

    /// As [`beside`](Self::beside), and something more with what came of all of them.
    pub(super) async fn beside_all<T, R>(
        &self,
        mut work: impl AsyncFnMut(Service, &Pool) -> Result<T, Failure>,
        with_all: impl AsyncFnOnce(Vec<T>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let pools = connect(&self.urls()?, async |url| Pool::open_existing(url).await).await?;
        let done = async {
            let mut results = Vec::new();
            for (service, pool) in &pools {
                match db::is_current(pool, &Parts::of(*service).schema()).await {
                    Ok(true) => {}
                    Ok(false) => return Err(not_migrated(*service).into()),
                    Err(error) => {
                        return Err(format!("the database of {service}: {}", error.for_operator()).into());
                    }
                }
                results.push(work(*service, pool).await?);
            }
            with_all(results).await
        };
        let done = done.await;
        close(pools.values()).await;
        done
    }

    fn urls(&self) -> Result<BTreeMap<Service, String>, Failure> {
        let own = self.database_url.as_ref().or(self.database_url_file.as_ref());
        let own = own.is_some_and(|given| given.contains("{service}"));
        let mut urls = BTreeMap::new();
        for service in &self.services {
            let template = self.template(*service)?;
            if self.services.len() > 1 && !own && !template.contains("{service}") {
                return Err(
                    "--database-url must contain {service}: each service has a database of its own".into()
                );
            }
            let url = named(template.replace("{service}", service.name()), *service);
            self.check(*service, &url)?;
            urls.insert(*service, url);
        }
        Ok(urls)
    }

    /// That the database is not reached in plain text where that is refused.
    fn check(&self, service: Service, url: &str) -> Result<(), Failure> {
        let Some(host) = db::hosts_without_tls(url).into_iter().find(|host| !is_here(host)) else {
            return Ok(());
        };
        let flag = format!("--database-url for {service}");
        let instead =
            "add sslmode=verify-full, and sslrootcert=FILE for an authority of your own, to the URL";
        self.plaintext.to(Part::Database, &flag, &host, instead)
    }

    /// The URL for a service, in which {service} may still stand for its name.
    fn template(&self, service: Service) -> Result<String, Failure> {
        match (&self.database_url, &self.database_url_file) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(file)) => {
                let file = file.replace("{service}", service.name());
                let url = fs::read_to_string(&file)
                    .map_err(|error| format!("--database-url-file {file} can't be read: {error}"))?;
                Ok(url.trim().to_owned())
            }
            (None, None) => Err("--database-url or --database-url-file must be given".into()),
        }
    }
}

fn lock(urls: &BTreeMap<Service, String>) -> Result<BTreeMap<PathBuf, FolderLock>, Failure> {
    let mut locks = BTreeMap::new();
    for folder in urls.values().filter_map(|url| folder(url)) {
        if !locks.contains_key(folder) {
            locks.insert(folder.to_owned(), FolderLock::take(folder)?);
        }
    }
    Ok(locks)
}

/// The URL, by which PostgreSQL's administrator sees whose a connection is (`pg_stat_activity`).
fn named(url: String, service: Service) -> String {
    if !url.starts_with("postgres") || url.contains("application_name=") {
        return url;
    }
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}application_name=devspaces-{service}")
}

/// How often a database that is waited for is looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// The database of a service, once it is there and has the schema of this version; none if `stop` comes first.
async fn migrated(
    service: Service,
    url: &str,
    mut stop: impl Future<Output = ()> + Unpin,
) -> Result<Option<Pool>, Failure> {
    let mut said = String::new();
    loop {
        let missing = match Pool::open(url).await {
            Ok(pool) => match db::is_current(&pool, &Parts::of(service).schema()).await {
                Ok(true) => return Ok(Some(pool)),
                other => {
                    close([&pool]).await;
                    match other {
                        // Nobody else can migrate a file while this process holds its folder.
                        Ok(_) if folder(url).is_some() => return Err(not_migrated(service).into()),
                        Ok(_) => "it is not migrated: run `devspaces migrate`".to_owned(),
                        Err(error) => error.for_operator(),
                    }
                }
            },
            Err(error @ OpenError::Refused { .. }) => error.to_string(),
            Err(error) => return Err(format!("--database-url for {service}: {error}").into()),
        };
        // Once for each thing that is missing: what is waited for may take its time.
        if missing != said {
            tracing::warn!(database = %service, missing, "waiting for the database");
            said = missing;
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = &mut stop => return Ok(None),
        }
    }
}

fn not_migrated(service: Service) -> String {
    format!("the database of {service} is not migrated: run `devspaces migrate`")
}

/// Connects to all databases, or to none.
async fn connect(
    urls: &BTreeMap<Service, String>,
    open: impl AsyncFn(&str) -> Result<Pool, OpenError>,
) -> Result<BTreeMap<Service, Pool>, Failure> {
    let mut pools = BTreeMap::new();
    for (service, url) in urls {
        match open(url).await {
            Ok(pool) => drop(pools.insert(*service, pool)),
            Err(error) => {
                close(pools.values()).await;
                return Err(format!("--database-url for {service}: {error}").into());
            }
        }
    }
    Ok(pools)
}

/// The folder of a SQLite file.
fn folder(url: &str) -> Option<&Path> {
    let parent = Path::new(url.strip_prefix("sqlite:")?).parent()?;
    Some(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_to_postgresql_say_whose_they_are() {
        let named = |url: &str| named(url.to_owned(), Service::Space);
        assert_eq!(named("postgres://a@b/space"), "postgres://a@b/space?application_name=devspaces-space");
        assert_eq!(
            named("postgres://b/space?sslmode=disable"),
            "postgres://b/space?sslmode=disable&application_name=devspaces-space"
        );
        for kept in ["postgres://b/space?application_name=x", "sqlite:space.db"] {
            assert_eq!(named(kept), kept);
        }
    }
}
