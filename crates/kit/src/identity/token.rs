//! The inside of a token.
use std::{fmt, time::Duration};

use serde_json::{Value, json};
use tonic::metadata::{MetadataMap, MetadataValue};

use super::{SigningKey, rejection::Rejection};
use crate::clock::Timestamp;

/// How far the clocks of an issuer and of this machine may differ, in seconds.
const LEEWAY: i64 = 30;

/// From when until when a token is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) expires: i64,
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
