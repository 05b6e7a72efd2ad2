use std::time::Duration;

use crate::load::in_turn;

/// How much longer a call may take at any size than at the smallest.
const GOAL: f64 = 1.2;
/// Calls of each kind at each size.
const CALLS: usize = 300;

/// Rows of times, a column for each size, against the smallest size.
pub(crate) struct Table {
    columns: Vec<String>,
    missed: Vec<String>,
}

impl Table {
    /// Prints the head.
    pub(crate) fn new(title: &str, sizes: &[String]) -> Self {
        println!("  {title}: the median of the smallest, then medians (99th percentiles) relative to it");
        let head: Vec<_> = sizes.iter().map(|size| format!("{size:>14}")).collect();
        println!("    {:<48}{}", "", head.concat());
        Self { columns: sizes.to_vec(), missed: Vec::new() }
    }

    /// Makes the calls for each size, those of all sizes in turn, and prints their times. There may be fewer sizes than
    /// columns: the first ones are then too small for this call.
    pub(crate) async fn row<T>(&mut self, what: &str, sizes: &[T], call: impl AsyncFn(&T)) {
        let times = in_turn(CALLS, sizes, call).await;
        let too_small = self.columns.len() - times.len();
        let mut cells = vec![format!("{:>14}", "-"); too_small];
        let (median, worst) = times[0];
        cells.push(format!("{:>14}", format!("{median:.2?}")));
        for ((own, own_worst), size) in times.iter().zip(&self.columns[too_small..]).skip(1) {
            let (ratio, worst) = (relative(*own, median), relative(*own_worst, worst));
            cells.push(format!("{:>14}", format!("{ratio:.2} ({worst:.2})")));
            if ratio > GOAL {
                self.missed.push(format!("{what}, {size}: {ratio:.2}"));
            }
        }
        println!("    {what:<48}{}", cells.concat());
    }

    /// Prints which medians missed the goal.
    pub(crate) fn end(self) {
        if self.missed.is_empty() {
            println!("    every median is at most {GOAL} times that of the smallest size");
        }
        for missed in self.missed {
            println!("    above {GOAL}: {missed}");
        }
    }
}

fn relative(time: Duration, to: Duration) -> f64 {
    time.as_secs_f64() / to.as_secs_f64()
}
