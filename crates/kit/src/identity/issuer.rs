//! Which issuers are trusted, for whom. What could make two people, or a person and a service, share a name is an
//! error at start-up.
use std::collections::HashMap;

use super::{
    Caller, Jwks, SuiteCaller,
    token::{Claims, Rejection},
};
use crate::name::{Malformed, Principal};

/// The issuer of the tokens that the suite's services give themselves is this and the service's name.
pub(super) const SUITE_ISSUER: &str = "devspaces:";

/// For whom an issuer vouches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// People: `users/{prefix}{sub}`.
    Users,
    /// Services: `services/{prefix}{sub}`.
    Services,
}

/// An issuer whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The exact `iss` of its tokens.
    pub iss: String,
    /// For whom it vouches, whatever its tokens say.
    pub kind: Kind,
    /// What goes before `sub` in names. Of the prefixes of one kind none may begin with another, or two issuers
    /// could speak of different people by one name.
    pub prefix: String,
    /// The `aud` values of which a token must have one.
    pub audiences: Vec<String>,
    /// The keys that it signs with.
    pub keys: Jwks,
}

/// The suite's own services, as this process needs to know them.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// The names of all services of the suite. No service issuer's token can bear them.
    pub names: Vec<String>,
    /// The services that this process runs, which are the audiences it answers to.
    pub hosted: Vec<String>,
    /// The keys of the services that may call; the `kid` of each is the name of its service.
    pub peers: Jwks,
}

/// A configuration that could not tell callers apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An issuer without a name.
    #[error("an issuer's iss is empty")]
    IssuerUnnamed,
    /// Two issuers with one `iss`.
    #[error("the issuer '{0}' is configured twice")]
    IssuerTwice(String),
    /// An `iss` that only the suite's own services have.
    #[error("the issuer '{0}' has a name reserved for the suite: it begins with '{SUITE_ISSUER}'")]
    IssuerReserved(String),
    /// An issuer whose tokens could be meant for anyone.
    #[error("the issuer '{0}' has no audience")]
    NoAudience(String),
    /// An issuer none of whose tokens could be verified.
    #[error("the issuer '{0}' has no usable key")]
    NoKey(String),
    /// Two issuers of one kind, where one's prefix begins with the other's.
    #[error(
        "the issuers '{0}' and '{1}' can give two callers one name: one's prefix begins with the other's"
    )]
    PrefixesOverlap(String, String),
    /// A peer's key without a `kid`, or with one that is not the name of a service of the suite.
    #[error("a peer's key must have the name of a service of the suite as its kid, not '{0}'")]
    PeerUnknown(String),
    /// A service to host that the suite does not have.
    #[error("the suite has no service '{0}'")]
    HostedUnknown(String),
}

/// What a verified token of an issuer makes of its bearer.
#[derive(Debug)]
pub(super) enum Grants {
    Principal { kind: Kind, prefix: String, reserved: Vec<String> },
    Suite { name: String },
}

/// An issuer as the authenticator looks it up by `iss`.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) keys: Jwks,
    audiences: Vec<String>,
    grants: Grants,
}

/// All trusted issuers by `iss`.
pub(super) fn trusted(issuers: Vec<Issuer>, suite: Suite) -> Result<HashMap<String, Trusted>, ConfigError> {
    if let Some(unknown) = suite.hosted.iter().find(|name| !suite.names.contains(name)) {
        return Err(ConfigError::HostedUnknown(unknown.clone()));
    }
    prefixes_apart(&issuers)?;
    let mut trusted = HashMap::new();
    for (kid, keys) in suite.peers.into_single_keys() {
        let name = kid.unwrap_or_default();
        if !suite.names.contains(&name) {
            return Err(ConfigError::PeerUnknown(name));
        }
        let iss = format!("{SUITE_ISSUER}{name}");
        let grants = Grants::Suite { name };
        trusted.insert(iss, Trusted { keys, audiences: suite.hosted.clone(), grants });
    }
    for issuer in issuers {
        check(&issuer)?;
        let reserved = if issuer.kind == Kind::Services { suite.names.clone() } else { Vec::new() };
        let grants = Grants::Principal { kind: issuer.kind, prefix: issuer.prefix, reserved };
        let entry = Trusted { keys: issuer.keys, audiences: issuer.audiences, grants };
        if trusted.insert(issuer.iss.clone(), entry).is_some() {
            return Err(ConfigError::IssuerTwice(issuer.iss));
        }
    }
    Ok(trusted)
}

fn check(issuer: &Issuer) -> Result<(), ConfigError> {
    let iss = || issuer.iss.clone();
    if issuer.iss.is_empty() {
        return Err(ConfigError::IssuerUnnamed);
    }
    if issuer.iss.starts_with(SUITE_ISSUER) {
        return Err(ConfigError::IssuerReserved(iss()));
    }
    if issuer.audiences.is_empty() {
        return Err(ConfigError::NoAudience(iss()));
    }
    if issuer.keys.is_empty() {
        return Err(ConfigError::NoKey(iss()));
    }
    Ok(())
}

/// If one prefix begins with another, the other issuer can put the difference into `sub`: "a" + "bc" is "ab" + "c".
fn prefixes_apart(issuers: &[Issuer]) -> Result<(), ConfigError> {
    for (index, one) in issuers.iter().enumerate() {
        for other in &issuers[index + 1..] {
            if one.iss == other.iss {
                return Err(ConfigError::IssuerTwice(one.iss.clone()));
            }
            let overlap = one.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&one.prefix);
            if one.kind == other.kind && overlap {
                return Err(ConfigError::PrefixesOverlap(one.iss.clone(), other.iss.clone()));
            }
        }
    }
    Ok(())
}

impl Trusted {
    /// Who bears a token with these claims, whose signature is verified.
    pub(super) fn caller(&self, claims: &Claims) -> Result<Caller, Rejection> {
        let audience = self.audiences.iter().find(|audience| claims.aud.contains(audience));
        let audience = audience.ok_or(Rejection::Audience)?;
        match &self.grants {
            Grants::Principal { kind, prefix, reserved } => {
                let principal = principal(*kind, prefix, reserved, &claims.sub)?;
                let email = claims.verified_email().filter(|_| *kind == Kind::Users).map(str::to_owned);
                Ok(Caller { principal, email, suite: None })
            }
            Grants::Suite { name } if *name == claims.sub && claims.aud.is_single() => {
                let suite = SuiteCaller { name: name.clone(), audience: audience.clone() };
                Ok(Caller { principal: Principal::service(name), email: None, suite: Some(suite) })
            }
            Grants::Suite { .. } => Err(Rejection::Subject),
        }
    }
}

fn principal(kind: Kind, prefix: &str, reserved: &[String], sub: &str) -> Result<Principal, Rejection> {
    let id = format!("{prefix}{sub}");
    if sub.is_empty() || reserved.contains(&id) {
        return Err(Rejection::Subject);
    }
    let principal = match kind {
        Kind::Users => Principal::user(&id),
        Kind::Services => Principal::service(&id),
    };
    // Too long an id, or a NUL in it, has no name.
    principal.to_string().parse().map_err(|_: Malformed| Rejection::Subject)
}
