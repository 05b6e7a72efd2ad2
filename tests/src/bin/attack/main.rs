//! `cargo xtask attack`: one client tries to take the rest down, in every way that is known here, while another measures
//! its own calls. On loopback, against a suite of its own with modest data, for a bounded time. The attacks come from
//! another address of loopback than the victim's calls.
mod callers;
mod once;
mod report;
mod strangers;
mod target;
mod victim;
mod wire;

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::Parser;
use tokio::{task::JoinSet, time::sleep};

use self::{report::Row, target::Target, victim::Victim};

/// What a step ends with: one line that says what went wrong, if anything did.
type Outcome<T = ()> = Result<T, String>;

/// How long an attack goes on before the victim's calls count.
const ONSET: Duration = Duration::from_millis(500);
/// Between two attacks, so that each has its own effect.
const LULL: Duration = Duration::from_secs(1);

/// Attack a suite that is started for it.
#[derive(Parser)]
struct Cli {
    /// Each attack for a moment, for CI: times are told and decide nothing
    #[arg(long)]
    quick: bool,
    /// Only attacks whose name contains this
    #[arg(long)]
    only: Option<String>,
}

/// How much of everything.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// How long the victim is watched in each case.
    lasting: Duration,
    /// Spaces of the attacker.
    spaces: usize,
    /// Entries in the journal of one of them.
    entries: usize,
    /// Connections that say nothing.
    connections: usize,
}

const QUICK: Size =
    Size { lasting: Duration::from_millis(2500), spaces: 150, entries: 300, connections: 400 };
const FULL: Size = Size { lasting: Duration::from_secs(10), spaces: 3000, entries: 5000, connections: 800 };

/// What an attack has done.
#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<[AtomicU64; 2]>);

impl Counts {
    pub(crate) fn count(&self, refused: bool) {
        self.0[usize::from(refused)].fetch_add(1, Ordering::Relaxed);
    }

    fn answered(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }

    fn refused(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }
}

/// What goes on until it is dropped.
pub(crate) type Attack = JoinSet<()>;

async fn trial(target: &Target, victim: &mut Victim, size: Size, case: &callers::Case) -> Outcome<Row> {
    let counts = Counts::default();
    let attack = case.start(target, size, &counts).await?;
    sleep(ONSET).await;
    let (seen, memory) = tokio::join!(victim.watch(size.lasting), target.memory(size.lasting));
    drop(attack);
    sleep(LULL).await;
    let (answered, refused) = (counts.answered(), counts.refused());
    Ok(Row { name: case.name, answered, refused, seen, memory: memory? })
}

/// Tries every attack; whether all were borne.
async fn run(cli: Cli) -> Outcome<bool> {
    let size = if cli.quick { QUICK } else { FULL };
    let chosen = |name: &str| cli.only.as_ref().is_none_or(|only| name.contains(only));
    let target = Target::start().await?;
    let mut victim = Victim::new(&target).await?;
    callers::prepare(&target, size).await?;
    // Connections and caches are warm when it is first quiet.
    victim.watch(size.lasting / 2).await;
    let quiet = victim.watch(size.lasting).await;
    let mut rows = Vec::new();
    for case in callers::CASES.iter().chain(strangers::CASES).filter(|case| chosen(case.name)) {
        println!("{} …", case.name);
        rows.push(trial(&target, &mut victim, size, case).await?);
    }
    let mut borne = report::print(&quiet, &rows, !cli.quick);
    for (name, outcome) in once::all(&target, chosen).await {
        println!(
            "{name}: {}",
            outcome.as_ref().map_or_else(|missed| format!("MISSED: {missed}"), Clone::clone)
        );
        borne &= outcome.is_ok();
    }
    let ended = target.stop().await;
    println!(
        "an end in order afterwards: {}",
        ended.as_ref().map_or_else(Clone::clone, |()| "yes".to_owned())
    );
    Ok(borne && ended.is_ok())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("AN ATTACK WAS NOT BORNE.");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("attack: {error}");
            ExitCode::FAILURE
        }
    }
}
