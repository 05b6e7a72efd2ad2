//! One public key of a set: whether it is used, and in which algorithms.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey;
use serde_json::{Map, Value};

use super::algorithm::{Algorithm, PublicKey};

/// RSA keys in bytes: 2048 bits are the least that NIST SP 800-131A allows, 8192 the most that are verified.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// A key that verifies signatures.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) kid: Option<String>,
    /// The only algorithm that it is for, if its issuer names one; else all that its kind has.
    algorithm: Option<Algorithm>,
    pub(super) public: PublicKey,
}

impl Key {
    /// Whether it is for signatures in this algorithm.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.public.fits(algorithm) && self.algorithm.is_none_or(|named| named == algorithm)
    }

    /// Whether it is the same key, by the same id and for the same algorithms.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.kid == other.kid && self.algorithm == other.algorithm && self.public == other.public
    }

    /// Whether a token of one id could be by this key or by that one.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let one_kind = std::mem::discriminant(&self.public) == std::mem::discriminant(&other.public);
        let apart = matches!((self.algorithm, other.algorithm), (Some(one), Some(two)) if one != two);
        self.kid == other.kid && one_kind && !apart
    }

    /// What it is for, for the log.
    pub(super) fn purpose(&self) -> &'static str {
        match (self.algorithm, &self.public) {
            (Some(algorithm), _) => algorithm.name(),
            (None, PublicKey::Rsa { .. }) => "RSA",
            (None, PublicKey::P256(_)) => "ES256",
            (None, PublicKey::P384(_)) => "ES384",
            (None, PublicKey::Ed25519(_)) => "EdDSA",
        }
    }
}

/// Reads a key of a set.
///
/// # Errors
/// Why it is not used: a text that completes "it …".
pub(super) fn read(value: &Value) -> Result<Key, &'static str> {
    let jwk = value.as_object().ok_or("is not a JSON object")?;
    let kid = match jwk.get("kid") {
        None | Some(Value::Null) => None,
        Some(Value::String(kid)) => Some(kid.clone()),
        Some(_) => return Err("has an id that is not a text"),
    };
    // `d` is the private part of every asymmetric kind (RFC 7518, RFC 8037), `k` a secret.
    if jwk.contains_key("d") || jwk.contains_key("k") {
        return Err("is private or secret, and must not be where public keys are");
    }
    // `jwt-svid` is what SPIFFE calls it.
    if given(jwk, "use").is_some_and(|purpose| purpose != "sig" && purpose != "jwt-svid") {
        return Err("is not for signatures");
    }
    let public = public_key(jwk)?;
    let algorithm = match given(jwk, "alg") {
        None => None,
        Some(alg) => {
            let named = alg.as_str().and_then(Algorithm::named).filter(|named| public.fits(*named));
            Some(named.ok_or("is for an algorithm that is not accepted, or not its kind's")?)
        }
    };
    Ok(Key { kid, algorithm, public })
}

/// The numbers of a key of a kind that is accepted, by which not anybody at all can sign.
fn public_key(jwk: &Map<String, Value>) -> Result<PublicKey, &'static str> {
    let text = |name| jwk.get(name).and_then(Value::as_str);
    match (text("kty"), text("crv")) {
        (Some("EC"), Some("P-256")) => Ok(PublicKey::P256(point(jwk, 32)?)),
        (Some("EC"), Some("P-384")) => Ok(PublicKey::P384(point(jwk, 48)?)),
        (Some("OKP"), Some("Ed25519")) => edwards(jwk).map(PublicKey::Ed25519),
        (Some("RSA"), _) => rsa(jwk),
        _ => Err("is of a kind that is not accepted: RSA, P-256, P-384 and Ed25519 are"),
    }
}

fn rsa(jwk: &Map<String, Value>) -> Result<PublicKey, &'static str> {
    let (n, e) = (number(jwk, "n")?, number(jwk, "e")?);
    if n.first() == Some(&0) {
        return Err("has a modulus that begins with a zero byte");
    }
    if !RSA_MODULUS.contains(&n.len()) {
        return Err("is an RSA key of less than 2048 or more than 8192 bits");
    }
    // By 1 a message is its own signature; no even exponent has an inverse (FIPS 186-5, A.1.1).
    let e: Vec<u8> = e.into_iter().skip_while(|byte| *byte == 0).collect();
    if e == [1] || e.last().is_none_or(|last| last % 2 == 0) {
        return Err("has an exponent that is none of RSA: it must be odd and at least 3");
    }
    Ok(PublicKey::Rsa { n, e })
}

/// By numbers that are no point of the curve nothing is ever verified.
fn point(jwk: &Map<String, Value>, length: usize) -> Result<Vec<u8>, &'static str> {
    let (x, y) = (number(jwk, "x")?, number(jwk, "y")?);
    if x.len() != length || y.len() != length {
        return Err(NO_KEY);
    }
    Ok([vec![4], x, y].concat())
}

fn edwards(jwk: &Map<String, Value>) -> Result<Vec<u8>, &'static str> {
    let x = number(jwk, "x")?;
    let bytes = x.as_slice().try_into().map_err(|_| "is not of 32 bytes")?;
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| NO_KEY)?;
    // One signature by a point of small order fits many messages, and needs no private key.
    if key.is_weak() { Err("is a point of small order, by which anybody could sign") } else { Ok(x) }
}

const NO_KEY: &str = "consists of numbers that are no key of its kind";

/// A member that is there and not null.
fn given<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    jwk.get(name).filter(|value| !value.is_null())
}

/// The bytes of a number in a key; none if it is not base64url.
fn number(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, &'static str> {
    let number = jwk.get(name).and_then(Value::as_str).ok_or("lacks a number that its kind has")?;
    Ok(URL_SAFE_NO_PAD.decode(number).unwrap_or_default())
}
