//! `cargo xtask bench`: what devspaces costs, against baselines of the same run. Machines differ and are shared, so
//! what counts is the ratio; absolute figures are printed for orientation.
mod checks;
mod latency;
mod load;
mod scale;
mod sizes;
mod traces;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use devspaces_tests::Engine;
use tokio::runtime::{Builder, Runtime};

#[derive(Parser)]
struct Cli {
    /// Which one; all if none is named
    #[command(subcommand)]
    benchmark: Option<Benchmark>,
    /// Only on this engine, of those that are measured on both: sqlite or postgres
    #[arg(long, global = true, value_parser = engine)]
    engine: Option<Engine>,
}

fn engine(name: &str) -> Result<Engine, String> {
    let named = |engine: &Engine| format!("{engine:?}").eq_ignore_ascii_case(name);
    Engine::ALL.into_iter().find(named).ok_or_else(|| "must be sqlite or postgres".to_owned())
}

#[derive(Subcommand)]
enum Benchmark {
    /// Strict permission checks against a bare tonic call that answers the same message, with h2load
    Checks,
    /// The bare tonic call: this program once more, started by itself
    #[command(hide = true)]
    Echo,
    /// Whether pages and checks take as long with many groups, and how long a deactivation takes by what is held
    Groups,
    /// How long single calls take, one after another
    Latency,
    /// How much memory a process takes that is asked about a million people, on SQLite
    Memory,
    /// How long a billing run takes, over more and more spaces
    Runs,
    /// How long pages and checks take in large spaces, against small ones
    Scale,
    /// How many bytes the databases keep of each thing that is made, changed or reported
    Sizes,
    /// Strict permission checks whose traces are exported against those whose traces are not, on SQLite
    Traces,
    /// How many usage events are accepted in a second, against plain writing of the same rows
    Usage,
}

fn main() -> ExitCode {
    let Cli { benchmark, engine } = Cli::parse();
    match run(benchmark.as_ref(), engine) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benches: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(benchmark: Option<&Benchmark>, only: Option<Engine>) -> Result<(), String> {
    let checks = matches!(benchmark, None | Some(Benchmark::Checks));
    if checks {
        // Before anything else takes its time.
        two_threads().block_on(checks::h2load_is_installed())?;
    }
    match benchmark {
        Some(Benchmark::Echo) => every_core().block_on(checks::serve_echo()),
        Some(Benchmark::Checks | Benchmark::Memory | Benchmark::Traces) => {}
        _ => {
            for engine in Engine::ALL.into_iter().filter(|engine| only.is_none_or(|only| only == *engine)) {
                println!("{engine:?}");
                measure(benchmark, engine);
            }
        }
    }
    if checks {
        println!("Checks");
        two_threads().block_on(checks::run());
    }
    if matches!(benchmark, None | Some(Benchmark::Memory)) {
        println!("Memory");
        two_threads().block_on(checks::measure_memory());
    }
    if matches!(benchmark, None | Some(Benchmark::Traces)) {
        println!("Traces");
        two_threads().block_on(traces::run());
    }
    Ok(())
}

fn measure(benchmark: Option<&Benchmark>, engine: Engine) {
    if matches!(benchmark, None | Some(Benchmark::Latency)) {
        two_threads().block_on(latency::run(engine));
    }
    if matches!(benchmark, None | Some(Benchmark::Scale)) {
        one_thread().block_on(scale::run(engine));
    }
    if matches!(benchmark, None | Some(Benchmark::Groups)) {
        one_thread().block_on(scale::groups(engine));
    }
    if matches!(benchmark, None | Some(Benchmark::Sizes)) {
        two_threads().block_on(sizes::run(engine));
    }
    if matches!(benchmark, None | Some(Benchmark::Usage)) {
        two_threads().block_on(usage::run(engine));
    }
    if matches!(benchmark, None | Some(Benchmark::Runs)) {
        two_threads().block_on(usage::runs::run(engine));
    }
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// As the services have it.
fn every_core() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// For calls one after another that are compared closely: which thread serves which connection is chance, and lasts.
fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
