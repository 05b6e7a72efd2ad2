use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    Connection as _, PgConnection, PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Pool, within};

/// How long a call waits for a connection before it answers UNAVAILABLE.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection that is given back to its pool may take to show that it is alive.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a SQLite connection waits for the file before it answers busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many rows SQLite's thread reads ahead of who asked. It stops and is woken again each time they are taken.
const ROW_BUFFER: usize = 1024;
/// How much of the file SQLite's writer keeps at hand, in KiB below zero. Its own 2 MiB hold less than the pages that the
/// entries of a few hundred scopes go to.
const WRITER_CACHE: &str = "-8192";
/// Connections for handlers, and for facts: two Revalidate calls of each of three peers may be under way at once.
const POSTGRES_CONNECTIONS: (u32, u32) = (16, 6);
/// SQLite reads in parallel with its one writer.
const SQLITE_READERS: (u32, u32) = (4, 2);

/// Why a database could not be opened. The text is for the operator and names no password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither `sqlite:PATH` nor `postgres://…`.
    #[error("a database URL must begin with sqlite: or postgres://")]
    UnknownEngine,
    /// The URL has a form that the engine does not take.
    #[error("the database URL is malformed")]
    Malformed,
    /// The folder can't be made or written.
    #[error("the data folder {} can't be written: {error}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Another process holds the folder.
    #[error("the data folder {} is in use by another process", .0.display())]
    Held(PathBuf),
    /// The engine refused.
    #[error("the database {database} can't be opened: {error}")]
    Refused {
        /// Which database, without credentials.
        database: String,
        /// What the engine said.
        error: sqlx::Error,
    },
}

/// Holds a folder of SQLite files for one process, for as long as it lives: two processes would each think
/// themselves the only writer.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder if need be and takes its lock.
    pub fn take(folder: &Path) -> Result<Self, OpenError> {
        let refused = |error| OpenError::Folder { folder: folder.to_owned(), error };
        fs::create_dir_all(folder).map_err(refused)?;
        let file = File::create(folder.join("lock")).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Held(folder.to_owned())),
            Err(TryLockError::Error(error)) => Err(refused(error)),
        }
    }
}

impl Pool {
    /// Connects to `sqlite:PATH` (made if it does not exist) or `postgres://…`.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            open_sqlite(Path::new(path), true).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url).await
        } else {
            Err(OpenError::UnknownEngine)
        }
    }
}

impl Pool {
    /// Connects to a database that must be there.
    pub async fn open_existing(url: &str) -> Result<Self, OpenError> {
        match url.strip_prefix("sqlite:") {
            Some(path) => open_sqlite(Path::new(path), false).await,
            None => Self::open(url).await,
        }
    }
}

async fn open_sqlite(path: &Path, create: bool) -> Result<Pool, OpenError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .row_buffer_size(ROW_BUFFER)
        // What a statement may have to take back is kept in memory, and not in files of the system's folder for those,
        // which need not be there.
        .pragma("temp_store", "MEMORY")
        .busy_timeout(BUSY_TIMEOUT);
    let refused = |error| OpenError::Refused { database: path.display().to_string(), error };
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    // The writer comes first: it makes the file, which readers then find. After a full disk SQLite has rolled back by
    // itself and sqlx still counts a transaction: such a connection would refuse every later one.
    let writer = pool(1).after_release(|conn, _| {
        Box::pin(async move {
            conn.ping().await?;
            Ok(!conn.is_in_transaction())
        })
    });
    let caching = options.clone().pragma("cache_size", WRITER_CACHE);
    let write = writer.connect_with(caching).await.map_err(refused)?;
    let read = pool(SQLITE_READERS.0).connect_with(options.clone().read_only(true)).await.map_err(refused)?;
    let facts = pool(SQLITE_READERS.1).connect_with(options.read_only(true)).await.map_err(refused)?;
    Ok(Pool::Sqlite { write, read, facts })
}

/// Whether no transaction is open on a connection: one that was given up while it began may be, and sqlx does not know.
async fn is_at_rest(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // In a transaction it is the time of an earlier statement. By the simple protocol, in which a statement has one time.
    sqlx::raw_sql("SELECT now() = statement_timestamp()").fetch_one(conn).await?.try_get(0)
}

async fn open_postgres(url: &str) -> Result<Pool, OpenError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| OpenError::Malformed)?.options([
        // A reply says that the change is durable, whatever the server's default is.
        ("synchronous_commit", "on"),
        ("default_transaction_isolation", "read committed"),
        // A process that freezes within a transaction holds its scopes: not for as long as TCP keeps hoping.
        ("idle_in_transaction_session_timeout", "60s"),
        // Nor does one whose machine or network is gone without a word.
        ("tcp_user_timeout", "20s"),
        ("tcp_keepalives_idle", "10s"),
        ("tcp_keepalives_interval", "5s"),
        ("tcp_keepalives_count", "2"),
        // Also while it waits for a lock, where it would not look.
        ("client_connection_check_interval", "10s"),
        // A statement has one plan, made without its parameters' values: rules of SQL (see kit::db) see to it that one
        // fits all. Left to itself the server takes a page's size for a tenth of what there is, finds plans for the
        // values at hand cheaper, and makes a new one for each call: that costs more than the statement.
        ("plan_cache_mode", "force_generic_plan"),
        // For the same reason it may find a plan dear enough to compile it first.
        ("jit", "off"),
        // All joins look up by key what goes with some given keys. The server would rather read a whole table, as long as
        // that has some ten thousand rows at most, and takes several times as long.
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        // Nor of a table that was small when the plan was made: it takes the rows of an array for ten, and would go through
        // the whole table for each of a thousand until it looks at the table again.
        ("enable_seqscan", "off"),
    ]);
    let connect = async |connections| -> Result<PgPool, OpenError> {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // Tried with a limit before sqlx tries it without: a connection that was given up because the server said
            // nothing would keep its place among the connections for as long as TCP keeps hoping.
            .after_release(|conn, _| Box::pin(within(RELEASE_TIMEOUT, is_at_rest(conn))))
            .connect_with(options.clone())
            .await
            .map_err(|error| OpenError::Refused {
                database: options.get_database().unwrap_or("postgres").to_owned(),
                error,
            })
    };
    Ok(Pool::Postgres {
        main: connect(POSTGRES_CONNECTIONS.0).await?,
        facts: connect(POSTGRES_CONNECTIONS.1).await?,
    })
}
