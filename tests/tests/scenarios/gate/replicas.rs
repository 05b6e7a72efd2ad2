//! Two replicas of every service on one database: what one has done the other knows, and either may die. With
//! `DEVSPACES_TEST_REPLICAS=2` all scenarios on PostgreSQL run so; here is what must, always.
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use devspaces::Service;
use devspaces_kit::{
    clock::{Clock as _, SystemClock},
    journal,
};
use devspaces_proto::{
    authz::v1::{CheckPermissionRequest, CheckPermissionResponse},
    membership::v1::RemoveMemberRequest,
};
use devspaces_tests::{Persona, process::Processes, sql::count, suite::eventually};
use futures::future::join;
use tonic::{Response, Status};

use crate::acts::members::{ADMIN, adds_members, lists_members};

/// How often a replica is killed while checks run.
const KILLS: usize = 12;
/// How many check without pause at each replica.
const CHECKERS: usize = 3;

const ENTRIES: &str = "SELECT COUNT(*) FROM journal";

/// What checks saw at one replica.
#[derive(Default)]
struct Seen {
    checks: AtomicU64,
    allowed: AtomicU64,
    /// Checks that ran while the role was gone, from their start on, and were allowed all the same.
    stale: AtomicU64,
}

/// What all checkers share.
#[derive(Default)]
struct Shared {
    /// Even while the role may be held, odd from the reply that took it away until it is given again.
    epoch: AtomicU64,
    done: AtomicBool,
}

async fn checks(who: &Persona, space: &str) -> Result<CheckPermissionResponse, Status> {
    let (permission, resource) = ("members.add".to_owned(), space.to_owned());
    let request = CheckPermissionRequest { permission, resource, ..Default::default() };
    who.authz().check_permission(request).await.map(Response::into_inner)
}

/// Checks without pause. A dead replica gives no answer, and that is no permission.
async fn check_without_pause(who: Persona, space: String, shared: Arc<Shared>, seen: Arc<Seen>) {
    while !shared.done.load(Ordering::SeqCst) {
        let before = shared.epoch.load(Ordering::SeqCst);
        let Ok(answer) = checks(&who, &space).await else {
            tokio::task::yield_now().await;
            continue;
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

/// Waits until a counter is so much higher.
async fn more(counter: &AtomicU64, by: u64) {
    let goal = counter.load(Ordering::SeqCst) + by;
    eventually(async || (counter.load(Ordering::SeqCst) >= goal).then_some(())).await;
}

/// Removes someone, asking again with the same `request_id` until there is an answer: from the other replica, if the one
/// that was asked is dead.
async fn removed(by: &Persona, space: &str, whom: &Persona) {
    let request = RemoveMemberRequest {
        name: whom.member_of(space),
        request_id: SystemClock.new_id().to_string(),
        ..RemoveMemberRequest::default()
    };
    eventually(async || by.members().remove_member(request.clone()).await.ok()).await;
}

/// R-M5, R-P4: replicas die in the middle of removals and of checks. Whatever was acknowledged holds at all others at
/// once and when the dead are back, and while they are dead the others go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_killed_takes_no_revocation_with_it() {
    let mut suite = Processes::start_replicated().await;
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let space = alice.creates_space("Team").await;
    let pool = suite.pool(Service::Membership).await;
    let shared = Arc::new(Shared::default());
    let seen: [Arc<Seen>; 2] = Default::default();
    let (mut checkers, mut at) = (Vec::new(), Vec::new());
    for (replica, seen) in seen.iter().enumerate() {
        at.push(suite.user_at("bob", replica));
        for _ in 0..CHECKERS {
            let checking =
                check_without_pause(at[replica].clone(), space.clone(), shared.clone(), seen.clone());
            checkers.push(tokio::spawn(checking));
        }
    }
    for kill in 0..KILLS {
        let (victim, replica) = ([Service::Membership, Service::Space][kill % 2], kill / 2 % 2);
        eventually(async || adds_members(&alice, &space, &[(&bob, ADMIN)]).await.ok()).await;
        for seen in &seen {
            more(&seen.allowed, 1).await;
        }
        let entries = count(&pool, ENTRIES).await;
        let removing = async {
            removed(&alice, &space, &bob).await;
            shared.epoch.fetch_add(1, Ordering::SeqCst);
        };
        // Killed while the call is on its way, then once it is committed, then right after it was answered.
        match kill * 3 / KILLS {
            0 => drop(join(removing, suite.kill_replica(victim, replica)).await),
            1 => {
                let killing = async {
                    eventually(async || (count(&pool, ENTRIES).await > entries).then_some(())).await;
                    suite.kill_replica(victim, replica).await;
                };
                join(removing, killing).await;
            }
            _ => {
                removing.await;
                suite.kill_replica(victim, replica).await;
            }
        }
        let others =
            seen.iter().enumerate().filter(|(at, _)| victim == Service::Membership || *at != replica);
        for (_, seen) in others {
            more(&seen.checks, 2 * CHECKERS as u64).await;
        }
        suite.run_replica(victim, replica).await;
        for bob in &at {
            assert!(!eventually(async || checks(bob, &space).await.ok()).await.allowed, "kill {kill}");
        }
        let members = eventually(async || lists_members(&alice, &space).await.ok()).await;
        assert_eq!(members, [(alice.name.clone(), ADMIN)], "kill {kill}");
        shared.epoch.fetch_add(1, Ordering::SeqCst);
    }
    shared.done.store(true, Ordering::SeqCst);
    for checker in checkers {
        checker.await.expect("a checker that ends");
    }
    assert_eq!(seen.each_ref().map(|seen| seen.stale.load(Ordering::SeqCst)), [0; 2]);
    for service in Service::ALL {
        let pool = suite.pool(service).await;
        eventually(async || (count(&pool, "SELECT COUNT(*) FROM outbox").await == 0).then_some(())).await;
        assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, [], "{service}");
    }
}
