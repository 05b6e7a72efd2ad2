//! From a call's headers to its caller.
use std::{collections::HashMap, fmt, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{
    Caller, ConfigError, Issuer, MAX_TOKEN, TokenEnd, Trust,
    claims::Claims,
    issuer::{Trusted, trusted},
    jwt::Jwt,
    keys::{PATIENCE, SignedBy},
    refusals::{Origin, Refusals, Source, plain_issuer, shown},
    rejection::Rejection,
    token::Validity,
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
    /// With other keys of its issuer it is to be verified again.
    by: Arc<SignedBy>,
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
        let aside = suite.peers.known().map(|keys| keys.left_aside()).unwrap_or_default();
        let trusted = trusted(issuers.clone(), suite)?;
        for issuer in issuers {
            let Some(keys) = issuer.keys.known() else { continue };
            let (used, left_aside) = (keys.used(), keys.left_aside());
            tracing::info!(issuer = shown(&issuer.name()), used, left_aside, "keys of an issuer");
        }
        if !aside.is_empty() {
            tracing::warn!(left_aside = aside, "keys of the suite's services");
        }
        Ok(Self { clock, trusted, verified: Cache::new(REMEMBERED), refusals: Refusals::default() })
    }

    /// Who makes the call with these headers, over a connection whose client certificate vouches for this. A service of the
    /// suite needs both: whoever has its token alone is not it. Waits only if the token is by a key of its issuer that is not
    /// known: it may be a new one.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`: `CREDENTIALS_MISSING` without an `authorization` header, else `CREDENTIALS_INVALID`.
    /// `UNAVAILABLE` / `ISSUER_KEYS_UNAVAILABLE` while nobody can tell what keys the issuer has.
    pub(crate) async fn caller_by(
        &self,
        headers: &HeaderMap,
        certified: &Certified,
    ) -> Result<Caller, Fault> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or_else(Fault::credentials_missing)?;
        let token = match values.next() {
            None => value.to_str().ok().and_then(bearer).ok_or(Rejection::Header),
            Some(_) => Err(Rejection::Header),
        };
        let mut origin = Origin::default();
        let caller = match token {
            Ok(token) => self.caller_by_any_key(token, &mut origin).await,
            Err(why) => Err(why),
        };
        let caller = caller.and_then(|caller| match &caller.suite {
            Some(suite) if !certified.vouches_for(&suite.name) => Err(Rejection::Certificate),
            _ => Ok(caller),
        });
        caller.map_err(|why| {
            self.refusals.note(&why, &origin);
            why.fault(self.clock.now())
        })
    }

    /// Who makes the call with these headers, over a connection that was asked for no client certificate.
    ///
    /// # Errors
    /// Those of a call that is refused for its token: see docs/operations.md, Who issues tokens.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Fault> {
        self.caller_by(headers, &Certified::Unasked).await
    }

    /// Whose token it is, by the keys that its issuer has, even if it has them only since a moment.
    async fn caller_by_any_key(&self, token: &str, origin: &mut Origin) -> Result<Caller, Rejection> {
        let first = self.caller(token, origin);
        let Err(Rejection::Key | Rejection::KeysUnknown) = first else { return first };
        let Some(trusted) = origin.source.issuer().and_then(|iss| self.trusted.get(&**iss)) else {
            return first;
        };
        let until = Instant::now() + PATIENCE;
        trusted.keys.settled(until).await;
        let second = self.caller(token, origin);
        let Err(Rejection::Key | Rejection::KeysUnknown) = second else { return second };
        let sure = trusted.keys.look(until).await;
        match self.caller(token, origin) {
            Err(Rejection::Key) if !sure => Err(Rejection::KeysUnknown),
            third => third,
        }
    }

    /// Whose token it is. `origin` is where it says it is from, as far as that could be read.
    fn caller(&self, token: &str, origin: &mut Origin) -> Result<Caller, Rejection> {
        if token.len() > MAX_TOKEN {
            return Err(Rejection::TooLong);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let remembered = self.verified.get(&digest).filter(|it| it.by.is_confirmed());
        let verified = if let Some(verified) = remembered {
            verified
        } else {
            let verified = Arc::new(self.verify(token, origin)?);
            self.verified.insert(digest, Arc::clone(&verified));
            verified
        };
        verified.validity.check(self.clock.now()).inspect_err(|_| *origin = verified.origin.clone())?;
        Ok(verified.caller.clone())
    }

    /// Checks everything but the time, which passes while a token is remembered.
    fn verify(&self, token: &str, origin: &mut Origin) -> Result<Verified, Rejection> {
        let jwt = Jwt::parse(token)?;
        origin.key_id = jwt.key_id()?.map(shown);
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
        let by = Arc::new(trusted.verify(&jwt)?);
        origin.source = Source::Signed(Arc::clone(&trusted.iss));
        let claims = Claims::read(&jwt.claims, trusted.claim_names())?;
        let end =
            TokenEnd { time: claims.validity.end(), issuer: Arc::clone(&trusted.iss), by: Arc::clone(&by) };
        Ok(Verified {
            caller: Caller { expires: Some(end), ..trusted.caller(&claims)? },
            validity: claims.validity,
            origin: origin.clone(),
            by,
        })
    }
}

/// The token of an `authorization` header whose scheme is Bearer, in any case (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}
