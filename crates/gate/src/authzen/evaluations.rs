//! Several questions: `BatchCheckPermissions`. What one of them does not say is as the request says for all; one that is
//! malformed spoils no other. A request without any is itself a question, as at the endpoint for one.
use devspaces_kit::{
    server::{Call, HttpError, Reply, Translation},
    status::Fault,
};
use devspaces_proto::{
    MethodRequest as _,
    authz::v1::{
        BatchCheckPermissionsRequest, BatchCheckPermissionsResponse, CheckPermissionRequest,
        CheckPermissionResult, check_permission_result::Outcome,
    },
};
use prost::{Message as _, bytes::Bytes};
use serde::Serialize;

use super::{
    decision::{Decision, body, decoded, fault},
    json::{Given, read},
    question::{Parts, Reader, retold},
    request::{Evaluations, Question, Request},
};

pub(super) struct EvaluationsApi;

impl Translation for EvaluationsApi {
    fn method(&self) -> &'static str {
        BatchCheckPermissionsRequest::METHOD
    }

    fn read(&self, body: &[u8]) -> Result<Call, Fault> {
        let request: Request = read(body)?;
        let mut reader = Reader::new();
        let semantic = semantic(&mut reader, &request);
        let questions = match reader.optional(&request.evaluations, "evaluations") {
            Some(Evaluations::Are(questions)) => questions.as_slice(),
            Some(Evaluations::TooMany) => {
                reader.bad("evaluations", "must have at most 1,000 elements");
                &[]
            }
            None => &[],
        };
        let semantic = reader.finish_with(semantic)?;
        if !questions.is_empty() {
            return Ok(several(questions, &request.question, semantic));
        }
        let mut reader = Reader::new();
        let check = reader.check(&Parts::of(&request.question));
        let check = reader.finish_with(check)?;
        Ok(call(vec![check], Box::new(One)))
    }

    fn retold(&self, field: &str, sentence: &str) -> (String, String) {
        retold(field, sentence)
    }
}

/// When no more answers are given.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Semantic {
    /// When there are no more questions.
    ExecuteAll,
    /// After the first denial, or failure.
    DenyOnFirstDeny,
    /// After the first permission.
    PermitOnFirstPermit,
}

fn semantic(reader: &mut Reader, request: &Request) -> Option<Semantic> {
    let path = "options.evaluations_semantic";
    let options = reader.optional(&request.options, "options");
    let named = options.and_then(|options| reader.optional(&options.semantic, path));
    match named.map_or("execute_all", String::as_str) {
        "execute_all" => Some(Semantic::ExecuteAll),
        "deny_on_first_deny" => Some(Semantic::DenyOnFirstDeny),
        "permit_on_first_permit" => Some(Semantic::PermitOnFirstPermit),
        _ => {
            let sentence = "must be \"execute_all\", \"deny_on_first_deny\" or \"permit_on_first_permit\"";
            reader.bad(path, sentence);
            None
        }
    }
}

fn call(checks: Vec<CheckPermissionRequest>, reply: Box<dyn Reply>) -> Call {
    Call { message: BatchCheckPermissionsRequest { checks }.encode_to_vec(), reply }
}

fn several(questions: &[Given<Question>], all: &Question, semantic: Semantic) -> Call {
    let (mut checks, mut refused) = (Vec::with_capacity(questions.len()), Vec::new());
    for (index, question) in questions.iter().enumerate() {
        let checked = check(index, question, all);
        refused.push(checked.as_ref().err().cloned().map(HttpError::from));
        // In the place of one that is malformed stands one that is refused, so that the places of all are the same.
        checks.push(checked.unwrap_or_default());
    }
    call(checks, Box::new(Several { semantic, refused }))
}

fn check(index: usize, question: &Given<Question>, all: &Question) -> Result<CheckPermissionRequest, Fault> {
    let mut reader = Reader::new();
    let question = reader.required(question, &format!("evaluations[{index}]"));
    let check = question.and_then(|question| reader.check(&Parts::of_one(index, question, all)));
    reader.finish_with(check)
}

/// Answers a request that is itself the question.
struct One;

impl Reply for One {
    fn write(&self, response: Bytes) -> Result<Vec<u8>, Fault> {
        let response: BatchCheckPermissionsResponse = decoded(response)?;
        match response.results.into_iter().next().and_then(|result| result.outcome) {
            Some(Outcome::Response(response)) => body(&Decision::from(response)),
            Some(Outcome::Error(error)) => Err(fault(error)),
            None => Err(Fault::internal("a question without an outcome")),
        }
    }
}

struct Several {
    semantic: Semantic,
    /// What is wrong with each question, if something is.
    refused: Vec<Option<HttpError>>,
}

impl Several {
    /// In the order of the questions, as far as they are wanted.
    fn wanted(&self, results: Vec<CheckPermissionResult>) -> Vec<Decision> {
        let last = match self.semantic {
            Semantic::ExecuteAll => None,
            Semantic::DenyOnFirstDeny => Some(false),
            Semantic::PermitOnFirstPermit => Some(true),
        };
        let mut decisions = Vec::with_capacity(results.len());
        for (result, refused) in results.into_iter().zip(&self.refused) {
            let decision = refused.clone().map_or_else(|| decision(result), Decision::from);
            let ends = last == Some(decision.decision);
            decisions.push(decision);
            if ends {
                break;
            }
        }
        decisions
    }
}

fn decision(result: CheckPermissionResult) -> Decision {
    match result.outcome {
        Some(Outcome::Response(response)) => response.into(),
        Some(Outcome::Error(error)) => HttpError::from(fault(error)).retold(retold).into(),
        None => HttpError::from(Fault::internal("a question without an outcome")).into(),
    }
}

impl Reply for Several {
    fn write(&self, response: Bytes) -> Result<Vec<u8>, Fault> {
        #[derive(Serialize)]
        struct Answer {
            evaluations: Vec<Decision>,
        }
        let response: BatchCheckPermissionsResponse = decoded(response)?;
        if response.results.len() != self.refused.len() {
            return Err(Fault::internal("a batch with other answers than questions"));
        }
        body(&Answer { evaluations: self.wanted(response.results) })
    }
}
