//! Entries and findings on the wire.
use devspaces_authz::Service;
use devspaces_ledger::journal::{Entry, Problem};
use devspaces_proto::journal::v1::{self as proto, finding};
use prost_types::{ListValue, Struct, Value, value::Kind};
use serde_json::Value as Json;

pub(super) fn entry(service: Service, entry: Entry) -> proto::Entry {
    proto::Entry {
        service: service.name().to_owned(),
        scope: entry.scope,
        sequence: entry.sequence,
        time: Some(entry.time.into()),
        actor: entry.actor,
        on_behalf_of: entry.on_behalf_of.unwrap_or_default(),
        method: entry.method,
        resources: entry.resources,
        before: Some(value(entry.before)),
        after: Some(value(entry.after)),
        facts: entry.facts,
        hash: entry.hash,
        content: String::new(),
    }
}

/// An entry as it is chained.
pub(super) fn chained(service: Service, mut of: Entry) -> proto::Entry {
    let content = std::mem::take(&mut of.content);
    proto::Entry { before: None, after: None, content, ..entry(service, of) }
}

fn value(json: Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(bool) => Kind::BoolValue(bool),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Json::String(text) => Kind::StringValue(text),
        Json::Array(values) => Kind::ListValue(ListValue { values: values.into_iter().map(value).collect() }),
        Json::Object(fields) => {
            let fields = fields.into_iter().map(|(name, json)| (name, value(json)));
            Kind::StructValue(Struct { fields: fields.collect() })
        }
    };
    Value { kind: Some(kind) }
}

pub(super) fn problem(problem: Problem) -> finding::Problem {
    match problem {
        Problem::Changed => finding::Problem::Changed,
        Problem::Missing => finding::Problem::Missing,
        Problem::CutOff => finding::Problem::CutOff,
        Problem::Rewritten => finding::Problem::Rewritten,
        Problem::Unknown => finding::Problem::Unknown,
    }
}
