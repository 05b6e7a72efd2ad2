//! Break-glass against what else comes at the same time.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::journal::v1::VerifyScopeRequest;
use devspaces_tests::{Suite, refused};
use futures::future::join;
use tonic::Code;

use crate::{
    acts::{
        apps::creates_app,
        contributors::{OWNER, listed_contributors},
        members::{ADMIN, VIEWER, adds_members, lists_members, removes_member},
        people::{breaks_glass, emergency, grants_emergency},
        refusals::settled,
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        an_emergency_given_anew_against_its_end,
        an_emergency_against_an_addition_of_the_same_person,
        an_emergency_against_the_removal_of_the_same_person;
}

// R-M14, R-M8: it goes on, with the apps, or it has ended and begins anew without them. Never one of both.
async fn an_emergency_given_anew_against_its_end(suite: Suite) {
    let [alice, operator] = ["alice", "operator"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    for round in 0..rounds(20) {
        let bob = suite.user(&format!("bob{round}"));
        breaks_glass(&suite, &space, &bob).await.expect("given");
        let app = creates_app(&bob, &space).await.expect("an app").name;
        suite.clock.advance(Duration::from_millis(3_599_950));
        let anew = emergency(&suite, &space, &bob, 3600);
        let grants = async {
            // The end comes while the call is on its way, sooner or later within it.
            suite.clock.advance(Duration::from_millis(round * 5));
            settled(async || grants_emergency(&operator, anew.clone()).await).await.expect("given")
        };
        let (given, ()) = join(grants, async { suite.clock.advance(Duration::from_millis(50)) }).await;
        assert!(given.emergency && bob.may("members.add", &space).await, "round {round}");
        let goes_on = given.create_time != given.update_time;
        let owner = if goes_on { format!("bob{round}") } else { "alice".to_owned() };
        let listed = listed_contributors(&alice, &app).await;
        let owns = listed.iter().find(|(_, role, _)| *role == OWNER).map(|(user, ..)| user);
        assert_eq!(owns, Some(&owner), "round {round}");
        removes_member(&alice, &space, &bob).await.expect("removed");
        assert!(!bob.may("members.add", &space).await, "round {round}");
    }
    let request = VerifyScopeRequest { scope: space };
    let verified = alice.journal(Service::Membership).verify_scope(request).await.expect("verified");
    assert!(verified.into_inner().verifications.iter().all(|it| it.findings.is_empty()));
}

// R-M1: one role for each person, whoever was first.
async fn an_emergency_against_an_addition_of_the_same_person(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    for round in 0..rounds(20) {
        let bob = suite.user(&format!("bob{round}"));
        let added = [(&bob, VIEWER)];
        let given = settled(async || breaks_glass(&suite, &space, &bob).await);
        let (given, added) = join(given, settled(async || adds_members(&alice, &space, &added).await)).await;
        assert!(given.is_ok() != added.is_ok(), "round {round}: {given:?} {added:?}");
        let role = if given.is_ok() { ADMIN } else { VIEWER };
        let lost = if given.is_ok() { refused(added) } else { refused(given) };
        assert_eq!(lost.kind(), (Code::AlreadyExists, "MEMBER_EXISTS"));
        let members = lists_members(&alice, &space).await.expect("a list");
        assert!(members.contains(&(bob.name.clone(), role)), "round {round}");
        removes_member(&alice, &space, &bob).await.expect("removed");
    }
}

// R-M5, R-M14: a removal that is acknowledged takes what was given before it; what is given after it is there.
async fn an_emergency_against_the_removal_of_the_same_person(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    for round in 0..rounds(20) {
        let bob = suite.user(&format!("bob{round}"));
        let first = breaks_glass(&suite, &space, &bob).await.expect("given");
        let given = settled(async || breaks_glass(&suite, &space, &bob).await);
        let (given, removed) =
            join(given, settled(async || removes_member(&alice, &space, &bob).await)).await;
        let given = given.expect("given anew");
        removed.expect("removed");
        let stays = given.create_time != first.create_time;
        assert_eq!(bob.may("members.add", &space).await, stays, "round {round}");
        if stays {
            removes_member(&alice, &space, &bob).await.expect("removed");
        }
    }
}
