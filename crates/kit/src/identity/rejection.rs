//! Why a token is refused.
use std::sync::Arc;

use crate::{clock::Timestamp, status::Fault};

/// The longest token that is looked at, in bytes. A token with 200 groups named by UUIDs has some 11,000.
pub const MAX_TOKEN: usize = 16 * 1024;

/// Why a token is refused. The text completes "The bearer token …". It tells its bearer what is wrong with what they
/// hold; it quotes nothing of it, and tells nothing of other tokens, issuers or keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Rejection {
    #[error("must come in one header 'authorization: Bearer <JWT>'")]
    Header,
    #[error("is longer than {MAX_TOKEN} bytes")]
    TooLong,
    #[error("is not a signed JWT: three parts in base64url with dots between them")]
    NotJwt,
    #[error("has a header or claims that are not the JSON of a JWT")]
    Malformed,
    #[error("has no claim '{0}'")]
    Missing(Arc<str>),
    #[error("has a claim '{0}' that is not of its type")]
    Mistyped(Arc<str>),
    #[error("is from an issuer that is not trusted here")]
    Issuer,
    #[error("has a critical header parameter, and none is understood here")]
    Critical,
    #[error(
        "is signed in an algorithm that is not accepted: RS256, PS256, ES256, ES384, EdDSA and the like are"
    )]
    Algorithm,
    #[error("is signed by a key that its issuer is not known to have")]
    Key,
    #[error("is from an issuer whose keys can't be had at this moment")]
    KeysUnknown,
    #[error("names an algorithm that is not its key's")]
    KeyAlgorithm,
    #[error("has a signature that does not match")]
    Signature,
    #[error("is not meant for this service")]
    Audience,
    #[error("does not tell for certain whether it is a person's or a service's")]
    Ambiguous,
    #[error("meets no condition under which its issuer's tokens are accepted")]
    Condition,
    #[error("has a subject that can't be a caller here")]
    Subject,
    #[error("is bound to a key of its bearer's ('cnf'), and only plain bearer tokens are taken")]
    Bound,
    #[error("is a service's of the suite, and the connection has no client certificate of that service")]
    Certificate,
    #[error("has expired")]
    Expired,
    #[error("is not valid yet")]
    NotYetValid,
}

impl Rejection {
    pub(super) fn missing(claim: &str) -> Self {
        Self::Missing(claim.into())
    }

    pub(super) fn mistyped(claim: &str) -> Self {
        Self::Mistyped(claim.into())
    }

    /// As machines read it: in the answer's metadata, in the log and as the label of a metric.
    pub(super) fn cause(&self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::TooLong => "too_long",
            Self::NotJwt => "not_jwt",
            Self::Malformed => "malformed",
            Self::Missing(_) => "claim_missing",
            Self::Mistyped(_) => "claim_mistyped",
            Self::Issuer => "issuer",
            Self::Critical => "critical",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::KeysUnknown => "keys_unknown",
            Self::KeyAlgorithm => "key_algorithm",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::Ambiguous => "ambiguous",
            Self::Condition => "condition",
            Self::Subject => "subject",
            Self::Bound => "bound",
            Self::Certificate => "certificate",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
        }
    }

    /// What the bearer is told at this time: where it depends on that, the time is part of it, so that two whose clocks
    /// differ find out.
    pub(super) fn fault(&self, now: Timestamp) -> Fault {
        if *self == Self::KeysUnknown {
            return Fault::issuer_keys_unavailable();
        }
        let fault = Fault::credentials_invalid(self).metadata("cause", self.cause());
        let timely = matches!(self, Self::Expired | Self::NotYetValid).then(|| ("time", now.to_string()));
        let claim = self.claim().map(|claim| ("claim", claim.to_owned()));
        claim.into_iter().chain(timely).fold(fault, |fault, (key, value)| fault.metadata(key, value))
    }

    /// The claim that it is about, if it is about one.
    fn claim(&self) -> Option<&str> {
        match self {
            Self::Missing(claim) | Self::Mistyped(claim) => Some(claim),
            _ => None,
        }
    }
}
