//! From a call's headers to its caller.
use std::{collections::HashMap, fmt, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::{
    Caller, ConfigError, Issuer, MAX_TOKEN, TokenEnd, Trust,
    issuer::{Trusted, trusted},
    jwk,
    jwt::Jwt,
    refusals::{Origin, Refusals, Source, plain_issuer, shown},
    rejection::Rejection,
    token::{Claims, Validity},
};
use crate::{clock::Clock, status::Fault, tls::Certified};

/// How many verified tokens are remembered: verifying an RSA or ECDSA signature costs about a tenth of a millisecond.
const REMEMBERED: usize = 10_000;

/// Verifies the tokens of calls.
pub struct Authenticator {
    clock: Arc<dyn Clock>,
    trusted: HashMap<String, Trusted>,
    /// By the SHA-256 of the token, so that no token stays in memory.
    verified: Cache<[u8; 32], Arc<Verified>>,
    refusals: Refusals,
}

#[derive(Debug)]
struct Verified {
    caller: Caller,
    validity: Validity,
    origin: Origin,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("trusted", &self.trusted).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Trusts these issuers and the suite's own services, and no one else. Says in the log which keys of each are used.
    ///
    /// # Errors
    /// A configuration under which two callers could have one name, or an issuer could not be used at all.
    pub fn new(clock: Arc<dyn Clock>, issuers: Vec<Issuer>, suite: Trust) -> Result<Self, ConfigError> {
        let aside = suite.peers.left_aside();
        let trusted = trusted(issuers.clone(), suite)?;
        for issuer in issuers {
            let (used, left_aside) = (issuer.keys.used(), issuer.keys.left_aside());
            tracing::info!(issuer = shown(&issuer.name()), used, left_aside, "keys of an issuer");
        }
        if !aside.is_empty() {
            tracing::warn!(left_aside = aside, "keys of the suite's services");
        }
        Ok(Self { clock, trusted, verified: Cache::new(REMEMBERED), refusals: Refusals::default() })
    }

    /// Who makes the call with these headers, over a connection whose client certificate vouches for this. A service of the
    /// suite needs both: whoever has its token alone is not it.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`: `CREDENTIALS_MISSING` without an `authorization` header, else `CREDENTIALS_INVALID`.
    pub(crate) fn caller_by(&self, headers: &HeaderMap, certified: &Certified) -> Result<Caller, Fault> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or_else(Fault::credentials_missing)?;
        let token = match values.next() {
            None => value.to_str().ok().and_then(bearer).ok_or(Rejection::Header),
            Some(_) => Err(Rejection::Header),
        };
        let mut origin = Origin::default();
        let caller = token.and_then(|token| self.caller(token, &mut origin));
        let caller = caller.and_then(|caller| match &caller.suite {
            Some(suite) if !certified.vouches_for(&suite.name) => Err(Rejection::Certificate),
            _ => Ok(caller),
        });
        caller.map_err(|why| {
            self.refusals.note(why, &origin);
            why.fault(self.clock.now())
        })
    }

    /// Whose token it is. `origin` is where it says it is from, as far as that could be read.
    fn caller(&self, token: &str, origin: &mut Origin) -> Result<Caller, Rejection> {
        if token.len() > MAX_TOKEN {
            return Err(Rejection::TooLong);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let verified = if let Some(verified) = self.verified.get(&digest) {
            verified
        } else {
            let (caller, validity) = self.verify(token, origin)?;
            let verified = Arc::new(Verified { caller, validity, origin: origin.clone() });
            self.verified.insert(digest, Arc::clone(&verified));
            verified
        };
        verified.validity.check(self.clock.now()).inspect_err(|_| *origin = verified.origin.clone())?;
        Ok(verified.caller.clone())
    }

    /// Checks everything but the time, which passes while a token is remembered.
    fn verify(&self, token: &str, origin: &mut Origin) -> Result<(Caller, Validity), Rejection> {
        let jwt = Jwt::parse(token)?;
        let key_id = jwt.key_id()?;
        origin.key_id = key_id.map(shown);
        let iss = jwt.issuer()?;
        let Some(trusted) = self.trusted.get(iss) else {
            origin.source = Source::Stranger(Some(plain_issuer(iss).to_owned()));
            return Err(Rejection::Issuer);
        };
        origin.source = Source::Claimed(Arc::clone(&trusted.iss));
        // RFC 7515, 4.1.11: an extension that is critical and not understood makes the token invalid.
        if jwt.header.contains_key("crit") {
            return Err(Rejection::Critical);
        }
        let algorithm = jwk::accepted(jwt.algorithm()?).ok_or(Rejection::Algorithm)?;
        let key = trusted.keys.find(key_id, algorithm)?;
        match jsonwebtoken::crypto::verify(jwt.signature, jwt.message.as_bytes(), key, algorithm) {
            Ok(true) => {}
            _ => return Err(Rejection::Signature),
        }
        origin.source = Source::Signed(Arc::clone(&trusted.iss));
        let claims = Claims::read(&jwt.claims)?;
        let end = TokenEnd { time: claims.validity.end(), issuer: Arc::clone(&trusted.iss) };
        Ok((Caller { expires: Some(end), ..trusted.caller(&claims)? }, claims.validity))
    }
}

/// The token of an `authorization` header whose scheme is Bearer, in any case (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}
