use devspaces_kit::clock::Timestamp;
use serde_json::Value;

use super::{Stored, personal::Personal};

/// An entry as it is read: personal details stand where they stood when it was recorded, and erased ones read
/// "(erased)". Of an entry whose bytes were tampered with, what can't be read is empty; verification names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The scope that was changed.
    pub scope: String,
    /// Its place in the scope's journal, from 1.
    pub sequence: i64,
    /// When.
    pub time: Timestamp,
    /// Who did it.
    pub actor: String,
    /// On whose behalf a service did it.
    pub on_behalf_of: Option<String>,
    /// The method: `devspaces.space.v1.SpaceService/UpdateSpace`.
    pub method: String,
    /// The names of the resources that were changed.
    pub resources: Vec<String>,
    /// What was before; null where nothing was.
    pub before: Value,
    /// What is after; null where nothing is.
    pub after: Value,
    /// Whether it may have changed what somebody is permitted.
    pub facts: bool,
    /// The text that is chained: JSON, with salted digests in place of personal details.
    pub content: String,
    /// The hash by which it is chained.
    pub hash: Vec<u8>,
}

impl From<Stored> for Entry {
    fn from(stored: Stored) -> Self {
        let mut content = stored.content().unwrap_or_default();
        let personal: Personal = serde_json::from_str(&stored.personal).unwrap_or_default();
        personal.put_back_into(&mut content);
        let mut field = |name: &str| content.get_mut(name).map(Value::take).unwrap_or_default();
        let resources = match field("resources") {
            Value::Array(names) => names.into_iter().filter_map(text).collect(),
            _ => Vec::new(),
        };
        Self {
            scope: stored.scope,
            sequence: stored.sequence,
            time: stored.time,
            actor: text(field("actor")).unwrap_or_default(),
            on_behalf_of: text(field("on_behalf_of")),
            method: text(field("method")).unwrap_or_default(),
            resources,
            before: field("before"),
            after: field("after"),
            facts: field("facts").as_bool().unwrap_or_default(),
            content: stored.content,
            hash: stored.hash,
        }
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

impl Entry {
    /// Whether this principal did it, or had it done.
    #[must_use]
    pub fn is_of(&self, principal: &str) -> bool {
        self.actor == principal || self.on_behalf_of.as_deref() == Some(principal)
    }

    /// Whether it changed this resource or one below it.
    #[must_use]
    pub fn changes(&self, resource: &str) -> bool {
        let is_or_is_below = |name: &String| {
            name.strip_prefix(resource).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.resources.iter().any(is_or_is_below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(content: &str, personal: &str) -> Stored {
        Stored {
            scope: "spaces/x".to_owned(),
            sequence: 1,
            time: Timestamp::EPOCH,
            content: content.to_owned(),
            personal: personal.to_owned(),
            hash: vec![1],
        }
    }

    // R-J3
    #[test]
    fn a_resource_is_found_by_its_name_and_by_those_above_it() {
        let entry = Entry::from(stored(r#"{"resources": ["spaces/x/members/bob"]}"#, "[]"));
        assert!(["spaces/x", "spaces/x/members/bob"].into_iter().all(|name| entry.changes(name)));
        assert!(["spaces/x/members/bo", "spaces/", "spaces/y"].into_iter().all(|name| !entry.changes(name)));
    }

    // R-J3: one entry that can't be read hides no other.
    #[test]
    fn an_entry_that_was_tampered_with_is_read_as_far_as_it_can_be() {
        for (content, personal) in [("{", "{"), ("[]", "[]"), (r#"{"actor": "~9", "resources": [1]}"#, "7")] {
            let entry = Entry::from(stored(content, personal));
            assert_eq!((entry.sequence, entry.resources.len(), entry.method.as_str()), (1, 0, ""));
        }
    }
}
