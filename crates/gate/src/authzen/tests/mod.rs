mod answers;
mod reading;

use devspaces_kit::{
    server::{Call, Entrance, Translation},
    status::{Fault, Reason},
};
use devspaces_proto::authz::v1::CheckPermissionRequest;
use prost::{Message, bytes::Bytes};
use serde_json::{Value, json};
use tonic::Code;

use super::at;

const ID: &str = "0190a8d0-7b1c-7def-8000-000000000001";
const SPACE: &str = "spaces/0190a8d0-7b1c-7def-8000-000000000001";

fn translation(path: &str) -> &'static dyn Translation {
    match at(path) {
        Some(Entrance::Call(translation)) => translation,
        other => panic!("{path}: {other:?}"),
    }
}

fn call(path: &str, body: &Value) -> Result<Call, Fault> {
    translation(path).read(body.to_string().as_bytes())
}

fn asked<M: Message + Default>(path: &str, body: &Value) -> (M, Call) {
    let call = call(path, body).unwrap_or_else(|fault| panic!("{body}: {fault:?}"));
    (M::decode(call.message.as_slice()).expect("a message"), call)
}

fn answer(call: &Call, response: &impl Message) -> Value {
    let body = call.reply.write(Bytes::from(response.encode_to_vec())).expect("an answer");
    serde_json::from_slice(&body).expect("JSON")
}

/// The bad fields of a request, all of which have to be told at once.
fn bad(path: &str, body: &Value) -> (Reason, Vec<String>) {
    let fault = call(path, body).err().unwrap_or_else(|| panic!("{body} is read"));
    assert_eq!(fault.code(), Code::InvalidArgument);
    (fault.reason(), fault.bad_fields().map(|(field, _)| field.to_owned()).collect())
}

fn question() -> Value {
    json!({
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "members.list"},
        "resource": {"type": "space", "id": ID},
    })
}

/// A question with something else in one place.
fn with(place: &str, value: Value) -> Value {
    let mut question = question();
    *question.pointer_mut(place).expect("a place") = value;
    question
}

fn without(entity: &str, member: Option<&str>) -> Value {
    let mut question = question();
    let it = question.as_object_mut().expect("an object");
    match member {
        Some(member) => it[entity].as_object_mut().expect("an object").remove(member),
        None => it.remove(entity),
    };
    question
}

fn asks(subject: &str, permission: &str, resource: &str) -> CheckPermissionRequest {
    let [subject, permission, resource] = [subject, permission, resource].map(str::to_owned);
    CheckPermissionRequest { subject, permission, resource, max_staleness: None }
}
