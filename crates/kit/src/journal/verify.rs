use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GENESIS, Stored, chain, personal::Personal};
use crate::{
    db::{Conn, Error},
    name::Scope,
    on,
};

/// Entries that are read at a time.
const PAGE: i64 = 1000;

/// The ends of a service's journals at one time. Signed, it later proves that nothing was cut off or rewritten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// By scope: the last entry's sequence and its hash in hexadecimal.
    pub heads: BTreeMap<String, (i64, String)>,
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
    /// It chains well but is not the entry that the checkpoint knows: the journal was rewritten from here or before.
    Rewritten,
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

/// Reads every journal of a service and holds it against its hashes, its heads and a checkpoint (R-J2).
pub async fn verify(db: &mut Conn, checkpoint: &Checkpoint) -> Result<Report, Error> {
    // The heads first: entries that are written meanwhile lie beyond them and are chained all the same.
    let mut expected = heads(db).await?.heads;
    let mut report = Report { scopes: expected.len() as u64, ..Report::default() };
    for scope in checkpoint.heads.keys() {
        expected.entry(scope.clone()).or_insert((0, String::new()));
    }
    for (scope, head) in expected {
        read_chain(db, &scope, head, checkpoint.heads.get(&scope), &mut report).await?;
    }
    for scope in scopes_without_head(db).await? {
        report.findings.push(Finding { scope, sequence: 1, problem: Problem::CutOff });
    }
    Ok(report)
}

/// Reads the journal of one scope and holds it against its hashes and its head (R-J2).
pub async fn verify_scope(db: &mut Conn, scope: Scope) -> Result<Report, Error> {
    let scope = scope.to_string();
    let head: Option<(i64, Vec<u8>)> =
        on!(db, |c| sqlx::query_as("SELECT sequence, hash FROM head WHERE scope = $1")
            .bind(&scope)
            .fetch_optional(c)
            .await)?;
    let mut report = Report { scopes: 1, ..Report::default() };
    let (sequence, hash) = head.unwrap_or_default();
    read_chain(db, &scope, (sequence, hex::encode(hash)), None, &mut report).await?;
    Ok(report)
}

async fn scopes_without_head(db: &mut Conn) -> Result<Vec<String>, Error> {
    Ok(on!(db, |c| sqlx::query_scalar(
        "SELECT DISTINCT j.scope FROM journal j LEFT JOIN head h ON h.scope = j.scope WHERE h.scope IS NULL"
    )
    .fetch_all(c)
    .await)?)
}

async fn read_chain(
    db: &mut Conn,
    scope: &str,
    head: (i64, String),
    known: Option<&(i64, String)>,
    report: &mut Report,
) -> Result<(), Error> {
    let finding = |sequence, problem| Finding { scope: scope.to_owned(), sequence, problem };
    let (mut sequence, mut hash) = (0, GENESIS.to_vec());
    loop {
        let page = entries(db, scope, sequence).await?;
        for entry in &page {
            if entry.sequence != sequence + 1 {
                report.findings.push(finding(sequence + 1, Problem::Missing));
            } else if !is_intact(entry, &hash) {
                report.findings.push(finding(entry.sequence, Problem::Changed));
            }
            let at = (entry.sequence, hex::encode(&entry.hash));
            for end in [Some(&head), known].into_iter().flatten() {
                if end.0 == at.0 && end.1 != at.1 {
                    report.findings.push(finding(at.0, Problem::Rewritten));
                }
            }
            report.entries += 1;
            (sequence, hash) = (entry.sequence, entry.hash.clone());
        }
        if page.is_empty() {
            break;
        }
    }
    let end = known.map_or(head.0, |known| known.0.max(head.0));
    if sequence < end {
        report.findings.push(finding(sequence + 1, Problem::CutOff));
    }
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
