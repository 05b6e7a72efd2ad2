//! The journal: one entry for each change of each scope, chained by hashes (R-J1, R-J2). It is the audit, the order
//! of events, and the version of the facts that others keep copies of.
mod checkpoint;
mod cursor;
mod entry;
mod erase;
mod number;
mod personal;
mod read;
mod verify;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::personal::Personal;
pub use self::{
    checkpoint::{NotACheckpoint, SignedCheckpoint},
    cursor::{Cursor, NotACursor},
    entry::Entry,
    erase::erase,
    number::{BATCH, Numbered, has_unnumbered, hash_at, number, numbered},
    read::{PLACE, Place, entries, scopes},
    verify::{Checkpoint, End, Finding, Problem, Report, heads, verify, verify_scope},
};
use crate::{
    clock::Timestamp,
    db::{Act, Change, Conn, Error},
    name::Scope,
    on,
};

/// The hash before a scope's first entry.
const GENESIS: [u8; 32] = [0; 32];

/// The end of a scope's journal, as the writer of the scope sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Head {
    pub(crate) sequence: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) time: Timestamp,
    facts_sequence: i64,
    facts_hash: Vec<u8>,
}

impl Head {
    /// Makes the caller's transaction the only writer of the scope until it ends.
    pub(crate) async fn lock(db: &mut Conn, scope: Scope) -> Result<Self, Error> {
        Ok(on!(db, |c| sqlx::query_as(
            "INSERT INTO head (scope, sequence, hash, time, facts_sequence, facts_hash)
             VALUES ($1, 0, $2, $3, 0, $4)
             ON CONFLICT (scope) DO UPDATE SET sequence = head.sequence
             RETURNING sequence, hash, time, facts_sequence, facts_hash"
        )
        .bind(scope.to_string())
        .bind(GENESIS.as_slice())
        .bind(Timestamp::EPOCH)
        .bind(GENESIS.as_slice())
        .fetch_one(c)
        .await)?)
    }
}

/// Writes the next entry of a scope; returns the scope's new head.
pub(crate) async fn append(db: &mut Conn, head: &Head, act: &Act, change: &Change) -> Result<Head, Error> {
    let mut personal = Personal::default();
    let mut content = json!({
        "actor": act.actor.to_string(),
        "on_behalf_of": act.on_behalf_of.as_ref().map(ToString::to_string),
        "method": act.method,
        "facts": change.facts,
        "resources": change.resources,
        "before": change.before,
        "after": change.after,
    });
    personal.take_from(&mut content);
    content["personal"] = personal.digests();
    let content = content.to_string();
    let sequence = head.sequence + 1;
    let time = act.time.max(head.time);
    let hash = chain(change.scope, sequence, time, &head.hash, &content).to_vec();
    let (facts_sequence, facts_hash) =
        if change.facts { (sequence, hash.clone()) } else { (head.facts_sequence, head.facts_hash.clone()) };
    let next = Head { sequence, hash, time, facts_sequence, facts_hash };
    insert(db, change.scope, &next, &content, &personal.to_json()).await?;
    Ok(next)
}

async fn insert(
    db: &mut Conn,
    scope: Scope,
    next: &Head,
    content: &str,
    personal: &str,
) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "INSERT INTO journal (scope, sequence, time, content, personal, hash) VALUES ($1, $2, $3, $4, $5, $6)"
    )
    .bind(scope.to_string())
    .bind(next.sequence)
    .bind(next.time)
    .bind(content)
    .bind(personal)
    .bind(&next.hash)
    .execute(c)
    .await
    .map(drop))?;
    on!(db, |c| {
        sqlx::query(
        "UPDATE head SET sequence = $2, hash = $3, time = $4, facts_sequence = $5, facts_hash = $6 WHERE scope = $1"
    )
    .bind(scope.to_string())
    .bind(next.sequence)
    .bind(&next.hash)
    .bind(next.time)
    .bind(next.facts_sequence)
    .bind(&next.facts_hash)
    .execute(c)
    .await
    .map(drop)
    })?;
    Ok(())
}

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
