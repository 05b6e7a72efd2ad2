//! What a gate counts and measures of the owners of facts that it asks.
use std::{sync::LazyLock, time::Duration};

use devspaces_kit::metrics::{Label, seconds};
use prometheus_client::metrics::{counter::Counter, family::Family, histogram::Histogram};

pub use list::ALL;

mod list {
    use devspaces_kit::declare_metrics;

    declare_metrics! {
        QUESTIONS Histogram "devspaces_gate_revalidate_questions" ["owner"]
            "Questions that share one Revalidate call to an owner of facts";
        REVALIDATE Histogram "devspaces_gate_revalidate_duration_seconds" ["owner"]
            "Time that an owner of facts took to answer a Revalidate call";
        ANSWERS Counter "devspaces_gate_answers_total" ["owner" "answer"]
            "Answers by an owner of facts: unchanged from what the gate remembered, or changed";
        MISSING Counter "devspaces_gate_facts_missing_total" ["owner"]
            "Questions that an owner of facts did not answer; whoever asked went without its facts";
    }
}

/// Up to the most that one call takes.
const QUESTIONS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

#[derive(Debug)]
struct Metrics {
    questions: Family<[Label; 1], Histogram, fn() -> Histogram>,
    revalidate: Family<[Label; 1], Histogram, fn() -> Histogram>,
    answers: Family<[Label; 2], Counter>,
    missing: Family<[Label; 1], Counter>,
}

fn questions() -> Histogram {
    Histogram::new(QUESTIONS)
}

impl Metrics {
    fn new() -> Self {
        Self {
            questions: list::QUESTIONS.register(Family::new_with_constructor(questions)),
            revalidate: list::REVALIDATE.register(Family::new_with_constructor(seconds)),
            answers: list::ANSWERS.register(Family::default()),
            missing: list::MISSING.register(Family::default()),
        }
    }
}

/// A gate asks this owner of facts from now on.
pub(crate) fn asking(owner: &'static str) {
    drop(METRICS.missing.get_or_create(&[("owner", owner)]));
}

/// An owner of facts has answered a call with so many questions: of so many that nothing has changed.
pub(crate) fn revalidated(owner: &'static str, questions: usize, unchanged: usize, after: Duration) {
    revalidating(owner, questions, after);
    let answers = |answer, count: usize| {
        METRICS.answers.get_or_create(&[("owner", owner), ("answer", answer)]).inc_by(count as u64);
    };
    answers("unchanged", unchanged);
    answers("changed", questions.saturating_sub(unchanged));
}

/// An owner of facts has not answered a call with so many questions.
pub(crate) fn not_revalidated(owner: &'static str, questions: usize, after: Duration) {
    revalidating(owner, questions, after);
    METRICS.missing.get_or_create(&[("owner", owner)]).inc_by(questions as u64);
}

fn revalidating(owner: &'static str, questions: usize, after: Duration) {
    let owner = [("owner", owner)];
    #[expect(clippy::cast_precision_loss, reason = "a call takes a few hundred questions")]
    METRICS.questions.get_or_create(&owner).observe(questions as f64);
    METRICS.revalidate.get_or_create(&owner).observe(after.as_secs_f64());
}
