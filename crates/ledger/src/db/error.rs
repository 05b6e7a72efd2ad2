use devspaces_kit::status::Fault;

use super::open_error::told;

/// Why a statement or a transaction failed. No text of the database reaches a client: see the conversion to
/// [`Fault`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine gave this transaction up for another's sake: a deadlock, a serialization failure, a busy file.
    /// It may be run again.
    #[error("the transaction gave way to another")]
    Contended(#[source] sqlx::Error),
    /// The database can't be reached, or can't take writes.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// A defect: SQL that does not fit the schema, a constraint that should have been checked, a damaged file.
    #[error("the database refused a statement")]
    Defect(#[source] sqlx::Error),
}

impl Error {
    /// What happened, in one line for the operator's terminal: with what the engine said.
    #[must_use]
    pub fn for_operator(&self) -> String {
        let (Self::Contended(source) | Self::Unavailable(source) | Self::Defect(source)) = self;
        format!("{self}: {}", told(source))
    }
}

/// PostgreSQL's `deadlock_detected` and `serialization_failure`.
const POSTGRES_CONTENDED: [&str; 2] = ["40P01", "40001"];
/// PostgreSQL's classes of connection exceptions, insufficient resources, and operator intervention;
/// `io_error`; `read_only_sql_transaction`, which a server answers that has become a standby; `idle_in_transaction_session_timeout`,
/// which it tells a process that was frozen in a transaction; and `statement_completion_unknown`.
const POSTGRES_UNAVAILABLE: [&str; 7] = ["08", "53", "57P", "58030", "25006", "25P03", "40003"];
/// `SQLITE_BUSY`.
const SQLITE_BUSY: u32 = 5;
/// `SQLITE_READONLY`, `SQLITE_IOERR`, `SQLITE_FULL`, `SQLITE_CANTOPEN`.
const SQLITE_UNAVAILABLE: [u32; 4] = [8, 10, 13, 14];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match &error {
            E::Database(database) => match database.code() {
                Some(code) if contended(&code) => Self::Contended(error),
                Some(code) if unavailable(&code) => Self::Unavailable(error),
                _ => Self::Defect(error),
            },
            E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Protocol(_) => {
                Self::Unavailable(error)
            }
            _ => Self::Defect(error),
        }
    }
}

/// SQLite's codes are decimal and extended: the low byte is the error itself. PostgreSQL's have five characters.
fn sqlite_code(code: &str) -> Option<u32> {
    if code.len() == 5 { None } else { code.parse::<u32>().ok().map(|code| code & 0xFF) }
}

fn contended(code: &str) -> bool {
    POSTGRES_CONTENDED.contains(&code) || sqlite_code(code) == Some(SQLITE_BUSY)
}

fn unavailable(code: &str) -> bool {
    match sqlite_code(code) {
        Some(code) => SQLITE_UNAVAILABLE.contains(&code),
        None => POSTGRES_UNAVAILABLE.iter().any(|class| code.starts_with(class)),
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Contended(source) | Error::Unavailable(source) => {
                tracing::warn!(error = %source, "storage unavailable");
                Self::storage_unavailable()
            }
            Error::Defect(source) => Self::internal(format!("a statement failed: {source}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_succeed_when_run_again_counts_as_contended() {
        for code in ["40P01", "40001", "5", "261", "517"] {
            assert!(contended(code), "{code}");
        }
        for code in ["23505", "42P01", "1", "6", "19", "2067", "57P01"] {
            assert!(!contended(code), "{code}");
        }
    }

    #[test]
    fn a_database_that_is_gone_counts_as_unavailable() {
        for code in
            ["57P01", "57P03", "08006", "53300", "58030", "25006", "25P03", "40003", "13", "10", "778"]
        {
            assert!(unavailable(code), "{code}");
        }
        for code in ["57014", "23505", "42601", "25P02", "11", "19"] {
            assert!(!unavailable(code), "{code}");
        }
    }
}
