//! One way to say an error: a [`Fault`] has a canonical code, a machine-readable reason and, where they help,
//! the bad fields or the blockers, and becomes a [`Status`] with the standard details.
use std::{collections::HashMap, fmt, time::Duration};

use tonic::{Code, Status, metadata::MetadataMap};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

mod collect;
mod faults;
mod retry;

pub use collect::{Blockers, Fields};
pub use devspaces_proto::errors::v1::Reason;
pub use faults::SPACE_ARCHIVED;

/// The `domain` of every `google.rpc.ErrorInfo` that devspaces sends.
pub const DOMAIN: &str = "devspaces.dev";

/// How long a client is asked to wait before it tries again, unless the fault says otherwise.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Details travel in the trailers, which clients bound: 8 KiB in the strictest ones in use. So many violations of
/// common length fit; a last one says how many more there are.
const MAX_VIOLATIONS: usize = 32;

/// The longest metadata value, in bytes. Names fit; anything longer is cut.
const MAX_METADATA_VALUE: usize = 512;

/// Why a call failed, as it is told to the caller. Texts are ours: they never repeat the offending value, and hold
/// nothing that a database or a transport said.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    code: Code,
    reason: Reason,
    message: String,
    metadata: HashMap<String, String>,
    /// Path and sentence.
    fields: Vec<(String, String)>,
    /// Kind, subject and sentence.
    blockers: Vec<(Reason, String, String)>,
    retry_after: Option<Duration>,
}

impl Fault {
    /// A fault without further details. The common ones have constructors of their own.
    ///
    /// Whether the client is told when to try again follows from the reason.
    pub fn new(code: Code, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            metadata: HashMap::new(),
            fields: Vec::new(),
            blockers: Vec::new(),
            retry_after: retry::helps(reason).then_some(RETRY_AFTER),
        }
    }

    /// Adds a pair to the `ErrorInfo`. Values are cut at 512 bytes.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: impl Into<String>) -> Self {
        let mut value = value.into();
        value.truncate(value.floor_char_boundary(MAX_METADATA_VALUE));
        self.metadata.insert(key.to_owned(), value);
        self
    }

    /// Names a bad field by its path in the request, with a sentence that completes "the field …".
    #[must_use]
    pub fn field(mut self, path: impl Into<String>, sentence: impl Into<String>) -> Self {
        self.fields.push((path.into(), sentence.into()));
        self
    }

    /// Names something that stands in the way: what kind of obstacle, the resource that has it, and a sentence.
    #[must_use]
    pub fn blocker(mut self, kind: Reason, subject: impl Into<String>, sentence: impl Into<String>) -> Self {
        self.blockers.push((kind, subject.into(), sentence.into()));
        self
    }

    /// How long the client should wait before it tries again, where that helps; one second if this is not called.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The canonical code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The reason, as machines read it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The message, as people read it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The bad fields, each by its path and a sentence.
    pub fn bad_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(path, sentence)| (path.as_str(), sentence.as_str()))
    }

    /// The pairs of the `ErrorInfo`.
    pub fn details(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// After which time it may help to try again, where it does.
    #[must_use]
    pub fn retry_delay(&self) -> Option<Duration> {
        self.retry_after
    }
}

/// What stands before the names of reasons in the enum, and nowhere else.
const PREFIX: &str = "REASON_";

/// A reason's name as it stands in an `ErrorInfo`: without the enum's prefix.
#[must_use]
pub fn reason_name(reason: Reason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// The reason of such a name, if this version knows it.
#[must_use]
pub fn reason_named(name: &str) -> Option<Reason> {
    Reason::from_str_name(&format!("{PREFIX}{name}"))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", reason_name(self.reason), self.message)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let mut details = ErrorDetails::with_error_info(reason_name(fault.reason), DOMAIN, fault.metadata);
        if !fault.fields.is_empty() {
            let violation = |(path, sentence)| FieldViolation::new(path, sentence);
            details.set_bad_request(bounded(fault.fields, violation, |more| FieldViolation::new("", more)));
        }
        if !fault.blockers.is_empty() {
            let violation =
                |(kind, subject, sentence)| PreconditionViolation::new(reason_name(kind), subject, sentence);
            let more = |more| PreconditionViolation::new("", "", more);
            details.set_precondition_failure(bounded(fault.blockers, violation, more));
        }
        let mut metadata = MetadataMap::new();
        if let Some(delay) = fault.retry_after {
            details.set_retry_info(Some(delay));
            metadata.insert(retry::PUSHBACK, retry::milliseconds(delay));
        }
        Status::with_error_details_and_metadata(fault.code, fault.message, details, metadata)
    }
}

/// As many violations as fit, and a last one that says how many more there are.
fn bounded<T, V>(found: Vec<T>, violation: impl Fn(T) -> V, more: impl Fn(String) -> V) -> Vec<V> {
    let excess = found.len().saturating_sub(MAX_VIOLATIONS);
    let shown = found.into_iter().take(MAX_VIOLATIONS).map(violation);
    shown.chain((excess > 0).then(|| more(format!("and {excess} more")))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fault: Fault) -> (Status, ErrorDetails) {
        let status = Status::from(fault);
        let details = status.get_error_details();
        (status, details)
    }

    #[test]
    fn every_error_carries_its_reason_and_domain() {
        let (status, details) = sent(Fault::etag_stale("spaces/x"));
        let info = details.error_info().expect("an ErrorInfo");
        assert_eq!((status.code(), info.reason.as_str()), (Code::Aborted, "ETAG_STALE"));
        assert_eq!(info.domain, "devspaces.dev");
        assert!(details.retry_info().is_none() && details.bad_request().is_none());
    }

    // R-P3: these words, whatever the cause, so that a denial tells nothing about existence.
    #[test]
    fn a_denial_reads_the_same_whether_or_not_the_resource_exists() {
        let (status, details) = sent(Fault::permission_denied("space.update", "spaces/x"));
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(
            status.message(),
            "Permission 'space.update' denied on 'spaces/x' (or it might not exist)"
        );
        let info = details.error_info().expect("an ErrorInfo");
        assert_eq!(
            (&*info.metadata["permission"], &*info.metadata["resource"]),
            ("space.update", "spaces/x")
        );
    }

    // Stock clients read the trailer (gRPC proposal A6), ours the details.
    #[test]
    fn what_may_be_tried_again_says_when_in_two_ways() {
        let says = |fault, delay: Option<Duration>| {
            let (status, details) = sent(fault);
            assert_eq!(details.retry_info().and_then(|info| info.retry_delay), delay);
            let pushback =
                status.metadata().get("grpc-retry-pushback-ms").map(|ms| ms.to_str().expect("digits"));
            assert_eq!(pushback, delay.map(|delay| delay.as_millis().to_string()).as_deref());
        };
        for fault in [Fault::overloaded(), Fault::storage_unavailable(), Fault::facts_unavailable(&["space"])]
        {
            says(fault, Some(Duration::from_secs(1)));
        }
        says(Fault::overloaded().retry_after(Duration::from_millis(7500)), Some(Duration::from_millis(7500)));
        // The same code as an overload, and the same message would be as large the next time.
        says(Fault::message_too_large(1), None);
        says(Fault::etag_stale("spaces/x"), None);
    }

    #[test]
    fn an_internal_error_tells_the_caller_nothing() {
        let (status, details) = sent(Fault::internal("relation \"spaces\" does not exist"));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("relation"));
        assert!(details.error_info().is_some_and(|info| info.metadata.is_empty()));
    }

    // Trailers above a client's limit would turn a clear answer into a protocol error.
    #[test]
    fn details_stay_small_enough_for_trailers() {
        let mut fault = Fault::new(Code::InvalidArgument, Reason::InvalidField, "many");
        for index in 0..1000 {
            fault = fault.field(format!("members[{index}].user"), "must have the form users/{id}");
        }
        let (status, details) = sent(fault.metadata("key", "é".repeat(10_000)));
        let violations = &details.bad_request().expect("a BadRequest").field_violations;
        assert_eq!(violations.len(), MAX_VIOLATIONS + 1);
        assert_eq!(violations[MAX_VIOLATIONS].description, "and 968 more");
        assert!(status.details().len() < 6000, "{}", status.details().len());
    }
}
