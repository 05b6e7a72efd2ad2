//! How calls are refused.
use devspaces_tests::{Refusal, suite::eventually};
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

/// What a call comes to, made again as long as another service does not answer in time, as on a machine that has other things to
/// do: such a call has changed nothing.
pub(crate) async fn settled<T>(call: impl AsyncFn() -> Result<T, Status>) -> Result<T, Status> {
    eventually(async || match call().await {
        Err(status)
            if ["FACTS_UNAVAILABLE", "EARLIER_EFFECT_PENDING", "OVERTAKEN"]
                .contains(&Refusal::from(&status).reason.as_str()) =>
        {
            None
        }
        other => Some(other),
    })
    .await
}
