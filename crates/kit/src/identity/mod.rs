//! Who calls. Every call carries a signed token (JWT) in the metadata `authorization: Bearer …`; it comes from one
//! of the configured issuers of users or services, or from another service of the suite, which signs with a key of
//! its own.
//!
//! The issuer decides what kind of principal a token speaks for, or a claim that the operator has named for it; never
//! anything that the operator has not named. Only a peer's own key makes a caller that service of the suite.
use std::{fmt, sync::Arc};

use crate::{clock::Timestamp, metrics, name::Principal, status::Fault};

mod algorithm;
mod authenticator;
mod claims;
mod dev;
mod issuer;
mod jwk;
mod jwks;
mod jws;
mod jwt;
mod key;
mod keys;
mod kind;
mod own_key;
mod refusals;
mod rejection;
mod signer;
#[cfg(test)]
mod tests;
mod token;

use self::{keys::SignedBy, rejection::Rejection};
pub use authenticator::Authenticator;
pub use claims::ClaimNames;
pub use dev::DevIssuer;
pub use issuer::{ConfigError, Issuer, PREFIX_END, Trust};
pub use jwks::{Jwks, JwksError};
pub use key::{KeyFileError, SigningKey};
pub use keys::{Keys, Renewal, Source, SourceError};
pub use kind::{Condition, Kind, Kinds, KindsError};
pub use own_key::follow;
pub use rejection::MAX_TOKEN;
pub use signer::ServiceSigner;
pub use token::BearerToken;

/// Who makes a call, as its token proves.
#[derive(Clone)]
pub struct Caller {
    /// The person or service.
    pub principal: Principal,
    /// The person's e-mail address, if their issuer has verified it.
    pub email: Option<String>,
    /// Set if the caller is one of the suite's own services.
    pub suite: Option<SuiteCaller>,
    /// From when on the token is not taken any more, for what outlasts the call's beginning. Absent where there is no token.
    pub expires: Option<TokenEnd>,
}

/// When a token ends, and whose it is: at a time, or with the key that has signed it.
#[derive(Clone, Debug)]
pub struct TokenEnd {
    /// From when on it is refused.
    time: Timestamp,
    /// The `iss` of its issuer, by which refusals are counted.
    issuer: Arc<str>,
    by: Arc<SignedBy>,
}

impl TokenEnd {
    /// Goes on unless a call with the token would be refused by now. If it would, that is counted like such a call.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` / `CREDENTIALS_INVALID` for a token that has ended or whose issuer has taken its key back;
    /// `UNAVAILABLE` / `ISSUER_KEYS_UNAVAILABLE` while nobody can tell what keys the issuer has.
    pub fn check(&self, now: Timestamp) -> Result<(), Fault> {
        let ended = if now < self.time { Ok(()) } else { Err(Rejection::Expired) };
        let checked = ended.and_then(|()| self.by.check());
        checked.map_err(|why| {
            metrics::token_refused(why.cause(), &self.issuer);
            why.fault(now)
        })
    }
}

#[cfg(test)]
impl TokenEnd {
    /// Of a token by a key that its issuer keeps.
    pub(crate) fn at(time: Timestamp, issuer: &str) -> Self {
        let keys = SigningKey::generate().expect("a key").public_jwks("k1");
        let keys = Jwks::parse(&keys).expect("a key set");
        let key = keys.of_service("k1").next().expect("the key").clone();
        let by = Arc::new(SignedBy { keys: keys.into(), generation: 0, key });
        Self { time, issuer: issuer.into(), by }
    }
}

/// One of the suite's services, calling another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteCaller {
    /// The calling service.
    pub name: String,
    /// The service that it means to call: one port may host several.
    pub audience: String,
}

impl Caller {
    /// What kind of caller it is: all that is told outside of the journal.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match (&self.suite, &self.principal) {
            (Some(_), _) => "peer",
            (None, Principal::Service(_)) => "service",
            (None, Principal::User(_)) => "user",
        }
    }
}

impl fmt::Debug for Caller {
    /// Leaves the address out: callers get into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("principal", &self.principal)
            .field("email", &self.email.as_ref().map(|_| "[redacted]"))
            .field("suite", &self.suite)
            .field("expires", &self.expires)
            .finish()
    }
}
