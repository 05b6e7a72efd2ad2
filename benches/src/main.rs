//! `cargo xtask bench`: what devspaces costs, against baselines of the same run. Machines differ and are shared, so
//! what counts is the ratio; absolute figures are printed for orientation.
mod checks;
mod latency;
mod load;
mod scale;
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
    /// How many usage events are accepted in a second, against plain writing of the same rows
    Usage,
}

fn main() {
    let benchmark = Cli::parse().benchmark;
    for engine in Engine::ALL {
        println!("{engine:?}");
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
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// For calls one after another that are compared closely: which thread serves which connection is chance, and lasts.
fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
