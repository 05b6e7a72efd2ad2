//! Public keys of an issuer, each bound to the one algorithm that it verifies.
use std::{collections::BTreeMap, fmt};

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    SigningKey,
    jwk::{self, Key},
    refusals::shown,
    rejection::Rejection,
};

/// How many keys of a set are named in the log.
const NAMED: usize = 32;

/// A set of public keys (RFC 7517). Of its keys those for `ES256`, `EdDSA` (Ed25519) and `RS256` are used. All others are
/// left aside and take nothing from those (RFC 7517, 5): a provider may publish what is not meant for its tokens.
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
            .field("algorithm", &self.algorithm)
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
    pub(super) fn used(&self) -> String {
        let key = |key: &Key| {
            format!("{} ({})", shown(key.kid.as_deref().unwrap_or(WITHOUT_ID)), jwk::name(key.algorithm))
        };
        list(self.keys.iter().map(key), ", ")
    }

    /// Which keys are left aside and why, for the log; empty if none is.
    #[must_use]
    pub fn left_aside(&self) -> String {
        list(self.aside.iter().map(|aside| format!("{}: it {}", aside.kid, aside.why)), "; ")
    }

    /// The key for a token in this algorithm: the one with its `kid`, or, if it names none, the only one there is. Where
    /// keys share a `kid`, the algorithm tells them apart (RFC 7517, 4.5).
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&DecodingKey, Rejection> {
        let of_id = |key: &&Key| match kid {
            Some(kid) => key.kid.as_deref() == Some(kid),
            None => self.keys.len() == 1,
        };
        let mut keys = self.keys.iter().filter(of_id).peekable();
        keys.peek().ok_or(Rejection::Key)?;
        let key = keys.find(|key| key.algorithm == algorithm).ok_or(Rejection::KeyAlgorithm)?;
        Ok(&key.verifies)
    }

    /// Whether the set has a key of this id.
    #[must_use]
    pub fn names(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// Whether the set has the public half of this key under this id.
    #[must_use]
    pub fn has(&self, kid: &str, key: &SigningKey) -> bool {
        const KIND: &str = "own-key";
        self.verify(KIND, &key.sign(kid, KIND, &json!({}))).is_some()
    }

    /// The keys of each id as a set of its own.
    pub(super) fn by_id(self) -> BTreeMap<Option<String>, Self> {
        let mut sets = BTreeMap::<Option<String>, Self>::new();
        for key in self.keys {
            sets.entry(key.kid.clone()).or_default().keys.push(key);
        }
        sets
    }

    /// Leaves aside what a token could not choose: different keys of one id and algorithm, and those without an id beside
    /// others. One that is there twice counts once.
    fn settle(&mut self) {
        let mut settled: Vec<Key> = Vec::new();
        let mut ambiguous = Vec::new();
        for key in std::mem::take(&mut self.keys) {
            let alike = |other: &&Key| key.kid == other.kid && key.algorithm == other.algorithm;
            let is_there = settled.iter().filter(alike).any(|other| other.numbers == key.numbers);
            match settled.iter().find(alike) {
                _ if is_there => {}
                Some(_) if key.kid.is_some() => ambiguous.push((key.kid.clone(), key.algorithm)),
                _ => settled.push(key),
            }
        }
        for (kid, algorithm) in ambiguous {
            settled.retain(|key| (&key.kid, key.algorithm) != (&kid, algorithm));
            let kid = shown(&kid.unwrap_or_default());
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
