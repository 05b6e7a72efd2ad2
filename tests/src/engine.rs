//! A database for each test and service, copied from a template that is migrated once.
use std::{
    collections::HashMap,
    env,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use devspaces::Service;
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

async fn administer(statement: String) {
    let mut server = PgConnection::connect(&postgres_url()).await.expect("a connection to PostgreSQL");
    server
        .execute(AssertSqlSafe(statement.clone()))
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
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
        for service in Service::ALL {
            let name = databases.postgres_name(service);
            administer(format!("CREATE DATABASE {name} TEMPLATE template0 {options}")).await;
        }
        databases
    }

    /// Databases for every service with nothing in them, as an operator has made them.
    pub async fn empty(engine: Engine) -> Self {
        let databases = Self::new(engine);
        for service in Service::ALL {
            match engine {
                Engine::Sqlite => {
                    std::fs::create_dir(databases.folder.path().join(service.name())).expect("a folder");
                }
                Engine::Postgres => {
                    administer(format!("CREATE DATABASE {}", databases.postgres_name(service))).await;
                }
            }
        }
        databases
    }

    /// Fresh, migrated databases for every service.
    pub async fn create(engine: Engine) -> Self {
        let databases = Self::new(engine);
        for service in Service::ALL {
            let template = template(engine, service).await;
            match engine {
                Engine::Sqlite => {
                    // A folder for each, as for services in processes of their own.
                    let folder = databases.folder.path().join(service.name());
                    std::fs::create_dir(&folder).expect("a folder");
                    std::fs::copy(template, folder.join(FILE)).expect("a copy of the template");
                }
                Engine::Postgres => {
                    let name = databases.postgres_name(service);
                    administer(format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                }
            }
        }
        databases
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

    /// Connects to a service's database.
    pub async fn open(&self, service: Service) -> Pool {
        Pool::open(&self.url(Some(service))).await.expect("the test's database")
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
                for name in names {
                    runtime.block_on(administer(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
                }
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
            administer(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            administer(format!("CREATE DATABASE {name}")).await;
            (name.clone(), database_url(&name))
        }
    };
    let pool = Pool::open(&url).await.expect("the template");
    db::migrate(&pool, &service.schema()).await.expect("a migrated template");
    pool.close().await;
    templates.insert((engine as u8, service), template.clone());
    template
}
