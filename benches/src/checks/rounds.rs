//! Everything that is compared takes turns, several times, so that whatever else the machine does disturbs all alike.
use super::{
    call::Question,
    changes::Changes,
    h2load::{Load, Shape, float, load},
    target::Target,
};

/// How often each line is measured.
pub(super) const ROUNDS: usize = 5;
/// How many seconds a measurement lasts with many calls at once, and with one after another.
const SECONDS: u32 = 4;
const SECONDS_ALONE: u32 = 2;

/// A line of the table: who is asked what, and how.
pub(super) struct Line {
    pub(super) what: String,
    pub(super) target: Target,
    pub(super) question: Question,
    pub(super) shape: Shape,
    /// What goes on meanwhile.
    pub(super) changes: Option<Changes>,
}

impl Line {
    pub(super) fn new(what: &str, target: &Target, question: Question, shape: Shape) -> Self {
        Self { what: what.to_owned(), target: target.clone(), question, shape, changes: None }
    }

    pub(super) fn while_changes(mut self, changes: Changes) -> Self {
        self.changes = Some(changes);
        self
    }
}

/// What was measured of a line in a round; times in microseconds.
pub(super) struct Sample {
    pub(super) calls_per_second: f64,
    /// For each call, of the processes that answer.
    pub(super) processor: f64,
    /// For each call, of the database's server.
    pub(super) database: Option<f64>,
    /// Of calls one after another.
    pub(super) alone: Option<Alone>,
    /// How many changes a second were made meanwhile.
    pub(super) changes: Option<f64>,
}

pub(super) struct Alone {
    pub(super) median: f64,
    /// For each call, of the processes that answer and of the database's server.
    pub(super) processor: f64,
}

impl Sample {
    pub(super) fn of(load: &Load) -> Self {
        Self {
            calls_per_second: float(load.calls) / load.seconds,
            processor: load.processor.as_secs_f64() * 1e6 / float(load.calls),
            database: load.database.map(|used| used.as_secs_f64() * 1e6 / float(load.calls)),
            alone: None,
            changes: None,
        }
    }

    /// What a call takes of the processors in all.
    pub(super) fn all_processors(&self) -> f64 {
        self.processor + self.database.unwrap_or_default()
    }
}

/// Measures the lines in turn; gives the samples of each.
pub(super) async fn measure(lines: &[Line]) -> Vec<Vec<Sample>> {
    for line in lines {
        load(&line.target, &line.question, line.shape, 1).await;
    }
    let mut samples: Vec<Vec<Sample>> = lines.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (line, samples) in lines.iter().zip(&mut samples) {
            samples.push(measured(line).await);
        }
    }
    samples
}

async fn measured(line: &Line) -> Sample {
    let Line { target, question, shape, .. } = line;
    if let Some(changes) = &line.changes {
        let changing = changes.begin();
        let load = load(target, question, *shape, SECONDS).await;
        let changed = changing.end().await;
        return Sample { changes: Some(changed), ..Sample::of(&load) };
    }
    let many = Sample::of(&load(target, question, *shape, SECONDS).await);
    let alone = load(target, question, Shape::ONE_AFTER_ANOTHER, SECONDS_ALONE).await;
    let processor = Sample::of(&alone).all_processors();
    let alone = alone.median.map(|median| Alone { median: median.as_secs_f64() * 1e6, processor });
    Sample { alone, ..many }
}
