//! Public keys of an issuer, each bound to the one algorithm that it verifies.
use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// RSA keys in bytes: 2048 bits are the least that NIST SP 800-131A allows, 4096 the most that are verified.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// A set of public keys (RFC 7517). Of its keys those for `ES256`, `EdDSA` (Ed25519) and `RS256` are used; others, and
/// those for encryption, are left aside.
#[derive(Clone, Debug, Default)]
pub struct Jwks(Vec<Key>);

#[derive(Clone)]
struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    verifies: DecodingKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A key set that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not a JSON object with an array `keys` of keys.
    #[error("not a JSON Web Key Set")]
    Malformed,
    /// A private or symmetric key, which must not be where public keys are.
    #[error("the key '{0}' is not a public key: the set must hold public keys only")]
    Secret(String),
    /// A key whose numbers are not a point of its curve, or an RSA key of a size that is not accepted.
    #[error("the key '{0}' is not a valid P-256, Ed25519 or RSA key of 2048 to 4096 bits")]
    Invalid(String),
    /// Two keys with one `kid`.
    #[error("two keys have the id '{0}'")]
    Twice(String),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Jwks {
    /// Reads the JSON of a key set.
    pub fn parse(json: &str) -> Result<Self, JwksError> {
        let set: Set = serde_json::from_str(json).map_err(|_| JwksError::Malformed)?;
        let mut keys: Vec<Key> = Vec::new();
        for value in set.keys {
            keys.extend(usable(value)?);
        }
        Self::default().merge(Self(keys))
    }

    /// Whether no key of the set can be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This set and another.
    ///
    /// # Errors
    /// [`JwksError::Twice`] if they share a `kid`.
    pub fn merge(mut self, other: Self) -> Result<Self, JwksError> {
        for key in other.0 {
            if let Some(kid) =
                key.kid.as_ref().filter(|kid| self.0.iter().any(|k| k.kid.as_ref() == Some(kid)))
            {
                return Err(JwksError::Twice(kid.clone()));
            }
            self.0.push(key);
        }
        Ok(self)
    }

    /// The key for a token: the one with its `kid`, or, if it names none, the only one there is.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<(Algorithm, &DecodingKey)> {
        let key = match (kid, self.0.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        key.map(|key| (key.algorithm, &key.verifies))
    }

    /// Each key as a set of its own, with its id.
    pub(super) fn into_single_keys(self) -> impl Iterator<Item = (Option<String>, Self)> {
        self.0.into_iter().map(|key| (key.kid.clone(), Self(vec![key])))
    }
}

/// A key of a set, if it is for verifying signatures in an algorithm that is accepted.
fn usable(value: Value) -> Result<Option<Key>, JwksError> {
    // Both mark private keys: `d` is the private part of every asymmetric kind (RFC 7518, RFC 8037), `k` a secret.
    let secret = value.get("d").is_some() || value.get("k").is_some();
    let jwk: Jwk = serde_json::from_value(value).map_err(|_| JwksError::Malformed)?;
    let kid = jwk.common.key_id.clone();
    let id = || kid.clone().unwrap_or_default();
    if secret {
        return Err(JwksError::Secret(id()));
    }
    let (algorithm, valid) = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, true)
        }
        // jsonwebtoken panics on a shorter key and cuts a longer one.
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, bytes(&key.x).len() == ed25519_dalek::PUBLIC_KEY_LENGTH)
        }
        AlgorithmParameters::RSA(key) => {
            let modulus = bytes(&key.n);
            (Algorithm::RS256, modulus.first() != Some(&0) && RSA_MODULUS.contains(&modulus.len()))
        }
        _ => return Ok(None),
    };
    let for_signatures = jwk.common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature);
    let for_algorithm = jwk.common.key_algorithm.is_none_or(|alg| alg == KeyAlgorithm::from(algorithm));
    if !for_signatures || !for_algorithm {
        return Ok(None);
    }
    let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| valid);
    // Verifying anything at all is an error with a key that is no point of its curve.
    let key = key.filter(|key| jsonwebtoken::crypto::verify("", b"", key, algorithm).is_ok());
    key.map(|verifies| Some(Key { kid, algorithm, verifies }))
        .ok_or_else(|| JwksError::Invalid(jwk.common.key_id.unwrap_or_default()))
}

/// The bytes of a number in a key; none if it is not base64url.
fn bytes(number: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(number).unwrap_or_default()
}
