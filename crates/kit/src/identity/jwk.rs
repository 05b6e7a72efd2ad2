//! One public key of a set: whether it is used, and in which algorithm.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey;
use jsonwebtoken::{Algorithm, DecodingKey, jwk::Jwk};
use serde_json::{Map, Value};

/// RSA keys in bytes: 2048 bits are the least that NIST SP 800-131A allows, 4096 the most that are verified.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// A key that verifies signatures in one algorithm.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) verifies: DecodingKey,
    /// The numbers that it consists of, by which two keys are the same one.
    pub(super) numbers: Vec<String>,
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
    if given(jwk, "use").is_some_and(|purpose| purpose != "sig") {
        return Err("is not for signatures");
    }
    let (algorithm, names) = kind(jwk)?;
    if given(jwk, "alg").is_some_and(|alg| alg != name(algorithm)) {
        return Err("is for an algorithm that is not accepted");
    }
    let numbers = names.iter().map(|name| number(jwk, name)).collect::<Result<Vec<_>, _>>()?;
    check_strength(jwk, algorithm)?;
    let verifies = decoding_key(jwk, algorithm).ok_or("consists of numbers that are no key of its kind")?;
    Ok(Key { kid, algorithm, verifies, numbers })
}

/// The algorithm's name in tokens and keys.
pub(super) fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::ES256 => "ES256",
        Algorithm::EdDSA => "EdDSA",
        Algorithm::RS256 => "RS256",
        _ => "",
    }
}

/// The algorithm of this name, if it is accepted.
pub(super) fn accepted(named: &str) -> Option<Algorithm> {
    [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256].into_iter().find(|it| name(*it) == named)
}

/// The algorithm of a key of this kind, and the numbers that make it up.
fn kind(jwk: &Map<String, Value>) -> Result<(Algorithm, &'static [&'static str]), &'static str> {
    let text = |name| jwk.get(name).and_then(Value::as_str);
    match (text("kty"), text("crv")) {
        (Some("EC"), Some("P-256")) => Ok((Algorithm::ES256, &["x", "y"])),
        (Some("OKP"), Some("Ed25519")) => {
            // The library panics on a shorter key and cuts a longer one.
            if bytes(jwk, "x").len() != ed25519_dalek::PUBLIC_KEY_LENGTH {
                return Err("is not of 32 bytes");
            }
            Ok((Algorithm::EdDSA, &["x"]))
        }
        (Some("RSA"), _) => {
            let modulus = bytes(jwk, "n");
            if modulus.first() == Some(&0) {
                return Err("has a modulus that begins with a zero byte");
            }
            if !RSA_MODULUS.contains(&modulus.len()) {
                return Err("is an RSA key of less than 2048 or more than 4096 bits");
            }
            Ok((Algorithm::RS256, &["n", "e"]))
        }
        _ => Err("is of a kind that is not accepted: P-256, Ed25519 and RSA are"),
    }
}

/// That not anybody at all can sign by the key.
fn check_strength(jwk: &Map<String, Value>, algorithm: Algorithm) -> Result<(), &'static str> {
    match algorithm {
        // A point of small order: one signature fits many messages, and needs no private key.
        Algorithm::EdDSA if is_weak(&bytes(jwk, "x")) => {
            Err("is a point of small order, by which anybody could sign")
        }
        // By 1 a message is its own signature; no even exponent has an inverse (FIPS 186-5, A.1.1).
        Algorithm::RS256 if !is_exponent(&bytes(jwk, "e")) => {
            Err("has an exponent that is none of RSA: it must be odd and at least 3")
        }
        _ => Ok(()),
    }
}

fn is_weak(point: &[u8]) -> bool {
    let key = point.try_into().ok().and_then(|point| VerifyingKey::from_bytes(point).ok());
    key.is_some_and(|key| key.is_weak())
}

/// Whether this, the greatest byte first, is odd and greater than 1.
fn is_exponent(bytes: &[u8]) -> bool {
    let significant = bytes.iter().position(|byte| *byte != 0).map_or(&[][..], |first| &bytes[first..]);
    significant != [1] && significant.last().is_some_and(|last| last % 2 == 1)
}

/// A member that is there and not null.
fn given<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    jwk.get(name).filter(|value| !value.is_null())
}

fn number(jwk: &Map<String, Value>, name: &str) -> Result<String, &'static str> {
    jwk.get(name).and_then(Value::as_str).map(str::to_owned).ok_or("lacks a number that its kind has")
}

/// The bytes of a number in a key; none if it is not base64url.
fn bytes(jwk: &Map<String, Value>, name: &str) -> Vec<u8> {
    let number = jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    URL_SAFE_NO_PAD.decode(number).unwrap_or_default()
}

/// The library's key. It sees the numbers alone: what else a provider puts into a key is none of its business.
fn decoding_key(jwk: &Map<String, Value>, algorithm: Algorithm) -> Option<DecodingKey> {
    let numbers = ["kty", "crv", "x", "y", "n", "e"];
    let bare = jwk.iter().filter(|(name, _)| numbers.contains(&name.as_str()));
    let bare: Map<String, Value> = bare.map(|(name, value)| (name.clone(), value.clone())).collect();
    let bare: Jwk = serde_json::from_value(bare.into()).ok()?;
    let key = DecodingKey::from_jwk(&bare).ok()?;
    // Verifying anything at all is an error with a key that is no point of its curve.
    jsonwebtoken::crypto::verify("", b"", &key, algorithm).is_ok().then_some(key)
}
