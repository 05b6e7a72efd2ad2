//! The suite that the clients call.
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::{Outcome, run::output};

/// How long `devspaces dev` may take to say where it listens. The tests give it as much.
const START: Duration = Duration::from_mins(1);

/// A running `devspaces dev` on a free port of this machine, until it is dropped.
pub(super) struct Suite {
    binary: PathBuf,
    data: PathBuf,
    process: Child,
    address: String,
}

impl Suite {
    /// Starts one with its data in a folder.
    pub(super) fn start(binary: &Path, data: &Path) -> Outcome<Self> {
        let mut command = Command::new(binary);
        command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data).env("DEVSPACES_LOG", "warn");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let process = command.spawn().map_err(|error| format!("devspaces dev can't be run: {error}"))?;
        let mut suite =
            Self { binary: binary.to_owned(), data: data.to_owned(), process, address: String::new() };
        suite.address = suite.listen()?;
        Ok(suite)
    }

    /// Its host and port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// A token for someone.
    pub(super) fn token(&self, who: &str) -> Outcome<String> {
        let mut mint = Command::new(&self.binary);
        let token = output(mint.args(["token", who, "--data-dir"]).arg(&self.data))?;
        Ok(token.trim().to_owned())
    }

    /// Waits until the suite says where it is. What it says is read to its end: a full pipe would stop it.
    fn listen(&mut self) -> Outcome<String> {
        let said = self.process.stdout.take().ok_or("devspaces dev has no output")?;
        let (found, address) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(said).lines().map_while(Result::ok) {
                let word = line.split([' ', ';']).find(|word| word.starts_with("127.0.0.1:"));
                // Whoever waits takes the first, and nobody the others.
                let _ = word.map(|word| found.send(word.to_owned()));
            }
        });
        address.recv_timeout(START).map_err(|_| "devspaces dev does not say where it listens".to_owned())
    }
}

impl Drop for Suite {
    fn drop(&mut self) {
        // If it has ended by itself there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
