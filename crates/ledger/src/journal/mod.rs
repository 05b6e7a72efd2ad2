//! The journal: one entry for each change of each scope, chained by hashes (R-J1, R-J2). It is the audit, the order
//! of events, and the version of the facts that others keep copies of.
mod changed;
mod checkpoint;
mod cursor;
mod entry;
mod erase;
mod head;
mod number;
mod personal;
mod read;
mod verify;

use devspaces_kit::{clock::Timestamp, name::Scope};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use self::{
    changed::{Changed, actors},
    checkpoint::{NotACheckpoint, SignedCheckpoint},
    cursor::{Cursor, NotACursor},
    entry::Entry,
    number::{BATCH, Numbered, has_unnumbered, hash_at, number, numbered},
    read::{PLACE, Place, entries, entry, last_before, place_of, scopes},
    verify::{Checkpoint, End, Finding, Problem, Report, heads, verify, verify_scope},
};
pub(crate) use self::{
    erase::erase,
    head::{Draft, Head, append, lock},
};

/// The hash before a scope's first entry.
const GENESIS: [u8; 32] = [0; 32];

/// The hash of an entry: of the bytes that are stored, and of the hash before it. Each part is preceded by its
/// length, so that no two entries have the same bytes.
fn chain(scope: Scope, sequence: i64, time: Timestamp, before: &[u8], content: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    let (scope, time) = (scope.to_string(), time.to_string());
    for part in [
        b"devspaces.journal.v1".as_slice(),
        scope.as_bytes(),
        &sequence.to_be_bytes(),
        time.as_bytes(),
        before,
        content.as_bytes(),
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A stored entry.
#[derive(Clone, Debug, sqlx::FromRow)]
struct Stored {
    scope: String,
    sequence: i64,
    time: Timestamp,
    content: String,
    personal: String,
    hash: Vec<u8>,
}

impl Stored {
    fn content(&self) -> Option<Value> {
        serde_json::from_str(&self.content).ok()
    }
}
