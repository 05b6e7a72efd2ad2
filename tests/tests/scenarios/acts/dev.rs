//! `devspaces dev`: a suite as somebody starts it to try it out.
use std::{net::SocketAddr, process::Output};

use devspaces_kit::{
    clock::SystemClock,
    identity::{DevIssuer, SigningKey},
    name::Principal,
};
use devspaces_tests::{
    Persona,
    engine::temporary_folder,
    process::{binary, start},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tonic::transport::Endpoint;

use crate::acts::commands::ended;

/// A suite as somebody starts it to try it out.
pub(crate) struct Dev {
    pub(crate) folder: TempDir,
    address: SocketAddr,
    _process: Child,
}

impl Dev {
    pub(crate) async fn start() -> Self {
        let folder = temporary_folder();
        let data = folder.path().display().to_string();
        let mut command = Command::new(binary());
        let (process, address) =
            start(command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir", &data])).await;
        Self { folder, address, _process: process }
    }

    pub(crate) fn data_dir(&self) -> String {
        self.folder.path().display().to_string()
    }

    pub(crate) fn token(&self, principal: &Principal) -> String {
        let key = SigningKey::load(&self.folder.path().join("issuer.pem")).expect("the issuer's key");
        let issuer = DevIssuer::new(key, SystemClock::shared());
        issuer.token(principal, None, std::time::Duration::from_hours(1)).as_str().to_owned()
    }

    pub(crate) fn persona(&self, name: &str) -> Persona {
        let principal: Principal = name.parse().expect("a principal");
        let channel =
            Endpoint::from_shared(format!("http://{}", self.address)).expect("an address").connect_lazy();
        Persona::at_one_port(&principal, Some(&self.token(&principal)), &channel)
    }

    /// The command, with the key of the suite's folder.
    pub(crate) fn command(&self, question: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("check").args(question);
        command.args(["--address", &format!("http://{}", self.address), "--data-dir", &self.data_dir()]);
        command
    }

    pub(crate) async fn check(&self, question: &[&str]) -> (Option<i32>, String, String) {
        outcome(ended(&mut self.command(question)).await)
    }
}

/// The exit code of a command, what it said and what it complained about.
pub(crate) fn outcome(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}
