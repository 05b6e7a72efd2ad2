//! Lines on their way to whoever reads the log. Nobody waits for a reader: lines are kept up to a bound, written by a
//! thread of their own, and dropped and counted beyond it (decision 26).
use std::{
    io::{self, ErrorKind, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::metrics;

/// How many bytes of lines wait at most: some 3,000 lines.
const CAPACITY: usize = 1024 * 1024;

/// How long lines are gathered once some were written: so a process that logs each call wakes the thread 200 times a second
/// and not with every line, and the first line of an idle one is written at once.
const GATHERED: Duration = Duration::from_millis(5);

/// How long to wait before writing to what takes nothing for now: a pipe or terminal that is set not to block.
const PAUSE: Duration = Duration::from_millis(50);

/// Lines that wait to be written, and those that were not taken on.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// There are lines to write.
    filled: Condvar,
    /// All lines are written.
    emptied: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// How many lines were dropped since it was last told.
    dropped: u64,
    /// Lines were taken from here, and are not yet written.
    writing: bool,
}

impl Queue {
    /// A queue whose lines a thread of its own writes. From time to time, `every` so often, that thread does `round`.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub(super) fn start(
        to: impl Write + Send + 'static,
        every: Duration,
        round: impl FnMut() + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::default());
        let own = Arc::clone(&queue);
        thread::Builder::new().name("log".to_owned()).spawn(move || own.write(to, every, round))?;
        Ok(queue)
    }

    /// Takes a line on, or drops it if too much waits already; says which. It takes as long as copying the line does.
    pub(super) fn push(&self, line: &[u8]) -> bool {
        let mut waiting = self.lock();
        if waiting.lines.len() + line.len() > CAPACITY {
            waiting.dropped += 1;
            drop(waiting);
            metrics::log_lines_dropped(1);
            return false;
        }
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        self.filled.notify_one();
        true
    }

    /// Waits until all lines are written; no longer than this.
    pub(super) fn flush(&self, patience: Duration) {
        let busy = |waiting: &mut Waiting| waiting.writing || !waiting.lines.is_empty();
        drop(self.emptied.wait_timeout_while(self.lock(), patience, busy));
    }

    fn write(&self, mut to: impl Write, every: Duration, mut round: impl FnMut()) {
        let mut lines = Vec::new();
        let mut next = Instant::now() + every;
        loop {
            let dropped = self.take(&mut lines, next);
            if !lines.is_empty() {
                metrics::log_lines_dropped(write_all(&mut to, &lines));
                lines.clear();
                thread::sleep(GATHERED);
            }
            // What was dropped was dropped while the lines before were being written, and those now are.
            if dropped > 0 {
                tracing::warn!(lines = dropped, "lines were left out here: nobody read the log in time");
            }
            if Instant::now() >= next {
                round();
                next = Instant::now() + every;
            }
        }
    }

    /// Takes the lines that wait, once there are any or the time has come; says how many were dropped.
    fn take(&self, lines: &mut Vec<u8>, until: Instant) -> u64 {
        let mut waiting = self.lock();
        waiting.writing = false;
        if waiting.lines.is_empty() {
            self.emptied.notify_all();
            let patience = until.saturating_duration_since(Instant::now());
            let idle = |waiting: &mut Waiting| waiting.lines.is_empty() && waiting.dropped == 0;
            let waited = self.filled.wait_timeout_while(waiting, patience, idle);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.writing = !waiting.lines.is_empty();
        mem::swap(lines, &mut waiting.lines);
        mem::take(&mut waiting.dropped)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes as much as is taken; says how many lines were not.
fn write_all(to: &mut impl Write, mut lines: &[u8]) -> u64 {
    while !lines.is_empty() {
        match to.write(lines) {
            Ok(0) => break,
            Ok(written) => lines = &lines[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            // Whoever read is gone.
            Err(_) => break,
        }
    }
    (lines.split(|byte| *byte == b'\n').count() - 1) as u64
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    /// Takes what is written only when told to.
    struct Slow {
        go: Receiver<()>,
        got: SyncSender<Vec<u8>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.go.recv().map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
            self.got.send(bytes.to_vec()).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (SyncSender<()>, Receiver<Vec<u8>>, Slow) {
        let ((to_go, go), (got, has)) = (sync_channel(1), sync_channel(1));
        (to_go, has, Slow { go, got })
    }

    #[test]
    fn lines_are_written_in_their_order_and_flushed() {
        let (go, got, slow) = slow();
        let queue = Queue::start(slow, LONG, || {}).expect("a thread");
        queue.push(b"one\n");
        go.send(()).expect("a writer");
        assert_eq!(got.recv().expect("lines"), b"one\n");
        queue.flush(LONG);
        queue.push(b"two\n");
        go.send(()).expect("a writer");
        assert_eq!(got.recv().expect("lines"), b"two\n");
    }

    #[test]
    fn what_nobody_reads_is_dropped_beyond_the_bound_and_nobody_waits_for_it() {
        let (go, got, slow) = slow();
        let queue = Queue::start(slow, LONG, || {}).expect("a thread");
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        let taken = (0..5000).filter(|_| queue.push(&line)).count();
        queue.flush(Duration::from_millis(1));
        // A batch is under way, if the thread came to it before the last line, and another waits.
        assert!((1024..=2048).contains(&taken), "{taken}");
        let mut written = 0;
        while written < taken {
            go.send(()).expect("a writer");
            written += got.recv().expect("lines").len() / line.len();
        }
        assert_eq!(written, taken);
    }

    #[test]
    fn what_a_reader_that_is_gone_does_not_take_is_counted() {
        let (go, _, mut slow) = slow();
        drop(go);
        assert_eq!(write_all(&mut slow, b"one\ntwo\n"), 2);
    }
}
