//! The README's commands for the tests, run as they stand there: who follows it does what is tried here.
use std::process::{Command, Stdio};

use crate::{
    Outcome,
    guide::Guide,
    run::{output, root, say, step},
};

const DOCUMENT: &str = "README.md";
const SECTION: &str = "Test it";

/// The commands of the README.
pub(crate) struct Tests {
    embedded: String,
    all: String,
}

impl Tests {
    /// Reads them. There are two, each of one line.
    pub(crate) fn read() -> Outcome<Self> {
        let guide = Guide::read(DOCUMENT)?;
        match guide.blocks(SECTION) {
            [embedded, all] if [embedded, all].iter().all(|block| block.lines().count() == 1) => {
                Ok(Self { embedded: embedded.trim().to_owned(), all: all.trim().to_owned() })
            }
            blocks => Err(format!(
                "{DOCUMENT}, '{SECTION}': to be one command for the embedded engine and one for all tests, and there \
                 are {blocks:?}"
            )),
        }
    }

    /// Runs every test.
    pub(crate) fn run_all(&self) -> Outcome {
        step(&self.all, &mut shell(&self.all))
    }

    /// Runs those on the embedded engine, as somebody does who has nothing but Rust.
    pub(crate) fn run_embedded(&self) -> Outcome {
        step(&self.embedded, &mut shell(&self.embedded))
    }

    /// Fails if the command for the embedded engine would run no test. Those that it runs are among all, so that to
    /// list them is enough where all are run.
    pub(crate) fn try_embedded(&self) -> Outcome {
        let listed = output(&mut shell(&format!("{} --list", self.embedded)))?;
        let found = listed.lines().filter(|line| line.ends_with(": test")).count();
        say(format!("{}: {found} tests", self.embedded));
        if found == 0 { Err(format!("{}: runs no test", self.embedded)) } else { Ok(()) }
    }
}

fn shell(command: &str) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", command]).current_dir(root()).stdin(Stdio::null());
    shell
}
