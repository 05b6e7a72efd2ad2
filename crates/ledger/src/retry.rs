use std::time::Duration;

use devspaces_kit::status::Fault;
use futures::future::BoxFuture;

use crate::{abort::Abort, db::Error, metrics};

/// How often a transaction that gave way to another is run again before the caller is told.
const REPETITIONS: u32 = 10;
/// The longest pause before the first repetition; it doubles with each.
const PAUSE: Duration = Duration::from_millis(2);

/// Runs a transaction, and runs it again while it gives way to others or needs other scopes: at most ten times more, after pauses that grow
/// and differ.
pub async fn retry<'a, R>(once: impl Fn() -> BoxFuture<'a, Result<R, Abort>>) -> Result<R, Fault> {
    let mut repetitions = 0;
    loop {
        match once().await {
            Err(abort @ (Abort::Storage(Error::Contended(_)) | Abort::OtherScopes))
                if repetitions < REPETITIONS =>
            {
                let other_scopes = matches!(abort, Abort::OtherScopes);
                metrics::repeated(if other_scopes { metrics::SCOPES } else { metrics::CONTENDED });
                let longest = PAUSE * 2_u32.pow(repetitions);
                tokio::time::sleep(longest.mul_f64(rand::random())).await;
                repetitions += 1;
            }
            result => return result.map_err(Fault::from),
        }
    }
}
