//! The chores of the workspace: `cargo xtask test | ci | clients | containers | faults | attack | nightly | months | oidc | docs | bench | release`.
mod attack;
mod bench;
mod chart;
mod chosen;
mod ci;
mod circles;
mod clients;
mod containers;
mod dependencies;
mod docs;
mod faults;
mod files;
mod guide;
mod months;
mod oidc;
mod packages;
mod postgres;
mod python;
mod readme;
mod release;
mod run;
mod test;

use std::{env, process::ExitCode};

use self::{containers::Part, run::print_times};

const USAGE: &str = "\
The chores of the devspaces workspace.

Usage: cargo xtask <COMMAND>

  test [-- ARGS]   all tests on SQLite and PostgreSQL; ARGS go to cargo test
  ci               every check: dependency rules, documents, format, lints, all tests, clients, short attacks, and
                   containers, unless DEVSPACES_SKIP_CONTAINERS=1
  clients [--all | LANGUAGE...]
                   stubs of the API and calls with them, in the languages of docs/clients.md and by its commands: in those
                   that ci tries, in all, or in those named; installs what is missing where it may. DEVSPACES_BIN is the
                   devspaces to call; without it one is built
  containers [--all]
                   makes the image, starts the compose files for real and tries them, with a chosen quarter of the
                   scenarios that can run against them; starts a Docker engine where none runs. The image holds the
                   program that the tests have built, and where the Dockerfile is new, it is compiled by the Dockerfile;
                   with --all it is in any case, and all scenarios run
  faults [--running | --failover] [--quick] [ARGS]
                   kills, restarts, freezes and cuts off the parts of a composed suite under load, and looks for what was
                   acknowledged; starts a suite of its own unless one is running. With --failover two servers under Patroni
                   with etcd and two replicas of every service, in namespaces
  attack [--quick] [ARGS]
                   has one client try to take the rest down while another measures its own calls; --quick is shorter, is on
                   what the tests have built, and does not decide by times
  months [INVOICES [SEED]]
                   prices random months by the service's rules and by another implementation, in Python, and names the first
                   difference: 1,000 invoices unless others are asked for; nightly has 10,000
  oidc [SECONDS]   has a real OpenID provider, from npm, change its keys under load and be gone for a minute, or for so long
  nightly          what ci does, and what takes longer in its place: clients in all languages, the image as the Dockerfile
                   compiles it with all scenarios, faults, attacks, an OpenID provider; licences and advisories, where cargo-deny is installed
  release          what is given to operators, in target/release-VERSION: a static program with what belongs beside it, its
                   image where a Docker engine runs, a list of what it is made of (CycloneDX), checksums; of what is committed
  docs [--check]   writes the documents that are made from code, or checks that they are up to date
  bench [ARGS]     the benchmarks, or the one that is named: checks, groups, latency, memory, scale, sizes, usage, traces; checks needs
                   h2load, see docs/performance.md
  postgres -- CMD  a command, such as cargo test -p devspaces-kit, with the PostgreSQL that the tests would use

PostgreSQL is the server at DEVSPACES_TEST_POSTGRES_URL (an administrator's URL). If that is not set, a throwaway
server is started from the installed binaries; if there are none, the system's package manager is asked for them.
DEVSPACES_TEST_POSTGRES_VERSION=18 has it be of that version, of 15 to 18; nightly takes them by turns, one for each commit.
DEVSPACES_TEST_REPLICAS=2 has the scenarios on PostgreSQL run on two replicas of every service. DEVSPACES_RACE_ROUNDS=25%
runs a quarter of the rounds of each race; ci does, and nightly runs all.";

/// What a chore ends with: one line that says what went wrong, if anything did.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match dispatch(&args) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// What a chore ended with, after a table of what each step took.
fn timed(outcome: Outcome) -> Outcome {
    print_times();
    outcome
}

/// Runs the chore that the arguments name; `None` if they name none.
fn dispatch(args: &[&str]) -> Option<Outcome> {
    match args {
        ["test"] => Some(timed(test::run(&[]))),
        ["test", "--", rest @ ..] => Some(timed(test::run(rest))),
        ["ci"] => Some(timed(ci::run())),
        ["clients", rest @ ..] => Some(clients::run(rest)),
        ["containers"] => Some(containers::run(Part::Chosen)),
        ["containers", "--all"] => Some(containers::run(Part::All)),
        ["faults", rest @ ..] => Some(faults::run(rest)),
        ["attack", rest @ ..] => Some(attack::run(rest)),
        ["months", rest @ ..] => months::run_asked(rest),
        ["oidc", rest @ ..] => Some(oidc::run(rest)),
        ["nightly"] => Some(timed(ci::nightly())),
        ["release"] => Some(timed(release::run())),
        ["docs"] => Some(docs::write()),
        ["docs", "--check"] => Some(docs::check()),
        ["bench", "--", rest @ ..] | ["bench", rest @ ..] => Some(bench::run(rest)),
        ["postgres", "--", program, rest @ ..] => Some(test::with_postgres(program, rest)),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Some(Ok(()))
        }
        _ => None,
    }
}
