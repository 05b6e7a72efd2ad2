//! The ends of scopes' journals: who holds them writes on.
use std::{collections::HashMap, sync::LazyLock};

use devspaces_kit::{clock::Timestamp, name::Scope};
use serde_json::json;

use super::{GENESIS, chain, personal::Personal};
use crate::{
    act::{Act, Change},
    db::{Conn, Error, RowsSql, Value},
};

/// The end of a scope's journal, as the writer of the scope sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Head {
    pub(crate) sequence: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) time: Timestamp,
    facts_sequence: i64,
    facts_hash: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct HeadRow {
    scope: String,
    #[sqlx(flatten)]
    head: Head,
}

// The place puts the rows in the order in which they are locked.
static LOCK: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["scope", "hash", "time"],
        "INSERT INTO head (scope, sequence, hash, time, facts_sequence, facts_hash)
         SELECT scope, 0, hash, time, 0, hash FROM wanted WHERE TRUE ORDER BY place
         ON CONFLICT (scope) DO UPDATE SET sequence = head.sequence
         RETURNING scope, sequence, hash, time, facts_sequence, facts_hash",
    )
});

/// Makes the caller's transaction the only writer of these scopes until it ends. It locks them in the order in which they
/// are given, and each is given once.
pub(crate) async fn lock(db: &mut Conn, scopes: &[Scope]) -> Result<Vec<(Scope, Head)>, Error> {
    let values =
        |scope: &Scope| [scope.to_string().into(), GENESIS.as_slice().into(), Timestamp::EPOCH.into()];
    let rows: Vec<HeadRow> = LOCK.fetch_all(db, scopes, values).await?;
    let mut locked: HashMap<_, _> = rows.into_iter().map(|row| (row.scope, row.head)).collect();
    let head = |scope: &Scope| Some((*scope, locked.remove(&scope.to_string())?));
    scopes.iter().map(head).collect::<Option<_>>().ok_or_else(|| Error::Defect(sqlx::Error::RowNotFound))
}

/// The next entry of a scope, with the head that the scope has after it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) scope: Scope,
    pub(crate) head: Head,
    content: String,
    personal: String,
}

impl Draft {
    /// What comes after this head.
    pub(crate) fn after(head: &Head, act: &Act, change: &Change) -> Self {
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
        let (facts_sequence, facts_hash) = if change.facts {
            (sequence, hash.clone())
        } else {
            (head.facts_sequence, head.facts_hash.clone())
        };
        let head = Head { sequence, hash, time, facts_sequence, facts_hash };
        Self { scope: change.scope, head, content, personal: personal.to_json() }
    }

    /// The entry's row.
    fn entry(&self) -> [Value<'_>; 6] {
        let Self { scope, head, content, personal } = self;
        [
            scope.to_string().into(),
            head.sequence.into(),
            head.time.into(),
            content.into(),
            personal.into(),
            head.hash.as_slice().into(),
        ]
    }

    /// The row of the head.
    fn next_head(&self) -> [Value<'_>; 6] {
        let Self { scope, head, .. } = self;
        [
            scope.to_string().into(),
            head.sequence.into(),
            head.hash.as_slice().into(),
            head.time.into(),
            head.facts_sequence.into(),
            head.facts_hash.as_slice().into(),
        ]
    }
}

static ENTRIES: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "entry",
        &["scope", "sequence", "time", "content", "personal", "hash"],
        "INSERT INTO journal (scope, sequence, time, content, personal, hash)
         SELECT scope, sequence, time, content, personal, hash FROM entry",
    )
});

static HEADS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "next",
        &["scope", "sequence", "hash", "time", "facts_sequence", "facts_hash"],
        "INSERT INTO head (scope, sequence, hash, time, facts_sequence, facts_hash)
         SELECT scope, sequence, hash, time, facts_sequence, facts_hash FROM next WHERE TRUE
         ON CONFLICT (scope) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash, time = excluded.time,
           facts_sequence = excluded.facts_sequence, facts_hash = excluded.facts_hash",
    )
});

/// Writes the next entries of scopes that the caller's transaction holds, and their new heads; one for each scope.
pub(crate) async fn append(db: &mut Conn, drafts: &[Draft]) -> Result<(), Error> {
    ENTRIES.execute(db, drafts, Draft::entry).await?;
    HEADS.execute(db, drafts, Draft::next_head).await.map(drop)
}
