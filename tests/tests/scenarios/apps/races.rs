//! Rules about apps that must hold however calls interleave: each race is run many times.
use devspaces_tests::{Persona, Suite, refused};
use futures::future::{join, join_all, join4};
use tonic::Code;

use crate::{
    acts::{
        apps::{apps_seen, creates_app, deletes_app, imported_app, links_app, undeletes_app},
        contributors::{DEPLOYER, OWNER, adds_contributors, listed_contributors, transfers_ownership},
        members::{DEVELOPER, VIEWER, adds_members, leaves_space, removes_member},
        spaces::{archives_space, gets_space, restores_space},
    },
    rounds::rounds,
};

scenarios! {
    everywhere:
        archival_against_every_way_into_the_space,
        nothing_comes_in_after_an_archival,
        two_links_of_one_app_into_two_spaces,
        a_removal_against_creations_by_the_same_person,
        a_removal_against_an_addition_of_the_same_person_to_an_app,
        a_transfer_of_ownership_against_the_removal_of_the_new_owner,
        two_transfers_of_one_app;
}

const ROUNDS: u16 = 20;

/// Who owns an app, by the list of its contributors.
async fn owners(who: &Persona, app: &str) -> Vec<String> {
    let contributors = listed_contributors(who, app).await;
    contributors.into_iter().filter(|(_, role, _)| *role == OWNER).map(|(id, ..)| id).collect()
}

// R-S7: no app is in a space that is archived, whichever way it would have come in.
async fn archival_against_every_way_into_the_space(suite: Suite) {
    let alice = suite.user("alice");
    let (mut archived, mut kept_out) = (0, 0);
    for _ in 0..rounds(ROUNDS) {
        let space = alice.creates_space("Team").await;
        let deleted = alice.creates_app(&space).await;
        deletes_app(&alice, &deleted).await.expect("deleted");
        let old = imported_app(&suite, &alice).await;
        let (archival, created, linked, undeleted) = join4(
            archives_space(&alice, &space),
            creates_app(&alice, &space),
            links_app(&alice, &old, &space),
            undeletes_app(&alice, &deleted),
        )
        .await;
        let state = gets_space(&alice, &space).await.expect("the space").state();
        let came_in = [created, linked, undeleted];
        let apps = apps_seen(&alice, &space).await.len();
        assert_eq!(apps, came_in.iter().filter(|came| came.is_ok()).count());
        if archival.is_ok() {
            archived += 1;
            assert_eq!((apps, state), (0, devspaces_proto::space::v1::space::State::Archived));
        } else {
            assert_eq!(refused(archival).reason, "SPACE_HAS_APPS");
            assert!(apps > 0);
        }
        for came in came_in.into_iter().filter(Result::is_err) {
            kept_out += 1;
            assert_eq!(refused(came).kind(), (Code::FailedPrecondition, "SPACE_ARCHIVED"));
        }
    }
    println!("{archived} archived, {kept_out} kept out");
}

// R-S7: by calls that begin after the archival was acknowledged, none at all.
async fn nothing_comes_in_after_an_archival(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    for round in 0..rounds(ROUNDS) {
        archives_space(&alice, &space).await.expect("archived");
        let late = join_all((0..4).map(|_| creates_app(&alice, &space))).await;
        for late in late {
            assert_eq!(refused(late).reason, "SPACE_ARCHIVED", "round {round}");
        }
        restores_space(&alice, &space).await.expect("restored");
    }
}

// R-A2: an app is linked once.
async fn two_links_of_one_app_into_two_spaces(suite: Suite) {
    let alice = suite.user("alice");
    let (one, two) = (alice.creates_space("One").await, alice.creates_space("Two").await);
    for round in 0..rounds(ROUNDS) {
        let app = imported_app(&suite, &alice).await;
        let (first, second) = join(links_app(&alice, &app, &one), links_app(&alice, &app, &two)).await;
        assert!(first.is_ok() != second.is_ok(), "round {round}: {first:?} {second:?}");
        let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
        assert_eq!(refused(lost).kind(), (Code::FailedPrecondition, "APP_LINKED"));
        let space = won.expect("linked").space;
        assert!(apps_seen(&alice, &space).await.contains(&(app.clone(), OWNER)));
        let other = if space == one { &two } else { &one };
        assert!(!apps_seen(&alice, other).await.contains(&(app, OWNER)));
    }
}

// R-M5: what someone who is removed creates meanwhile is theirs no longer than the space: no creation outlives the
// removal's effects, and every app has its owner.
async fn a_removal_against_creations_by_the_same_person(suite: Suite) {
    let alice = suite.user("alice");
    let mut refusals = 0;
    for round in 0..rounds(ROUNDS) {
        let bob = suite.user(&format!("bob{round}"));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
        let creations = join_all((0..6).map(|_| creates_app(&bob, &space)));
        let going = async {
            let gone = if round % 2 == 0 {
                removes_member(&alice, &space, &bob).await.map(drop)
            } else {
                leaves_space(&bob, &space).await
            };
            gone.expect("gone");
            // From the reply on, though creations may still be under way.
            apps_seen(&bob, "").await
        };
        let (creations, left) = join(creations, going).await;
        assert_eq!(left, [], "round {round}");
        assert_eq!(apps_seen(&bob, "").await, [], "round {round}");
        let created = apps_seen(&alice, &space).await;
        assert_eq!(created.len(), creations.iter().filter(|created| created.is_ok()).count());
        for (app, role) in created {
            assert_eq!((role, owners(&alice, &app).await), (OWNER, vec![alice.id().to_owned()]));
        }
        for refusal in creations.into_iter().filter(Result::is_err) {
            refusals += 1;
            assert!([Code::PermissionDenied, Code::Unavailable].contains(&refused(refusal).code));
        }
    }
    println!("{refusals} creations were refused");
}

// R-M5, R-A3: in whichever order they happen; and what is listed is what is allowed.
async fn a_removal_against_an_addition_of_the_same_person_to_an_app(suite: Suite) {
    let alice = suite.user("alice");
    let mut stayed = 0;
    for round in 0..rounds(ROUNDS) {
        let bob = suite.user(&format!("bob{round}"));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        let apps = join_all((0..4).map(|_| alice.creates_app(&space))).await;
        // One after another, so that some come before the removal and some after it.
        let additions = async {
            for app in &apps {
                adds_contributors(&alice, app, &[(&bob, DEPLOYER)]).await.expect("added");
            }
        };
        let ((), gone) = join(additions, removes_member(&alice, &space, &bob)).await;
        gone.expect("removed");
        let mut stays = false;
        for app in &apps {
            let has_role = listed_contributors(&alice, app).await.iter().any(|(id, ..)| id == bob.id());
            for permission in ["app.deploy", "app.get"] {
                assert_eq!(bob.may(permission, app).await, has_role, "round {round}: {permission}");
            }
            assert!(has_role || !stays, "the removal takes away whatever came before it");
            stays = has_role;
            stayed += usize::from(has_role);
            assert_eq!(owners(&alice, app).await, [alice.id()]);
        }
        assert_eq!(bob.may("apps.list", &space).await, stays);
        assert!(!bob.may("space.get", &space).await);
    }
    println!("{stayed} of {} were added after the removal", 4 * rounds::<u32>(ROUNDS));
}

// R-A3, R-M5: whoever is removed ends up with nothing, and the app with one owner.
async fn a_transfer_of_ownership_against_the_removal_of_the_new_owner(suite: Suite) {
    let [alice, carol] = ["alice", "carol"].map(|id| suite.user(id));
    for round in 0..rounds(ROUNDS) {
        let bob = suite.user(&format!("bob{round}"));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, DEVELOPER), (&carol, DEVELOPER)]).await.expect("added");
        let app = carol.creates_app(&space).await;
        if round % 2 == 0 {
            adds_contributors(&carol, &app, &[(&bob, DEPLOYER)])
                .await
                .expect("a contributor, not only a member");
        }
        let (passed, gone) =
            join(transfers_ownership(&carol, &app, &bob), removes_member(&alice, &space, &bob)).await;
        gone.expect("removed");
        let expected = match passed {
            Ok(_) => alice.id(),
            Err(status) => {
                let refusal = refused(Err::<(), _>(status));
                assert!(
                    ["NEW_OWNER_INELIGIBLE", "FACTS_UNAVAILABLE"].contains(&refusal.reason.as_str()),
                    "{refusal:?}"
                );
                carol.id()
            }
        };
        assert_eq!(owners(&alice, &app).await, [expected], "round {round}");
        assert!(!bob.may("app.get", &app).await, "round {round}");
    }
}

// R-A3: one of two wins, and the other is no owner any more who could pass it on.
async fn two_transfers_of_one_app(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER), (&carol, DEVELOPER)]).await.expect("added");
    for _ in 0..rounds(ROUNDS) {
        let app = alice.creates_app(&space).await;
        let (one, other) =
            join(transfers_ownership(&alice, &app, &bob), transfers_ownership(&alice, &app, &carol)).await;
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let winner = if one.is_ok() { bob.id() } else { carol.id() };
        assert_eq!(owners(&alice, &app).await, [winner]);
        assert_eq!(refused(if one.is_ok() { other } else { one }).code, Code::PermissionDenied);
    }
}
