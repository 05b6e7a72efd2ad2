//! A method as reflection tells of it: whom it is for, and a request that names what it is about.
use devspaces::Service;
use devspaces_tests::{Persona, Refusal, reflection::Raw};
use prost::{Message as _, bytes::Bytes};
use prost_reflect::{DynamicMessage, Kind, MethodDescriptor, Value};
use tonic::{Request, Status};

use super::names::Names;

/// Whom a method is for, as its `access` option has it.
pub(super) const SIGNED_IN: i32 = 1;
pub(super) const PERMITTED: i32 = 2;
pub(super) const SERVICE: i32 = 3;

/// The `access` option of a method.
pub(super) fn access(method: &MethodDescriptor) -> DynamicMessage {
    let extension =
        method.parent_pool().get_extension_by_name("devspaces.authz.v1.access").expect("the extension");
    let options = method.options();
    assert!(options.has_extension(&extension), "{} has no access option", method.full_name());
    options.get_extension(&extension).as_message().expect("a message").clone()
}

/// The permissions that a method requires, or of which any one suffices, with the fields that name their resources. A
/// denial names the first in either case.
pub(super) fn requirements(access: &DynamicMessage) -> Vec<(String, String)> {
    let [required, any_of] =
        ["require", "any_of"].map(|name| access.get_field_by_name(name).expect("the field"));
    let required = if required.as_list().is_some_and(<[_]>::is_empty) { any_of } else { required };
    let text = |value: &Value, name: &str| {
        let message = value.as_message().expect("a message");
        message.get_field_by_name(name).expect("the field").as_str().expect("a text").to_owned()
    };
    let required = required.as_list().expect("a list");
    required.iter().map(|value| (text(value, "permission"), text(value, "field"))).collect()
}

pub(super) fn caller(access: &DynamicMessage) -> i32 {
    access.get_field_by_name("caller").expect("the field").as_enum_number().expect("a number")
}

/// A request whose fields at these paths name what they are about; so do `name`, `parent` and the like where there are such fields.
pub(super) fn request(method: &MethodDescriptor, required: &[(String, String)], names: &Names) -> Bytes {
    let mut request = DynamicMessage::new(method.input());
    let required = required.iter().map(|(_, path)| path.as_str()).filter(|path| !path.is_empty());
    let is_text = |path: &&str| {
        method.input().get_field_by_name(path).is_some_and(|field| field.kind() == Kind::String)
    };
    let usual = ["name", "parent", "app", "meter", "destination"].into_iter().filter(is_text);
    // What is changed is named in the message that it is, also where the permission is on no resource.
    let changed = method.input().get_field_by_name("meter").is_some_and(|field| field.kind() != Kind::String);
    let changed = (changed && method.name().starts_with("Update")).then_some("meter.name");
    for path in usual.chain(required).chain(changed) {
        let name = names.in_field(method, path);
        match path.split_once('.') {
            None => request.set_field_by_name(path, Value::String(name)),
            Some((outer, inner)) => {
                let field = method.input().get_field_by_name(outer).expect("the outer field");
                let mut message = DynamicMessage::new(field.kind().as_message().expect("a message").clone());
                message.set_field_by_name(inner, Value::String(name));
                request.set_field_by_name(outer, Value::Message(message));
            }
        }
    }
    request.encode_to_vec().into()
}

pub(super) async fn call(who: &Persona, port: Service, method: &MethodDescriptor, message: Bytes) -> Refusal {
    let mut client = tonic::client::Grpc::new(who.authorized(port));
    client.ready().await.expect("a port that answers");
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name()).parse().expect("a path");
    let answer: Result<tonic::Response<Bytes>, Status> = client.unary(Request::new(message), path, Raw).await;
    Refusal::from(&answer.map(drop).err().unwrap_or_else(|| panic!("{} was answered", method.full_name())))
}
