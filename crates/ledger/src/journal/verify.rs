use std::collections::{BTreeMap, BTreeSet};

use devspaces_kit::name::Scope;
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;

use super::{GENESIS, Stored, chain, personal::Personal};
use crate::{
    db::{Conn, Error, Pool},
    on,
};

/// Entries that are read at a time. Between two pages others get the connection, and the processor.
const PAGE: i64 = 200;

/// The end of a journal: the last entry's sequence, and its hash in hexadecimal.
pub type End = (i64, String);

/// The ends of a service's journals at one time. Signed, it later proves that nothing was cut off or rewritten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// By scope.
    pub heads: BTreeMap<String, End>,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Its bytes are not those that were chained.
    Changed,
    /// It is not there, though later ones are.
    Missing,
    /// It is not there, nor is anything after it, though the head or the checkpoint knows it.
    CutOff,
    /// It chains well but is not the entry that the head or a checkpoint knows: the journal was rewritten from here or
    /// before.
    Rewritten,
    /// It is there and the head does not know it: the head was removed or set back.
    Unknown,
}

/// Something that verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The scope whose journal it is.
    pub scope: String,
    /// The entry.
    pub sequence: i64,
    /// What is wrong.
    pub problem: Problem,
}

/// What verification read and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many scopes were read.
    pub scopes: u64,
    /// How many entries were read.
    pub entries: u64,
    /// What is wrong. Empty: nothing.
    pub findings: Vec<Finding>,
}

/// The ends of every journal now.
pub async fn heads(db: &mut Conn) -> Result<Checkpoint, Error> {
    let rows: Vec<(String, i64, Vec<u8>)> = on!(db, |c| sqlx::query_as(
        "SELECT scope, sequence, hash FROM head WHERE sequence > 0 ORDER BY scope"
    )
    .fetch_all(c)
    .await)?;
    let heads =
        rows.into_iter().map(|(scope, sequence, hash)| (scope, (sequence, hex::encode(hash)))).collect();
    Ok(Checkpoint { heads })
}

/// Reads every journal of a service and holds it against its hashes, its heads and all checkpoints (R-J2): what any
/// of them knows must still be there.
pub async fn verify(pool: &Pool, checkpoints: &[Checkpoint]) -> Result<Report, Error> {
    let mut db = pool.read().await?;
    let mut scopes: BTreeSet<String> =
        on!(db, |c| sqlx::query_scalar("SELECT scope FROM head UNION SELECT scope FROM journal")
            .fetch_all(c)
            .await)?
        .into_iter()
        .collect();
    drop(db);
    scopes.extend(checkpoints.iter().flat_map(|checkpoint| checkpoint.heads.keys().cloned()));
    let mut report = Report::default();
    for scope in scopes {
        let known: Vec<&End> =
            checkpoints.iter().filter_map(|checkpoint| checkpoint.heads.get(&scope)).collect();
        read_chain(pool, &scope, &known, &mut report).await?;
    }
    Ok(report)
}

/// Reads the journal of one scope and holds it against its hashes and its head (R-J2).
pub async fn verify_scope(pool: &Pool, scope: Scope) -> Result<Report, Error> {
    let mut report = Report::default();
    read_chain(pool, &scope.to_string(), &[], &mut report).await?;
    Ok(report)
}

/// A journal's end as its head tells it; 0 where there is no head.
async fn head(pool: &Pool, scope: &str) -> Result<End, Error> {
    let mut db = pool.read().await?;
    let head: Option<(i64, Vec<u8>)> =
        on!(db, |c| sqlx::query_as("SELECT sequence, hash FROM head WHERE scope = $1")
            .bind(scope)
            .fetch_optional(c)
            .await)?;
    let (sequence, hash) = head.unwrap_or_default();
    Ok((sequence, hex::encode(hash)))
}

async fn read_chain(pool: &Pool, scope: &str, known: &[&End], report: &mut Report) -> Result<(), Error> {
    let finding = |sequence, problem| Finding { scope: scope.to_owned(), sequence, problem };
    // Entries that are written meanwhile lie beyond this head, and not beyond the one that is read at the end.
    let before = head(pool, scope).await?;
    let ends: Vec<&End> = known.iter().copied().chain([&before]).collect();
    let (mut sequence, mut hash) = (0, GENESIS.to_vec());
    loop {
        let page = entries(&mut pool.read().await?, scope, sequence).await?;
        for entry in &page {
            if entry.sequence != sequence + 1 {
                report.findings.push(finding(sequence + 1, Problem::Missing));
            } else if !is_intact(entry, &hash) {
                report.findings.push(finding(entry.sequence, Problem::Changed));
            }
            let at = (entry.sequence, hex::encode(&entry.hash));
            if ends.iter().any(|end| end.0 == at.0 && end.1 != at.1) {
                report.findings.push(finding(at.0, Problem::Rewritten));
            }
            report.entries += 1;
            (sequence, hash) = (entry.sequence, entry.hash.clone());
        }
        if page.is_empty() {
            break;
        }
        yield_now().await;
    }
    let end = ends.iter().map(|end| end.0).max().unwrap_or_default();
    if sequence < end {
        report.findings.push(finding(sequence + 1, Problem::CutOff));
    }
    let after = head(pool, scope).await?;
    if sequence > after.0 {
        report.findings.push(finding(after.0 + 1, Problem::Unknown));
    }
    report.scopes += u64::from(sequence > 0 || end > 0);
    Ok(())
}

async fn entries(db: &mut Conn, scope: &str, after: i64) -> Result<Vec<Stored>, Error> {
    Ok(on!(db, |c| sqlx::query_as(
        "SELECT scope, sequence, time, content, personal, hash FROM journal
         WHERE scope = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
    )
    .bind(scope)
    .bind(after)
    .bind(PAGE)
    .fetch_all(c)
    .await)?)
}

fn is_intact(entry: &Stored, before: &[u8]) -> bool {
    let (Ok(scope), Some(content)) = (entry.scope.parse::<Scope>(), entry.content()) else { return false };
    let personal = serde_json::from_str::<Personal>(&entry.personal);
    chain(scope, entry.sequence, entry.time, before, &entry.content).as_slice() == entry.hash
        && personal.is_ok_and(|personal| personal.matches(&content["personal"]))
}
