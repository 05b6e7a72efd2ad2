use std::{env, process::Command};

use crate::{
    Outcome,
    postgres::Postgres,
    run::{cargo, root, step, target},
};

/// The variable that names the devspaces to measure, where it is run as a process.
const BINARY: &str = "DEVSPACES_BIN";

/// Runs the benchmarks, optimised as they would be in production, on both engines.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let postgres = Postgres::open()?;
    step("build", &mut cargo(["build", "--release", "--workspace", "--bins"]))?;
    let products = target()?.join("release");
    let mut bench = Command::new(products.join("devspaces-benches"));
    bench.args(args).current_dir(root());
    if env::var_os(BINARY).is_none() {
        bench.env(BINARY, products.join("devspaces"));
    }
    step("benchmarks", postgres.tell(&mut bench))
}
