//! The inside of a token, and the reasons to refuse one.
use std::{fmt, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tonic::metadata::{MetadataMap, MetadataValue};

use super::SigningKey;
use crate::clock::Timestamp;

/// How far the clocks of an issuer and of this machine may differ, in seconds.
const LEEWAY: i64 = 30;

/// What a token says, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) aud: Audience,
    exp: Seconds,
    nbf: Option<Seconds>,
    email: Option<Value>,
    email_verified: Option<Value>,
}

/// Which issuer a token says it is from; read before the signature is verified, to know by which key.
#[derive(Deserialize)]
pub(super) struct Issued {
    pub(super) iss: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(super) fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(several) => several.iter().any(|one| one == audience),
        }
    }

    pub(super) fn is_single(&self) -> bool {
        match self {
            Self::One(_) => true,
            Self::Several(several) => several.len() == 1,
        }
    }
}

/// Seconds since 1970, which may have a fraction (RFC 7519, `NumericDate`); the fraction is cut.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "serde_json::Number")]
struct Seconds(i64);

impl TryFrom<serde_json::Number> for Seconds {
    type Error = &'static str;

    fn try_from(number: serde_json::Number) -> Result<Self, Self::Error> {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and a fraction is to be cut")]
        let whole = number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64));
        whole.map(Self).ok_or("not a time")
    }
}

impl Claims {
    /// The e-mail address, if the issuer says, with the JSON value `true`, that it is verified.
    pub(super) fn verified_email(&self) -> Option<&str> {
        let verified = self.email_verified == Some(Value::Bool(true));
        self.email.as_ref().filter(|_| verified).and_then(Value::as_str).filter(|email| !email.is_empty())
    }

    pub(super) fn validity(&self) -> Validity {
        Validity { not_before: self.nbf.map_or(i64::MIN, |nbf| nbf.0), expires: self.exp.0 }
    }
}

/// From when until when a token is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    not_before: i64,
    expires: i64,
}

impl Validity {
    pub(super) fn check(self, now: Timestamp) -> Result<(), Rejection> {
        let now = now.seconds();
        if now >= self.expires.saturating_add(LEEWAY) {
            return Err(Rejection::Expired);
        }
        if now < self.not_before.saturating_sub(LEEWAY) {
            return Err(Rejection::NotYetValid);
        }
        Ok(())
    }
}

/// Why a token is refused. The text completes "The bearer token …" and tells nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Rejection {
    #[error("is not one well-formed JWT")]
    Malformed,
    #[error("is from an issuer that is not trusted here")]
    Issuer,
    #[error("is signed by a key, or in an algorithm, that is not its issuer's")]
    Key,
    #[error("has a signature that does not match")]
    Signature,
    #[error("is not meant for this service")]
    Audience,
    #[error("has a subject that can't be a caller here")]
    Subject,
    #[error("has expired")]
    Expired,
    #[error("is not valid yet")]
    NotYetValid,
}

/// A signed token. Its text is a secret until it expires.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(String);

impl BearerToken {
    /// The token's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Puts the token into a request's metadata, marked as a secret for logs and header compression.
    pub fn authorize(&self, metadata: &mut MetadataMap) {
        // A token is base64url with dots: always a valid value.
        if let Ok(mut value) = MetadataValue::try_from(format!("Bearer {}", self.0)) {
            value.set_sensitive(true);
            metadata.insert("authorization", value);
        }
    }

    /// Signs claims, valid from `now`.
    pub(super) fn sign(
        key: &SigningKey,
        kid: &str,
        mut claims: Value,
        now: Timestamp,
        lifetime: Duration,
    ) -> Self {
        claims["iat"] = json!(now.seconds());
        claims["nbf"] = json!(now.seconds());
        claims["exp"] = json!((now + lifetime).seconds());
        Self(key.sign(kid, "JWT", &claims))
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken([redacted])")
    }
}
