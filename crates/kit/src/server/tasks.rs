//! Work that outlives the call which asked for it, and that a stopping server waits for.
use std::future::Future;

use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFutureOwned},
    task::TaskTracker,
};

use super::admission;
use crate::{status::Fault, trace::TraceContext};

/// The tasks of one server. Clones are handles to the same tasks.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    running: TaskTracker,
    stopping: CancellationToken,
}

impl Tasks {
    /// No task yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does a change in a task of its own: it is done to the end even if the caller hangs up or its deadline passes.
    /// Until then the call keeps its place among those in progress.
    ///
    /// # Errors
    /// What the work answers; `INTERNAL` if it panics.
    pub async fn run<T, E>(&self, work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        match self.running.spawn(admission::carried(traced(work))).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => Err(Fault::internal("a task panicked").into()),
            Err(_) => Err(Fault::shutting_down().into()),
        }
    }

    /// Starts a worker. It must end soon after [`Tasks::stopping`].
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(traced(work));
    }

    /// Resolves when the server begins to stop. Streams without an end end then, with [`Fault::shutting_down`].
    pub fn stopping(&self) -> WaitForCancellationFutureOwned {
        self.stopping.clone().cancelled_owned()
    }

    /// Tells everything that waits for [`Tasks::stopping`].
    pub(super) fn stop(&self) {
        self.stopping.cancel();
    }

    /// Whether a task is left.
    pub(super) fn any(&self) -> bool {
        !self.running.is_empty()
    }

    /// Resolves when no task is left.
    pub(super) async fn ended(&self) {
        self.running.close();
        self.running.wait().await;
    }
}

/// A task belongs to the trace of whoever starts it.
fn traced<F: Future>(work: F) -> impl Future<Output = F::Output> {
    TraceContext::scope(TraceContext::current(), work)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::status::Reason;

    #[tokio::test]
    async fn work_goes_on_when_its_caller_is_gone() {
        let tasks = Tasks::new();
        let (go, gate) = oneshot::channel::<()>();
        let (done, result) = oneshot::channel();
        let call = Box::pin(tasks.run(async move {
            gate.await.expect("go");
            done.send("done").expect("a listener");
            Ok::<_, Fault>(())
        }));
        let started = futures::poll!(call);
        assert!(started.is_pending());
        go.send(()).expect("the work waits");
        tasks.ended().await;
        assert_eq!(result.await, Ok("done"));
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let answer = Tasks::new().run::<(), Fault>(async { panic!("secret") }).await;
        assert_eq!(answer.map_err(|fault| fault.reason()), Err(Reason::Internal));
    }

    #[tokio::test]
    async fn a_task_belongs_to_the_trace_of_its_call() {
        let trace = TraceContext::root(false);
        let tasks = Tasks::new();
        let inside =
            TraceContext::scope(Some(trace), tasks.run(async { Ok::<_, Fault>(TraceContext::current()) }));
        assert_eq!(inside.await, Ok(Some(trace)));
    }
}
