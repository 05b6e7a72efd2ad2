//! The README's commands for the tests, run as they stand there: who follows it does what is tried here.
use std::process::{Command, Stdio};

use crate::{
    Outcome,
    guide::Guide,
    postgres::Postgres,
    run::{output, root, say, step},
    test::Races,
};

const DOCUMENT: &str = "README.md";
const SECTION: &str = "Test it";

/// The commands of the README.
pub(crate) struct Tests {
    all: String,
    embedded: String,
}

impl Tests {
    /// Reads them: one line for all tests, and one for the embedded engine.
    pub(crate) fn read() -> Outcome<Self> {
        let guide = Guide::read(DOCUMENT)?;
        let lines: Vec<_> = guide.blocks(SECTION).iter().flat_map(|block| block.lines()).collect();
        match lines[..] {
            [all, embedded] => Ok(Self { all: all.to_owned(), embedded: embedded.to_owned() }),
            _ => Err(format!("{DOCUMENT}, '{SECTION}': to be two commands, and there are {lines:?}")),
        }
    }

    /// Runs every test; with races as long as they are, on the version of PostgreSQL whose turn it is.
    pub(crate) fn run_all(&self, races: Races) -> Outcome {
        let postgres = if races == Races::Whole { Postgres::by_turns()? } else { Postgres::open()? };
        step(&self.all, postgres.tell(races.tell(&mut shell(&self.all))))
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
