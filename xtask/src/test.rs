//! All tests, on both engines.
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Outcome,
    postgres::Postgres,
    python::Venv,
    run::{cargo, products, quiet, root, step},
};

const REQUIREMENTS: &str = "tests/python/requirements.txt";
const STORY: &str = "tests/python/client.py";

/// The variable with the share of their rounds that races run, which who sets it decides.
const RACES: &str = "DEVSPACES_RACE_ROUNDS";

/// How much of the races is run, unless the environment says.
#[derive(Clone, Copy)]
pub(crate) enum Races {
    Whole,
    Quarter,
}

/// Runs every test. `args` go to cargo test; if they name packages, only those are tested.
pub(crate) fn run(args: &[&str]) -> Outcome {
    run_with(Races::Whole, args)
}

/// The same with so much of the races.
pub(crate) fn run_with(races: Races, args: &[&str]) -> Outcome {
    let binary = build()?;
    let postgres = Postgres::open()?;
    let mut tests = cargo(["test"]);
    if !names_packages(args) {
        tests.arg("--workspace");
    }
    tests.args(args).env("DEVSPACES_BIN", &binary);
    if matches!(races, Races::Quarter) && env::var_os(RACES).is_none() {
        tests.env(RACES, "25%");
    }
    step("tests on SQLite and PostgreSQL", postgres.tell(&mut tests))?;
    drop(postgres);
    story(&binary)
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
    use super::names_packages;

    #[test]
    fn only_arguments_to_cargo_itself_select_packages() {
        assert!(names_packages(&["-p", "devspaces-kit"]));
        assert!(names_packages(&["--package=devspaces-kit", "journal"]));
        assert!(!names_packages(&["members", "--", "-p"]));
        assert!(!names_packages(&[]));
    }
}
