//! A suite and a real OpenID provider, which changes its keys and goes down under load (tests/oidc).
use std::{fs, process::Command};

use crate::{
    Outcome,
    run::{cargo, find, products, root, say, step, target},
};

/// What the trial consists of.
const FILES: [&str; 3] = ["package.json", "package-lock.json", "trial.mjs"];

/// Tries it; the provider is gone for a minute, or for as many seconds as are given.
pub(crate) fn run(args: &[&str]) -> Outcome {
    if find("npm").is_none() {
        say("THE TRIAL WITH AN OPENID PROVIDER IS SKIPPED: there is no npm");
        return Ok(());
    }
    step("build", &mut cargo(["build", "--workspace", "--bins"]))?;
    let folder = target()?.join("oidc");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for file in FILES {
        let from = root().join("tests/oidc").join(file);
        fs::copy(&from, folder.join(file)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    let mut install = Command::new("npm");
    if step("npm ci", install.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder)).is_err() {
        say("THE TRIAL WITH AN OPENID PROVIDER IS SKIPPED: npm can't get it");
        return Ok(());
    }
    let program = products()?.join("devspaces");
    step(
        "an OpenID provider",
        Command::new("node").arg("trial.mjs").arg(program).args(args).current_dir(folder),
    )
}
