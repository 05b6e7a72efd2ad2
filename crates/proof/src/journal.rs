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
    time::{micros, month_before, start},
};

/// How the entry of an issue is meant.
const FORMAT: u8 = 2;
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
    /// Since when the space has an account.
    pub(crate) account_since: String,
    /// The digest of what else than their events decides lines.
    pub(crate) beside: String,
}

/// Nothing that an invoice is made of is in an entry of longer before its month: an event may be stamped 5 minutes before it comes, and
/// the clocks of who takes it and of who notes it differ by less. In microseconds.
const AHEAD: i64 = 600_000_000;

/// The entries of an export that are about its invoice.
pub(crate) struct Journal {
    /// What each says of usage, by its sequence.
    vouched: BTreeMap<i64, Vouched>,
    /// The entry by which the invoice before was issued; 0 if none is there.
    pub(crate) issued_before: i64,
    pub(crate) proof: Proof,
    /// Since when the space has an account, in microseconds since 1970.
    pub(crate) account_since: i64,
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
        let earliest = start(&export.invoice.month)
            .ok_or_else(|| differs("month", &export.invoice.month, "a month"))?
            - AHEAD;
        check_start(export, earliest)?;
        let (mut vouched, mut issued_before, mut issue) = (BTreeMap::new(), 0, None);
        let month_before = month_before(&export.invoice.month).unwrap_or_default();
        for entry in &export.entries {
            let content: Value = serde_json::from_str(&entry.content)
                .map_err(|_| differs(at(entry), "content that is no JSON", "an entry"))?;
            let after = &content["after"];
            let counts = micros(&entry.time).is_some_and(|time| time >= earliest);
            if let Some(of) = vouched_by(after).filter(|_| counts) {
                vouched.insert(entry.sequence, of);
            }
            if is_issue(&content) && after["month"] == month_before {
                issued_before = entry.sequence;
            }
            if is_issue(&content) && after["invoice"] == export.invoice.name {
                issue = Some((entry, after.clone()));
                break;
            }
        }
        let (entry, issue) =
            issue.ok_or_else(|| differs(&export.invoice.name, "no entry of its issue", "one"))?;
        if issued_before == 0 && issue["number"].as_i64().is_some_and(|number| number > 1) {
            return Err(differs(at(entry), "no entry of the issue of the invoice before", "one"));
        }
        check_heads(export, heads, entry.sequence)?;
        let proof: Proof = serde_json::from_value(issue["proof"].clone())
            .map_err(|error| differs(at(entry), error, "what an invoice is recomputed by"))?;
        same(format!("{}, format", at(entry)), proof.format, FORMAT)?;
        let account_since = account_since(export, &proof)?;
        Ok(Self { vouched, issued_before, proof, account_since, issue })
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

/// Since when the space has an account, by the entry of the issue, which must agree with that of the account's birth: that is among the entries,
/// or before them.
fn account_since(export: &Export, proof: &Proof) -> Result<i64, Difference> {
    let at = "entry of the issue, account_since";
    let read = |text: &str| micros(text).ok_or_else(|| differs(at, text, "a time"));
    let (said, since) = (&proof.account_since, read(&proof.account_since)?);
    let account = export.invoice.name.split_once("/invoices/").map_or("", |(account, _)| account);
    let mut before = i64::MIN;
    for entry in &export.entries {
        let time = read(&entry.time)?;
        if is_birth(entry, account) {
            // One that follows at the same moment was made earlier, if the clock was ahead before.
            let holds = since == time || since < time && time == before;
            return if holds { Ok(since) } else { Err(differs(at, said, &entry.time)) };
        }
        before = time;
    }
    match export.entries.first() {
        Some(first) if first.sequence == 1 => Err(differs(at, said, "no entry of the account's birth")),
        Some(first) if since > read(&first.time)? => Err(differs(at, said, "a time before the entries")),
        _ => Ok(since),
    }
}

/// Whether by an entry an account was opened.
fn is_birth(entry: &Entry, account: &str) -> bool {
    let content: Value = serde_json::from_str(&entry.content).unwrap_or_default();
    content["resources"][0] == account
        && content["before"].is_null()
        && content["after"]["terms_version"].is_string()
}

/// Whether by an entry an invoice came to be issued: what has a number never changes back. Entries of before there were proofs
/// have none.
fn is_issue(content: &Value) -> bool {
    content["after"]["invoice"].is_string()
        && content["after"]["number"].is_number()
        && !content["before"]["number"].is_number()
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

/// Checks that no entry is missing, and that each has the hash that follows from it and the one before.
fn check_chain(export: &Export) -> Result<(), Difference> {
    let mut before: Option<&Entry> = None;
    for entry in &export.entries {
        let previous = match (before, &export.before) {
            (Some(before), _) => {
                same("entry", entry.sequence, before.sequence + 1)?;
                before.hash.clone()
            }
            (None, _) if entry.sequence == 1 => hex::encode([0; 32]),
            (None, Some(before)) => before.hash.clone(),
            (None, None) => return Err(differs(at(entry), "no hash before it", "one")),
        };
        let hash = chain(&export.invoice, entry, &previous)?;
        same(format!("{}, hash", at(entry)), &entry.hash, &hash)?;
        before = Some(entry);
    }
    Ok(())
}

/// Checks that the entries begin before all that the invoice can be made of.
fn check_start(export: &Export, earliest: i64) -> Result<(), Difference> {
    let Some(first) = export.entries.first() else { return Ok(()) };
    if first.sequence == 1 || micros(&first.time).is_some_and(|time| time < earliest) {
        return Ok(());
    }
    let said = format!("that it is the first, of {}", first.time);
    Err(differs(at(first), said, "one of more than 10 minutes before the month, or the first of all"))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // R-B16: also by entries of before there were proofs, and not by those of payments.
    #[test]
    fn an_invoice_is_issued_by_the_entry_that_gives_it_a_number() {
        let draft = json!({"invoice": "i", "number": null, "state": "DRAFT"});
        let issued = json!({"invoice": "i", "number": 1, "state": "OPEN"});
        let entry = |before: &Value, after: &Value| json!({"before": before, "after": after});
        for (before, after, expected) in [
            (&Value::Null, &draft, false),
            (&Value::Null, &issued, true),
            (&draft, &issued, true),
            (&issued, &issued, false),
            (&Value::Null, &json!({"number": 1, "amount": "1.00"}), false),
        ] {
            assert_eq!(is_issue(&entry(before, after)), expected, "{before} {after}");
        }
    }
}
