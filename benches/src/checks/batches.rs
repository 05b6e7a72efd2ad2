//! Batches: a hundred questions in each call.
use super::{
    h2load::{Shape, float, load},
    suites::Suite,
    table::median,
};

/// Questions in a batch.
const QUESTIONS: usize = 100;
/// Batches at once: a service may have 512 questions in progress by default.
const AT_ONCE: Shape = Shape { connections: 2, streams: 2 };
/// How often it is measured, and for how many seconds.
const ROUNDS: usize = 5;
const SECONDS: u32 = 3;
/// What an Admin may, asked by turns.
const PERMISSIONS: [&str; 4] = ["space.get", "space.settings.get", "members.list", "members.add"];

/// Measures the decisions of batches, asked by a service about one person and space.
pub(super) async fn measure(suite: &Suite) {
    let permissions: Vec<&str> = PERMISSIONS.into_iter().cycle().take(QUESTIONS).collect();
    let batch = suite.batch_by_service(&permissions);
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let load = load(&suite.target, &batch, AT_ONCE, SECONDS).await;
        let decisions = float(load.calls) * float(QUESTIONS as u64);
        let used = load.processor + load.database.unwrap_or_default();
        rates.push(Some(decisions / load.seconds));
        costs.push(Some(used.as_secs_f64() * 1e6 / decisions));
    }
    let [rate, cost] = [rates, costs].map(|values| median(values.into_iter()).unwrap_or_default());
    println!(
        "  {}: batches of {QUESTIONS}, {} at once: {rate:.0} decisions a second, {cost:.2} µs of processor each",
        suite.target.name,
        AT_ONCE.at_once(),
    );
}
