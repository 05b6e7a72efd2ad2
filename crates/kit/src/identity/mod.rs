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

use self::rejection::Rejection;
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
#[derive(Clone, PartialEq, Eq)]
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

/// When a token ends, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEnd {
    /// From when on it is refused.
    pub time: Timestamp,
    /// The `iss` of its issuer, by which refusals are counted.
    pub issuer: Arc<str>,
}

impl TokenEnd {
    /// Goes on unless the token has ended by now. If it has, that is counted like a call with such a token.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` / `CREDENTIALS_INVALID`.
    pub fn check(&self, now: Timestamp) -> Result<(), Fault> {
        if now < self.time {
            return Ok(());
        }
        metrics::token_refused(Rejection::Expired.cause(), &self.issuer);
        Err(Rejection::Expired.fault(now))
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
