//! The table: medians of all rounds, and medians of the ratios to the echo of the same round.
use super::rounds::{Alone, Sample};

/// Prints the head.
pub(super) fn head() {
    println!(
        "  {:<64}{:>9}{:>8}{:>10}{:>12}{:>8}{:>11}{:>8}{:>10}{:>8}",
        "",
        "calls/s",
        "of echo",
        "µs a call",
        "PostgreSQL",
        "of echo",
        "µs median",
        "of echo",
        "µs a call",
        "of echo"
    );
    println!(
        "  {:<64}{:>17}{:>30}{:>37}",
        "", "many at once", "processor", "one after another, and its processor"
    );
}

/// Prints a line.
pub(super) fn row(what: &str, samples: &[Sample], echo: &[Sample]) {
    let own = |value: &dyn Fn(&Sample) -> Option<f64>| median(samples.iter().map(value));
    let ratio = |value: &dyn Fn(&Sample) -> Option<f64>| {
        median(samples.iter().zip(echo).map(|(own, echo)| Some(value(own)? / value(echo)?)))
    };
    let calls = |sample: &Sample| Some(sample.calls_per_second);
    let all = |sample: &Sample| Some(sample.all_processors());
    let latency = |sample: &Sample| sample.alone.as_ref().map(|Alone { median, .. }| *median);
    let alone = |sample: &Sample| sample.alone.as_ref().map(|Alone { processor, .. }| *processor);
    println!(
        "  {what:<64}{:>9}{:>8}{:>10}{:>12}{:>8}{:>11}{:>8}{:>10}{:>8}",
        cell(own(&calls), 0),
        cell(ratio(&calls), 2),
        cell(own(&|sample| Some(sample.processor)), 1),
        cell(own(&|sample| sample.database), 1),
        cell(ratio(&all), 2),
        cell(own(&latency), 0),
        cell(ratio(&latency), 2),
        cell(own(&alone), 0),
        cell(ratio(&alone), 2),
    );
    if let Some(changes) = own(&|sample| sample.changes) {
        println!("    with {changes:.0} changes a second");
    }
}

/// A figure, or a dash where there is none.
fn cell(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

/// The median, if there is one of each.
pub(super) fn median(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut values = values.collect::<Option<Vec<_>>>()?;
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
