//! A PostgreSQL server for the tests: one that is given, or a throwaway one.
mod binaries;
mod owner;
mod throwaway;

use std::{env, process::Command};

use self::{binaries::Binaries, throwaway::Throwaway};
use crate::{Outcome, run::say};

/// The variable that holds an administrator's URL: of a server that someone else runs for this program, and of the
/// one to be used for the tests.
const URL: &str = "DEVSPACES_TEST_POSTGRES_URL";

/// A PostgreSQL server. A throwaway one ends with this value.
pub(crate) struct Postgres {
    url: String,
    _throwaway: Option<Throwaway>,
}

impl Postgres {
    /// The server that the environment names, or a throwaway one of the installed binaries; these are installed if
    /// there are none.
    pub(crate) fn open() -> Outcome<Self> {
        match env::var(URL) {
            Ok(url) if !url.is_empty() => {
                say(format!("PostgreSQL: the server at {URL}"));
                Ok(Self { url, _throwaway: None })
            }
            _ => {
                let (throwaway, url) = Throwaway::start(&Binaries::find_or_install()?)?;
                Ok(Self { url, _throwaway: Some(throwaway) })
            }
        }
    }

    /// Tells a command of this server.
    pub(crate) fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(URL, &self.url)
    }
}
