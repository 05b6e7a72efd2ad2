//! What the run showed, as a table of Markdown.
use std::{collections::BTreeMap, time::Duration};

use devspaces::Service;

use crate::tally::{Refusal, Tally};

/// What there was to see of one fault.
pub(crate) struct Row {
    pub(crate) fault: String,
    pub(crate) tally: Tally,
    /// How long each service took to be ready once the fault was mended.
    pub(crate) ready: BTreeMap<Service, Duration>,
    /// Acknowledged, and not there afterwards.
    pub(crate) lost: usize,
    /// There more often than they were acknowledged.
    pub(crate) surplus: usize,
    /// Effects that were not delivered after half a minute.
    pub(crate) undelivered: u64,
    /// Entries of all journals.
    pub(crate) entries: u64,
    /// Whether the journals are whole: chained, without gaps, and all of them seen by who follows them.
    pub(crate) whole: bool,
}

const HEADINGS: [&str; 17] = [
    "fault",
    "calls",
    "changes acknowledged",
    "UNAVAILABLE",
    "DEADLINE_ EXCEEDED",
    "RESOURCE_ EXHAUSTED",
    "no connection",
    "connection lost",
    "longest outage: space",
    "membership",
    "billing",
    "marketplace",
    "all ready after",
    "each kind of call answered after",
    "checks after a revocation, allowed",
    "changes lost, made twice",
    "effects left; journals",
];

/// Prints the table, and below it what is worth a sentence.
pub(crate) fn print(rows: &[Row]) {
    println!("\n| {} |", HEADINGS.join(" | "));
    println!("|{}", "---|".repeat(HEADINGS.len()));
    for row in rows {
        println!("| {} |", cells(row).join(" | "));
    }
    for row in rows.iter().filter(|row| !row.tally.broken.is_empty()) {
        println!("\n{}, connections lost:", row.fault);
        for (what, count) in &row.tally.broken {
            println!("  {count} × {what}");
        }
    }
    for row in rows.iter().filter(|row| !row.tally.findings.is_empty()) {
        println!("\n{}, FINDINGS:", row.fault);
        row.tally.findings.iter().for_each(|finding| println!("  {finding}"));
        if row.tally.untold() > 0 {
            println!("  and {} more", row.tally.untold());
        }
    }
}

fn cells(row: &Row) -> Vec<String> {
    let Row { fault, tally, .. } = row;
    let mut cells = vec![fault.clone(), tally.calls.to_string(), tally.acknowledged.to_string()];
    cells.extend(Refusal::ALL.map(|refusal| tally.count(refusal).to_string()));
    cells.extend(Service::ALL.map(|service| seconds(tally.outage(service))));
    let slowest = |times: Option<Duration>| times.map_or_else(|| "never".to_owned(), seconds);
    cells.push(slowest(row.ready.values().max().copied()));
    cells.push(slowest(tally.again.values().max().copied()));
    cells.push(format!("{}, {}", tally.checks, tally.stale));
    cells.push(format!("{}, {}", row.lost, row.surplus));
    let journals = if row.whole { "whole" } else { "NOT WHOLE" };
    cells.push(format!("{}; {journals}, {} entries", row.undelivered, row.entries));
    cells
}

fn seconds(time: Duration) -> String {
    if time.is_zero() { "0".to_owned() } else { format!("{:.1} s", time.as_secs_f64()) }
}
