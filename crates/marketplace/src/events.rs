//! What people outside hear of this service's changes (R-J6).
use devspaces_ledger::{
    event::{ACTOR, EventType, Field, Form, SPACE, told},
    journal::Entry,
};
use serde_json::Value;

const USER: Field = Field::new("user", Form::Text, "The person: users/{id}, or (erased)");

/// The events of this service, by the entries that make them.
pub const EVENTS: &[EventType] = &[
    EventType {
        name: "marketplace_admin.added",
        description: "Somebody has become Marketplace admin of the space",
        fields: &[SPACE, ACTOR, USER],
        told: |entry| difference(entry, &entry.after, &entry.before),
    },
    EventType {
        name: "marketplace_admin.removed",
        description: "Somebody is no Marketplace admin of the space any more",
        fields: &[SPACE, ACTOR, USER],
        told: |entry| difference(entry, &entry.before, &entry.after),
    },
];

/// The admins that a side of an entry tells of: one, several, or those of a new profile.
fn admins(side: &Value) -> Vec<&Value> {
    let all = side.as_array().or_else(|| side["admins"].as_array());
    let all = all.map_or_else(|| vec![side], |several| several.iter().collect());
    all.into_iter().filter(|admin| admin["user"].is_string()).collect()
}

fn difference(entry: &Entry, here: &Value, there: &Value) -> Vec<Value> {
    if !admins(there).is_empty() {
        return Vec::new();
    }
    admins(here).into_iter().map(|admin| told(entry, admin.clone())).collect()
}

#[cfg(test)]
mod tests {
    use devspaces_kit::clock::Timestamp;
    use devspaces_ledger::event::{complaint, events};
    use serde_json::json;

    use super::*;

    fn kinds(before: Value, after: Value) -> Vec<&'static str> {
        let entry = Entry {
            scope: "spaces/x".to_owned(),
            sequence: 1,
            time: Timestamp::EPOCH,
            actor: "users/alice".to_owned(),
            on_behalf_of: None,
            method: String::new(),
            resources: Vec::new(),
            before,
            after,
            facts: true,
            content: String::new(),
            hash: Vec::new(),
        };
        let made = events(&[EVENTS], &entry);
        assert_eq!(made.iter().find_map(|event| complaint(EVENTS, event)), None);
        made.into_iter().map(|event| event.kind).collect()
    }

    // R-J6
    #[test]
    fn marketplace_admins_are_told_of_when_they_come_and_go() {
        let bob = json!({ "user": "users/bob" });
        assert_eq!(kinds(Value::Null, json!([bob, bob])), ["marketplace_admin.added"; 2]);
        let profile = json!({ "profile": { "display_name": "x" }, "admins": [bob] });
        assert_eq!(kinds(Value::Null, profile), ["marketplace_admin.added"]);
        assert_eq!(kinds(bob, Value::Null), ["marketplace_admin.removed"]);
        let listing = |state: &str| json!({ "listing": "listings/y", "state": state });
        assert_eq!(kinds(listing("DRAFT"), listing("LISTED")), [""; 0]);
    }
}
