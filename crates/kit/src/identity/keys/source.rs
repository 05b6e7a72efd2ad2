//! Where an issuer's keys are found.
use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::task::spawn_blocking;
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use super::fetch::{self, FetchError, get};
use crate::{
    identity::{Jwks, JwksError},
    tls::Roots,
};

/// Where a provider's discovery document is, below its name (`OpenID` Connect Discovery 1.0, 4).
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Where keys are found.
#[derive(Clone, Debug)]
pub struct Source(Place);

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Web { url: Url, tls: Arc<ClientConfig> },
    Discovery { iss: Vec<String>, url: Url, tls: Arc<ClientConfig> },
}

/// Why keys could not be had. A sentence that begins with where they were looked for.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file.
    #[error("{} can't be read: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The address.
    #[error("{url} {error}")]
    Web {
        /// Which.
        url: Url,
        /// What came of it.
        error: FetchError,
    },
    /// What was there.
    #[error("{place} can't be used: it is {error}")]
    NoKeys {
        /// The file or the address.
        place: String,
        /// What it is.
        error: JwksError,
    },
    /// A discovery document that is none, or another issuer's.
    #[error("{url} {why}")]
    Discovery {
        /// Its address.
        url: Url,
        /// What is wrong with it.
        why: String,
    },
}

/// Keys, and for how long their server says that they stay so.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) keys: Jwks,
    pub(super) fresh_for: Option<Duration>,
}

/// What is read of a discovery document.
#[derive(Deserialize)]
struct Described {
    issuer: String,
    jwks_uri: String,
}

impl Source {
    /// A file with a key set.
    #[must_use]
    pub fn file(path: PathBuf) -> Self {
        Self(Place::File(path))
    }

    /// A key set at an address, whose server one of the roots certifies.
    ///
    /// # Errors
    /// A sentence, if it is no address by TLS or of this machine.
    pub fn address(address: &str, roots: Roots) -> Result<Self, String> {
        Ok(Self(Place::Web { url: url(address)?, tls: roots.client()? }))
    }

    /// What the discovery document of an issuer names that has one of these names. It is found by the first that is an
    /// address, and must say one of them.
    ///
    /// # Errors
    /// A sentence, if none is an address by TLS or of this machine.
    pub fn discovered(iss: &[String], roots: Roots) -> Result<Self, String> {
        let base = iss.iter().find(|iss| iss.contains("://")).ok_or("no iss is an address")?;
        let url = url(&format!("{}{DISCOVERY}", base.trim_end_matches('/')))?;
        Ok(Self(Place::Discovery { iss: iss.to_vec(), url, tls: roots.client()? }))
    }

    /// Whether it is a file, which is there from the start or not at all.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.0, Place::File(_))
    }

    /// Looks there.
    ///
    /// # Errors
    /// [`SourceError`].
    pub(super) async fn look(&self) -> Result<Found, SourceError> {
        match &self.0 {
            Place::File(path) => {
                let path = path.clone();
                let read = spawn_blocking(move || read(&path)).await.unwrap_or_else(|error| {
                    let error = std::io::Error::other(error);
                    Err(SourceError::File { path: PathBuf::new(), error })
                });
                Ok(Found { keys: read?, fresh_for: None })
            }
            Place::Web { url, tls } => fetch_keys(url, tls).await,
            Place::Discovery { iss, url, tls } => {
                let document = get(url, tls).await.map_err(|error| web(url, error))?;
                let keys = described(iss, &document.text)
                    .map_err(|why| SourceError::Discovery { url: url.clone(), why })?;
                fetch_keys(&keys, tls).await
            }
        }
    }

    /// Looks there now, where it is a file.
    ///
    /// # Errors
    /// [`SourceError`].
    pub(super) fn read_now(&self) -> Result<Option<Jwks>, SourceError> {
        match &self.0 {
            Place::File(path) => read(path).map(Some),
            Place::Web { .. } | Place::Discovery { .. } => Ok(None),
        }
    }
}

fn url(address: &str) -> Result<Url, String> {
    let url = Url::parse(address).map_err(|error| format!("'{address}' is no address: {error}"))?;
    if fetch::may_be_asked(&url) {
        return Ok(url);
    }
    Err(format!(
        "'{address}' must begin with https://, or with http:// and name this machine, and have no password"
    ))
}

fn read(path: &PathBuf) -> Result<Jwks, SourceError> {
    let text = fs::read_to_string(path).map_err(|error| SourceError::File { path: path.clone(), error })?;
    parsed(path.display().to_string(), &text)
}

fn parsed(place: String, text: &str) -> Result<Jwks, SourceError> {
    Jwks::parse(text).map_err(|error| SourceError::NoKeys { place, error })
}

fn web(url: &Url, error: FetchError) -> SourceError {
    SourceError::Web { url: url.clone(), error }
}

async fn fetch_keys(url: &Url, tls: &Arc<ClientConfig>) -> Result<Found, SourceError> {
    let document = get(url, tls).await.map_err(|error| web(url, error))?;
    Ok(Found { keys: parsed(url.to_string(), &document.text)?, fresh_for: document.fresh_for })
}

/// Where the keys of this issuer are, by a discovery document. One that speaks of another issuer is not believed
/// (`OpenID` Connect Discovery 1.0, 4.3).
fn described(iss: &[String], document: &str) -> Result<Url, String> {
    let described: Described = serde_json::from_str(document)
        .map_err(|_| "is no discovery document: an object with 'issuer' and 'jwks_uri'".to_owned())?;
    if !iss.contains(&described.issuer) {
        let names = super::super::refusals::shown(&described.issuer);
        return Err(format!("is of the issuer '{names}', and not of '{}'", iss.join("' or '")));
    }
    url(&described.jwks_uri).map_err(|why| format!("names a jwks_uri that is not used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discovery_document_speaks_of_its_own_issuer_and_of_keys_by_tls() {
        let iss = ["https://id.example/".to_owned()];
        let document =
            |issuer: &str, keys: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}","x":1}}"#);
        let keys = described(&iss, &document("https://id.example/", "https://keys.example/jwks"));
        assert_eq!(keys.expect("an address").as_str(), "https://keys.example/jwks");
        for (text, why) in [
            (document("https://id.example", "https://id.example/jwks"), "of the issuer 'https://id.example'"),
            (document("https://id.example/", "http://id.example/jwks"), "must begin with https://"),
            ("<html>".to_owned(), "no discovery document"),
            (r#"{"issuer":"https://id.example/"}"#.to_owned(), "no discovery document"),
        ] {
            let said = described(&iss, &text).expect_err(why);
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn an_issuer_is_discovered_by_its_first_name_that_is_an_address() {
        let iss = ["accounts.google.com".to_owned(), "https://accounts.google.com/".to_owned()];
        let Ok(Source(Place::Discovery { url, .. })) = Source::discovered(&iss, Roots::default()) else {
            panic!("a discovery");
        };
        assert_eq!(url.as_str(), "https://accounts.google.com/.well-known/openid-configuration");
        assert!(Source::discovered(&iss[..1], Roots::default()).is_err());
    }
}
