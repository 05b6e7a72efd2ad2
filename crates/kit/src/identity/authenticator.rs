//! From a call's headers to its caller.
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{Validation, dangerous::insecure_decode_claims, decode, decode_header};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::{
    Caller, ConfigError, Issuer, Suite,
    issuer::{Trusted, trusted},
    token::{Claims, Issued, Rejection, Validity},
};
use crate::{clock::Clock, status::Fault};

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8192;

/// How many verified tokens are remembered: verifying an RSA or ECDSA signature costs about a tenth of a millisecond.
const REMEMBERED: usize = 10_000;

/// Verifies the tokens of calls.
pub struct Authenticator {
    clock: Arc<dyn Clock>,
    trusted: HashMap<String, Trusted>,
    /// By the SHA-256 of the token, so that no token stays in memory.
    verified: Cache<[u8; 32], Arc<Verified>>,
}

#[derive(Debug)]
struct Verified {
    caller: Caller,
    validity: Validity,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("trusted", &self.trusted).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Trusts these issuers and the suite's own services, and no one else.
    ///
    /// # Errors
    /// A configuration under which two callers could have one name, or an issuer could not be used at all.
    pub fn new(clock: Arc<dyn Clock>, issuers: Vec<Issuer>, suite: Suite) -> Result<Self, ConfigError> {
        Ok(Self { clock, trusted: trusted(issuers, suite)?, verified: Cache::new(REMEMBERED) })
    }

    /// Who makes the call with these headers.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`: `CREDENTIALS_MISSING` without an `authorization` header, else `CREDENTIALS_INVALID`.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Fault> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or_else(Fault::credentials_missing)?;
        let token = match values.next() {
            None => value.to_str().ok().and_then(bearer).ok_or(Rejection::Malformed),
            Some(_) => Err(Rejection::Malformed),
        };
        token.and_then(|token| self.caller(token)).map_err(|rejection| {
            tracing::debug!(%rejection, "token refused");
            Fault::credentials_invalid(rejection)
        })
    }

    fn caller(&self, token: &str) -> Result<Caller, Rejection> {
        if token.len() > MAX_TOKEN {
            return Err(Rejection::Malformed);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let verified = if let Some(verified) = self.verified.get(&digest) {
            verified
        } else {
            let verified = Arc::new(self.verify(token)?);
            self.verified.insert(digest, Arc::clone(&verified));
            verified
        };
        verified.validity.check(self.clock.now())?;
        Ok(verified.caller.clone())
    }

    /// Checks everything but the time, which passes while a token is remembered.
    fn verify(&self, token: &str) -> Result<Verified, Rejection> {
        let header = decode_header(token).map_err(|_| Rejection::Malformed)?;
        let issued: Issued = insecure_decode_claims(token).map_err(|_| Rejection::Malformed)?;
        let trusted = self.trusted.get(&issued.iss).ok_or(Rejection::Issuer)?;
        let (algorithm, key) = trusted.keys.find(header.kid.as_deref()).ok_or(Rejection::Key)?;
        // RFC 7515, 4.1.11: an extension that is critical and not understood makes the token invalid.
        if header.alg != algorithm || header.crit.is_some() {
            return Err(Rejection::Key);
        }
        let mut signature_only = Validation::new(algorithm);
        signature_only.required_spec_claims = HashSet::new();
        signature_only.validate_exp = false;
        signature_only.validate_aud = false;
        let claims = decode::<Claims>(token, key, &signature_only).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => Rejection::Signature,
            _ => Rejection::Malformed,
        })?;
        let caller = trusted.caller(&claims.claims)?;
        Ok(Verified { caller, validity: claims.claims.validity() })
    }
}

/// The token of an `authorization` header whose scheme is Bearer, in any case (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}
