use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use devspaces_kit::db::{self, FolderLock, OpenError, Pool};
use tokio::time::sleep;

use super::Failure;
use crate::service::Service;

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
}

/// Open databases, and the locks of their folders where they are files.
pub(super) struct Open {
    pub(super) pools: BTreeMap<Service, Pool>,
    _locks: BTreeMap<PathBuf, FolderLock>,
}

impl Databases {
    /// Connects to every service's database, and keeps other processes out of the folders of SQLite files.
    pub(super) async fn open(&self) -> Result<Open, Failure> {
        let urls = self.urls()?;
        let locks = lock(&urls)?;
        Ok(Open { pools: connect(&urls).await?, _locks: locks })
    }

    /// As [`open`](Self::open), and waits for databases that are not there yet or not migrated: what is started in any
    /// order comes up once the rest has.
    pub(super) async fn open_migrated(&self) -> Result<Open, Failure> {
        let urls = self.urls()?;
        let locks = lock(&urls)?;
        let mut pools = BTreeMap::new();
        for (service, url) in &urls {
            pools.insert(*service, migrated(*service, url).await?);
        }
        Ok(Open { pools, _locks: locks })
    }

    /// Connects to databases that are there, beside a process that may be serving from them.
    pub(super) async fn open_beside(&self) -> Result<BTreeMap<Service, Pool>, Failure> {
        let mut pools = BTreeMap::new();
        for (service, url) in self.urls()? {
            let pool = Pool::open_existing(&url).await;
            pools.insert(service, pool.map_err(|error| format!("--database-url for {service}: {error}"))?);
        }
        Ok(pools)
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
            urls.insert(*service, named(template.replace("{service}", service.name()), *service));
        }
        Ok(urls)
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

/// The database of a service, once it is there and has the schema of this version.
async fn migrated(service: Service, url: &str) -> Result<Pool, Failure> {
    let mut said = String::new();
    loop {
        let missing = match Pool::open(url).await {
            Ok(pool) => match db::is_current(&pool, &service.schema()).await {
                Ok(true) => return Ok(pool),
                // Nobody else can migrate a file while this process holds its folder.
                Ok(false) if folder(url).is_some() => {
                    return Err(format!(
                        "the database of {service} is not migrated: run `devspaces migrate`"
                    )
                    .into());
                }
                Ok(false) => "it is not migrated: run `devspaces migrate`".to_owned(),
                Err(error) => error.for_operator(),
            },
            Err(error @ OpenError::Refused { .. }) => error.to_string(),
            Err(error) => return Err(format!("--database-url for {service}: {error}").into()),
        };
        // Once for each thing that is missing: what is waited for may take its time.
        if missing != said {
            tracing::warn!(database = %service, missing, "waiting for the database");
            said = missing;
        }
        sleep(PAUSE).await;
    }
}

async fn connect(urls: &BTreeMap<Service, String>) -> Result<BTreeMap<Service, Pool>, Failure> {
    let mut pools = BTreeMap::new();
    for (service, url) in urls {
        let pool = Pool::open(url).await.map_err(|error| format!("--database-url for {service}: {error}"))?;
        pools.insert(*service, pool);
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
