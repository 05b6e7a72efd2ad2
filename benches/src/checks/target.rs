//! What is measured: a server, and the processes that work for its answers.
use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use devspaces_tests::process;
use tokio::process::{Child, Command};

use super::processor;

/// A server that is asked.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) address: String,
    /// The authority of its certificate, if it has one.
    pub(super) authority: Option<PathBuf>,
    pub(super) processes: Vec<u32>,
    /// The process that has started all others of the database's server, if that is one on this machine.
    pub(super) database: Option<u32>,
}

impl Target {
    /// What its processes have used of the processors so far, and those of its database.
    pub(super) fn used(&self) -> (Duration, Option<Duration>) {
        (processor::used(&self.processes), self.database.map(|server| processor::used(&[server])))
    }
}

/// Starts a server that says where it listens. Its log goes to a file in the folder.
pub(super) async fn start(command: &mut Command, name: &str, folder: &Path) -> (Child, Target) {
    logged(command, name, folder);
    let (child, address) = process::start(command).await;
    let processes = child.id().into_iter().collect();
    let (name, address) = (name.to_owned(), format!("http://{address}"));
    (child, Target { name, address, authority: None, processes, database: None })
}

/// What a command complains of goes to a file, with what is logged by default, and not what tests have it log.
pub(super) fn logged(command: &mut Command, name: &str, folder: &Path) {
    let log = File::create(folder.join(format!("{name}.log"))).expect("a file for the log");
    command.env(process::LOG, devspaces_kit::telemetry::DEFAULT_FILTER).stderr(log);
}
