//! Files of SQLite: who may read them, how they are opened, and whether they are whole.
use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{OpenError, Pool};

/// How long a call waits for a connection before it answers UNAVAILABLE.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection waits for the file before it answers busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many rows SQLite's thread reads ahead of who asked. It stops and is woken again each time they are taken.
const ROW_BUFFER: usize = 1024;
/// How much of the file SQLite's writer keeps at hand, in KiB below zero. Its own 2 MiB hold less than the pages that the
/// entries of a few hundred scopes go to.
const WRITER_CACHE: &str = "-8192";
/// SQLite reads in parallel with its one writer: connections for handlers, and for facts.
const READERS: (u32, u32) = (4, 2);

/// Files are for the user alone that the process runs as: they hold names, addresses and payment tokens.
const PRIVATE_FILE: u32 = 0o600;
/// Nobody else needs to know what is in the folder, either.
const PRIVATE_FOLDER: u32 = 0o700;

/// How a file is written and read (bytes 18 and 19 of SQLite's header) whose changes go to a log first. A file says so from
/// the first time that the suite opens it; a copy by `VACUUM INTO` says [1, 1] until it is opened.
const WRITES_LOG: [u8; 2] = [2, 2];

/// Holds a folder of SQLite files for one process, for as long as it lives: two processes would each think
/// themselves the only writer.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder's lock. A folder that is not there is made, for this user alone; one that others may enter is
    /// left so, since it may hold more than the suite's files, and told of.
    pub fn take(folder: &Path) -> Result<Self, OpenError> {
        let refused = |error| OpenError::Folder { folder: folder.to_owned(), error };
        make_folder(folder).map_err(refused)?;
        if fs::metadata(folder).map_err(refused)?.permissions().mode() & 0o077 != 0 {
            let folder = folder.display();
            tracing::warn!(%folder, "others may enter the data folder: `chmod 700` it if it holds nothing else");
        }
        let path = folder.join("lock");
        let file = private(OpenOptions::new().write(true), &path).map_err(refused)?;
        tighten(&path);
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Held(folder.to_owned())),
            Err(TryLockError::Error(error)) => Err(refused(error)),
        }
    }
}

/// Makes a folder that only this user can enter, if it is not there.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder)
}

/// Makes a file that only this user can read, whatever the umask, if it is not there.
fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.create(true).truncate(false).mode(PRIVATE_FILE).open(path)
}

/// Makes a file that only this user can read; one that is there is refused.
pub(super) fn make_new(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(path).map(drop)
}

/// What others than the file's user may do with it.
const OTHERS: u32 = 0o077;

/// Takes from others what they may do with a file of an earlier version, if it is there. One that is somebody else's can
/// only be told of.
fn tighten(path: &Path) {
    let Ok(metadata) = fs::metadata(path) else { return };
    if metadata.permissions().mode() & OTHERS == 0 {
        return;
    }
    if let Err(error) = fs::set_permissions(path, Permissions::from_mode(PRIVATE_FILE)) {
        tracing::warn!(file = %path.display(), %error, "others may read the file");
    }
}

/// Sees to it that a database file, and what SQLite puts beside it with the file's own permissions, is for this user
/// alone. SQLite itself would make it readable by everybody.
pub(super) fn make_private(path: &Path) -> Result<(), OpenError> {
    let refused = |error| OpenError::Folder { folder: path.to_owned(), error };
    private(OpenOptions::new().append(true), path).map_err(refused)?;
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        tighten(&file);
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .row_buffer_size(ROW_BUFFER)
        // What a statement may have to take back is kept in memory, and not in files of the system's folder for those,
        // which need not be there.
        .pragma("temp_store", "MEMORY")
        .busy_timeout(BUSY_TIMEOUT)
}

/// Refuses a file that writes no log and has one beside it: a copy by `VACUUM INTO` in the place of a file that a kill left.
/// The log may fit it all the same, as it does the very file that the copy was made of. Taken in, it would undo the restore
/// and nobody would be told. This only reads.
pub(super) fn check_whose_log_was_left(path: &Path) -> Result<(), OpenError> {
    if !has_log(path) {
        return Ok(());
    }
    let mut header = [0; 20];
    match File::open(path).and_then(|mut file| file.read_exact(&mut header)) {
        Ok(()) if header[18..] == WRITES_LOG => Ok(()),
        Ok(()) => Err(damaged(path, "the log is another file's")),
        Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound) => {
            Err(damaged(path, "the log's own file is gone"))
        }
        Err(error) => Err(OpenError::Folder { folder: path.to_owned(), error }),
    }
}

/// Whether there is anything in the log beside a file.
fn has_log(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Reads the whole file if it was not left in order: a log that lies beside it is then about to be taken into it. A log
/// beside a copy that was put in the file's place is another file's: taken in, it would ruin the copy. This only reads, and
/// leaves both as they are.
pub(super) async fn check_what_was_left(path: &Path) -> Result<(), OpenError> {
    if !has_log(path) {
        return Ok(());
    }
    let reader = options(path).read_only(true);
    let checked = async {
        let mut conn = SqliteConnection::connect_with(&reader).await?;
        let found: Result<String, sqlx::Error> =
            sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut conn).await;
        conn.close().await?;
        found
    };
    match checked.await {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(damaged(path, &found)),
        // What is no database, or one with pages that can't be read.
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("11" | "26")) => {
            Err(damaged(path, error.message()))
        }
        Err(error) => Err(refused(path)(error)),
    }
}

fn damaged(path: &Path, found: &str) -> OpenError {
    let reason = format!(
        "the file and the log beside it ({}-wal) don't make a whole database: {found}. If a back-up was put in the file's \
         place: remove the -wal and the -shm that lie beside it, and put it there once more",
        path.display()
    );
    OpenError::Unfit { database: path.display().to_string(), reason }
}

fn refused(path: &Path) -> impl Fn(sqlx::Error) -> OpenError + use<> {
    let database = path.display().to_string();
    move |error| OpenError::Refused { database: database.clone(), error }
}

/// Opens a file that must be there.
pub(super) async fn open(path: &Path) -> Result<Pool, OpenError> {
    let options = options(path);
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    // The writer comes first: it makes the file a database, which readers then find. After a full disk SQLite has rolled
    // back by itself and sqlx still counts a transaction: such a connection would refuse every later one.
    let writer = pool(1).after_release(|conn, _| {
        Box::pin(async move {
            conn.ping().await?;
            Ok(!conn.is_in_transaction())
        })
    });
    // A payment token that was replaced or removed is overwritten, and not left in a page that is free.
    let writing = options.clone().pragma("cache_size", WRITER_CACHE).pragma("secure_delete", "ON");
    let write = writer.connect_with(writing).await.map_err(refused(path))?;
    let encoding: String =
        sqlx::query_scalar("PRAGMA encoding").fetch_one(&write).await.map_err(refused(path))?;
    if encoding != "UTF-8" {
        write.close().await;
        let reason = format!("its encoding is {encoding}, and names sort by the bytes of UTF-8");
        return Err(OpenError::Unfit { database: path.display().to_string(), reason });
    }
    let read = pool(READERS.0).connect_with(options.clone().read_only(true)).await.map_err(refused(path))?;
    let facts = pool(READERS.1).connect_with(options.read_only(true)).await.map_err(refused(path))?;
    Ok(Pool::Sqlite { write, read, facts })
}

#[cfg(test)]
mod tests;
