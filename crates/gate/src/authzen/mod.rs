//! The Authorization API 1.0 of the OpenID AuthZEN group: the questions of `AuthzService` in JSON over HTTP, for gateways
//! and policy clients. What is here is pure: it reads a request as a call of `AuthzService`, and writes the response as an
//! answer. Who may ask, and within which limits, is decided for the call.
use devspaces_kit::server::Entrance;
use serde::Serialize;

use self::{
    evaluation::EvaluationApi,
    evaluations::EvaluationsApi,
    search::{ActionSearch, ResourceSearch, SubjectSearch},
};

mod decision;
mod evaluation;
mod evaluations;
mod json;
mod question;
mod request;
mod search;
#[cfg(test)]
mod tests;

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";
const SUBJECTS: &str = "/access/v1/search/subject";
const RESOURCES: &str = "/access/v1/search/resource";
const ACTIONS: &str = "/access/v1/search/action";
const METADATA: &str = "/.well-known/authzen-configuration";

/// What the API has at a path.
#[must_use]
pub fn at(path: &str) -> Option<Entrance> {
    Some(match path {
        EVALUATION => Entrance::Call(&EvaluationApi),
        EVALUATIONS => Entrance::Call(&EvaluationsApi),
        SUBJECTS => Entrance::Call(&SubjectSearch),
        RESOURCES => Entrance::Call(&ResourceSearch),
        ACTIONS => Entrance::Call(&ActionSearch),
        METADATA => Entrance::Document(metadata),
        _ => return None,
    })
}

/// Says at which URLs the API is.
fn metadata(base: &str) -> String {
    #[derive(Serialize)]
    struct Metadata<'a> {
        policy_decision_point: &'a str,
        access_evaluation_endpoint: String,
        access_evaluations_endpoint: String,
        search_subject_endpoint: String,
        search_resource_endpoint: String,
        search_action_endpoint: String,
    }
    let url = |path: &str| format!("{base}{path}");
    let metadata = Metadata {
        policy_decision_point: base,
        access_evaluation_endpoint: url(EVALUATION),
        access_evaluations_endpoint: url(EVALUATIONS),
        search_subject_endpoint: url(SUBJECTS),
        search_resource_endpoint: url(RESOURCES),
        search_action_endpoint: url(ACTIONS),
    };
    // Texts can always be written as JSON.
    serde_json::to_string(&metadata).unwrap_or_default()
}
