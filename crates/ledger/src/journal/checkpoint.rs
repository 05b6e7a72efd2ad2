use devspaces_kit::{
    clock::Timestamp,
    identity::{Jwks, SigningKey},
};
use serde_json::json;

use super::Checkpoint;

/// What kind of signed text a checkpoint is, so that no token is ever taken for one.
const KIND: &str = "devspaces-checkpoint";

/// The ends of a service's journals, signed by the service: kept out of the reach of whoever could change the
/// database, it proves later that nothing was cut off or rewritten (R-J2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// The service.
    pub service: String,
    /// When it was made, by the service's clock.
    pub time: Timestamp,
    /// The ends.
    pub checkpoint: Checkpoint,
}

/// A text that is no checkpoint of a service whose key is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line is not a checkpoint that one of the suite's keys has signed")]
pub struct NotACheckpoint;

impl SignedCheckpoint {
    /// The text, one line, in the form of a JSON Web Signature.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> String {
        key.sign(&self.service, KIND, &json!({ "time": self.time.micros(), "heads": self.checkpoint.heads }))
    }

    /// Reads a text that the service's own key must have signed.
    pub fn open(text: &str, keys: &Jwks) -> Result<Self, NotACheckpoint> {
        let (service, mut payload) = keys.verify(KIND, text).ok_or(NotACheckpoint)?;
        let time = payload["time"].as_i64().map(Timestamp::from_micros).ok_or(NotACheckpoint)?;
        let heads = serde_json::from_value(payload["heads"].take()).map_err(|_| NotACheckpoint)?;
        Ok(Self { service, time, checkpoint: Checkpoint { heads } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-J2
    #[test]
    fn a_checkpoint_opens_with_its_services_key_only() {
        let key = SigningKey::generate().expect("a key");
        let heads = [("spaces/x".to_owned(), (7, "ab".to_owned()))].into();
        let signed = SignedCheckpoint {
            service: "space".to_owned(),
            time: Timestamp::from_micros(1),
            checkpoint: Checkpoint { heads },
        };
        let text = signed.sign(&key);
        let keys = |kid| Jwks::parse(&key.public_jwks(kid)).expect("a key set");
        assert_eq!(SignedCheckpoint::open(&text, &keys("space")), Ok(signed));
        assert_eq!(SignedCheckpoint::open(&text, &keys("membership")), Err(NotACheckpoint));
        assert_eq!(SignedCheckpoint::open("x", &keys("space")), Err(NotACheckpoint));
    }
}
