//! The calls of a port in progress, and how the last of them is waited for.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

/// How long a stopping server waits for a client that takes nothing of what is there for it.
pub(super) const UNREAD: Duration = Duration::from_secs(3);

/// The calls of a port that are in progress.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// The turn is ours: a response has yet to begin, or the next of its messages to be there.
    owed: TaskTracker,
    /// The response is not wholly taken.
    open: TaskTracker,
    /// How many pieces of responses have been taken.
    taken: AtomicU64,
}

/// A call in progress.
pub(super) struct Call {
    pub(super) calls: Arc<Calls>,
    open: TaskTrackerToken,
    /// Until the response begins.
    _owed: TaskTrackerToken,
}

impl Call {
    /// The response begins: it is not wholly taken.
    pub(super) fn responds(self) -> Open {
        Open { calls: self.calls, _token: self.open }
    }
}

/// A call whose response is not wholly taken.
pub(super) struct Open {
    calls: Arc<Calls>,
    _token: TaskTrackerToken,
}

impl Open {
    /// A piece of the response has been taken.
    pub(super) fn taken(&self) {
        self.calls.taken.fetch_add(1, Ordering::Relaxed);
    }
}

impl Calls {
    /// A call begins.
    pub(super) fn begin(self: &Arc<Self>) -> Call {
        Call { calls: Arc::clone(self), open: self.open.token(), _owed: self.owed.token() }
    }

    /// Resolves when no call is left but such as their clients don't read.
    pub(super) async fn ended(&self) {
        self.owed.close();
        self.open.close();
        loop {
            self.owed.wait().await;
            let taken = self.taken.load(Ordering::Relaxed);
            tokio::select! {
                () = self.open.wait() => return,
                () = sleep(UNREAD) => {}
            }
            if self.owed.is_empty() && self.taken.load(Ordering::Relaxed) == taken {
                return tracing::info!(calls = self.open.len(), "left, since nobody reads them");
            }
        }
    }

    /// The turn is ours, while this is kept.
    pub(super) fn owing(&self) -> TaskTrackerToken {
        self.owed.token()
    }

    /// Whether calls are in progress in which the turn is ours.
    pub(super) fn owed(&self) -> bool {
        !self.owed.is_empty()
    }
}
