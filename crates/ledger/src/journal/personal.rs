//! Personal details in entries: kept beside the chained bytes, which hold only salted digests of them, so that they
//! can be erased and the chain still holds (R-J1).
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::personal::OF_PERSONS;

/// A detail and the salt without which its digest tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Detail {
    pub(super) value: String,
    salt: String,
}

impl Detail {
    fn new(value: &str) -> Self {
        let salt: [u8; 16] = rand::rng().random();
        Self { value: value.to_owned(), salt: hex::encode(salt) }
    }

    pub(super) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.salt, &self.value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hex::encode(hash.finalize())
    }
}

/// The personal details of one entry, in the order of their references `~0`, `~1`, …; an erased one is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Personal(pub(super) Vec<Option<Detail>>);

/// What is read where a detail was that has been erased.
const ERASED: &str = "(erased)";

/// Whether a text of an entry is about a person: a user's name, a name that has a user's in it, or anything with the
/// sign of an e-mail address.
fn is_personal(text: &str) -> bool {
    text.starts_with("users/") || text.contains('@') || OF_PERSONS.iter().any(|sign| text.contains(sign))
}

impl Personal {
    /// Takes every personal detail out of a value and leaves a reference in its place.
    pub(super) fn take_from(&mut self, value: &mut Value) {
        match value {
            Value::String(text) if is_personal(text) => *text = self.reference(text),
            // What only looks like a reference must not be read as one.
            Value::String(text) if text.starts_with('~') => text.insert(0, '~'),
            Value::Array(values) => values.iter_mut().for_each(|value| self.take_from(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.take_from(value)),
            _ => {}
        }
    }

    fn reference(&mut self, text: &str) -> String {
        let known =
            self.0.iter().position(|detail| detail.as_ref().is_some_and(|detail| detail.value == text));
        let index = known.unwrap_or_else(|| {
            self.0.push(Some(Detail::new(text)));
            self.0.len() - 1
        });
        format!("~{index}")
    }

    /// Puts every personal detail back in the place of its reference.
    pub(super) fn put_back_into(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(reference) = text.strip_prefix('~') {
                    *text = self.resolve(reference);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.put_back_into(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.put_back_into(value)),
            _ => {}
        }
    }

    fn resolve(&self, reference: &str) -> String {
        if reference.starts_with('~') {
            return reference.to_owned();
        }
        let detail = reference.parse().ok().and_then(|index: usize| self.0.get(index));
        detail.and_then(Option::as_ref).map_or_else(|| ERASED.to_owned(), |detail| detail.value.clone())
    }

    /// What the chained bytes hold instead of the details.
    pub(super) fn digests(&self) -> Value {
        self.0.iter().map(|detail| detail.as_ref().map(Detail::digest)).collect()
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether every detail that is still there is the one whose digest was chained.
    pub(super) fn matches(&self, digests: &Value) -> bool {
        digests.as_array().is_some_and(|digests| {
            digests.len() == self.0.len()
                && self.0.iter().zip(digests).all(|(detail, digest)| {
                    detail.as_ref().is_none_or(|detail| digest.as_str() == Some(&detail.digest()))
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // R-J1
    #[test]
    fn the_chained_bytes_hold_no_personal_detail() {
        // An array: the order of an object's fields depends on how serde_json was built.
        let mut value = json!(["users/alice", "users/bob", "bob@example.com", "ADMIN", 1, "users/alice"]);
        let mut personal = Personal::default();
        personal.take_from(&mut value);
        assert_eq!(value, json!(["~0", "~1", "~2", "ADMIN", 1, "~0"]));
        assert!(personal.matches(&personal.digests()));
    }

    #[test]
    fn a_text_that_looks_like_a_reference_is_kept_apart_from_one() {
        let mut value = json!({"display_name": "~0", "user": "users/alice"});
        Personal::default().take_from(&mut value);
        assert_eq!(value, json!({"display_name": "~~0", "user": "~0"}));
    }

    // R-J3
    #[test]
    fn what_is_read_is_what_was_recorded() {
        let recorded = json!({
            "user": "users/alice",
            "texts": ["~0", "~~0", "~", "~x", "", "ADMIN", "bob@example.com", "users/alice"],
            "numbers": [1, null, true],
        });
        let (mut value, mut personal) = (recorded.clone(), Personal::default());
        personal.take_from(&mut value);
        personal.put_back_into(&mut value);
        assert_eq!(value, recorded);
    }

    // R-J1
    #[test]
    fn an_erased_detail_is_seen_to_be_one() {
        let mut value = json!(["users/alice", "users/bob"]);
        let mut personal = Personal::default();
        personal.take_from(&mut value);
        personal.0[0] = None;
        personal.put_back_into(&mut value);
        assert_eq!(value, json!(["(erased)", "users/bob"]));
    }

    #[test]
    fn an_altered_detail_is_found_and_an_erased_one_is_not_held_against_the_chain() {
        let mut value = json!(["users/alice", "users/bob"]);
        let mut personal = Personal::default();
        personal.take_from(&mut value);
        let digests = personal.digests();
        personal.0[0] = None;
        assert!(personal.matches(&digests));
        personal.0[1] = Some(Detail::new("users/mallory"));
        assert!(!personal.matches(&digests));
    }
}
