//! Grants and revocations in a space.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use devspaces_proto::membership::v1::RemoveMemberRequest;
use devspaces_tests::Persona;
use tokio::task::JoinHandle;

use super::suites::{Suite, add};

/// How many removals are timed.
const REMOVALS: usize = 100;

/// Somebody who adds and removes a member, again and again.
#[derive(Clone)]
pub(super) struct Changes {
    owner: Persona,
    space: String,
}

/// Changes that go on.
pub(super) struct Changing {
    enough: Arc<AtomicBool>,
    task: JoinHandle<f64>,
}

impl Changes {
    pub(super) fn of(suite: &Suite) -> Self {
        Self { owner: suite.owner.clone(), space: suite.space.clone() }
    }

    pub(super) fn begin(&self) -> Changing {
        let (changes, enough) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let seen = enough.clone();
        let task = tokio::spawn(async move {
            let (begin, mut made) = (Instant::now(), 0_u32);
            while !seen.load(Ordering::Relaxed) {
                changes.add_and_remove().await;
                made += 2;
            }
            f64::from(made) / begin.elapsed().as_secs_f64()
        });
        Changing { enough, task }
    }

    /// How long the removal took.
    async fn add_and_remove(&self) -> Duration {
        add(&self.owner, &self.space, "users/bob").await;
        let name = format!("{}/members/bob", self.space);
        let request = RemoveMemberRequest { name, ..RemoveMemberRequest::default() };
        let begin = Instant::now();
        self.owner.members().remove_member(request).await.expect("a removal");
        begin.elapsed()
    }

    /// The median time of a removal when nothing else runs.
    pub(super) async fn removal(&self) -> Duration {
        let mut times = Vec::new();
        for _ in 0..REMOVALS {
            times.push(self.add_and_remove().await);
        }
        times.sort_unstable();
        times[REMOVALS / 2]
    }
}

impl Changing {
    /// Ends them, and says how many were made in a second.
    pub(super) async fn end(self) -> f64 {
        self.enough.store(true, Ordering::Relaxed);
        self.task.await.expect("changes without an error")
    }
}
