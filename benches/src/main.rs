//! `cargo xtask bench`: what devspaces costs, against baselines of the same run. Machines differ and are shared, so
//! what counts is the ratio; absolute figures are printed for orientation.
mod checks;
mod latency;
mod load;
mod scale;

use clap::{Parser, Subcommand};
use devspaces_tests::Engine;

#[derive(Parser)]
struct Cli {
    /// Which one; both if none is named
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
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let benchmark = Cli::parse().benchmark;
    for engine in Engine::ALL {
        println!("{engine:?}");
        if matches!(benchmark, None | Some(Benchmark::Latency)) {
            latency::run(engine).await;
        }
        if matches!(benchmark, None | Some(Benchmark::Checks)) {
            checks::run(engine).await;
        }
        if matches!(benchmark, None | Some(Benchmark::Scale)) {
            scale::run(engine).await;
        }
    }
}
