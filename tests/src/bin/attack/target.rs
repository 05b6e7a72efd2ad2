//! The suite that is attacked: the shipped binary, as a process of its own.
use std::{fs::File, net::SocketAddr, process::Stdio, time::Duration};

use devspaces::keys;
use devspaces_kit::{clock::SystemClock, identity::{DevIssuer, SigningKey}, name::Principal};
use devspaces_tests::{Persona, engine::temporary_folder, process};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::timeout,
};
use tonic::transport::Channel;

use crate::{Outcome, memory::Memory};

/// How long tokens live: longer than a run.
const LIFETIME: Duration = Duration::from_hours(2);
/// How long an end in order may take: calls and tasks have 25 s.
const GRACE: Duration = Duration::from_secs(30);

pub(crate) struct Target {
    child: Child,
    pub(crate) address: SocketAddr,
    issuer: DevIssuer,
    _folder: TempDir,
}

impl Target {
    /// Starts a suite whose log goes to a file.
    pub(crate) async fn start() -> Outcome<Self> {
        let folder = temporary_folder();
        let log = File::create(folder.path().join("log")).map_err(|error| error.to_string())?;
        Self::start_in(folder, log.into()).await
    }

    /// Starts a suite whose log goes there.
    pub(crate) async fn start_with(log: Stdio) -> Outcome<Self> {
        Self::start_in(temporary_folder(), log).await
    }

    async fn start_in(folder: TempDir, log: Stdio) -> Outcome<Self> {
        let mut command = Command::new(process::binary());
        command
            .args(["dev", "--listen", "127.0.0.1:0", "--spaces-of", "users/mallory=1000000"])
            .arg("--data-dir")
            .arg(folder.path())
            .stderr(log);
        let (child, address) = process::start(&mut command).await;
        let key = SigningKey::load(&folder.path().join(keys::ISSUER)).map_err(|error| error.to_string())?;
        Ok(Self { child, address, issuer: DevIssuer::new(key, SystemClock::shared()), _folder: folder })
    }

    /// A token of somebody.
    pub(crate) fn token(&self, principal: &Principal) -> String {
        self.issuer.token(principal, None, LIFETIME).as_str().to_owned()
    }

    /// Somebody who calls by this connection.
    pub(crate) fn persona(&self, principal: &Principal, channel: &Channel) -> Persona {
        Persona::at_one_port(principal, Some(&self.token(principal)), channel)
    }

    /// Looks at the memory of the process from now on.
    pub(crate) fn memory(&self) -> Outcome<Memory> {
        self.child.id().map(Memory::of).ok_or_else(|| "the attacked process is gone".to_owned())
    }

    /// Asks it to end, and says whether it ended in order.
    pub(crate) async fn stop(mut self) -> Outcome {
        let id = self.child.id().ok_or("it has ended by itself")?.to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().await;
        asked.map_err(|error| format!("it could not be asked: {error}"))?;
        let ended = timeout(GRACE, self.child.wait()).await.map_err(|_| format!("none within {GRACE:?}"))?;
        let status = ended.map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
    }
}
