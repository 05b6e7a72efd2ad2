//! `cargo xtask attack`: one client tries to take the rest down, in every way that is known here, while another measures
//! its own calls. On loopback, against a suite of its own with modest data, for a bounded time. The attacks come from
//! another address of loopback than the victim's calls.
mod attacker;
mod callers;
mod case;
mod data;
mod memory;
mod once;
mod report;
mod strangers;
mod target;
mod unread;
mod victim;
mod wire;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use tokio::time::sleep;

use self::{
    attacker::{Attacker, Briefing},
    case::Case,
    report::Row,
    target::Target,
    victim::Victim,
};

/// What a step ends with: one line that says what went wrong, if anything did.
type Outcome<T = ()> = Result<T, String>;

/// Attack a suite that is started for it.
#[derive(Parser)]
#[command(disable_help_subcommand = true)]
struct Cli {
    /// Each attack for a moment, for CI: times are told and decide nothing
    #[arg(long)]
    quick: bool,
    /// Only attacks whose name contains this
    #[arg(long)]
    only: Option<String>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What this program is when it has started itself.
#[derive(Subcommand)]
enum Part {
    /// Attacks as the standard input says
    #[command(hide = true)]
    Attacker { case: String },
}

/// How much of everything.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// How long an attack goes on before the victim's calls count.
    onset: Duration,
    /// How long the victim is watched in each case.
    lasting: Duration,
    /// Between two attacks, so that each has its own effect.
    lull: Duration,
    /// Spaces of the attacker.
    spaces: usize,
    /// Entries in the journal of one of them.
    entries: u32,
    /// Connections that say nothing.
    connections: usize,
    /// Connections from which refusals are not read.
    floods: usize,
    /// What each of them waits between two bursts.
    pause: Duration,
}

const QUICK: Size = Size {
    onset: Duration::from_millis(400),
    lasting: Duration::from_millis(1600),
    lull: Duration::from_millis(200),
    spaces: 150,
    entries: 200,
    connections: 400,
    floods: 10,
    pause: Duration::from_millis(200),
};
const FULL: Size = Size {
    onset: Duration::from_millis(500),
    lasting: Duration::from_secs(10),
    lull: Duration::from_secs(1),
    spaces: 3000,
    entries: 5000,
    connections: 800,
    floods: 100,
    pause: Duration::ZERO,
};

async fn trial(
    (target, victim): (&Target, &Victim),
    (briefing, size): (&Briefing, Size),
    case: &Case,
) -> Outcome<Row> {
    let memory = target.memory()?;
    let attacker = Attacker::start(case.name, briefing).await?;
    sleep(size.onset).await;
    let seen = victim.watch(size.lasting).await;
    let memory = memory.most()?;
    let (answered, refused) = attacker.stop().await?;
    sleep(size.lull).await;
    Ok(Row { name: case.name, answered, refused, held: case.held, seen, memory })
}

/// Tries every attack; whether all were borne.
async fn run(cli: Cli) -> Outcome<bool> {
    let size = if cli.quick { QUICK } else { FULL };
    let chosen = |name: &str| cli.only.as_ref().is_none_or(|only| name.contains(only));
    let target = Target::start().await?;
    let victim = Victim::new(&target).await?;
    let briefing = data::prepare(&target, size).await?;
    // Connections and caches are warm when it is first quiet.
    victim.watch(size.lasting / 2).await;
    let quiet = victim.watch(size.lasting).await;
    let mut rows = Vec::new();
    for case in Case::all().filter(|case| chosen(case.name)) {
        println!("{} …", case.name);
        rows.push(trial((&target, &victim), (&briefing, size), case).await?);
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
    let cli = Cli::parse();
    let outcome = match &cli.part {
        Some(Part::Attacker { case }) => attacker::attack(case),
        None => run(cli).await,
    };
    match outcome {
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
