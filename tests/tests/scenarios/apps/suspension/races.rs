//! Suspensions against what else comes at the same time.
use devspaces_proto::space::v1::standing::Reason;
use devspaces_tests::Suite;
use futures::future::join;

use super::{ABUSE, LEGAL, joins_both};
use crate::{
    acts::{
        apps::{creates_app, deletes_app, undeletes_app},
        refusals::settled,
        suspensions::{RUNS, STANDS, lifts, operator, runs, suspends_app, suspends_space},
        transfers::{TwoSpaces, initiates_transfer},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_suspension_against_a_move_of_the_app,
        a_suspension_of_the_space_against_a_new_app,
        a_suspension_against_the_deletion_of_the_app,
        two_suspensions_and_a_lift_at_once;
}

// R-A12, R-A7: the app's own goes with it, whoever is first.
async fn a_suspension_against_a_move_of_the_app(suite: Suite) {
    let (it, operator) = (TwoSpaces::new(&suite).await, operator(&suite));
    let spaces = [it.source.clone(), it.destination.clone()];
    joins_both(&it).await;
    for round in 0..rounds(16) {
        let to = &spaces[usize::from(round % 2 == 0)];
        let suspending = settled(async || suspends_app(&operator, &it.app, ABUSE).await);
        let moving = settled(async || initiates_transfer(&it.alice, &it.app, to).await);
        let (suspended, moved) = join(suspending, moving).await;
        assert!(suspended.expect("suspended").suspended, "round {round}");
        moved.expect("moved");
        assert_eq!(runs(&suite, &it.bob, &it.app).await, STANDS, "round {round}");
        lifts(&operator, &it.app, ABUSE).await.expect("lifted");
        assert_eq!(runs(&suite, &it.bob, &it.app).await, RUNS, "round {round}");
    }
}

// R-A12: an app that comes into the space at the same time is suspended with it.
async fn a_suspension_of_the_space_against_a_new_app(suite: Suite) {
    let (alice, operator) = (suite.user("alice"), operator(&suite));
    let space = alice.creates_space("Team").await;
    for round in 0..rounds(16) {
        let suspending = settled(async || suspends_space(&operator, &space, LEGAL).await);
        let making = settled(async || creates_app(&alice, &space).await);
        let (suspended, made) = join(suspending, making).await;
        suspended.expect("suspended");
        let app = made.expect("an app").name;
        assert_eq!(runs(&suite, &alice, &app).await, STANDS, "round {round}");
        lifts(&operator, &space, LEGAL).await.expect("lifted");
        assert_eq!(runs(&suite, &alice, &app).await, RUNS, "round {round}");
    }
}

// R-A12, R-A10
async fn a_suspension_against_the_deletion_of_the_app(suite: Suite) {
    let (alice, operator) = (suite.user("alice"), operator(&suite));
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    for round in 0..rounds(16) {
        let suspending = settled(async || suspends_app(&operator, &app, ABUSE).await);
        let deleting = settled(async || deletes_app(&alice, &app).await);
        let (suspended, deleted) = join(suspending, deleting).await;
        suspended.expect("suspended");
        deleted.expect("deleted");
        undeletes_app(&alice, &app).await.expect("undeleted");
        assert_eq!(runs(&suite, &alice, &app).await, STANDS, "round {round}");
        lifts(&operator, &app, ABUSE).await.expect("lifted");
    }
}

// R-A12: none of them is lost.
async fn two_suspensions_and_a_lift_at_once(suite: Suite) {
    let (alice, operator) = (suite.user("alice"), operator(&suite));
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    for round in 0..rounds(16) {
        suspends_app(&operator, &app, ABUSE).await.expect("suspended");
        let suspending = async {
            let legal = settled(async || suspends_app(&operator, &app, LEGAL).await);
            let security = settled(async || suspends_app(&operator, &app, Reason::Security).await);
            let (legal, security) = join(legal, security).await;
            (legal.expect("suspended"), security.expect("suspended"))
        };
        let lifting = settled(async || lifts(&operator, &app, ABUSE).await);
        let (_, lifted) = join(suspending, lifting).await;
        lifted.expect("lifted");
        let left = lifts(&operator, &app, LEGAL).await.expect("lifted");
        assert_eq!(left.reasons, [i32::from(Reason::Security)], "round {round}");
        assert_eq!(runs(&suite, &alice, &app).await, STANDS, "round {round}");
        lifts(&operator, &app, Reason::Security).await.expect("lifted");
        assert_eq!(runs(&suite, &alice, &app).await, RUNS, "round {round}");
    }
}
