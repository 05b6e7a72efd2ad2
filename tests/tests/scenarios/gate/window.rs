//! Strict answers from memory, and the rest that makes them right (R-P9).
use devspaces_ledger::REST;
use devspaces_tests::{Engine, Suite};

use crate::acts::members::{ADMIN, VIEWER, adds_members, removes_member};

scenarios! {
    both engines:
        without_a_rest_a_check_is_allowed_by_what_was_taken_away,
        what_was_granted_is_seen_at_once_wherever_it_was_denied_before;
}

// R-P9, R-M5: a reply that comes at once, here in no time at all, is there before the window is over.
async fn without_a_rest_a_check_is_allowed_by_what_was_taken_away(engine: Engine) {
    let suite = Suite::start_without_rest(engine).await;
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    suite.clock.hold();
    assert!(bob.may("members.add", &space).await);
    removes_member(&alice, &space, &bob).await.expect("removed");
    assert!(bob.may("members.add", &space).await, "or the rest would not be needed");
    suite.clock.go_on();
    suite.clock.advance(REST);
    assert!(!bob.may("members.add", &space).await);
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
