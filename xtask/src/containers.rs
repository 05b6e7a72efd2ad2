use std::{path::PathBuf, process::Command};

use crate::{
    Outcome,
    python::Venv,
    run::{find, root, step},
};

/// Starts the compose files for real and tries them. Not a part of `ci`: it needs a Docker engine, and the first build
/// of the image takes its time.
pub(crate) fn run() -> Outcome {
    step("containers", Command::new(root().join("deploy/ci/check.sh")).env("BUF", buf()?))
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
