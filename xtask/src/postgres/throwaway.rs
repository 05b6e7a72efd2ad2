use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Stdio},
};

use super::{binaries::Binaries, owner::Owner};
use crate::{Outcome, run::say};

const SCRIPT: &str = include_str!("throwaway.sh");

/// Nothing on this server outlives it, so nothing needs to reach a disk. Every test has databases and connections of
/// its own, hence their number. Shared memory lies in the server's folder, so that it goes with it.
const SETTINGS: [&str; 11] = [
    "fsync=off",
    "full_page_writes=off",
    "max_connections=1000",
    "shared_buffers=256MB",
    "dynamic_shared_memory_type=mmap",
    "wal_level=minimal",
    "max_wal_senders=0",
    "checkpoint_timeout=1h",
    "max_wal_size=4GB",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
];

/// The script that runs a throwaway server. It stops the server and removes all of it when this value goes, or this
/// process does, in whatever way.
pub(super) struct Throwaway {
    script: Child,
}

impl Throwaway {
    /// Starts a server and waits until it takes connections. Also returns an administrator's URL of its database
    /// `postgres`.
    pub(super) fn start(binaries: &Binaries) -> Outcome<(Self, String)> {
        let owner = Owner::choose()?;
        let folder = owner.make_folder()?;
        let (throwaway, answer) = Self::run(binaries, &owner, &folder).inspect_err(|_| {
            // Only an empty folder: if the script runs, it is the one to remove it.
            let _ = fs::remove_dir(&folder);
        })?;
        let port = answer.strip_prefix("ready ").ok_or_else(|| {
            let reason = answer.strip_prefix("failed ").unwrap_or("no reason given");
            format!("PostgreSQL {} does not start: {reason}", binaries.version)
        })?;
        say(format!(
            "PostgreSQL {}: a throwaway server on 127.0.0.1:{port}, run by {}, in {}",
            binaries.version,
            owner.name(),
            folder.display()
        ));
        // Plain text, also once a test has given the server a certificate.
        Ok((throwaway, format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")))
    }

    /// Runs the script, and returns the line that it answers.
    fn run(binaries: &Binaries, owner: &Owner, folder: &Path) -> Outcome<(Self, String)> {
        let ports = free_ports().map_err(|error| format!("no free port on 127.0.0.1: {error}"))?;
        let settings = SETTINGS.map(|setting| format!("-c {setting}")).join(" ");
        let mut script = owner.command("/bin/sh");
        script.args(["-c", SCRIPT, "throwaway"]).arg(&binaries.folder).arg(folder).arg(settings);
        script.args(ports.map(|port| port.to_string())).current_dir("/");
        // A group of its own: Ctrl-C on the terminal is for this process and its tests.
        script.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = script.spawn().map_err(|error| format!("/bin/sh: {error}"))?;
        let output = script.stdout.take();
        let throwaway = Self { script };
        let mut answer = String::new();
        if let Some(output) = output {
            BufReader::new(output).read_line(&mut answer).map_err(|error| format!("/bin/sh: {error}"))?;
        }
        Ok((throwaway, answer.trim_end().to_owned()))
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        match self.script.wait() {
            Ok(_) => say("PostgreSQL: the throwaway server is gone"),
            Err(error) => say(format!("PostgreSQL: the throwaway server may still run: {error}")),
        }
    }
}

fn free_ports() -> std::io::Result<[u16; 3]> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    // All are held until all are known, so that they differ.
    let held = [listen()?, listen()?, listen()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
