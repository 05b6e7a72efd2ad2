//! Events (R-J6): what people outside hear of, made of entries of the journal and of nothing else. Each service has one table,
//! [`EventType`] by [`EventType`], which says by which entries there is one, and what it tells. So nothing is written twice, and
//! what was erased from an entry is in no event that is sent afterwards.
use devspaces_kit::name::SpaceName;
use serde_json::{Map, Value, json};

use crate::journal::Entry;

/// A type of events of one service.
#[derive(Debug)]
pub struct EventType {
    /// Its name, which stays: "member.added".
    pub name: &'static str,
    /// When there is such an event, in a sentence.
    pub description: &'static str,
    /// What it tells.
    pub fields: &'static [Field],
    /// What an entry tells, once for each event of this type that it makes.
    pub told: fn(&Entry) -> Vec<Value>,
}

/// A field of what an event tells.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub form: Form,
    /// What it says, in a sentence.
    pub description: &'static str,
    /// Whether it may be absent.
    pub optional: bool,
}

/// What a field of an event holds.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A text: names and decimals too.
    Text,
    /// A moment, as RFC 3339 writes it.
    Time,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// Texts.
    Texts,
    /// Whole numbers.
    Numbers,
}

impl Field {
    /// A field that is always there.
    #[must_use]
    pub const fn new(name: &'static str, form: Form, description: &'static str) -> Self {
        Self { name, form, description, optional: false }
    }

    /// One that may be absent.
    #[must_use]
    pub const fn optional(name: &'static str, form: Form, description: &'static str) -> Self {
        Self { name, form, description, optional: true }
    }
}

/// The space that an event is about.
pub const SPACE: Field = Field::new("space", Form::Text, "The space: spaces/{uuid}");
/// Who brought it about.
pub const ACTOR: Field =
    Field::new("actor", Form::Text, "Who brought it about: users/{id}, or services/{id} of its own accord");

impl EventType {
    /// The JSON Schema of the body of its messages.
    #[must_use]
    pub fn schema(&self) -> Value {
        let property = |field: &Field| {
            let mut schema = field.form.schema();
            schema["description"] = field.description.into();
            (field.name.to_owned(), schema)
        };
        let properties: Map<String, Value> = self.fields.iter().map(property).collect();
        let required: Vec<_> = self.fields.iter().filter(|it| !it.optional).map(|it| it.name).collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": self.description,
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": { "const": self.name },
                "timestamp": { "type": "string", "format": "date-time", "description": "When it happened" },
                "data": { "type": "object", "required": required, "properties": properties },
            },
        })
    }

    /// What an entry tells by this type, each with the fields alone that the schema has.
    fn of(&self, entry: &Entry) -> impl Iterator<Item = Value> {
        let known = |name: &str| self.fields.iter().any(|field| field.name == name);
        (self.told)(entry).into_iter().map(move |mut data| {
            if let Some(fields) = data.as_object_mut() {
                fields.retain(|name, value| known(name) && !value.is_null());
            }
            data
        })
    }
}

impl Form {
    fn schema(self) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Time => json!({ "type": "string", "format": "date-time" }),
            Self::Number => json!({ "type": "integer" }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::Texts => json!({ "type": "array", "items": { "type": "string" } }),
            Self::Numbers => json!({ "type": "array", "items": { "type": "integer" } }),
        }
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its type.
    pub kind: &'static str,
    /// What it tells.
    pub data: Value,
}

/// The events that an entry makes, in the order of the table.
#[must_use]
pub fn events(table: &[&'static [EventType]], entry: &Entry) -> Vec<Event> {
    let types = table.iter().flat_map(|types| types.iter());
    types.flat_map(|it| it.of(entry).map(|data| Event { kind: it.name, data })).collect()
}

/// The space whose journal an entry is in, if it is a space's.
#[must_use]
pub fn space_of(entry: &Entry) -> Option<SpaceName> {
    entry.scope.parse().ok()
}

/// What most events of a space tell beside what is their own: [`SPACE`] and [`ACTOR`].
#[must_use]
pub fn told(entry: &Entry, mut own: Value) -> Value {
    own["space"] = entry.scope.as_str().into();
    own["actor"] = entry.on_behalf_of.as_ref().unwrap_or(&entry.actor).as_str().into();
    own
}

/// For tests of tables: what is wrong with what an event tells, if it is not as the schema of its type has it.
#[must_use]
pub fn complaint(types: &[EventType], event: &Event) -> Option<String> {
    let Some(kind) = types.iter().find(|it| it.name == event.kind) else {
        return Some(format!("{} is no type", event.kind));
    };
    let fits = |form: Form, value: &Value| match form {
        Form::Text => value.is_string(),
        Form::Time => value.as_str().is_some_and(|it| it.parse::<devspaces_kit::clock::Timestamp>().is_ok()),
        Form::Number => value.is_i64(),
        Form::Flag => value.is_boolean(),
        Form::Texts => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
        Form::Numbers => value.as_array().is_some_and(|all| all.iter().all(Value::is_i64)),
    };
    kind.fields.iter().find_map(|field| match event.data.get(field.name) {
        None if field.optional => None,
        None => Some(format!("{} has no {}", event.kind, field.name)),
        Some(value) if fits(field.form, value) => None,
        Some(value) => Some(format!("{}: {} is {value}", event.kind, field.name)),
    })
}

#[cfg(test)]
mod tests {
    use devspaces_kit::clock::Timestamp;

    use super::*;

    const TYPES: &[EventType] = &[EventType {
        name: "thing.made",
        description: "A thing was made",
        fields: &[SPACE, ACTOR, Field::optional("size", Form::Number, "How large it is")],
        told: |entry| vec![told(entry, json!({ "size": entry.after["size"], "secret": "x" }))],
    }];

    fn entry(after: Value) -> Entry {
        Entry {
            scope: "spaces/x".to_owned(),
            sequence: 1,
            time: Timestamp::EPOCH,
            actor: "services/space".to_owned(),
            on_behalf_of: Some("users/alice".to_owned()),
            method: String::new(),
            resources: Vec::new(),
            before: Value::Null,
            after,
            facts: false,
            content: String::new(),
            hash: Vec::new(),
        }
    }

    // R-J6
    #[test]
    fn an_event_tells_what_its_schema_has_and_nothing_else() {
        for (after, size) in [(json!({ "size": 3 }), Some(3)), (json!({}), None)] {
            let made = events(&[TYPES], &entry(after));
            let mut data = json!({ "space": "spaces/x", "actor": "users/alice" });
            if let Some(size) = size {
                data["size"] = size.into();
            }
            assert_eq!(made, [Event { kind: "thing.made", data }]);
            assert_eq!(complaint(TYPES, &made[0]), None);
        }
        let schema = TYPES[0].schema();
        assert_eq!(schema["properties"]["data"]["required"], json!(["space", "actor"]));
        assert_eq!(schema["properties"]["data"]["properties"]["size"]["type"], "integer");
        let wrong = Event { kind: "thing.made", data: json!({ "space": "spaces/x", "actor": 1 }) };
        assert!(complaint(TYPES, &wrong).is_some());
    }
}
