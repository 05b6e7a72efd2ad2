//! How a service of the suite proves to another who it is.
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::json;

use super::{BearerToken, SigningKey, issuer::SUITE_ISSUER};
use crate::clock::{Clock, Timestamp};

/// How long a token lives. A stolen one is of use to nobody but its audience, and soon not there either.
const LIFETIME: Duration = Duration::from_mins(5);

/// For how long before it was signed a token is valid: as much as is left of its life at least when it is used. So a peer
/// takes it whose clock is behind by that much, just as one whose clock is ahead; with what every reader bears with that is
/// three minutes either way. Clocks that differ by less cost no call, and the alert on them has time.
const EARLY: Duration = LIFETIME.checked_div(2).expect("half of it");

/// Signs the tokens by which one service of the suite calls the others.
pub struct ServiceSigner {
    name: String,
    clock: Arc<dyn Clock>,
    signs: Mutex<Signs>,
}

/// By which key, and what it has signed: by audience the token, and when that was.
struct Signs {
    key: SigningKey,
    signed: HashMap<String, (BearerToken, Timestamp)>,
}

impl ServiceSigner {
    /// Signs as this service of the suite, with its own key.
    #[must_use]
    pub fn new(name: impl Into<String>, key: SigningKey, clock: Arc<dyn Clock>) -> Self {
        Self { name: name.into(), clock, signs: Mutex::new(Signs { key, signed: HashMap::new() }) }
    }

    /// The service.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it signs by this key.
    pub(super) fn signs_by(&self, key: &SigningKey) -> bool {
        self.signs().key.pair().verifying_key() == key.pair().verifying_key()
    }

    /// Signs by this key from now on.
    pub(super) fn sign_by(&self, key: SigningKey) {
        *self.signs() = Signs { key, signed: HashMap::new() };
    }

    /// A token for calling the service `audience`. It lives for five minutes, at least half of which are left. If the clock
    /// has been set back behind the moment at which it was signed, it is signed anew: it might not be valid yet.
    #[must_use]
    pub fn token_for(&self, audience: &str) -> BearerToken {
        let now = self.clock.now();
        let mut signs = self.signs();
        match signs.signed.get(audience) {
            Some((token, begin)) if (*begin..*begin + EARLY).contains(&now) => token.clone(),
            _ => {
                let token = self.sign(&signs.key, audience, now);
                signs.signed.insert(audience.to_owned(), (token.clone(), now));
                token
            }
        }
    }

    fn sign(&self, key: &SigningKey, audience: &str, now: Timestamp) -> BearerToken {
        let iss = format!("{SUITE_ISSUER}{}", self.name);
        let claims = json!({ "iss": iss, "sub": self.name, "aud": audience });
        BearerToken::sign(key, &self.name, claims, now, (EARLY, LIFETIME))
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.signs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ServiceSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceSigner").field("name", &self.name).finish_non_exhaustive()
    }
}
