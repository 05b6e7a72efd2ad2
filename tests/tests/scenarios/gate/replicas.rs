//! Two replicas of every service on one database: what one has done the other knows, and either may die. With
//! `DEVSPACES_TEST_REPLICAS=2` all scenarios on PostgreSQL run so; here is what must, always.
use std::sync::Arc;

use devspaces::Service;
use devspaces_kit::clock::{Clock as _, SystemClock};
use devspaces_ledger::journal;
use devspaces_proto::{
    authz::v1::{CheckPermissionRequest, CheckPermissionResponse},
    membership::v1::RemoveMemberRequest,
};
use devspaces_tests::{
    Persona,
    process::Processes,
    sql::{ENTRIES, count},
    suite::eventually,
};
use futures::future::join;
use tonic::{Response, Status};

use crate::acts::{
    checks::{Checkers, Seen, killed, more_allowed, more_checks},
    members::{ADMIN, adds_members, lists_members},
};

/// How often a replica is killed while checks run.
const KILLS: usize = 12;
/// How many check without pause at each replica.
const CHECKERS: usize = 3;

fn question(space: &str) -> CheckPermissionRequest {
    let (permission, resource) = ("members.add".to_owned(), space.to_owned());
    CheckPermissionRequest { permission, resource, ..Default::default() }
}

async fn checks(who: &Persona, space: &str) -> Result<CheckPermissionResponse, Status> {
    who.authz().check_permission(question(space)).await.map(Response::into_inner)
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
    let seen: [Arc<Seen>; 2] = Default::default();
    let (mut checkers, mut at) = (Checkers::new(killed), Vec::new());
    for (replica, seen) in seen.iter().enumerate() {
        at.push(suite.user_at("bob", replica));
        for _ in 0..CHECKERS {
            checkers.start(at[replica].authz(), question(&space), seen.clone());
        }
    }
    for kill in 0..KILLS {
        let (victim, replica) = ([Service::Membership, Service::Space][kill % 2], kill / 2 % 2);
        eventually(async || adds_members(&alice, &space, &[(&bob, ADMIN)]).await.ok()).await;
        more_allowed(&seen, 1).await;
        let entries = count(&pool, ENTRIES).await;
        let removing = async {
            removed(&alice, &space, &bob).await;
            checkers.turn();
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
            more_checks(std::slice::from_ref(seen), 2 * CHECKERS as u64).await;
        }
        suite.run_replica(victim, replica).await;
        for bob in &at {
            assert!(!eventually(async || checks(bob, &space).await.ok()).await.allowed, "kill {kill}");
        }
        let members = eventually(async || lists_members(&alice, &space).await.ok()).await;
        assert_eq!(members, [(alice.name.clone(), ADMIN)], "kill {kill}");
        checkers.turn();
    }
    checkers.end().await;
    assert_eq!(seen.each_ref().map(|seen| seen.stale()), [0; 2]);
    for service in Service::ALL {
        let pool = suite.pool(service).await;
        eventually(async || (count(&pool, "SELECT COUNT(*) FROM outbox").await == 0).then_some(())).await;
        assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, [], "{service}");
    }
}
