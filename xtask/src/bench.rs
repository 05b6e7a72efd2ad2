use crate::{
    Outcome,
    postgres::Postgres,
    run::{cargo, step},
};

/// Runs the benchmarks, optimised as they would be in production, on both engines.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let postgres = Postgres::open()?;
    let mut bench =
        cargo(["run", "--release", "--package", "devspaces-benches", "--bin", "devspaces-benches", "--"]);
    step("benchmarks", postgres.tell(bench.args(args)))
}
