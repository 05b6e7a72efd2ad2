//! Every check, the cheap ones first.
use std::process::Command;

use crate::{
    Outcome, attack, clients,
    containers::{self, buf},
    dependencies, docs, files,
    run::{cargo, print_times, root, step},
    test,
};

/// Runs every check, stops at the first that fails, and ends with a table of what each took.
pub(crate) fn run(races: test::Races) -> Outcome {
    let outcome = checks(races);
    print_times();
    outcome
}

fn checks(races: test::Races) -> Outcome {
    dependencies::check()?;
    files::check()?;
    docs::check()?;
    step("format", &mut cargo(["fmt", "--all", "--check"]))?;
    lint_api()?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    step("lints", &mut cargo(clippy))?;
    let mut doc = cargo(["doc", "--workspace", "--no-deps"]);
    step("code documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    test::run_with(races, &[])?;
    clients::run(&[])?;
    attack::run(&["--quick"])?;
    containers::run_unless_skipped()
}

fn lint_api() -> Outcome {
    step("lints of the API", Command::new(buf()?).current_dir(root().join("proto")).arg("lint"))
}
