//! Reading what a refusal says.
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A refusal, in the parts that clients read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The canonical code.
    pub code: Code,
    /// `ErrorInfo`'s reason.
    pub reason: String,
    /// The bad fields' paths, in order.
    pub fields: Vec<String>,
    /// The blockers' kinds, in order.
    pub blockers: Vec<String>,
    /// `ErrorInfo`'s metadata, sorted.
    pub metadata: Vec<(String, String)>,
    /// Whether a time to retry is given.
    pub retry: bool,
    /// The sentence.
    pub message: String,
}

impl From<&Status> for Refusal {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
        assert_eq!(info.domain, "devspaces.dev");
        let fields =
            details.bad_request().map(|bad| bad.field_violations.iter().map(|v| v.field.clone()).collect());
        let blockers =
            details.precondition_failure().map(|f| f.violations.iter().map(|v| v.r#type.clone()).collect());
        let mut metadata: Vec<_> = info.metadata.clone().into_iter().collect();
        metadata.sort();
        Self {
            code: status.code(),
            reason: info.reason.clone(),
            fields: fields.unwrap_or_default(),
            blockers: blockers.unwrap_or_default(),
            metadata,
            retry: details.retry_info().is_some(),
            message: status.message().to_owned(),
        }
    }
}

/// The refusal that a call must end in.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> Refusal {
    Refusal::from(&answer.expect_err("a refusal"))
}

impl Refusal {
    /// Code and reason.
    #[must_use]
    pub fn kind(&self) -> (Code, &str) {
        (self.code, &self.reason)
    }

    /// Code, reason and the kinds of the blockers.
    #[must_use]
    pub fn blocked(&self) -> (Code, &str, Vec<&str>) {
        (self.code, &self.reason, self.blockers.iter().map(String::as_str).collect())
    }

    /// Code, reason and the paths of the bad fields.
    #[must_use]
    pub fn bad_fields(&self) -> (Code, &str, Vec<&str>) {
        (self.code, &self.reason, self.fields.iter().map(String::as_str).collect())
    }
}
