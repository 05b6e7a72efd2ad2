//! How calls are refused.
use tonic::{Code, Status};

/// Whoever may not.
pub(crate) const DENIED: (Code, &str) = (Code::PermissionDenied, "PERMISSION_DENIED");
/// What is not there, below something that the caller may read.
pub(crate) const NOT_FOUND: (Code, &str) = (Code::NotFound, "RESOURCE_NOT_FOUND");
/// Bad input, with the fields beside it.
pub(crate) const INVALID: (Code, &str) = (Code::InvalidArgument, "INVALID_FIELD");

/// All that a refusal tells, with the details as they are sent.
pub(crate) fn status_with_details(status: &Status) -> String {
    format!("{status:?} {}", String::from_utf8_lossy(status.details()))
}
