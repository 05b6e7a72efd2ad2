//! Public keys of an issuer, each bound to the algorithms of its kind, or to the one that its issuer names.
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::{
    SigningKey,
    algorithm::{Algorithm, PublicKey},
    jwk::{self, Key},
    refusals::shown,
    rejection::Rejection,
};

/// How many keys of a set are named in the log.
const NAMED: usize = 32;

/// A set of public keys (RFC 7517). Of its keys those are used that are RSA keys of 2048 to 8192 bits, or of the curves P-256,
/// P-384 and Ed25519. All others are left aside and take nothing from those (RFC 7517, 5): a provider may publish what is not
/// meant for its tokens.
#[derive(Clone, Debug, Default)]
pub struct Jwks {
    keys: Vec<Key>,
    aside: Vec<Aside>,
}

/// A key that is not used.
#[derive(Clone, Debug)]
struct Aside {
    kid: String,
    /// It completes "it …".
    why: &'static str,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("purpose", &self.purpose())
            .finish_non_exhaustive()
    }
}

/// A text that is no key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not a JSON object with an array `keys`.
    #[error("not a JSON Web Key Set: an object with an array 'keys'")]
    Malformed,
    /// A provider's discovery document.
    #[error("a provider's discovery document: its key set is what is found at the address of its 'jwks_uri'")]
    Discovery,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Jwks {
    /// Reads the JSON of a key set.
    pub fn parse(json: &str) -> Result<Self, JwksError> {
        // Editors put a byte order mark before what they save; it is not part of the JSON.
        let json = json.trim_start_matches('\u{feff}');
        let set: Set = serde_json::from_str(json).map_err(|_| {
            let other = serde_json::from_str::<Value>(json).unwrap_or_default();
            if other.get("jwks_uri").is_some() { JwksError::Discovery } else { JwksError::Malformed }
        })?;
        let mut read = Self::default();
        for value in &set.keys {
            match jwk::read(value) {
                Ok(key) => read.keys.push(key),
                Err(why) => read.aside.push(Aside { kid: named(value.get("kid")), why }),
            }
        }
        read.settle();
        Ok(read)
    }

    /// Whether no key of the set can be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Which keys are used, for the log: `2026-a (RS256), 2026-b (ES256)`.
    #[must_use]
    pub fn used(&self) -> String {
        let key =
            |key: &Key| format!("{} ({})", shown(key.kid.as_deref().unwrap_or(WITHOUT_ID)), key.purpose());
        list(self.keys.iter().map(key), ", ")
    }

    /// Which keys are left aside and why, for the log; empty if none is.
    #[must_use]
    pub fn left_aside(&self) -> String {
        list(self.aside.iter().map(|aside| format!("{}: it {}", aside.kid, aside.why)), "; ")
    }

    /// The key for a token in this algorithm: the one with its `kid`, or, if it names none, the only one there is. Where
    /// keys share a `kid`, the algorithm tells them apart (RFC 7517, 4.5).
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&Key, Rejection> {
        let of_id = |key: &&Key| match kid {
            Some(kid) => key.kid.as_deref() == Some(kid),
            None => self.keys.len() == 1,
        };
        let mut keys = self.keys.iter().filter(of_id).peekable();
        keys.peek().ok_or(Rejection::Key)?;
        keys.find(|key| key.is_for(algorithm)).ok_or(Rejection::KeyAlgorithm)
    }

    /// How many keys can be used.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether both have the same keys, whatever they leave aside.
    pub(super) fn same_keys(&self, other: &Self) -> bool {
        self.len() == other.len() && self.keys.iter().zip(&other.keys).all(|(one, other)| one.is_same(other))
    }

    /// Whether it has this key.
    pub(super) fn includes(&self, key: &Key) -> bool {
        self.keys.iter().any(|it| it.is_same(key))
    }

    /// The keys of a service of the suite: those whose id is its name, or begins with its name and a dot. Where it has
    /// several, one takes the place of the other, and tokens by both are good.
    pub(super) fn of_service<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Key> {
        self.keys.iter().filter(move |key| service_of(key) == service)
    }

    /// The names of the services whose keys these are; empty for a key without an id.
    pub(super) fn services(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(service_of)
    }

    /// Whether the set has a key of this service of the suite.
    #[must_use]
    pub fn names(&self, service: &str) -> bool {
        self.of_service(service).next().is_some()
    }

    /// Whether the set has the public half of this key as one of this service's.
    #[must_use]
    pub fn has(&self, service: &str, key: &SigningKey) -> bool {
        let public = PublicKey::Ed25519(key.pair().verifying_key().as_bytes().to_vec());
        self.of_service(service).any(|it| it.public == public)
    }

    /// Leaves aside what a token could not choose: different keys of one id and algorithm, and those without an id beside
    /// others. One that is there twice counts once.
    fn settle(&mut self) {
        let mut settled: Vec<Key> = Vec::new();
        let mut ambiguous = Vec::new();
        for key in std::mem::take(&mut self.keys) {
            let alike = |other: &&Key| key.overlaps(other);
            let is_there = settled.iter().filter(alike).any(|other| other.public == key.public);
            match settled.iter().find(alike) {
                _ if is_there => {}
                Some(_) if key.kid.is_some() => ambiguous.push(key),
                _ => settled.push(key),
            }
        }
        for key in ambiguous {
            settled.retain(|other| !key.overlaps(other));
            let kid = shown(&key.kid.unwrap_or_default());
            if !self.aside.iter().any(|aside| aside.kid == kid && aside.why == TWICE) {
                self.aside.push(Aside { kid, why: TWICE });
            }
        }
        if settled.len() > 1 {
            let (named, nameless): (Vec<_>, _) = settled.into_iter().partition(|key| key.kid.is_some());
            settled = named;
            self.aside.extend(nameless.iter().map(|_| Aside { kid: WITHOUT_ID.to_owned(), why: NAMELESS }));
        }
        self.keys = settled;
    }
}

/// The service of the suite that a key's id names.
fn service_of(key: &Key) -> &str {
    let kid = key.kid.as_deref().unwrap_or_default();
    kid.split_once('.').map_or(kid, |(service, _)| service)
}

/// Why keys that a token could not choose among are not used.
const TWICE: &str = "shares its id and algorithm with another key";

/// Why a key is not used that no token can name.
const NAMELESS: &str = "stands beside others, and no token could name it: give it a kid";

/// What a key is called that has no id.
const WITHOUT_ID: &str = "without id";

/// An id, as far as it is one, fit to be logged.
fn named(kid: Option<&Value>) -> String {
    match kid {
        None | Some(Value::Null) => WITHOUT_ID.to_owned(),
        Some(Value::String(kid)) => shown(kid),
        Some(other) => shown(&other.to_string()),
    }
}

/// The first of these, and how many more there are.
fn list(all: impl Iterator<Item = String>, between: &str) -> String {
    let all: Vec<_> = all.collect();
    let more = all.len().saturating_sub(NAMED);
    let text = all[..all.len() - more].join(between);
    if more > 0 { format!("{text}{between}and {more} more") } else { text }
}
