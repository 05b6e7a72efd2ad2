//! Strict answers from memory, and the rest that makes them right (R-P9).
use std::sync::Arc;

use devspaces_proto::authz::v1::CheckPermissionRequest;
use devspaces_tests::{Engine, Suite};

use crate::acts::{
    checks::{Checkers, Seen, more_allowed, more_checks, too_late},
    members::{ADMIN, VIEWER, adds_members, removes_member},
};

scenarios! {
    both engines:
        without_a_rest_a_check_is_allowed_by_what_was_taken_away,
        what_was_granted_is_seen_at_once_wherever_it_was_denied_before;
}

/// How often a role may be given and taken away until a stale answer shows.
const TRIES: usize = 5000;

// R-P9, R-M5: what `no_check_that_starts_after_a_revocation_is_allowed_by_it` would see if changes did not rest.
async fn without_a_rest_a_check_is_allowed_by_what_was_taken_away(engine: Engine) {
    let suite = Suite::start_without_rest(engine).await;
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let space = alice.creates_space("Team").await;
    let seen = [Arc::new(Seen::default())];
    let mut checkers = Checkers::new(too_late);
    let (permission, resource) = ("members.add".to_owned(), space.clone());
    let request = CheckPermissionRequest { permission, resource, ..CheckPermissionRequest::default() };
    for _ in 0..4 {
        checkers.start(bob.authz(), request.clone(), seen[0].clone());
    }
    for _ in 0..TRIES {
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        more_allowed(&seen, 1).await;
        removes_member(&alice, &space, &bob).await.expect("removed");
        checkers.turn();
        more_checks(&seen, 4).await;
        checkers.turn();
        if seen[0].stale() > 0 {
            break;
        }
    }
    checkers.end().await;
    assert!(seen[0].stale() > 0, "or the revocation test could not see a stale answer");
}

// R-P9: a denial is never answered from memory.
async fn what_was_granted_is_seen_at_once_wherever_it_was_denied_before(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    for number in 0..20 {
        let member = suite.user(&format!("member-{number}"));
        let anywhere = async || {
            let mut allowed = Vec::new();
            for port in devspaces::Service::ALL {
                let answer = member.checks_at(port, "members.list", &space).await;
                allowed.push(answer.expect("an answer").allowed);
            }
            allowed
        };
        assert_eq!(anywhere().await, [false; 4]);
        adds_members(&alice, &space, &[(&member, VIEWER)]).await.expect("added");
        assert_eq!(anywhere().await, [true; 4]);
        removes_member(&alice, &space, &member).await.expect("removed");
        assert_eq!(anywhere().await, [false; 4]);
    }
}
