//! Copies of SQLite files while they are in use.
use std::path::Path;

use sqlx::SqlitePool;

use super::{Conn, Pool, sqlite};

/// Why a copy could not be made. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// PostgreSQL has tools of its own.
    #[error("is not of SQLite: use pg_basebackup or pg_dump")]
    NotSqlite,
    /// There is such a file, or it can't be made.
    #[error("can't be made: {0}")]
    File(#[from] std::io::Error),
    /// SQLite refused.
    #[error("{0}")]
    Refused(#[from] super::Error),
}

/// A database that nobody writes to, while others read, until this is dropped.
#[derive(Debug)]
pub struct Backup {
    read: SqlitePool,
    _writer: Conn,
}

impl Backup {
    /// Takes the writer's turn. Writes wait from now on; after five seconds they answer UNAVAILABLE.
    pub async fn begin(pool: &Pool) -> Result<Self, BackupError> {
        let Pool::Sqlite { read, .. } = pool else { return Err(BackupError::NotSqlite) };
        Ok(Self { read: read.clone(), _writer: pool.transaction().await? })
    }

    /// Makes a copy that is whole by itself, for this user alone. What was deleted is not in it.
    pub async fn copy_to(&self, file: &Path) -> Result<(), BackupError> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        sqlite::make_folder(folder.unwrap_or(Path::new(".")))?;
        sqlite::make_new(file)?;
        // An empty file counts as none.
        sqlx::query("VACUUM INTO $1")
            .bind(file.display().to_string())
            .execute(&self.read)
            .await
            .map_err(super::Error::from)?;
        Ok(std::fs::File::open(file)?.sync_all()?)
    }
}
