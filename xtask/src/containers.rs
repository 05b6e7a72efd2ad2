use std::{env, path::PathBuf, process::Command};

use crate::{
    Outcome,
    chosen::choose,
    python::Venv,
    run::{cargo, find, output, root, say, step},
    test::{self, Races},
};

/// The variable by which a machine is let off that can't run containers.
const SKIP: &str = "DEVSPACES_SKIP_CONTAINERS";

/// What the image is made by. The lock file is not among them: it changes often, and what it can break the nightly run
/// finds.
const RECIPE: [&str; 2] = ["deploy/Dockerfile", ".dockerignore"];

/// How much is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The scenarios that are [chosen](choose), with a quarter of each race, on an image that holds the program that the
    /// tests have built. It is compiled by the Dockerfile only if that has changed of late.
    Chosen,
    /// Every scenario, on an image that is compiled by all of the Dockerfile, which takes as long as the tests' own
    /// build.
    All,
}

/// Makes the image, starts the compose files for real and tries them, with the tests that want a composed suite. A
/// Docker engine is started for it where none runs.
pub(crate) fn run(part: Part) -> Outcome {
    let binary = test::build()?;
    let check = root().join("deploy/ci/check.sh");
    let mut containers = Command::new(root().join("deploy/ci/with-engine.sh"));
    containers.arg(check).env("BUF", buf()?).current_dir(root());
    if part == Part::Chosen {
        Races::Quarter.tell(&mut containers);
        if !recipe_is_new() {
            containers.env("DEVSPACES_BINARY", binary);
        }
    }
    let mut tests = cargo(["test", "--workspace", "--test", "scenarios", "--", "--ignored", "--exact"]);
    tests.args(scenarios(part)?);
    containers.arg(tests.get_program()).args(tests.get_args());
    step("containers", &mut containers)
}

/// The tests that want a composed suite, by their full names. There are some: a filter that finds nothing would be a
/// success.
fn scenarios(part: Part) -> Outcome<Vec<String>> {
    let list = ["test", "--workspace", "--test", "scenarios", "--", "--ignored", "--list", "composed"];
    let listed = output(&mut cargo(list))?;
    let all: Vec<_> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let run = if part == Part::All { all.clone() } else { choose(&all)? };
    say(format!("{} of {} scenarios for the containers", run.len(), all.len()));
    if run.is_empty() {
        return Err("no scenario is for the containers".to_owned());
    }
    Ok(run.into_iter().map(str::to_owned).collect())
}

/// The same as a part of `ci`: a machine that can't do it fails, unless it was said that it need not.
pub(crate) fn run_unless_skipped() -> Outcome {
    if env::var(SKIP).is_ok_and(|value| value == "1") {
        say(format!(
            "{SKIP}=1: CONTAINERS ARE SKIPPED. NEITHER THE IMAGE NOR THE COMPOSE FILES HAVE BEEN TRIED, NOR HAS ANY \
             SCENARIO RUN AGAINST THEM."
        ));
        return Ok(());
    }
    run(Part::Chosen)
}

/// Whether how the image is made has changed within a day, so that it is to be tried. Where nothing can be told of the
/// past, it is new.
fn recipe_is_new() -> bool {
    let says_something = |args: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(root()).args(args).arg("--").args(RECIPE);
        output(&mut git).map_or(true, |said| !said.trim().is_empty())
    };
    says_something(&["log", "--since=1 day ago", "--format=%h"]) || says_something(&["status", "--porcelain"])
}

/// The program that lints the API and calls it by reflection.
pub(crate) fn buf() -> Outcome<PathBuf> {
    if let Some(buf) = find("buf") {
        return Ok(buf);
    }
    let venv = Venv::open()?;
    venv.require("xtask/requirements.txt")?;
    Ok(venv.program("buf"))
}
