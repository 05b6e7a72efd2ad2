use std::path::PathBuf;

use devspaces_kit::tls::{Flags, explained};

/// Why a database could not be opened. The text is for the operator and names no password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither `sqlite:PATH` nor `postgres://…`.
    #[error("a database URL must begin with sqlite: or postgres://")]
    UnknownEngine,
    /// The URL has a form that the engine does not take.
    #[error("the database URL is malformed")]
    Malformed,
    /// The folder, or a file in it, can't be made or written.
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
    /// The engine refused. It may think better of it, as a server does that is about to start.
    #[error("the database {database} can't be opened: {}", told(error))]
    Refused {
        /// Which database, without credentials.
        database: String,
        /// What the engine said.
        error: sqlx::Error,
    },
    /// The database is not one that the suite can be right on. Waiting does not help.
    #[error("the database {database} can't be used: {reason}")]
    Unfit {
        /// Which database, without credentials.
        database: String,
        /// What is wrong, and what to do.
        reason: String,
    },
}

/// What an engine said, without the line of its own source that sqlx adds.
pub(super) fn told(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(said) => said.message().to_owned(),
        other => explained(other, "the server", BY_URL).unwrap_or_else(|| other.to_string()),
    }
}

/// By what a database's URL says whom to trust and what to show.
const BY_URL: Flags = Flags { authorities: "sslrootcert in the URL", identity: "sslcert in the URL" };
