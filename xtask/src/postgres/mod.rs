//! A PostgreSQL server for the tests: one that is given, or a throwaway one.
mod binaries;
mod owner;
mod throwaway;
mod turns;

use std::{env, process::Command};

use self::{binaries::Binaries, throwaway::Throwaway};
use crate::{Outcome, run::say};

/// The variable that holds an administrator's URL: of a server that someone else runs for this program, and of the
/// one to be used for the tests.
const URL: &str = "DEVSPACES_TEST_POSTGRES_URL";

/// The variable that holds the version to start, of those that the suite supports.
const VERSION: &str = "DEVSPACES_TEST_POSTGRES_VERSION";

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
                let binaries = match env::var(VERSION).ok().and_then(|version| version.parse().ok()) {
                    Some(version) => turns::binaries(version)?,
                    None => Binaries::find_or_install()?,
                };
                let (throwaway, url) = Throwaway::start(&binaries)?;
                Ok(Self { url, _throwaway: Some(throwaway) })
            }
        }
    }

    /// The server that the environment names, or a throwaway one of the version whose turn it is; of the usual one where that
    /// can't be had.
    pub(crate) fn by_turns() -> Outcome<Self> {
        if [URL, VERSION].into_iter().any(|name| env::var_os(name).is_some()) {
            return Self::open();
        }
        let turn = turns::version().and_then(|version| {
            let of = |error| format!("{version}: {error}");
            turns::binaries(version).and_then(|binaries| Throwaway::start(&binaries)).map_err(of)
        });
        match turn {
            Ok((throwaway, url)) => Ok(Self { url, _throwaway: Some(throwaway) }),
            Err(error) => {
                say(format!("THE TESTS DO NOT RUN ON THE POSTGRESQL WHOSE TURN IT IS, {error}"));
                Self::open()
            }
        }
    }

    /// Tells a command of this server.
    pub(crate) fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(URL, &self.url)
    }
}
