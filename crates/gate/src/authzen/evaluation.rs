//! One question: `CheckPermission`. It is always strict.
use devspaces_kit::{
    server::{Call, Reply, Translation},
    status::Fault,
};
use devspaces_proto::{
    MethodRequest as _,
    authz::v1::{CheckPermissionRequest, CheckPermissionResponse},
};
use prost::{Message as _, bytes::Bytes};

use super::{
    decision::{Decision, body, decoded},
    json::read,
    question::{Parts, Reader, retold},
    request::Request,
};

pub(super) struct EvaluationApi;

impl Translation for EvaluationApi {
    fn method(&self) -> &'static str {
        CheckPermissionRequest::METHOD
    }

    fn read(&self, body: &[u8]) -> Result<Call, Fault> {
        let request: Request = read(body)?;
        let mut reader = Reader::new();
        let check = reader.check(&Parts::of(&request.question));
        let check = reader.finish_with(check)?;
        Ok(Call { message: check.encode_to_vec(), reply: Box::new(Answer) })
    }

    fn retold(&self, field: &str, sentence: &str) -> (String, String) {
        retold(field, sentence)
    }
}

struct Answer;

impl Reply for Answer {
    fn write(&self, response: Bytes) -> Result<Vec<u8>, Fault> {
        body(&Decision::from(decoded::<CheckPermissionResponse>(response)?))
    }
}
