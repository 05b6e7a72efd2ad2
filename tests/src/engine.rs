//! A database for each test and service, copied from a template that is migrated once.
use std::{
    collections::HashMap,
    env,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use devspaces::{Parts, Service};
use devspaces_ledger::db::{self, Pool};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use tokio::sync::{Mutex, OnceCell};

/// The name of each service's SQLite file.
const FILE: &str = "data.db";

/// What the databases are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded files.
    Sqlite,
    /// The server that `DEVSPACES_TEST_POSTGRES_URL` names.
    Postgres,
}

impl Engine {
    /// Both engines.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// The databases of one test. They are gone when it is dropped.
#[derive(Debug)]
pub struct Databases {
    engine: Engine,
    name: String,
    folder: TempDir,
}

/// A folder in memory where there is one: what these tests prove is not that disks keep what they are given.
#[must_use]
pub fn temporary_folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { env::temp_dir() };
    tempfile::Builder::new().prefix("devspaces-test-").tempdir_in(parent).expect("a temporary folder")
}

fn postgres_url() -> String {
    env::var("DEVSPACES_TEST_POSTGRES_URL")
        .expect("DEVSPACES_TEST_POSTGRES_URL is not set: run the tests with `cargo xtask test`")
}

/// The URL of another database on the same server.
fn database_url(name: &str) -> String {
    let url = postgres_url();
    let (server, options) = match url.split_once('?') {
        Some((server, options)) => (server, format!("?{options}")),
        None => (url.as_str(), String::new()),
    };
    let end = server.rfind('/').expect("a URL with a database");
    format!("{}/{name}{options}", &server[..end])
}

/// A connection of an administrator, to none of the tests' databases.
pub async fn administrator() -> PgConnection {
    PgConnection::connect(&postgres_url()).await.expect("a connection to PostgreSQL")
}

/// Executes a statement and says how many rows it is about.
pub async fn administer(server: &mut PgConnection, statement: String) -> u64 {
    let done = server.execute(AssertSqlSafe(statement.clone())).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}")).rows_affected()
}

static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Databases {
    fn new(engine: Engine) -> Self {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("devspaces_test_{}_{number}", std::process::id());
        Self { engine, name, folder: temporary_folder() }
    }

    /// Databases on PostgreSQL with nothing in them, made with these options.
    pub async fn made_with(options: &str) -> Self {
        let databases = Self::new(Engine::Postgres);
        databases.copy(async |_| format!("template0 {options}")).await;
        databases
    }

    /// Databases for every service with nothing in them, as an operator has made them.
    pub async fn empty(engine: Engine) -> Self {
        let databases = Self::new(engine);
        match engine {
            Engine::Sqlite => {
                for service in Service::ALL {
                    databases.make_folder(service);
                }
            }
            Engine::Postgres => databases.copy(async |_| "template1".to_owned()).await,
        }
        databases
    }

    /// Fresh, migrated databases for every service.
    pub async fn create(engine: Engine) -> Self {
        let databases = Self::new(engine);
        match engine {
            Engine::Sqlite => {
                for service in Service::ALL {
                    let file = databases.make_folder(service).join(FILE);
                    std::fs::copy(template(engine, service).await, file).expect("a copy of the template");
                }
            }
            Engine::Postgres => databases.copy(async |service| template(engine, service).await).await,
        }
        databases
    }

    /// A folder for a service's file: each has one, as for services in processes of their own.
    fn make_folder(&self, service: Service) -> PathBuf {
        let folder = self.folder.path().join(service.name());
        std::fs::create_dir(&folder).expect("a folder");
        folder
    }

    /// Makes every service's database on PostgreSQL: of the template that is named for it, with any options.
    ///
    /// Copied as files. By default a copy is written page by page through the log, which spares a large server two
    /// checkpoints; a server for tests has nothing to write at those, and takes twice as long for the pages, and then
    /// again as long to forget them when the database is dropped.
    async fn copy(&self, template: impl AsyncFn(Service) -> String) {
        let mut server = administrator().await;
        for service in Service::ALL {
            let (name, template) = (self.postgres_name(service), template(service).await);
            let create = format!("CREATE DATABASE {name} STRATEGY FILE_COPY TEMPLATE {template}");
            administer(&mut server, create).await;
        }
    }

    /// Drops every service's database on PostgreSQL, whoever is still connected.
    ///
    /// A server that drops a database looks for its connections every tenth of a second: it would do so for each of the
    /// four. So they are ended before, and looked for more often.
    async fn drop_all(names: [String; Service::ALL.len()]) {
        let mut server = administrator().await;
        let connected = format!("FROM pg_stat_activity WHERE datname IN ('{}')", names.join("', '"));
        for _ in 0..100 {
            if administer(&mut server, format!("SELECT pg_terminate_backend(pid) {connected}")).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for name in names {
            administer(&mut server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }

    fn postgres_name(&self, service: Service) -> String {
        format!("{}_{service}", self.name)
    }

    /// The URL of a service's database, with `{service}` in place of the name if none is given.
    #[must_use]
    pub fn url(&self, service: Option<Service>) -> String {
        let service = service.map_or("{service}", Service::name);
        match self.engine {
            Engine::Sqlite => format!("sqlite:{}/{service}/{FILE}", self.folder.path().display()),
            Engine::Postgres => database_url(&format!("{}_{service}", self.name)),
        }
    }

    /// Connects to a service's database, and takes it as it is: it was made just now, and that a service looks at what it
    /// is given is tried where one runs as a process.
    pub async fn open(&self, service: Service) -> Pool {
        Pool::open_existing(&self.url(Some(service))).await.expect("the test's database")
    }

    /// The engine of these databases.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        if self.engine == Engine::Postgres {
            let names = Service::ALL.map(|service| self.postgres_name(service));
            let dropped = std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(Self::drop_all(names));
            });
            let _ = dropped.join();
        }
    }
}

type Templates = Mutex<HashMap<(u8, Service), String>>;
static TEMPLATES: OnceCell<(Templates, TempDir)> = OnceCell::const_new();

/// A file or database to copy, made once for the process.
async fn template(engine: Engine, service: Service) -> String {
    let (templates, folder) = TEMPLATES.get_or_init(async || (Mutex::default(), temporary_folder())).await;
    let mut templates = templates.lock().await;
    if let Some(template) = templates.get(&(engine as u8, service)) {
        return template.clone();
    }
    let (template, url) = match engine {
        Engine::Sqlite => {
            let file = folder.path().join(format!("{service}.db")).display().to_string();
            (file.clone(), format!("sqlite:{file}"))
        }
        Engine::Postgres => {
            let name = format!("devspaces_template_{}_{service}", std::process::id());
            let mut server = administrator().await;
            administer(&mut server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            administer(&mut server, format!("CREATE DATABASE {name}")).await;
            (name.clone(), database_url(&name))
        }
    };
    let pool = Pool::open(&url).await.expect("the template");
    db::migrate(&pool, &Parts::of(service).schema()).await.expect("a migrated template");
    pool.close().await;
    templates.insert((engine as u8, service), template.clone());
    template
}
