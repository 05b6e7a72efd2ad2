//! A virtual environment under target/ for the Python programs that the checks run.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Outcome,
    packages::{self, Package},
    run::{find, quiet, root, say, succeeds, target},
};

const PACKAGE: Package = Package { apt: "python3-venv", dnf: "python3-pip", apk: "py3-pip", brew: "python3" };

/// A virtual environment.
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The workspace's virtual environment, made if need be.
    pub(crate) fn open() -> Outcome<Self> {
        let venv = Self { folder: target()?.join("python") };
        if !venv.works() {
            say("making a Python virtual environment");
            if !venv.make() {
                packages::install(
                    "Python 3 with venv",
                    &PACKAGE,
                    "install Python 3.9 or later with venv and pip",
                )?;
                if !venv.make() {
                    return Err(format!("python3 -m venv {} fails", venv.folder.display()));
                }
            }
        }
        Ok(venv)
    }

    /// Installs what a requirements file of the workspace lists, unless it is there.
    pub(crate) fn require(&self, requirements: &str) -> Outcome {
        let file = root().join(requirements);
        let wanted = fs::read_to_string(&file).map_err(|error| format!("{requirements}: {error}"))?;
        let stamp = self.folder.join(requirements.replace('/', "-"));
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        say(format!("installing {requirements} into the virtual environment"));
        let mut pip = self.python();
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&file);
        quiet(&format!("installing {requirements}"), &mut pip)?;
        fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
    }

    /// The environment's Python, which leaves nothing beside its sources.
    pub(crate) fn python(&self) -> Command {
        let mut python = Command::new(self.program("python"));
        python.env("PYTHONDONTWRITEBYTECODE", "1");
        python
    }

    /// A program that a requirement brought.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    fn works(&self) -> bool {
        succeeds(self.python().args(["-m", "pip", "--version"]))
    }

    fn make(&self) -> bool {
        let python = find("python3").unwrap_or_else(|| Path::new("python3").to_owned());
        succeeds(Command::new(python).args(["-m", "venv", "--clear"]).arg(&self.folder)) && self.works()
    }
}
