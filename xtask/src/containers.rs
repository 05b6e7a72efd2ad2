use std::{env, path::PathBuf, process::Command};

use crate::{
    Outcome,
    python::Venv,
    run::{cargo, find, output, root, say, step},
    test,
};

/// The variable by which a machine is let off that can't run containers.
const SKIP: &str = "DEVSPACES_SKIP_CONTAINERS";

/// What the image is made by. The lock file is not among them: it changes often, and what it can break the nightly run
/// finds.
const RECIPE: [&str; 2] = ["deploy/Dockerfile", ".dockerignore"];

/// Makes the image, starts the compose files for real and tries them, with the tests that want a composed suite. A
/// Docker engine is started for it where none runs. `compile`: the image is compiled by all of the Dockerfile, which
/// takes as long as the tests' own build. Else it holds the program that the tests have built, unless the Dockerfile has
/// changed of late.
pub(crate) fn run(compile: bool) -> Outcome {
    let binary = test::build()?;
    let check = root().join("deploy/ci/check.sh");
    let mut containers = Command::new(root().join("deploy/ci/with-engine.sh"));
    containers.arg(check).env("BUF", buf()?).current_dir(root());
    if !compile && !recipe_is_new() {
        containers.env("DEVSPACES_BINARY", binary);
    }
    let scenarios = ["test", "--workspace", "--test", "scenarios"];
    let mut tests = cargo(scenarios);
    tests.args(["--", "--ignored", "composed"]);
    containers.arg(tests.get_program()).args(tests.get_args());
    // A filter that finds nothing would be a success.
    let found = output(tests.arg("--list"))?.lines().filter(|line| line.ends_with(": test")).count();
    say(format!("{found} scenarios are for the containers"));
    if found == 0 {
        return Err("no scenario is listed under `everywhere`".to_owned());
    }
    step("containers", &mut containers)
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
    run(false)
}

/// Whether how the image is made has changed within a day, so that it is to be tried. Where nothing can be told of the
/// past, it is new.
fn recipe_is_new() -> bool {
    let mut log = Command::new("git");
    log.current_dir(root()).args(["log", "--since=1 day ago", "--format=%h", "--"]).args(RECIPE);
    output(&mut log).map_or(true, |commits| !commits.trim().is_empty())
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
