//! The inside of a token.
use std::{fmt, time::Duration};

use serde_json::{Map, Value, json};
use tonic::metadata::{MetadataMap, MetadataValue};

use super::{SigningKey, jwt::text, rejection::Rejection};
use crate::clock::Timestamp;

/// How far the clocks of an issuer and of this machine may differ, in seconds.
const LEEWAY: i64 = 30;

/// What a token says, as far as every token must say it.
pub(super) struct Claims<'a> {
    pub(super) all: &'a Map<String, Value>,
    pub(super) sub: &'a str,
    pub(super) aud: Vec<&'a str>,
    pub(super) validity: Validity,
}

impl<'a> Claims<'a> {
    pub(super) fn read(all: &'a Map<String, Value>) -> Result<Self, Rejection> {
        let sub = text(all, "sub")?;
        let aud = match present(all, "aud").ok_or(Rejection::Missing("aud"))? {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => {
                let texts: Option<Vec<_>> = several.iter().map(Value::as_str).collect();
                texts.ok_or(Rejection::Mistyped("aud"))?
            }
            _ => return Err(Rejection::Mistyped("aud")),
        };
        let expires = seconds(all, "exp")?.ok_or(Rejection::Missing("exp"))?;
        let not_before = seconds(all, "nbf")?.unwrap_or(i64::MIN);
        Ok(Self { all, sub, aud, validity: Validity { not_before, expires } })
    }

    /// The e-mail address, if the issuer says, with the JSON value `true`, that it is verified.
    pub(super) fn verified_email(&self) -> Option<&str> {
        let verified = self.all.get("email_verified") == Some(&Value::Bool(true));
        let email = self.all.get("email").filter(|_| verified).and_then(Value::as_str);
        email.filter(|email| !email.is_empty())
    }
}

fn present<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).filter(|value| !value.is_null())
}

/// Seconds since 1970, which may have a fraction (RFC 7519, `NumericDate`); the fraction is cut.
fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, Rejection> {
    let Some(value) = present(claims, name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and a fraction is to be cut")]
    let whole = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
    whole.map(Some).ok_or(Rejection::Mistyped(name))
}

/// From when until when a token is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    not_before: i64,
    expires: i64,
}

impl Validity {
    /// From when on the token is refused.
    pub(super) fn end(self) -> Timestamp {
        Timestamp::from_micros(self.expires.saturating_add(LEEWAY).saturating_mul(1_000_000))
    }

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

    /// Signs claims at `now`, valid for as long as `lifetime`, and to clocks that are behind by as much as `early` as well.
    pub(super) fn sign(
        key: &SigningKey,
        kid: &str,
        mut claims: Value,
        now: Timestamp,
        (early, lifetime): (Duration, Duration),
    ) -> Self {
        let early = i64::try_from(early.as_secs()).unwrap_or(i64::MAX);
        claims["iat"] = json!(now.seconds());
        claims["nbf"] = json!(now.seconds() - early);
        claims["exp"] = json!((now + lifetime).seconds());
        Self(key.sign(kid, "JWT", &claims))
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken([redacted])")
    }
}
