//! Errors as they are told over HTTP.
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::status::{Fault, Reason, reason_name};

/// An error as it is told over HTTP, in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpError {
    /// The status code of HTTP.
    pub status: u16,
    /// The reason, as machines read it: `INVALID_FIELD`.
    pub reason: String,
    /// The message, as people read it.
    pub message: String,
    /// The fields that are not acceptable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub field_violations: Vec<FieldViolation>,
    /// After which time it may help to try again, where it does.
    #[serde(skip)]
    pub(super) retry_after: Option<Duration>,
}

/// A field that is not acceptable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldViolation {
    /// Its path in the request.
    pub field: String,
    /// A sentence that completes "the field …".
    pub description: String,
}

impl HttpError {
    /// With the fields as somebody else calls them, who gives the path and the sentence.
    #[must_use]
    pub fn retold(mut self, retell: impl Fn(&str, &str) -> (String, String)) -> Self {
        let only = self.field_violations.len() == 1;
        for violation in &mut self.field_violations {
            let (field, description) = retell(&violation.field, &violation.description);
            if (&field, &description) != (&violation.field, &violation.description) {
                if only {
                    self.message = format!("The field {field} {description}");
                }
                *violation = FieldViolation { field, description };
            }
        }
        self
    }
}

impl From<Fault> for HttpError {
    fn from(fault: Fault) -> Self {
        let violation = |(field, description): (&str, &str)| FieldViolation {
            field: field.to_owned(),
            description: description.to_owned(),
        };
        let reason = reason_name(fault.reason());
        Self {
            status: status(fault.code(), reason).as_u16(),
            reason: reason.to_owned(),
            message: fault.message().to_owned(),
            field_violations: fault.bad_fields().map(violation).collect(),
            retry_after: fault.retry_delay(),
        }
    }
}

impl From<&Status> for HttpError {
    fn from(told: &Status) -> Self {
        let details = told.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
        let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        let violation = |violation: tonic_types::FieldViolation| FieldViolation {
            field: violation.field,
            description: violation.description,
        };
        Self {
            status: status(told.code(), &reason).as_u16(),
            reason,
            message: told.message().to_owned(),
            field_violations: violations.into_iter().map(violation).collect(),
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
        }
    }
}

/// The status code of HTTP that says the same.
fn status(code: Code, reason: &str) -> StatusCode {
    if reason == reason_name(Reason::MessageTooLarge) {
        // The code is that of an overload, which would have a client try again.
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded | Code::Cancelled => StatusCode::GATEWAY_TIMEOUT,
        Code::Internal | Code::Unknown | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_the_same_from_the_fault_and_from_the_status() {
        for (fault, status) in [
            (Fault::bad_field("subject", "must have a form"), 400),
            (Fault::credentials_missing(), 401),
            (Fault::permission_denied("p", "r"), 403),
            (Fault::message_too_large(1), 413),
            (Fault::overloaded(), 429),
            (Fault::method_unknown(), 501),
            (Fault::facts_unavailable(&["space"]), 503),
            (Fault::deadline_exceeded(), 504),
            (Fault::internal("secret"), 500),
        ] {
            let error = HttpError::from(fault.clone());
            assert_eq!(error.status, status, "{fault}");
            assert_eq!(HttpError::from(&Status::from(fault)), error);
        }
        assert_eq!(HttpError::from(Fault::overloaded()).retry_after, Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_single_field_is_named_in_the_message_too_as_the_request_has_it() {
        let renamed = |field: &str, sentence: &str| {
            let field = if field == "permission" { "action.name" } else { field };
            (field.to_owned(), sentence.to_owned())
        };
        let error = HttpError::from(Fault::bad_field("permission", "must be known")).retold(renamed);
        assert_eq!(error.message, "The field action.name must be known");
        assert_eq!(error.field_violations[0].field, "action.name");
        let same = Fault::page_token_invalid();
        assert_eq!(HttpError::from(same.clone()).retold(renamed), HttpError::from(same));
        let two = Fault::bad_field("permission", "must be known").field("resource", "must be there");
        let retold = HttpError::from(two.clone()).retold(renamed);
        assert_eq!(retold.message, two.message(), "it speaks of all");
        assert_eq!(retold.field_violations[0].field, "action.name");
    }
}
