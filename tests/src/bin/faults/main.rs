//! `cargo xtask faults`: what docs/reliability.md promises, tried on the composed suite, and on one whose databases are a
//! cluster (`--failover`). Services and databases are killed, restarted, frozen and cut off from each other while clients
//! write, read and revoke; then everything that was acknowledged is looked for. Needs root: networks are cut inside
//! namespaces.
mod calls;
mod cluster;
mod compose;
mod failover;
mod fault;
mod journal;
mod ports;
mod probes;
mod report;
mod revocations;
mod stack;
mod tally;
mod trial;
mod writers;

use std::{
    cell::RefCell,
    fmt,
    path::{Path, PathBuf},
    process::ExitCode,
    rc::Rc,
    time::Duration,
};

use clap::Parser;
use devspaces::{Service, keys as key_files};
use devspaces_kit::{
    clock::SystemClock,
    identity::{DevIssuer, SigningKey},
};
use tokio::task::{LocalSet, spawn_local};

use self::{
    calls::{GaveUp, Load},
    cluster::Cluster,
    compose::Compose,
    failover::Failover,
    fault::Composed,
    journal::{Seen, follow},
    ports::Ports,
    probes::Probes,
    stack::Stack,
    trial::{Course, Times},
};

/// What a step ends with: one line that says what went wrong, if anything did.
type Outcome<T = ()> = Result<T, String>;

/// Try faults on a composed suite that is up. It must let the services `metering` report usage, `operator` run billing and
/// grant credit, and `observer` follow the journals:
/// `DEVSPACES_SERVICE_PERMISSIONS=metering=usage.report,operator=billing.run,operator=billing.credit` and
/// `DEVSPACES_JOURNAL_WATCHERS=observer`.
#[derive(Parser)]
struct Cli {
    /// One fault of each kind, each for a few seconds
    #[arg(long)]
    quick: bool,
    /// Only faults whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// The compose project
    #[arg(long, env = "COMPOSE_PROJECT_NAME", default_value = "deploy")]
    project: String,
    /// The folder of the secrets
    #[arg(long, default_value = "deploy/secrets")]
    secrets: PathBuf,
    /// The folder of a cluster in place of a compose project: `deploy/ci/failover.sh` says what it holds
    #[arg(long, env = "DEVSPACES_CLUSTER", hide = true)]
    cluster: Option<PathBuf>,
}

impl Cli {
    fn times(&self) -> Times {
        let [before, cut, down, after] = match (&self.cluster, self.quick) {
            (None, false) => [4, 20, 3, 8],
            (None, true) => [1, 5, 1, 2],
            // Patroni lets a primary be replaced after 20 s.
            (Some(_), false) => [4, 40, 5, 8],
            (Some(_), true) => [1, 35, 2, 2],
        };
        let seconds = Duration::from_secs;
        Times { before: seconds(before), cut: seconds(cut), down: seconds(down), after: seconds(after) }
    }

    /// Those of these faults that were asked for.
    fn chosen<F: fmt::Display>(&self, all: Vec<F>, few: Vec<F>) -> Vec<F> {
        let faults = if self.quick { few } else { all };
        let chosen = |fault: &F| self.only.as_ref().is_none_or(|only| fault.to_string().contains(only));
        faults.into_iter().filter(chosen).collect()
    }
}

/// Tries every fault on what was named; whether all guarantees hold.
async fn run(cli: Cli) -> Outcome<bool> {
    if let Some(folder) = cli.cluster.clone() {
        let faults = cli.chosen(Failover::all(), Failover::few());
        let keys = folder.join("keys");
        return try_all(Cluster { folder }, &keys, faults, cli.times()).await;
    }
    let faults = cli.chosen(Composed::all(), Composed::few());
    let secrets = std::fs::canonicalize(&cli.secrets).map_err(|error| error.to_string())?;
    let (keys, times) = (secrets.join("keys"), cli.times());
    try_all(Compose { project: cli.project, secrets }, &keys, faults, times).await
}

async fn try_all<S: Stack>(stack: S, keys: &Path, faults: Vec<S::Fault>, times: Times) -> Outcome<bool> {
    let key = SigningKey::load(&keys.join(key_files::ISSUER)).map_err(|error| error.to_string())?;
    let ports = Ports::new(stack.authority().as_deref())?;
    ports.set(stack.addresses().await?);
    let load = Load::new(DevIssuer::new(key, SystemClock::shared()), ports.channels());
    println!("{}", stack.size().await?);
    let seen = Rc::new(RefCell::new(Seen::since(load.now())));
    for service in Service::ALL {
        spawn_local(follow(load.clone(), service, seen.clone()));
    }
    let probes = Probes::new(&load).await.map_err(|GaveUp| "the suite does not answer".to_owned())?;
    let course = Course { stack, ports, load, probes, seen, times };
    let (mut rows, mut writers) = (Vec::new(), Vec::new());
    for fault in faults {
        println!("{fault} …");
        match course.trial(&fault).await {
            Ok((row, wrote)) => {
                rows.push(row);
                writers.extend(wrote);
            }
            Err(error) => {
                report::print(&rows);
                return Err(error);
            }
        }
    }
    // What one fault left whole may have been lost in a later one.
    let (lost, surplus) = course.compare(&writers).await;
    report::print(&rows);
    let tried = |row: &report::Row| row.tally.acknowledged > 0 && row.tally.checks > 0;
    for row in rows.iter().filter(|row| !tried(row)) {
        println!("\n{}: NOTHING WAS ACKNOWLEDGED OR CHECKED, SO NOTHING IS SHOWN", row.fault);
    }
    let holds = lost + surplus == 0
        && !rows.is_empty()
        && rows.iter().all(|row| tried(row) && row.tally.findings.is_empty());
    println!("\n{}", if holds { "Every guarantee holds." } else { "A GUARANTEE IS BROKEN." });
    Ok(holds)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match LocalSet::new().run_until(Box::pin(run(Cli::parse()))).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}
