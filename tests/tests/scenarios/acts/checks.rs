//! Checks that run without pause while roles come and go: was one allowed that began when the role was gone?
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use devspaces_proto::authz::v1::{CheckPermissionRequest, authz_service_client::AuthzServiceClient};
use devspaces_tests::{persona::Authorized, suite::eventually};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

/// What the checks of one question saw.
#[derive(Default)]
pub(crate) struct Seen {
    checks: AtomicU64,
    allowed: AtomicU64,
    /// Checks that ran while the role was gone, from their start on, and were allowed all the same.
    stale: AtomicU64,
}

impl Seen {
    pub(crate) fn allowed(&self) -> u64 {
        self.allowed.load(Ordering::SeqCst)
    }

    pub(crate) fn stale(&self) -> u64 {
        self.stale.load(Ordering::SeqCst)
    }
}

/// What all checkers share.
#[derive(Default)]
struct Shared {
    /// Even while the role may be held, odd from the reply that took it away until it is given again.
    epoch: AtomicU64,
    done: AtomicBool,
}

/// Which refusals are no answer, and no permission either. Any other fails the test.
pub(crate) type NoAnswer = fn(&Status) -> bool;

/// On a machine that is busy with other tests facts may come too late.
pub(crate) fn too_late(status: &Status) -> bool {
    status.code() == Code::Unavailable
}

/// A replica that is killed breaks off in any way.
pub(crate) fn killed(_: &Status) -> bool {
    true
}

/// Those who check.
pub(crate) struct Checkers {
    shared: Arc<Shared>,
    no_answer: NoAnswer,
    tasks: Vec<JoinHandle<()>>,
}

impl Checkers {
    pub(crate) fn new(no_answer: NoAnswer) -> Self {
        Self { shared: Arc::default(), no_answer, tasks: Vec::new() }
    }

    /// One more asks this from now on, and counts what it sees.
    pub(crate) fn start(
        &mut self,
        authz: AuthzServiceClient<Authorized>,
        request: CheckPermissionRequest,
        seen: Arc<Seen>,
    ) {
        let checking = check_without_pause(authz, request, self.shared.clone(), self.no_answer, seen);
        self.tasks.push(tokio::spawn(checking));
    }

    /// The reply that took the role away has arrived, or the role may be given again: by turns.
    pub(crate) fn turn(&self) {
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until all have ended.
    pub(crate) async fn end(self) {
        self.shared.done.store(true, Ordering::SeqCst);
        for checker in self.tasks {
            checker.await.expect("a checker that ends");
        }
    }
}

async fn check_without_pause(
    mut authz: AuthzServiceClient<Authorized>,
    request: CheckPermissionRequest,
    shared: Arc<Shared>,
    no_answer: NoAnswer,
    seen: Arc<Seen>,
) {
    while !shared.done.load(Ordering::SeqCst) {
        let before = shared.epoch.load(Ordering::SeqCst);
        let answer = match authz.check_permission(request.clone()).await {
            Ok(answer) => answer.into_inner(),
            Err(status) if no_answer(&status) => {
                tokio::task::yield_now().await;
                continue;
            }
            Err(status) => panic!("no answer: {status:?}"),
        };
        let after = shared.epoch.load(Ordering::SeqCst);
        seen.checks.fetch_add(1, Ordering::SeqCst);
        if answer.allowed {
            seen.allowed.fetch_add(1, Ordering::SeqCst);
            if before == after && before % 2 == 1 {
                seen.stale.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

/// Waits until each question was checked so many times more.
pub(crate) async fn more_checks(seen: &[Arc<Seen>], by: u64) {
    more(seen, |seen| &seen.checks, by).await;
}

/// Waits until each question was allowed so many times more.
pub(crate) async fn more_allowed(seen: &[Arc<Seen>], by: u64) {
    more(seen, |seen| &seen.allowed, by).await;
}

async fn more(seen: &[Arc<Seen>], counter: impl Fn(&Seen) -> &AtomicU64, by: u64) {
    let goals: Vec<u64> = seen.iter().map(|seen| counter(seen).load(Ordering::SeqCst) + by).collect();
    for (seen, goal) in seen.iter().zip(goals) {
        eventually(async || (counter(seen).load(Ordering::SeqCst) >= goal).then_some(())).await;
    }
}
