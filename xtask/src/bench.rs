use crate::{
    Outcome,
    run::{cargo, quiet},
};

/// Runs the benchmarks, optimised as they would be in production.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let bench = ["run", "--release", "--package", "devspaces-benches", "--"];
    quiet("benchmarks", cargo(bench).args(args))
}
