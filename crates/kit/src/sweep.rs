//! Work that falls due with time: roles that end, what is deleted for good after a while.
use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;
use tokio::time::sleep;

use crate::status::Fault;

/// How long it rests between two rounds. What has fallen due has no effect on decisions, which know the time
/// themselves; this is how much later its consequences follow.
const REST: Duration = Duration::from_secs(1);

/// Does a round of work again and again until the server stops. A round that fails or panics is followed by another.
/// Several replicas may do it at once: each round must be one that changes nothing when repeated.
pub async fn run<F: Future<Output = Result<(), Fault>>>(
    what: &'static str,
    round: impl Fn() -> F,
    stopping: impl Future<Output = ()>,
) {
    let rounds = async {
        loop {
            match AssertUnwindSafe(round()).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => tracing::warn!(what, %fault, "a round failed"),
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
