//! Etags: the journal entry of a resource's last change, as text.
use std::fmt::Display;

use crate::status::Fault;

/// The etag of a resource that this entry changed last.
#[must_use]
pub fn of(revision: i64) -> String {
    revision.to_string()
}

/// Goes on if no etag is given, or the one that the resource has.
///
/// # Errors
/// `ABORTED` / `ETAG_STALE`.
pub fn check(given: &str, revision: i64, resource: impl Display) -> Result<(), Fault> {
    if given.is_empty() || given == of(revision) { Ok(()) } else { Err(Fault::etag_stale(resource)) }
}
