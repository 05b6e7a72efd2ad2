//! Which issuers are trusted, for whom. What could make two people, or a person and a service, share a name is an
//! error at start-up.
use std::{collections::HashMap, sync::Arc};

use super::{
    Caller, Kind, Kinds, SuiteCaller,
    algorithm::Algorithm,
    claims::{ClaimNames, Claims},
    jwt::Jwt,
    keys::{Keys, SignedBy},
    kind::Condition,
    rejection::Rejection,
};
use crate::name::{MAX_ID, Malformed, Principal, REALM_END};

/// The issuer of the tokens that the suite's services give themselves is this and the service's name.
pub(super) const SUITE_ISSUER: &str = "devspaces:";

/// What a prefix that can be added at any time ends in: no `sub` leaves it bare in a name.
pub const PREFIX_END: char = REALM_END;

/// The longest prefix, in bytes of its encoded form: half of a name, so that the other half is there for `sub`.
const MAX_PREFIX: usize = MAX_ID / 2;

/// An issuer whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The exact `iss` of its tokens; several if it documents several.
    pub iss: Vec<String>,
    /// Whose tokens are people's and whose services'.
    pub kinds: Kinds,
    /// What goes before `sub` in names. One that ends in a colon is told apart from every `sub`, so that such prefixes can
    /// be added beside any other. Of the rest of one kind none may begin with another, or two issuers could speak of
    /// different people by one name.
    pub prefix: String,
    /// The `aud` values of which a token must have one.
    pub audiences: Vec<String>,
    /// The keys that it signs with.
    pub keys: Keys,
    /// What its claims are called.
    pub claims: ClaimNames,
    /// What its tokens must say besides, each of it.
    pub required: Vec<Condition>,
    /// Whether it may speak of those whom other issuers name: the operator's own issuer, whose key is that of every door.
    pub names_anybody: bool,
}

/// The suite's own services, as this process needs to know them.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The names of all services of the suite. No service issuer's token can bear them.
    pub names: Vec<String>,
    /// The services that this process runs, which are the audiences it answers to.
    pub hosted: Vec<String>,
    /// The keys of the services that may call; the `kid` of each is the name of its service, or begins with it and a dot.
    pub peers: Keys,
}

/// A configuration that could not tell callers apart, or lets nobody in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An issuer without a name.
    #[error("an issuer's iss is empty: no token is from it")]
    IssuerUnnamed,
    /// Two issuers with one `iss`.
    #[error("the issuer '{0}' is configured twice")]
    IssuerTwice(String),
    /// An `iss` that only the suite's own services have.
    #[error("the issuer '{0}' has a name reserved for the suite: it begins with '{SUITE_ISSUER}'")]
    IssuerReserved(String),
    /// An issuer no token of which could be meant for this suite.
    #[error("the issuer '{0}' has no audience, or an empty one: no token of it would be accepted")]
    NoAudience(String),
    /// An issuer none of whose tokens could be verified; and why each of its keys is left aside.
    #[error("the issuer '{0}' has no usable key{1}")]
    NoKey(String, String),
    /// A prefix that is nothing but its end.
    #[error(
        "the issuer '{0}' has the prefix '{PREFIX_END}', which names nothing: write a word before it, or no prefix"
    )]
    PrefixUnnamed(String),
    /// A prefix that leaves no room for `sub`.
    #[error(
        "the prefix of the issuer '{0}' is longer than {MAX_PREFIX} bytes, percent-encoded as it stands in names: they would \
         have too little room for the sub of its tokens. Give it a shorter one, such as 'corp{PREFIX_END}'"
    )]
    PrefixTooLong(String),
    /// Two issuers of one kind, where one's prefix begins with the other's.
    #[error(
        "the issuers '{0}' and '{1}' can give two callers one name: one's prefix begins with the other's. Give one of them \
         a prefix that ends in '{PREFIX_END}', such as 'corp{PREFIX_END}'"
    )]
    PrefixesOverlap(String, String),
    /// A peer's key without a `kid`, or with one that does not begin with the name of a service of the suite.
    #[error(
        "a peer's key must have the name of a service of the suite as its kid, or that and more after a dot, not '{0}'"
    )]
    PeerUnknown(String),
    /// A service to host that the suite does not have.
    #[error("the suite has no service '{0}'")]
    HostedUnknown(String),
}

/// What a verified token of an issuer makes of its bearer.
#[expect(clippy::large_enum_variant, reason = "there are a few in a process, all of them for its life")]
#[derive(Clone, Debug)]
enum Grants {
    Principal {
        kinds: Kinds,
        prefix: String,
        reserved: Vec<String>,
        claims: ClaimNames,
        required: Vec<Condition>,
    },
    Suite {
        name: String,
    },
}

/// An issuer as the authenticator looks it up by `iss`.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) iss: Arc<str>,
    pub(super) keys: Keys,
    audiences: Vec<String>,
    grants: Grants,
}

/// All trusted issuers by `iss`.
pub(super) fn trusted(issuers: Vec<Issuer>, suite: Trust) -> Result<HashMap<String, Trusted>, ConfigError> {
    let Trust { names, hosted, peers } = suite;
    if let Some(unknown) = hosted.iter().find(|name| !names.contains(name)) {
        return Err(ConfigError::HostedUnknown(unknown.clone()));
    }
    for issuer in &issuers {
        check(issuer)?;
    }
    names_apart(&issuers)?;
    let mut trusted = HashMap::new();
    if let Some(peers) = peers.known() {
        let stranger = peers.services().find(|name| !names.iter().any(|known| known == name));
        if let Some(stranger) = stranger {
            return Err(ConfigError::PeerUnknown(stranger.to_owned()));
        }
    }
    for name in names.iter().cloned() {
        let iss = format!("{SUITE_ISSUER}{name}");
        let entry = Trusted {
            iss: iss.as_str().into(),
            keys: peers.clone(),
            audiences: hosted.clone(),
            grants: Grants::Suite { name },
        };
        trusted.insert(iss, entry);
    }
    for Issuer { iss, kinds, prefix, audiences, keys, claims, required, .. } in issuers {
        let reserved = names.clone();
        let grants = Grants::Principal { kinds, prefix, reserved, claims, required };
        for iss in iss {
            let (keys, audiences, grants) = (keys.clone(), audiences.clone(), grants.clone());
            let entry = Trusted { iss: iss.as_str().into(), keys, audiences, grants };
            if trusted.insert(iss.clone(), entry).is_some() {
                return Err(ConfigError::IssuerTwice(iss));
            }
        }
    }
    Ok(trusted)
}

fn check(issuer: &Issuer) -> Result<(), ConfigError> {
    if issuer.iss.is_empty() || issuer.iss.iter().any(String::is_empty) {
        return Err(ConfigError::IssuerUnnamed);
    }
    if let Some(reserved) = issuer.iss.iter().find(|iss| iss.starts_with(SUITE_ISSUER)) {
        return Err(ConfigError::IssuerReserved(reserved.clone()));
    }
    let iss = issuer.name();
    if issuer.audiences.is_empty() || issuer.audiences.iter().any(String::is_empty) {
        return Err(ConfigError::NoAudience(iss));
    }
    // Those that have yet to be fetched may come.
    if let Some(keys) = issuer.keys.known().filter(|keys| keys.is_empty()) {
        let aside = keys.left_aside();
        return Err(ConfigError::NoKey(iss, if aside.is_empty() { aside } else { format!(": {aside}") }));
    }
    if issuer.realm() == Some("") {
        return Err(ConfigError::PrefixUnnamed(iss));
    }
    if issuer.encoded_prefix().len() > MAX_PREFIX {
        return Err(ConfigError::PrefixTooLong(iss));
    }
    Ok(())
}

/// That no name can be given by two issuers: see [`Issuer::prefix`].
fn names_apart(issuers: &[Issuer]) -> Result<(), ConfigError> {
    let of_providers: Vec<_> = issuers.iter().filter(|issuer| !issuer.names_anybody).collect();
    for (index, one) in of_providers.iter().enumerate() {
        for other in &of_providers[index + 1..] {
            let one_kind = [Kind::Users, Kind::Services]
                .iter()
                .any(|kind| one.kinds.include(*kind) && other.kinds.include(*kind));
            if one_kind && one.names_overlap(other) {
                return Err(ConfigError::PrefixesOverlap(one.name(), other.name()));
            }
        }
    }
    Ok(())
}

impl Issuer {
    /// What it is called where one name is enough.
    #[must_use]
    pub fn name(&self) -> String {
        self.iss.first().cloned().unwrap_or_default()
    }

    /// Whether a token of it could be this caller's.
    #[must_use]
    pub fn could_name(&self, principal: &Principal) -> bool {
        let (kind, id) = match principal {
            Principal::User(id) => (Kind::Users, id),
            Principal::Service(id) => (Kind::Services, id),
        };
        let prefix = self.encoded_prefix();
        let own = self.realm().is_some() || !id.contains(PREFIX_END);
        self.kinds.include(kind) && own && id.len() > prefix.len() && id.starts_with(&prefix)
    }

    /// The prefix as it stands in names.
    fn encoded_prefix(&self) -> String {
        match self.realm() {
            Some(realm) => format!("{}{PREFIX_END}", Principal::user(realm).id()),
            None => Principal::user(&self.prefix).id().to_owned(),
        }
    }

    /// The prefix without its end, if it has one.
    fn realm(&self) -> Option<&str> {
        self.prefix.strip_suffix(PREFIX_END)
    }

    /// Whether both could give one name: "a" + "bc" is "ab" + "c". A prefix with an end is neither the beginning of a
    /// `sub` nor of another such prefix: in a name its colon alone stands bare.
    fn names_overlap(&self, other: &Self) -> bool {
        match (self.realm(), other.realm()) {
            (Some(one), Some(two)) => one == two,
            (None, None) => self.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&self.prefix),
            _ => false,
        }
    }
}

impl Trusted {
    /// That one of its keys has signed the token, and which.
    pub(super) fn verify(&self, jwt: &Jwt<'_>) -> Result<SignedBy, Rejection> {
        let algorithm = Algorithm::named(jwt.algorithm()?).ok_or(Rejection::Algorithm)?;
        let snapshot = self.keys.snapshot().ok_or(Rejection::KeysUnknown)?;
        let key = match &self.grants {
            // Its tokens name it alone, so that one key can take the place of another at any time.
            Grants::Suite { name } => {
                let mut keys = snapshot.keys.of_service(name);
                keys.find(|key| jwt.is_signed_by(key, algorithm)).ok_or(Rejection::Key)?
            }
            Grants::Principal { .. } => {
                let key = snapshot.keys.find(jwt.key_id()?, algorithm)?;
                Some(key).filter(|key| jwt.is_signed_by(key, algorithm)).ok_or(Rejection::Signature)?
            }
        };
        Ok(SignedBy { keys: self.keys.clone(), generation: snapshot.generation, key: key.clone() })
    }

    /// What its claims are called.
    pub(super) fn claim_names(&self) -> &ClaimNames {
        match &self.grants {
            Grants::Principal { claims, .. } => claims,
            Grants::Suite { .. } => &ClaimNames::STANDARD,
        }
    }

    /// Who bears a token with these claims, whose signature is verified.
    pub(super) fn caller(&self, claims: &Claims<'_>) -> Result<Caller, Rejection> {
        let audience = self.audiences.iter().find(|audience| claims.aud.contains(&audience.as_str()));
        let audience = audience.ok_or(Rejection::Audience)?;
        match &self.grants {
            Grants::Principal { kinds, prefix, reserved, required, .. } => {
                for condition in required {
                    if !condition.holds(claims.all)? {
                        return Err(Rejection::Condition);
                    }
                }
                let kind = kinds.of(claims.all)?;
                let principal = principal(kind, prefix, reserved, claims.sub)?;
                let email = claims.verified_email.filter(|_| kind == Kind::Users).map(str::to_owned);
                Ok(Caller { principal, email, suite: None, expires: None })
            }
            Grants::Suite { name } if *name == claims.sub && claims.aud.len() == 1 => {
                let suite = SuiteCaller { name: name.clone(), audience: audience.clone() };
                Ok(Caller {
                    principal: Principal::service(name),
                    email: None,
                    suite: Some(suite),
                    expires: None,
                })
            }
            Grants::Suite { .. } => Err(Rejection::Subject),
        }
    }
}

fn principal(kind: Kind, prefix: &str, reserved: &[String], sub: &str) -> Result<Principal, Rejection> {
    if sub.is_empty() {
        return Err(Rejection::Subject);
    }
    let principal = match (kind, prefix.strip_suffix(PREFIX_END)) {
        (Kind::Users, Some(realm)) => Principal::user_of(realm, sub),
        (Kind::Users, None) => Principal::user(&format!("{prefix}{sub}")),
        (Kind::Services, Some(realm)) => Principal::service_of(realm, sub),
        (Kind::Services, None) => Principal::service(&format!("{prefix}{sub}")),
    };
    if kind == Kind::Services && reserved.iter().any(|name| name == principal.id()) {
        return Err(Rejection::Subject);
    }
    // Too long an id, or a NUL in it, has no name.
    principal.to_string().parse().map_err(|_: Malformed| Rejection::Subject)
}
