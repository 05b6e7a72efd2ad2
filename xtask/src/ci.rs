//! Every check, the cheap ones first.
use std::process::Command;

use crate::{
    Outcome, attack, chart, circles, clients,
    containers::{self, Part, buf},
    dependencies, docs, faults, files, months, oidc,
    readme::Tests,
    run::{cargo, find, root, say, step},
    test::{self, Races},
};

/// Runs every check that a change has to pass, and stops at the first that fails.
pub(crate) fn run() -> Outcome {
    code()?;
    let tests = Tests::read()?;
    tests.run_all(Races::Quarter)?;
    tests.try_embedded()?;
    months::run(months::FEW, 1)?;
    clients::run(&[])?;
    attack::run(&["--quick"])?;
    containers::run_unless_skipped()
}

/// The same, and what takes too long for it in the place of what is a part of that: everything whole.
pub(crate) fn nightly() -> Outcome {
    code()?;
    deny()?;
    let tests = Tests::read()?;
    tests.run_all(Races::Whole)?;
    tests.run_embedded()?;
    months::run(months::MANY, 1)?;
    clients::run(&["--all"])?;
    chart::check()?;
    containers::run(Part::All)?;
    faults::run(&[])?;
    faults::run_failover_unless_missing()?;
    attack::run(&[])?;
    oidc::run(&[])
}

/// What can be said of the code without running it; builds it at the end.
fn code() -> Outcome {
    dependencies::check()?;
    files::check()?;
    circles::check()?;
    docs::check()?;
    step("format", &mut cargo(["fmt", "--all", "--check"]))?;
    lint_api()?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    step("lints", &mut cargo(clippy))?;
    let mut doc = cargo(["doc", "--workspace", "--no-deps"]);
    step("code documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    // Apart from the tests, so that it can be seen what each takes.
    test::build().map(drop)
}

fn lint_api() -> Outcome {
    step("lints of the API", Command::new(buf()?).current_dir(root().join("proto")).arg("lint"))
}

/// Licences, sources and known holes of the dependencies, where cargo-deny is installed: to compile it would take longer
/// than all of the tests.
fn deny() -> Outcome {
    if find("cargo-deny").is_none() {
        say("THE DEPENDENCIES ARE NOT HELD AGAINST deny.toml: cargo-deny is not installed");
        return Ok(());
    }
    step("dependencies against deny.toml", &mut cargo(["deny", "check"]))
}
