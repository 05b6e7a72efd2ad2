//! Questions about permissions in JSON over HTTP.
use devspaces::Service;
use devspaces_tests::{Persona, Port, Suite};
use http_body_util::{BodyExt as _, Full};
use prost::bytes::Bytes;
use serde_json::{Value, json};
use tonic::{
    body::Body,
    codegen::http::{HeaderMap, Request},
};
use tower::ServiceExt as _;

pub(crate) const EVALUATION: &str = "/access/v1/evaluation";
pub(crate) const EVALUATIONS: &str = "/access/v1/evaluations";
pub(crate) const SUBJECTS: &str = "/access/v1/search/subject";
pub(crate) const RESOURCES: &str = "/access/v1/search/resource";
pub(crate) const ACTIONS: &str = "/access/v1/search/action";

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of one that is no error.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/json");
        self.body
    }

    /// The status, the reason and the bad fields of an error.
    #[track_caller]
    pub(crate) fn error(&self) -> (u16, &str, Vec<&str>) {
        let error = &self.body["error"];
        assert_eq!(error["status"], self.status, "{self:?}");
        assert!(!error["message"].as_str().expect("a message").is_empty());
        let violations = error["field_violations"].as_array().map(Vec::as_slice).unwrap_or_default();
        let fields = violations.iter().map(|it| it["field"].as_str().expect("a path"));
        (self.status, error["reason"].as_str().expect("a reason"), fields.collect())
    }
}

/// Sends a request to a service over HTTP/2.
pub(crate) async fn sends(suite: &Suite, service: Service, request: Request<String>) -> Answer {
    sends_to(suite.channel(service), request).await
}

/// Sends a request to a port over HTTP/2.
async fn sends_to(port: Port, request: Request<String>) -> Answer {
    let request = request.map(|body| Body::new(Full::new(Bytes::from(body))));
    let response = port.oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).expect("JSON") };
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

/// Posts JSON to the space service.
pub(crate) async fn posts(who: &Persona, path: &str, body: &Value) -> Answer {
    posts_to(Service::Space, who, path, body).await
}

/// Posts JSON to a service.
pub(crate) async fn posts_to(service: Service, who: &Persona, path: &str, body: &Value) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("authorization", who.authorization());
    sends_to(who.port(service), request.body(body.to_string()).expect("a request")).await
}

/// What has a name in the API, by type and id: `spaces/…` is a space.
pub(crate) fn entity(name: &str) -> Value {
    let Some((collection, id)) = name.split_once('/') else {
        return json!({"type": "platform", "id": "devspaces"});
    };
    json!({"type": collection.strip_suffix('s').expect("a collection"), "id": id})
}

/// A question.
pub(crate) fn asks(subject: &str, permission: &str, resource: &str) -> Value {
    json!({"subject": entity(subject), "action": {"name": permission}, "resource": entity(resource)})
}
