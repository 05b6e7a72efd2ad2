//! The journal's entries: that they are chained, and what they vouch for.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    difference::{Difference, differs, same},
    export::{Entry, Event, Export, Invoice},
    time::{micros, month_before},
};

/// How the entry of an issue is meant.
const FORMAT: u8 = 1;
/// How the digests of events are made.
const EVENTS_FORMAT: u64 = 2;

/// What the entry of an invoice's issue keeps so that it can be recomputed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Proof {
    format: u8,
    /// How many lines, and their digest.
    pub(crate) lines: usize,
    pub(crate) digest: String,
    /// Of the rate cards' versions, their digests.
    pub(crate) rate_cards: BTreeMap<String, String>,
    pub(crate) credit_available: String,
    pub(crate) beside: Vec<Beside>,
}

/// What decides a line beside its events.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Beside {
    pub(crate) line: String,
    pub(crate) issued_quantity: String,
    pub(crate) issued_free_quantity: String,
    pub(crate) issued_free_quantity_elsewhere: String,
    pub(crate) shares: Vec<Share>,
}

/// What something that is not on the line uses up of its allowance.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Share {
    pub(crate) held_from: String,
    pub(crate) quantity: String,
    /// Whether it is what the space itself used before it had an account.
    pub(crate) own: bool,
}

/// The entries of an export that are about its invoice.
pub(crate) struct Journal {
    /// What each says of usage, by its sequence.
    vouched: BTreeMap<i64, Vouched>,
    /// The entry by which the invoice before was issued; 0 if none is there.
    pub(crate) issued_before: i64,
    pub(crate) proof: Proof,
    /// What the entry of the issue says of the invoice.
    pub(crate) issue: Value,
}

/// What an entry vouches for.
struct Vouched {
    voiding: bool,
    events: u64,
    digest: String,
    format: u64,
}

fn at(entry: &Entry) -> String {
    format!("entry {}", entry.sequence)
}

impl Journal {
    /// Checks that the entries are chained, that the heads are among them, and finds that of the issue.
    pub(crate) fn check(export: &Export, heads: &[(i64, String)]) -> Result<Self, Difference> {
        check_chain(export)?;
        let (mut vouched, mut issued_before, mut issue) = (BTreeMap::new(), 0, None);
        let month_before = month_before(&export.invoice.month).unwrap_or_default();
        for entry in &export.entries {
            let content: Value = serde_json::from_str(&entry.content)
                .map_err(|_| differs(at(entry), "content that is no JSON", "an entry"))?;
            let after = &content["after"];
            if let Some(of) = vouched_by(after) {
                vouched.insert(entry.sequence, of);
            }
            if after["proof"].is_object() && after["month"] == month_before {
                issued_before = entry.sequence;
            }
            if after["proof"].is_object() && after["invoice"] == export.invoice.name {
                issue = Some((entry, after.clone()));
                break;
            }
        }
        let (entry, issue) =
            issue.ok_or_else(|| differs(&export.invoice.name, "no entry of its issue", "one"))?;
        check_heads(export, heads, entry.sequence)?;
        let proof: Proof = serde_json::from_value(issue["proof"].clone())
            .map_err(|error| differs(at(entry), error, "what an invoice is recomputed by"))?;
        same(format!("{}, format", at(entry)), proof.format, FORMAT)?;
        Ok(Self { vouched, issued_before, proof, issue })
    }

    /// Holds the events against the entries that vouch for them.
    pub(crate) fn check_events(&self, events: &[Event]) -> Result<(), Difference> {
        let (mut seen, mut listed) = (BTreeSet::new(), BTreeMap::<i64, Vec<&Event>>::new());
        for event in events {
            if !seen.insert((&event.id, event.voiding)) {
                return Err(differs(of_event(event), "it twice", "once"));
            }
            match self.vouched.get(&event.sequence) {
                Some(of) if of.voiding == event.voiding => {
                    listed.entry(event.sequence).or_default().push(event);
                }
                _ => {
                    let said = format!("entry {} vouches for it", event.sequence);
                    return Err(differs(of_event(event), said, "none that does"));
                }
            }
        }
        for (sequence, of) in &self.vouched {
            let found = listed.remove(sequence).unwrap_or_default();
            let kind = if of.voiding { "voided events" } else { "events" };
            let at = format!("entry {sequence}");
            same(&at, format!("{} {kind}", found.len()), format!("{} {kind}", of.events))?;
            same(format!("{at}, digest_format"), of.format, EVENTS_FORMAT)?;
            let digest = digest(found)?;
            if digest != of.digest {
                let said = format!("{kind} of the digest {digest}");
                return Err(differs(at, said, format!("{}, which the entry has", of.digest)));
            }
        }
        Ok(())
    }
}

pub(crate) fn of_event(event: &Event) -> String {
    let what = if event.voiding { "voiding of event" } else { "event" };
    format!("{what} {:?} of entry {}", event.id, event.sequence)
}

fn vouched_by(after: &Value) -> Option<Vouched> {
    let (voiding, of) = if after["voided"].is_object() { (true, &after["voided"]) } else { (false, after) };
    Some(Vouched {
        voiding,
        events: of["events"].as_u64().filter(|events| *events > 0)?,
        digest: of["digest"].as_str()?.to_owned(),
        format: of["digest_format"].as_u64().unwrap_or(1),
    })
}

/// SHA-256 over a line for each event, in the order of their ids.
fn digest(mut events: Vec<&Event>) -> Result<String, Difference> {
    events.sort_unstable_by_key(|event| &event.id);
    let mut text = String::new();
    for event in events {
        let Event { id, app, meter, quantity, time, dimensions, .. } = event;
        let app = app.strip_prefix("apps/").unwrap_or(app);
        let meter = meter.strip_prefix("meters/").unwrap_or(meter);
        let micros = micros(time).ok_or_else(|| differs(of_event(event), time, "a time"))?;
        let dimensions = serde_json::to_string(dimensions).unwrap_or_default();
        // A String takes whatever is written to it.
        let _ = writeln!(text, "{id} {app} {meter} {quantity} {micros} {dimensions}");
    }
    Ok(hex::encode(Sha256::digest(text)))
}

/// Checks that no entry is missing, and that each has the hash that follows from it and the one before. The first has none
/// before it to follow from, unless it is the first of all.
fn check_chain(export: &Export) -> Result<(), Difference> {
    let mut before: Option<&Entry> = None;
    for entry in &export.entries {
        let previous = match before {
            Some(before) => {
                same("entry", entry.sequence, before.sequence + 1)?;
                Some(before.hash.clone())
            }
            None => (entry.sequence == 1).then(|| hex::encode([0; 32])),
        };
        if let Some(previous) = previous {
            let hash = chain(&export.invoice, entry, &previous)?;
            same(format!("{}, hash", at(entry)), &entry.hash, &hash)?;
        }
        before = Some(entry);
    }
    Ok(())
}

/// SHA-256 over parts, each after its length in 8 bytes.
fn chain(invoice: &Invoice, entry: &Entry, previous: &str) -> Result<String, Difference> {
    let previous =
        hex::decode(previous).map_err(|_| differs(at(entry), previous, "a hash in hexadecimal"))?;
    let scope = invoice.name.split_once("/billingAccount/").map_or("", |(space, _)| space);
    let sequence = entry.sequence.to_be_bytes();
    let parts = [
        b"devspaces.journal.v1".as_slice(),
        scope.as_bytes(),
        &sequence,
        entry.time.as_bytes(),
        &previous,
        entry.content.as_bytes(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Ok(hex::encode(hash.finalize()))
}

/// Holds entries against heads that are known from elsewhere. One of them must be that of the issue, or come after it: what
/// comes after the last that is known is not bound by any.
fn check_heads(export: &Export, heads: &[(i64, String)], issue: i64) -> Result<(), Difference> {
    let mut bound = heads.is_empty();
    for (sequence, hash) in heads {
        if let Some(entry) = export.entries.iter().find(|entry| entry.sequence == *sequence) {
            same(format!("{}, hash", at(entry)), &entry.hash, hash)?;
            bound |= *sequence >= issue;
        }
    }
    if bound {
        return Ok(());
    }
    let known: Vec<String> = heads.iter().map(|(sequence, _)| sequence.to_string()).collect();
    let last = export.entries.last().map_or(issue, |entry| entry.sequence);
    let said = format!("entries up to {last}, with that of the issue at {issue}");
    Err(differs("checkpoint", said, format!("a head among these, where it has {}", known.join(", "))))
}
