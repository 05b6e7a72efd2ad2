//! Etags: the journal entry of a resource's last change, as text. The entry is known by its hash and not by its place
//! in the journal, which another entry may have after a restore: see decision 0022.
use std::fmt::Display;

use devspaces_kit::status::Fault;

/// What a row keeps of the entry that changed it last: the beginning of its hash, which stands for all that was before it
/// as well. A row that no entry has changed has 0, and one that was last changed by a version of the suite before this
/// has the entry's sequence.
#[must_use]
pub fn revision(hash: &[u8]) -> i64 {
    hash.first_chunk().map_or(0, |first| i64::from_be_bytes(*first))
}

/// The etag of a resource that this entry changed last. Always of one length: an etag that was read from a version that
/// had the bare sequence is stale.
#[must_use]
pub fn of(revision: i64) -> String {
    format!("{revision:016x}")
}

/// Goes on if no etag is given, or the one that the resource has.
///
/// # Errors
/// `ABORTED` / `ETAG_STALE`.
pub fn check(given: &str, revision: i64, resource: impl Display) -> Result<(), Fault> {
    if given.is_empty() || given == of(revision) { Ok(()) } else { Err(Fault::etag_stale(resource)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_that_was_a_bare_sequence_is_stale() {
        assert!(check("7", 7, "spaces/x").is_err());
        assert!(check(&of(7), 7, "spaces/x").is_ok() && check("", 7, "spaces/x").is_ok());
    }

    #[test]
    fn entries_differ_by_the_beginning_of_their_hashes() {
        let (one, other) = (revision(&[0xff; 32]), revision(&[1; 32]));
        assert_eq!((of(one).as_str(), of(other).as_str()), ("ffffffffffffffff", "0101010101010101"));
        assert!(check(&of(one), other, "spaces/x").is_err());
    }
}
