//! Tokens for trying the suite out, where no identity provider is at hand.
use std::{sync::Arc, time::Duration};

use percent_encoding::percent_decode_str;
use serde_json::json;

use super::{BearerToken, ClaimNames, Issuer, Jwks, JwksError, Keys, Kind, Kinds, PREFIX_END, SigningKey};
use crate::{clock::Clock, name::Principal};

/// One key, two issuers: the kind of a principal comes from the issuer here as everywhere.
const USERS: &str = "devspaces-dev/users";
const SERVICES: &str = "devspaces-dev/services";

/// The audience of development tokens, and the id of the key.
const AUDIENCE: &str = "devspaces";
const KEY_ID: &str = "dev";

/// The issuer of a development set-up: vouches for whomever it is asked to.
#[derive(Clone)]
pub struct DevIssuer {
    key: SigningKey,
    clock: Arc<dyn Clock>,
}

impl DevIssuer {
    /// What both of its issuers' names begin with, by which metrics name its keys.
    pub const NAME: &str = "devspaces-dev";

    /// Signs with this key.
    #[must_use]
    pub fn new(key: SigningKey, clock: Arc<dyn Clock>) -> Self {
        Self { key, clock }
    }

    /// A token for a user or a service, with an e-mail address as verified.
    #[must_use]
    pub fn token(&self, principal: &Principal, email: Option<&str>, lifetime: Duration) -> BearerToken {
        let iss = match principal {
            Principal::User(_) => USERS,
            Principal::Service(_) => SERVICES,
        };
        let sub = percent_decode_str(principal.id()).decode_utf8_lossy();
        let mut claims = json!({ "iss": iss, "sub": sub, "aud": AUDIENCE });
        if let Some(email) = email {
            claims["email"] = json!(email);
            claims["email_verified"] = json!(true);
        }
        BearerToken::sign(&self.key, KEY_ID, claims, self.clock.now(), (Duration::ZERO, lifetime))
    }

    /// Whether it can name this caller: its tokens have no prefix.
    #[must_use]
    pub fn could_name(principal: &Principal) -> bool {
        !principal.id().contains(PREFIX_END)
    }

    /// The two issuers, to be trusted by an [`Authenticator`](super::Authenticator).
    ///
    /// # Errors
    /// None with a key that can sign; the key set is read like any other.
    pub fn issuers(&self) -> Result<Vec<Issuer>, JwksError> {
        Ok(Self::trusted(&Jwks::parse(&Self::public_jwks(&self.key))?.into()))
    }

    /// The key set of an issuer with this key.
    #[must_use]
    pub fn public_jwks(key: &SigningKey) -> String {
        key.public_jwks(KEY_ID)
    }

    /// The two issuers whose keys these are, where the private key is elsewhere.
    #[must_use]
    pub fn trusted(keys: &Keys) -> Vec<Issuer> {
        let issuer = |iss: &str, kind| Issuer {
            iss: vec![iss.to_owned()],
            kinds: Kinds::always(kind),
            prefix: String::new(),
            audiences: vec![AUDIENCE.to_owned()],
            keys: keys.clone(),
            claims: ClaimNames::STANDARD,
            required: Vec::new(),
            names_anybody: true,
        };
        vec![issuer(USERS, Kind::Users), issuer(SERVICES, Kind::Services)]
    }
}

impl std::fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DevIssuer")
    }
}
