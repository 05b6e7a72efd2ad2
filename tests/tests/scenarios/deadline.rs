//! A scenario that hangs ends the run and is named: nobody waits for it until the machine is taken away.
use std::{
    process::exit,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

/// Far more than the longest scenario takes on a slow machine, with its races run whole.
const DEADLINE: Duration = Duration::from_mins(20);

/// What watches the scenario of this thread while it lives. It has a thread of its own, since a scenario can hang where no
/// timer of its runtime is looked at.
pub(crate) struct Deadline(#[expect(dead_code, reason = "it goes when the scenario is over")] Sender<()>);

impl Deadline {
    pub(crate) fn begin() -> Self {
        let scenario = thread::current().name().unwrap_or("a scenario").to_owned();
        let (over, watched) = channel();
        thread::spawn(move || {
            if watched.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{scenario} hangs: it is not through after {} minutes", DEADLINE.as_secs() / 60);
                exit(1);
            }
        });
        Self(over)
    }
}
