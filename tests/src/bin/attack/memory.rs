//! The memory of a process, seen by a thread of its own: it looks as often whatever else is waited for.
use std::{
    fs,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::Outcome;

/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(50);

pub(crate) struct Memory {
    /// Closed when there is no need to look any more.
    looking: Sender<()>,
    thread: JoinHandle<Outcome<u64>>,
}

impl Memory {
    /// Looks at a process from now on.
    pub(crate) fn of(process: u32) -> Self {
        let (looking, done) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let mut most = 0;
            loop {
                most = most.max(resident(process)?);
                if done.recv_timeout(GLANCE) != Err(RecvTimeoutError::Timeout) {
                    return Ok(most);
                }
            }
        });
        Self { looking, thread }
    }

    /// The most that it was seen to have, in bytes.
    pub(crate) fn most(self) -> Outcome<u64> {
        drop(self.looking);
        self.thread.join().unwrap_or_else(|_| Err("the memory was not looked at".to_owned()))
    }
}

fn resident(process: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))
        .map_err(|error| format!("the attacked process is gone: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| "the attacked process has ended".to_owned())
}
