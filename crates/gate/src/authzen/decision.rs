//! Answers as JSON. What the specification leaves open is called as in the API: the reasons of a decision by the fields of
//! `Explanation`, of which those are left out that say nothing.
use devspaces_kit::{
    server::HttpError,
    status::{Fault, Reason},
};
use devspaces_proto::authz::v1::{
    CheckPermissionError, CheckPermissionResponse, Explanation as WireExplanation, RoleGrant,
};
use prost::{Message, bytes::Bytes};
use serde::Serialize;
use tonic::Code;

/// A decision, or the failure to make one, which allows nothing.
#[derive(Debug, Serialize)]
pub(super) struct Decision {
    pub(super) decision: bool,
    context: Context,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Context {
    Decided { explanation: Explanation, as_of: Option<String> },
    Failed { error: HttpError },
}

/// Why.
#[derive(Debug, Serialize)]
struct Explanation {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    granted_by: Vec<Grant>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    would_be_granted_by: Vec<Grant>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unmet_conditions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_facts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    preconditions: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Grant {
    role: &'static str,
    plane: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    condition: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    via: String,
}

impl From<CheckPermissionResponse> for Decision {
    fn from(response: CheckPermissionResponse) -> Self {
        let explanation = response.explanation.unwrap_or_default().into();
        let as_of = response.as_of.map(|time| time.to_string());
        Self { decision: response.allowed, context: Context::Decided { explanation, as_of } }
    }
}

impl From<HttpError> for Decision {
    fn from(error: HttpError) -> Self {
        Self { decision: false, context: Context::Failed { error } }
    }
}

impl From<WireExplanation> for Explanation {
    fn from(explanation: WireExplanation) -> Self {
        let grants = |grants: Vec<RoleGrant>| grants.into_iter().map(Grant::from).collect();
        Self {
            granted_by: grants(explanation.granted_by),
            would_be_granted_by: grants(explanation.would_be_granted_by),
            unmet_conditions: explanation.unmet_conditions,
            missing_facts: explanation.missing_facts,
            preconditions: explanation.preconditions,
        }
    }
}

impl From<RoleGrant> for Grant {
    fn from(grant: RoleGrant) -> Self {
        let (role, plane) = (grant.role().as_str_name(), grant.plane().as_str_name());
        Self { role, plane, condition: grant.condition, via: grant.via }
    }
}

/// Why a question of a batch was not answered, as if it had been asked by itself.
pub(super) fn fault(error: CheckPermissionError) -> Fault {
    let reason = Reason::try_from(error.reason).unwrap_or_default();
    let mut fault = Fault::new(Code::from_i32(error.code), reason, error.message);
    for violation in error.field_violations {
        fault = fault.field(violation.field, violation.description);
    }
    let delay = error.retry_delay.and_then(|delay| delay.try_into().ok());
    delay.map_or(fault.clone(), |delay| fault.retry_after(delay))
}

/// The response of a method.
///
/// # Errors
/// `INTERNAL`: the method is the port's own.
pub(super) fn decoded<M: Message + Default>(response: Bytes) -> Result<M, Fault> {
    M::decode(response).map_err(|error| Fault::internal(format_args!("a response of our own: {error}")))
}

/// The body of an answer.
///
/// # Errors
/// `INTERNAL`: whatever is answered can be written as JSON.
pub(super) fn body(answer: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(answer)
        .map_err(|error| Fault::internal(format_args!("an answer that is no JSON: {error}")))
}
