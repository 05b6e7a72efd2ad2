//! `cargo xtask bench`: what devspaces costs, against baselines of the same run. Machines differ and are shared, so
//! what counts is the ratio; absolute figures are printed for orientation.
mod checks;
mod latency;
mod load;
mod scale;
mod traces;
mod usage;

use clap::{Parser, Subcommand};
use devspaces_tests::Engine;
use tokio::runtime::{Builder, Runtime};

#[derive(Parser)]
struct Cli {
    /// Which one; all if none is named
    #[command(subcommand)]
    benchmark: Option<Benchmark>,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Strict permission checks against a bare tonic call that answers the same message
    Checks,
    /// How long single calls take, one after another
    Latency,
    /// How long pages and checks take in large spaces, against small ones
    Scale,
    /// Strict permission checks whose traces are exported against those whose traces are not, on SQLite
    Traces,
    /// How many usage events are accepted in a second, against plain writing of the same rows; and a billing run
    Usage,
}

fn main() {
    let benchmark = Cli::parse().benchmark;
    if !matches!(benchmark, Some(Benchmark::Traces)) {
        for engine in Engine::ALL {
            println!("{engine:?}");
            measure(benchmark.as_ref(), engine);
        }
    }
    if matches!(benchmark, None | Some(Benchmark::Traces)) {
        println!("Traces");
        two_threads().block_on(traces::run());
    }
}

fn measure(benchmark: Option<&Benchmark>, engine: Engine) {
    if matches!(benchmark, None | Some(Benchmark::Latency)) {
        two_threads().block_on(latency::run(engine));
    }
    if matches!(benchmark, None | Some(Benchmark::Checks)) {
        two_threads().block_on(checks::run(engine));
    }
    if matches!(benchmark, None | Some(Benchmark::Scale)) {
        one_thread().block_on(scale::run(engine));
    }
    if matches!(benchmark, None | Some(Benchmark::Usage)) {
        two_threads().block_on(usage::run(engine));
    }
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// For calls one after another that are compared closely: which thread serves which connection is chance, and lasts.
fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
