//! The faults that several services raise, each worded once.
use std::fmt::Display;

use tonic::Code;

use super::{Fault, Reason};

/// What is said of an archived space.
pub const SPACE_ARCHIVED: &str = "The space is archived; a console Admin can restore it";

impl Fault {
    /// The call carries no credentials.
    #[must_use]
    pub fn credentials_missing() -> Self {
        let message = "This method needs credentials: metadata 'authorization: Bearer <JWT>'";
        Self::new(Code::Unauthenticated, Reason::CredentialsMissing, message)
    }

    /// The call's credentials are refused; `why` completes "The bearer token …" and never quotes the token.
    #[must_use]
    pub fn credentials_invalid(why: impl Display) -> Self {
        Self::new(Code::Unauthenticated, Reason::CredentialsInvalid, format!("The bearer token {why}"))
    }

    /// Nobody can tell whether the token is by a key of its issuer: those keys could not be fetched.
    #[must_use]
    pub fn issuer_keys_unavailable() -> Self {
        let message = "The keys of the bearer token's issuer can't be fetched at this moment, and by those known it is not signed";
        Self::new(Code::Unavailable, Reason::IssuerKeysUnavailable, message)
    }

    /// The caller lacks the permission, or there is no such resource: both read alike (R-P3).
    #[must_use]
    pub fn permission_denied(permission: impl Display, resource: impl Display) -> Self {
        let message = format!("Permission '{permission}' denied on '{resource}' (or it might not exist)");
        Self::new(Code::PermissionDenied, Reason::PermissionDenied, message)
            .metadata("permission", permission.to_string())
            .metadata("resource", resource.to_string())
    }

    /// The caller was deactivated (R-M12): nothing of a resource is told by this.
    #[must_use]
    pub fn person_deactivated() -> Self {
        let message =
            "You were deactivated: until the platform's operator undoes that, every call is refused";
        Self::new(Code::PermissionDenied, Reason::PersonDeactivated, message)
    }

    /// There is no such resource. Only for what lies below a parent that the caller may read (R-P3).
    #[must_use]
    pub fn not_found(resource: impl Display) -> Self {
        Self::new(Code::NotFound, Reason::ResourceNotFound, format!("'{resource}' does not exist"))
            .metadata("resource", resource.to_string())
    }

    /// The etag sent is not the resource's current one.
    #[must_use]
    pub fn etag_stale(resource: impl Display) -> Self {
        let message = format!("'{resource}' has changed since its etag was read");
        Self::new(Code::Aborted, Reason::EtagStale, message).metadata("resource", resource.to_string())
    }

    /// The facts of these owners could not be had, and the decision depends on them (R-P2).
    #[must_use]
    pub fn facts_unavailable(owners: &[impl AsRef<str>]) -> Self {
        let missing = owners.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(",");
        let message = format!("The decision depends on facts that could not be had from: {missing}");
        Self::new(Code::Unavailable, Reason::FactsUnavailable, message).metadata("missing", missing)
    }

    /// The change is committed, but `peer` has yet to hear of it. The same `request_id` later gets the result.
    #[must_use]
    pub fn effect_pending(peer: impl Display) -> Self {
        let message = format!(
            "The change is made and takes full effect when '{peer}' answers; the same request_id then gets the result"
        );
        Self::new(Code::Unavailable, Reason::EffectPending, message).metadata("peer", peer.to_string())
    }

    /// An earlier change of the same scope has yet to take effect at a peer, and goes first. Nothing was changed.
    #[must_use]
    pub fn earlier_effect_pending() -> Self {
        let message = "Nothing was changed: an earlier change must take effect elsewhere first, and a peer is not there";
        Self::new(Code::Unavailable, Reason::EarlierEffectPending, message)
    }

    /// What the call is about was changed by others at the same time, each time that it was tried. Nothing was changed.
    #[must_use]
    pub fn overtaken() -> Self {
        let message =
            "Nothing was changed: others changed what the call is about at the same time; call again";
        Self::new(Code::Unavailable, Reason::Overtaken, message)
    }

    /// The database could not be reached, or gave up under contention.
    #[must_use]
    pub fn storage_unavailable() -> Self {
        Self::new(Code::Unavailable, Reason::StorageUnavailable, "The storage is not available for now")
    }

    /// The machine's clock was put forward: what can't be taken back waits for it to be right.
    #[must_use]
    pub fn clock_stepped() -> Self {
        let message = "The clock was put forward, and what falls due waits until it has run on for 10 minutes, or is put back";
        Self::new(Code::Unavailable, Reason::ClockStepped, message)
    }

    /// More calls are waiting than the service takes on.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::new(Code::ResourceExhausted, Reason::Overloaded, "The service has too many calls in progress")
    }

    /// The caller has as much in progress as one caller may: others are not kept from calling. `limit` is its name, as
    /// metrics have it.
    #[must_use]
    pub fn caller_limited(limit: &str) -> Self {
        let message = "You have as much in progress as one caller may have; wait for some of it to end";
        Self::new(Code::ResourceExhausted, Reason::CallerLimited, message).metadata("limit", limit)
    }

    /// Nobody reads the stream.
    #[must_use]
    pub fn stream_unread() -> Self {
        let message =
            "The stream ended because its messages were not read; call again when you are ready to read";
        Self::new(Code::ResourceExhausted, Reason::StreamUnread, message)
    }

    /// The service is about to stop; another replica can answer.
    #[must_use]
    pub fn shutting_down() -> Self {
        Self::new(Code::Unavailable, Reason::ShuttingDown, "The service is shutting down")
    }

    /// The service is yet to find its database.
    #[must_use]
    pub fn starting() -> Self {
        Self::new(Code::Unavailable, Reason::Starting, "The service is starting, and waits for its database")
    }

    /// The call's deadline passed. A change that it asked for may still be made.
    #[must_use]
    pub fn deadline_exceeded() -> Self {
        Self::new(
            Code::DeadlineExceeded,
            Reason::DeadlineExceeded,
            "The deadline passed before the answer was ready",
        )
    }

    /// There is no such method.
    #[must_use]
    pub fn method_unknown() -> Self {
        Self::new(Code::Unimplemented, Reason::MethodUnknown, "There is no such method")
    }

    /// One field is bad, by its path, with a sentence that completes "the field …". Whoever checks several collects them
    /// in [`Fields`](super::Fields), so that all are told at once.
    #[must_use]
    pub fn bad_field(path: impl Into<String>, sentence: impl Into<String>) -> Self {
        let (path, sentence) = (path.into(), sentence.into());
        let message = format!("The field {path} {sentence}");
        Self::new(Code::InvalidArgument, Reason::InvalidField, message).field(path, sentence)
    }

    /// The message could not be decoded.
    #[must_use]
    pub fn message_malformed() -> Self {
        let message = "The message did not arrive whole, or could not be decoded as the method's request";
        Self::new(Code::InvalidArgument, Reason::MessageMalformed, message)
    }

    /// The message is compressed in a way that is not known here.
    #[must_use]
    pub fn encoding_unknown() -> Self {
        let message =
            "The message's compression is not known here; the header grpc-accept-encoding says what is";
        Self::new(Code::Unimplemented, Reason::EncodingUnknown, message)
    }

    /// The message took too long to arrive.
    #[must_use]
    pub fn message_late() -> Self {
        let message = "The request's message did not arrive in time";
        Self::new(Code::DeadlineExceeded, Reason::DeadlineExceeded, message)
    }

    /// The message is larger than `limit` bytes.
    #[must_use]
    pub fn message_too_large(limit: usize) -> Self {
        let message = format!("The message is larger than {limit} bytes");
        Self::new(Code::ResourceExhausted, Reason::MessageTooLarge, message)
            .metadata("limit", limit.to_string())
    }

    /// The message has more than `limit` short fields.
    #[must_use]
    pub fn message_too_many_fields(limit: usize) -> Self {
        let message = format!("The message has more than {limit} texts and messages of less than 32 bytes");
        Self::new(Code::ResourceExhausted, Reason::MessageTooLarge, message)
            .metadata("limit", limit.to_string())
    }

    /// The `request_id` was used before, with other content (R-J5).
    #[must_use]
    pub fn request_id_reused() -> Self {
        let sentence = "must be new: it was used before with other content";
        Self::new(Code::InvalidArgument, Reason::RequestIdReused, format!("The request_id {sentence}"))
            .field("request_id", sentence)
    }

    /// The page token is malformed or was given for other arguments.
    #[must_use]
    pub fn page_token_invalid() -> Self {
        let sentence = "must be a next_page_token that the same method gave for the same arguments";
        Self::new(Code::InvalidArgument, Reason::PageTokenInvalid, format!("The page_token {sentence}"))
            .field("page_token", sentence)
    }

    /// One thing stands in the way of a change; [`Blockers`](super::Blockers) is for several.
    #[must_use]
    pub fn precondition(kind: Reason, subject: impl Into<String>, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self::new(Code::FailedPrecondition, kind, sentence.clone()).blocker(kind, subject, sentence)
    }

    /// The space is archived, and this is nothing that goes on in an archived space (R-S5).
    #[must_use]
    pub fn space_archived(space: impl Display) -> Self {
        Self::precondition(Reason::SpaceArchived, space.to_string(), SPACE_ARCHIVED)
    }

    /// The journal of a service has no longer the entry that a cursor is after (R-J4).
    #[must_use]
    pub fn cursor_lost(service: impl Display) -> Self {
        let sentence = format!(
            "The journal of '{service}' has no longer the entry that the cursor is after: follow it from its first entry"
        );
        Self::precondition(Reason::CursorLost, service.to_string(), sentence)
    }

    /// A defect of the service. What went wrong goes to the log, under the call's trace, and nowhere else.
    #[must_use]
    pub fn internal(what: impl Display) -> Self {
        tracing::error!(error = %what, "internal error");
        Self::new(
            Code::Internal,
            Reason::Internal,
            "The service failed; its log says more under this call's trace",
        )
    }
}
