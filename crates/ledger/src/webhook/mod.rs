//! What is kept of webhooks (R-J6), and of what is sent to them: a reader of the journal's order notes the deliveries, in one
//! transaction with how far it has read; whoever sends them takes a lane of them at a time.
mod delivery;
mod lane;
mod reader;
mod store;

use std::fmt;

use devspaces_kit::{clock::Timestamp, name::WebhookName};
use serde_json::{Value, json};

pub use self::{
    delivery::{
        Backlog, Delivery, DeliveryState, Outcome, add, asked, backlog, count_asked, ended, fail,
        find_delivery, first, forget, leave, list, retried,
    },
    lane::{Claim, claim, due, postpone, rest, resume},
    reader::{Reader, begin_reading},
    store::{any, count, find, of_space, put, remove, remove_of_space},
};

/// A secret by which messages are signed. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// An address to which events are sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name.
    pub name: WebhookName,
    /// Where to. It may hold a secret of the receiver's.
    pub url: String,
    /// The types of events that it hears of.
    pub types: Vec<String>,
    /// Whether events are sent.
    pub enabled: bool,
    /// Why not, if it is not somebody's wish.
    pub disabled_reason: String,
    /// By which messages are signed.
    pub secret: Secret,
    /// Those before, the latest first, each with the time until which it is used as well: two at most.
    pub old_secrets: Vec<(Secret, Timestamp)>,
    /// When it was made: it hears of nothing before.
    pub create_time: Timestamp,
    /// When it was last changed.
    pub update_time: Timestamp,
    /// The journal entry of the last change: see [`etag`](crate::etag).
    pub revision: i64,
}

impl Webhook {
    /// Where to, as far as anybody may read it: without path and query, which often are a secret.
    #[must_use]
    pub fn origin(&self) -> &str {
        let start = self.url.find("://").map_or(0, |place| place + 3);
        let end = self.url[start..].find(['/', '?']).map_or(self.url.len(), |place| start + place);
        &self.url[..end]
    }

    /// What the journal says of it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "webhook": self.name.to_string(),
            "origin": self.origin(),
            "types": self.types,
            "enabled": self.enabled,
            "disabled_reason": self.disabled_reason,
        })
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("types", &self.types)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    // R-J1, R-J6
    #[test]
    fn neither_the_journal_nor_what_prints_has_a_secret_or_an_address_in_full() {
        let webhook = |url: &str| Webhook {
            name: WebhookName { space: None, id: Uuid::nil() },
            url: url.to_owned(),
            types: vec!["member.added".to_owned()],
            enabled: true,
            disabled_reason: String::new(),
            secret: Secret(vec![7; 32]),
            old_secrets: Vec::new(),
            create_time: Timestamp::EPOCH,
            update_time: Timestamp::EPOCH,
            revision: 0,
        };
        for url in ["https://hooks.example:8443/T0/S3CRET?key=S3CRET", "https://hooks.example:8443?S3CRET"] {
            let it = webhook(url);
            assert_eq!(it.origin(), "https://hooks.example:8443");
            let told = format!("{it:?} {:?} {}", it.secret, it.to_json());
            assert!(!told.contains("S3CRET") && !told.contains("7, 7"), "{told}");
        }
        assert_eq!(webhook("https://hooks.example").origin(), "https://hooks.example");
    }
}
