//! What came of it, as a table.
use std::time::Duration;

use crate::victim::{Seen, p99};

/// The most memory that the attacked process may have, in bytes.
const MEMORY: u64 = 400 * 1024 * 1024;
/// How many times its quiet p99 the victim's may become.
const SLOWER: f64 = 5.0;
/// Of how many of the victim's calls one may be refused.
const REFUSED: usize = 1000;

/// One attack.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) seen: Seen,
    /// In bytes.
    pub(crate) memory: u64,
}

fn ms(time: Option<Duration>) -> String {
    time.map_or_else(|| "none".to_owned(), |time| format!("{:.1}", time.as_secs_f64() * 1000.0))
}

fn times_slower(quiet: &[Duration], now: &[Duration]) -> f64 {
    match (p99(quiet), p99(now)) {
        (Some(quiet), Some(now)) => now.as_secs_f64() / quiet.as_secs_f64(),
        _ => f64::INFINITY,
    }
}

impl Row {
    /// What was missed.
    fn missed(&self, quiet: &Seen, timed: bool) -> Vec<&'static str> {
        let slower =
            times_slower(&quiet.reads, &self.seen.reads).max(times_slower(&quiet.writes, &self.seen.writes));
        [
            (self.seen.calls() == self.seen.refused, "NO CALL WAS ANSWERED"),
            (self.seen.refused * REFUSED > self.seen.calls(), "CALLS WERE REFUSED"),
            (self.memory > MEMORY, "MEMORY"),
            (timed && slower >= SLOWER, "SLOW"),
        ]
        .into_iter()
        .filter_map(|(missed, what)| missed.then_some(what))
        .collect()
    }
}

/// Prints the table; whether everything was borne. `timed`: whether times decide, too.
pub(crate) fn print(quiet: &Seen, rows: &[Row], timed: bool) -> bool {
    println!(
        "\nQuiet: {} calls, p99 of reads {} ms, of writes {} ms\n",
        quiet.calls(),
        ms(p99(&quiet.reads)),
        ms(p99(&quiet.writes))
    );
    println!(
        "| Attack | its calls | refused | victim's calls | refused | reads p99, ms | writes p99, ms | times slower | MiB | |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut borne = true;
    for row in rows {
        let missed = row.missed(quiet, timed);
        borne &= missed.is_empty();
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {:.1}, {:.1} | {} | {} |",
            row.name,
            row.answered + row.refused,
            row.refused,
            row.seen.calls(),
            row.seen.refused,
            ms(p99(&row.seen.reads)),
            ms(p99(&row.seen.writes)),
            times_slower(&quiet.reads, &row.seen.reads),
            times_slower(&quiet.writes, &row.seen.writes),
            row.memory >> 20,
            if missed.is_empty() { "borne".to_owned() } else { missed.join(", ") }
        );
    }
    println!();
    borne
}
