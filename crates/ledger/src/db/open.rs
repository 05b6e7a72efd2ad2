//! What every database goes through before it is used.
use std::path::Path;

use super::{Pool, open_error::OpenError, postgres, sqlite};

impl Pool {
    /// Connects to `sqlite:PATH` (made if it does not exist) or `postgres://…`, and sees that the database is one that
    /// the suite can be right on.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                sqlite::make_private(Path::new(path))?;
                sqlite::check_whose_log_was_left(Path::new(path))?;
                sqlite::check_what_was_left(Path::new(path)).await?;
                sqlite::open(Path::new(path)).await
            }
            None => postgres::open(url, true).await,
        }
    }

    /// Connects to a database that must be there, and takes it as it is: for looking at it, or beside who serves from it.
    pub async fn open_existing(url: &str) -> Result<Self, OpenError> {
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                sqlite::check_whose_log_was_left(Path::new(path))?;
                sqlite::open(Path::new(path)).await
            }
            None => postgres::open(url, false).await,
        }
    }
}
