//! The three parts of a signed JWT (RFC 7515, compact), as they came. Nothing here is verified.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{algorithm::Algorithm, jwk::Key, rejection::Rejection};

/// A token, taken apart.
pub(super) struct Jwt<'a> {
    /// What is signed: the header and the claims, as they were encoded.
    message: &'a str,
    signature: &'a str,
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
}

impl<'a> Jwt<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, Rejection> {
        let (message, signature) = token.rsplit_once('.').ok_or(Rejection::NotJwt)?;
        let (header, claims) = message.split_once('.').ok_or(Rejection::NotJwt)?;
        Ok(Self { message, signature, header: object(header)?, claims: object(claims)? })
    }

    /// The id of the key that it says it is signed by.
    pub(super) fn key_id(&self) -> Result<Option<&str>, Rejection> {
        self.header.get("kid").map(|kid| kid.as_str().ok_or(Rejection::Malformed)).transpose()
    }

    /// The algorithm that it says it is signed in.
    pub(super) fn algorithm(&self) -> Result<&str, Rejection> {
        self.header.get("alg").and_then(Value::as_str).ok_or(Rejection::Malformed)
    }

    /// Whether its signature is by this key.
    pub(super) fn is_signed_by(&self, key: &Key, algorithm: Algorithm) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(self.signature);
        signature.is_ok_and(|signature| key.public.verifies(algorithm, self.message.as_bytes(), &signature))
    }

    /// The issuer that it says it is from.
    pub(super) fn issuer(&self) -> Result<&str, Rejection> {
        text(&self.claims, "iss")
    }
}

/// A claim that must be there and be a text.
pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, Rejection> {
    match claims.get(name) {
        None | Some(Value::Null) => Err(Rejection::missing(name)),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Rejection::mistyped(name)),
    }
}

/// A part without its base64url, in which no dot can stand.
fn object(part: &str) -> Result<Map<String, Value>, Rejection> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::NotJwt)?;
    serde_json::from_slice(&json).map_err(|_| Rejection::Malformed)
}
