//! Work that falls due with time: roles that end, what is deleted for good after a while.
use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::time::sleep;

use crate::status::Fault;

/// How long it rests between two rounds: how much later the consequences follow of what has fallen due. What ends at a
/// time, such as a role, grants nothing from that time on whether or not a round has come; what goes with it, such as
/// roles on apps, goes with the round.
const REST: Duration = Duration::from_secs(1);

/// What the log was told of already: a fault that stays is told once, and not with every round.
#[derive(Debug, Default)]
pub struct Told(Mutex<HashMap<String, String>>);

impl Told {
    /// Whether the log was not told yet of this fault of something. From now on it was.
    pub fn is_news(&self, of: &str, fault: &Fault) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = fault.to_string();
        told.insert(of.to_owned(), fault.clone()).is_none_or(|before| before != fault)
    }

    /// Notes what has no fault any more: the next is news again.
    pub fn is_well(&self, of: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(of);
    }
}

/// A round of work that is done again and again while the server runs. Several replicas may do it at once: each round must
/// be one that changes nothing when repeated.
pub struct Sweep {
    what: &'static str,
    round: Box<dyn Fn() -> BoxFuture<'static, Result<(), Fault>> + Send + Sync>,
}

impl Sweep {
    /// A round of `what`, which works with the context of its service.
    pub fn new<C, F>(
        what: &'static str,
        context: &Arc<C>,
        round: impl Fn(Arc<C>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        C: Send + Sync + 'static,
        F: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let context = Arc::clone(context);
        Self { what, round: Box::new(move || round(Arc::clone(&context)).boxed()) }
    }

    /// Does rounds until the server stops. One that fails or panics is followed by another.
    pub async fn run(self, stopping: impl Future<Output = ()>) {
        run(self.what, self.round, stopping).await;
    }
}

/// Does something for each of several, whether or not it fails for others.
///
/// # Errors
/// The last fault.
pub async fn each<T, F: Future<Output = Result<(), Fault>>>(
    several: Vec<T>,
    work: impl Fn(T) -> F,
) -> Result<(), Fault> {
    let mut result = Ok(());
    for one in several {
        if let Err(fault) = work(one).await {
            result = Err(fault);
        }
    }
    result
}

async fn run<F: Future<Output = Result<(), Fault>>>(
    what: &'static str,
    round: impl Fn() -> F,
    stopping: impl Future<Output = ()>,
) {
    let told = Told::default();
    let rounds = async {
        loop {
            match AssertUnwindSafe(round()).catch_unwind().await {
                Ok(Ok(())) => told.is_well(what),
                Ok(Err(fault)) if told.is_news(what, &fault) => {
                    tracing::warn!(what, %fault, "a round failed; told once while it fails alike");
                }
                Ok(Err(_)) => {}
                Err(_) => tracing::error!(what, "a round panicked"),
            }
            sleep(REST).await;
        }
    };
    tokio::select! {
        () = rounds => {}
        () = stopping => {}
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_fault_that_stays_is_told_once() {
        let told = Told::default();
        let (down, other) = (Fault::storage_unavailable(), Fault::overloaded());
        assert!(told.is_news("a", &down) && !told.is_news("a", &down));
        assert!(told.is_news("b", &down) && told.is_news("a", &other) && told.is_news("a", &down));
        told.is_well("a");
        assert!(told.is_news("a", &down) && !told.is_news("b", &down));
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_that_fails_or_panics_is_followed_by_another_until_the_server_stops() {
        let rounds = Cell::new(0);
        let (stop, stopped) = oneshot::channel::<()>();
        let stop = Cell::new(Some(stop));
        let round = async || {
            rounds.set(rounds.get() + 1);
            match rounds.get() {
                1 => Err(Fault::storage_unavailable()),
                2 => panic!("a defect"),
                3 => Ok(()),
                _ => {
                    drop(stop.take());
                    Ok(())
                }
            }
        };
        run("test", round, async { drop(stopped.await) }).await;
        assert_eq!(rounds.get(), 4);
    }
}
