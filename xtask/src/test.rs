//! All tests, on both engines.
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use crate::{
    Outcome,
    postgres::Postgres,
    python::Venv,
    run::{cargo, products, quiet, root, step},
};

const REQUIREMENTS: &str = "tests/python/requirements.txt";
const STORY: &str = "tests/python/client.py";

/// The share of their rounds that races run, which who sets it decides.
const RACES: &str = "DEVSPACES_RACE_ROUNDS";
/// How many tests run at once, unless it is set.
const THREADS: &str = "RUST_TEST_THREADS";
/// From here on more tests at once than processors only take more connections than the server has.
const MANY: usize = 8;

/// Runs every test. `args` go to cargo test; if they name packages, only those are tested.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let binary = build()?;
    let postgres = Postgres::open()?;
    let mut tests = cargo(["test"]);
    if !names_packages(args) {
        tests.arg("--workspace");
    }
    tests.args(args).env("DEVSPACES_BIN", &binary);
    if env::var_os(THREADS).is_none() {
        tests.env(THREADS, threads(thread::available_parallelism().map_or(1, Into::into)).to_string());
    }
    step("tests on SQLite and PostgreSQL", postgres.tell(&mut tests))?;
    drop(postgres);
    story(&binary)
}

/// How much of each race is run, unless the environment says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Races {
    Whole,
    Quarter,
}

impl Races {
    /// Tells a command that runs tests.
    pub(crate) fn tell(self, command: &mut Command) -> &mut Command {
        match self {
            Self::Quarter if env::var_os(RACES).is_none() => command.env(RACES, "25%"),
            Self::Quarter => command,
            Self::Whole => command.env_remove(RACES),
        }
    }
}

/// Runs any command with the server that the tests would use.
pub(crate) fn with_postgres(program: &str, args: &[&str]) -> Outcome {
    let postgres = Postgres::open()?;
    quiet("with PostgreSQL", postgres.tell(Command::new(program).args(args)))
}

/// Builds the binary that the tests start. Everything is built at once, as cargo test will want it: a package alone
/// may have other features, and its dependencies would be built twice.
pub(crate) fn build() -> Outcome<PathBuf> {
    step("build", &mut cargo(["build", "--workspace", "--all-targets"]))?;
    let binary = products()?.join("devspaces");
    if binary.is_file() { Ok(binary) } else { Err(format!("the build made no {}", binary.display())) }
}

/// Tests at once for so many processors: more, since some wait for a minute until a silent peer is given up.
fn threads(processors: usize) -> usize {
    processors.max(MANY.min(processors * 2))
}

fn names_packages(args: &[&str]) -> bool {
    let selects = |arg: &&str| {
        matches!(*arg, "-p" | "--package" | "--workspace" | "--all") || arg.starts_with("--package=")
    };
    args.iter().take_while(|arg| **arg != "--").any(selects)
}

/// Runs the client that knows nothing of the suite but its address.
fn story(binary: &Path) -> Outcome {
    let venv = Venv::open()?;
    venv.require(REQUIREMENTS)?;
    let mut story = venv.python();
    story.current_dir(root()).arg(STORY).arg("--devspaces").arg(binary);
    step("an independent client's story, by reflection alone", &mut story)
}

#[cfg(test)]
mod tests {
    use super::{names_packages, threads};

    #[test]
    fn few_processors_take_twice_as_many_tests() {
        assert_eq!([1, 2, 4, 6, 8, 16].map(threads), [2, 4, 8, 8, 8, 16]);
    }

    #[test]
    fn only_arguments_to_cargo_itself_select_packages() {
        assert!(names_packages(&["-p", "devspaces-kit"]));
        assert!(names_packages(&["--package=devspaces-kit", "journal"]));
        assert!(!names_packages(&["members", "--", "-p"]));
        assert!(!names_packages(&[]));
    }
}
