use devspaces_kit::status::Fault;

use crate::db::Error;

/// Why a transaction ends without a commit.
#[derive(Debug)]
pub enum Abort {
    /// The caller is told this.
    Fault(Box<Fault>),
    /// The database failed; if it only gave way to another transaction, this one is run again.
    Storage(Error),
    /// The transaction turned out to need other scopes than it holds. It is run again, with those.
    OtherScopes,
}

impl From<Fault> for Abort {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<Error> for Abort {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

impl From<sqlx::Error> for Abort {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl From<Abort> for Fault {
    fn from(abort: Abort) -> Self {
        match abort {
            Abort::Fault(fault) => *fault,
            Abort::Storage(error) => error.into(),
            Abort::OtherScopes => Self::overtaken(),
        }
    }
}
