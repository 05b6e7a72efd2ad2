//! What came of it, as a table.
use std::time::Duration;

use crate::victim::{Seen, Work};

/// The most memory that the attacked process may have, in bytes.
const MEMORY: u64 = 400 * 1024 * 1024;
/// How many times its quiet p99 the victim's may become.
const SLOWER: f64 = 5.0;
/// Of how many of the victim's calls one may be refused, where times decide. Else none may.
const REFUSED: usize = 1000;
/// Of how few of the victim's calls nothing can be told.
const FEW: usize = 50;

/// One attack.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    /// How many answers it may be given, if it reads none.
    pub(crate) held: Option<u64>,
    pub(crate) seen: Seen,
    /// In bytes.
    pub(crate) memory: u64,
}

fn ms(time: Option<Duration>) -> String {
    time.map_or_else(|| "none".to_owned(), |time| format!("{:.1}", time.as_secs_f64() * 1000.0))
}

/// How many times slower each kind of work was than when it was quiet.
fn times_slower(quiet: &Seen, now: &Seen) -> [f64; 3] {
    Work::ALL.map(|work| match (quiet.p99(work), now.p99(work)) {
        (Some(quiet), Some(now)) => now.as_secs_f64() / quiet.as_secs_f64(),
        _ => f64::INFINITY,
    })
}

fn p99(seen: &Seen) -> String {
    Work::ALL.map(|work| ms(seen.p99(work))).join(", ")
}

impl Row {
    /// Whether the victim had so few calls that refusals and times say nothing.
    fn few(&self) -> bool {
        self.seen.calls() < FEW
    }

    /// What was missed.
    fn missed(&self, quiet: &Seen, timed: bool) -> Vec<&'static str> {
        let refused = if timed {
            self.seen.refused * REFUSED > self.seen.calls()
        } else {
            self.seen.refused > 0 && !self.few()
        };
        let slow = times_slower(quiet, &self.seen).into_iter().any(|times| times >= SLOWER);
        [
            (self.seen.answered() == 0, "NO CALL WAS ANSWERED"),
            (refused, "CALLS WERE REFUSED"),
            (self.memory > MEMORY, "MEMORY"),
            (self.held.is_some_and(|most| self.answered > most), "TOO MANY UNREAD ANSWERS"),
            (timed && self.few(), "TOO FEW CALLS"),
            (timed && slow, "SLOW"),
        ]
        .into_iter()
        .filter_map(|(missed, what)| missed.then_some(what))
        .collect()
    }

    fn print(&self, quiet: &Seen, missed: &[&str]) {
        let verdict = match missed {
            [] if self.few() => "too few to tell".to_owned(),
            [] => "borne".to_owned(),
            missed => missed.join(", "),
        };
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {verdict} |",
            self.name,
            self.answered + self.refused,
            self.refused,
            self.seen.calls(),
            self.seen.refused,
            self.seen.late,
            p99(&self.seen),
            times_slower(quiet, &self.seen).map(|times| format!("{times:.1}")).join(", "),
            self.memory >> 20,
        );
    }
}

/// Prints the table; whether everything was borne. `timed`: whether times decide, too.
pub(crate) fn print(quiet: &Seen, rows: &[Row], timed: bool) -> bool {
    println!("\nQuiet: {} calls, p99 of reads, writes and long messages {} ms\n", quiet.calls(), p99(quiet));
    println!(
        "| Attack | its calls | refused | victim's calls | refused | late | p99 of reads, writes and long messages, ms \
         | times slower | MiB | |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut borne = true;
    for row in rows {
        let missed = row.missed(quiet, timed);
        borne &= missed.is_empty();
        row.print(quiet, &missed);
    }
    println!();
    borne
}
