//! Rules about transfers that must hold however calls interleave: each race is run many times.
use devspaces::Service;
use devspaces_ledger::journal;
use devspaces_proto::space::v1::{Transfer, app::Listing, space::State as SpaceState, transfer::State};
use devspaces_tests::{Persona, Suite, refused};
use futures::future::{join, join_all, join3};
use tonic::{Code, Status};

use crate::{
    acts::{
        apps::{apps_seen, deletes_app, gets_app},
        contributors::{DEPLOYER, adds_contributors},
        marketplace::{accepts_terms, submits_listing, withdraws_listing},
        members::{ADMIN, VIEWER, adds_members, removes_member},
        spaces::{archives_space, gets_space, restores_space},
        transfers::{
            TwoSpaces, accepts_transfer, cancels_transfer, declines_transfer, gets_transfer,
            initiates_transfer,
        },
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        an_acceptance_against_a_cancellation_and_a_second_acceptance,
        an_acceptance_against_the_archival_of_either_space,
        an_acceptance_against_the_removal_of_the_initiator,
        an_acceptance_against_the_deletion_of_the_app,
        a_transfer_against_a_submission,
        two_initiations_of_one_app,
        nobody_is_allowed_by_the_old_space_from_the_reply_on;
    two replicas:
        an_acceptance_against_a_cancellation_and_a_second_acceptance,
        nobody_is_allowed_by_the_old_space_from_the_reply_on;
}

const ROUNDS: u16 = 15;

/// Every chain of the space service holds.
async fn verified(suite: &Suite) {
    let pool = suite.pool(Service::Space).await;
    assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, []);
}

/// Lets other calls go ahead, by as long as so many reads take: an acceptance asks around before it acts, and would always
/// come last.
async fn lags(who: &Persona, space: &str, reads: usize) {
    for _ in 0..reads {
        gets_space(who, space).await.expect("the space");
    }
}

/// What else may be answered to who comes second: the app is elsewhere already.
#[track_caller]
fn came_second(answer: Result<Transfer, Status>) {
    let refusal = refused(answer);
    let kinds = [(Code::FailedPrecondition, "TRANSFER_ENDED"), (Code::Unavailable, "OVERTAKEN")];
    assert!(kinds.contains(&refusal.kind()), "{refusal:?}");
}

// R-A7: one of all wins.
async fn an_acceptance_against_a_cancellation_and_a_second_acceptance(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let dora = suite.user("dora");
    adds_members(&it.dan, &it.destination, &[(&dora, ADMIN)]).await.expect("added");
    let mut moved = 0;
    for round in 0..rounds(ROUNDS) {
        let app = it.alice.creates_app(&it.source).await;
        let transfer = initiates_transfer(&it.alice, &app, &it.destination).await.expect("proposed").name;
        let cancellation = async {
            lags(&it.alice, &it.source, round % 6).await;
            cancels_transfer(&it.alice, &transfer).await
        };
        let by_dora = async {
            lags(&dora, &it.destination, round % 5).await;
            match round % 2 {
                0 => accepts_transfer(&dora, &transfer).await,
                _ => declines_transfer(&dora, &transfer).await,
            }
        };
        let (one, two, three) = join3(accepts_transfer(&it.dan, &transfer), cancellation, by_dora).await;
        let (won, lost): (Vec<_>, Vec<_>) = [one, two, three].into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 2), "round {round}");
        lost.into_iter().for_each(came_second);
        let state = won[0].as_ref().expect("won").state();
        assert_eq!(gets_transfer(&it.alice, &transfer).await.expect("the transfer").state(), state);
        let has_moved = state == State::Accepted;
        moved += usize::from(has_moved);
        assert_eq!(it.dan.may("app.get", &app).await, has_moved);
        assert_eq!(it.alice.may("app.transfer", &app).await, !has_moved);
    }
    println!("cancellation: {moved} moved");
    verified(&suite).await;
}

// R-S5, R-S7: never an archived space with an app.
async fn an_acceptance_against_the_archival_of_either_space(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let (mut moved, mut kept) = (0, 0);
    deletes_app(&it.bob, &it.app).await.expect("deleted");
    for round in 0..rounds(ROUNDS) {
        let app = it.alice.creates_app(&it.source).await;
        let transfer = initiates_transfer(&it.alice, &app, &it.destination).await.expect("proposed").name;
        let at_destination = async {
            lags(&it.dan, &it.destination, round % 8).await;
            archives_space(&it.dan, &it.destination).await
        };
        let (accepted, at_source, at_destination) = join3(
            accepts_transfer(&it.dan, &transfer),
            archives_space(&it.alice, &it.source),
            at_destination,
        )
        .await;
        for (who, space) in [(&it.alice, &it.source), (&it.dan, &it.destination)] {
            let archived = gets_space(who, space).await.expect("the space").state() == SpaceState::Archived;
            assert!(!archived || apps_seen(who, space).await.is_empty(), "round {round}");
            if archived {
                restores_space(who, space).await.expect("restored");
            }
        }
        if accepted.is_ok() {
            moved += 1;
            assert_eq!(refused(at_destination).reason, "SPACE_HAS_APPS");
            assert_eq!(gets_app(&it.alice, &app).await.expect("her own").space, it.destination);
        } else {
            kept += 1;
            assert_eq!(refused(accepted).blockers, ["SPACE_ARCHIVED"], "round {round}");
            assert_eq!(refused(at_source).reason, "SPACE_HAS_APPS");
            at_destination.expect("archived");
        }
        deletes_app(&it.alice, &app).await.expect("deleted");
    }
    println!("archival: {moved} moved, {kept} kept");
}

// R-A7, R-M5: a removal that was answered is seen by every acceptance that begins later, and one at the same time by none or
// all: the app is in one space.
async fn an_acceptance_against_the_removal_of_the_initiator(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let mut moved = 0;
    for round in 0..rounds(ROUNDS) {
        let amy = suite.user(&format!("amy{round}"));
        adds_members(&it.alice, &it.source, &[(&amy, ADMIN)]).await.expect("added");
        let app = it.alice.creates_app(&it.source).await;
        let transfer = initiates_transfer(&amy, &app, &it.destination).await.expect("proposed").name;
        let going = async {
            lags(&it.alice, &it.source, round % 6).await;
            removes_member(&it.alice, &it.source, &amy).await.expect("removed");
            accepts_transfer(&it.dan, &transfer).await
        };
        let (accepted, late) = join(accepts_transfer(&it.dan, &transfer), going).await;
        let late = refused(late);
        match accepted {
            Ok(_) => {
                moved += 1;
                assert_eq!(late.reason, "TRANSFER_ENDED", "round {round}");
            }
            Err(status) => {
                let early = refused(Err::<(), _>(status));
                let kinds = ["INITIATOR_NOT_ADMIN", "FACTS_UNAVAILABLE"];
                assert!(kinds.contains(&early.reason.as_str()), "{early:?}");
                assert_eq!(late.reason, "INITIATOR_NOT_ADMIN", "round {round}");
            }
        }
    }
    println!("removal: {moved} moved");
}

// R-A7, R-A10: what is deleted is not moved, and what has moved is deleted where it is.
async fn an_acceptance_against_the_deletion_of_the_app(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let mut moved = 0;
    for round in 0..rounds(ROUNDS) {
        let app = it.bob.creates_app(&it.source).await;
        let transfer = initiates_transfer(&it.alice, &app, &it.destination).await.expect("proposed").name;
        let deletion = async {
            lags(&it.bob, &it.source, round % 6).await;
            deletes_app(&it.bob, &app).await
        };
        let (accepted, deleted) = join(accepts_transfer(&it.dan, &transfer), deletion).await;
        let state = gets_transfer(&it.dan, &transfer).await.expect("the transfer").state();
        if accepted.is_err() {
            assert_eq!(state, State::Cancelled, "round {round}");
            came_second(accepted);
            assert_eq!(deleted.expect("deleted").space, it.source);
            continue;
        }
        moved += 1;
        assert_eq!(state, State::Accepted, "round {round}");
        // It may have been overtaken by the move, and not know where the app is.
        if let Err(status) = deleted {
            assert_eq!(refused(Err::<(), _>(status)).code, Code::Unavailable, "round {round}");
            assert_eq!(deletes_app(&it.bob, &app).await.expect("deleted").space, it.destination);
        }
    }
    println!("deletion: {moved} moved");
    verified(&suite).await;
}

// R-K6, R-A8: an app is on its way to another space or to the Marketplace, and never to both.
async fn a_transfer_against_a_submission(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let profile = accepts_terms(&it.alice, &it.source).await.expect("published").name;
    let (mut proposed, mut submitted) = (0, 0);
    for round in 0..rounds(ROUNDS) {
        let (transfer, listing) = join(
            initiates_transfer(&it.alice, &it.app, &it.destination),
            submits_listing(&it.alice, &profile, &it.app),
        )
        .await;
        assert!(transfer.is_ok() != listing.is_ok(), "round {round}: {transfer:?} {listing:?}");
        let on_the_marketplace = gets_app(&it.alice, &it.app).await.expect("the app").listing();
        match (transfer, listing) {
            (Ok(transfer), refusal) => {
                proposed += 1;
                assert_eq!(refused(refusal).blockers, ["TRANSFER_PENDING"]);
                assert_eq!(on_the_marketplace, Listing::Private);
                cancels_transfer(&it.alice, &transfer.name).await.expect("cancelled");
            }
            (refusal, Ok(listing)) => {
                submitted += 1;
                assert_eq!(refused(refusal).blockers, ["APP_LISTED"]);
                assert_eq!(on_the_marketplace, Listing::Submitted);
                withdraws_listing(&it.alice, &listing.name).await.expect("withdrawn");
            }
            neither => panic!("{neither:?}"),
        }
    }
    println!("{proposed} proposed, {submitted} submitted");
}

// R-A7: one is pending, or one is done.
async fn two_initiations_of_one_app(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let amy = suite.user("amy");
    let own = amy.creates_space("Amy's").await;
    adds_members(&it.alice, &it.source, &[(&amy, ADMIN)]).await.expect("added");
    for round in 0..rounds(ROUNDS) {
        let app = it.alice.creates_app(&it.source).await;
        let (by_alice, by_amy) =
            join(initiates_transfer(&it.alice, &app, &it.destination), initiates_transfer(&amy, &app, &own))
                .await;
        assert!(by_alice.is_ok() != by_amy.is_ok(), "round {round}: {by_alice:?} {by_amy:?}");
        if by_alice.is_ok() {
            assert_eq!(refused(by_amy).blockers, ["TRANSFER_PENDING"], "round {round}");
        } else {
            // The app has gone, so that she is nobody to it, or it went while she asked.
            let refusal = refused(by_alice);
            assert!([Code::Unavailable, Code::PermissionDenied].contains(&refusal.code), "{refusal:?}");
            assert_eq!(by_amy.expect("moved").state(), State::Accepted);
        }
    }
}

// R-A7, R-A4, R-P9: at every port, though each was asked a moment before and may remember; and who has a role of their own is
// allowed all the while.
async fn nobody_is_allowed_by_the_old_space_from_the_reply_on(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let [victor, erin] = ["victor", "erin"].map(|id| suite.user(id));
    adds_members(&it.alice, &it.source, &[(&victor, VIEWER)]).await.expect("added");
    adds_members(&it.dan, &it.destination, &[(&it.alice, ADMIN)]).await.expect("added");
    adds_contributors(&it.bob, &it.app, &[(&erin, DEPLOYER)]).await.expect("added");
    let may = async |who: &Persona, permission: &str| -> Vec<bool> {
        let answers = Service::ALL.map(|port| who.checks_at(port, permission, &it.app));
        join_all(answers).await.into_iter().map(|answer| answer.expect("an answer").allowed).collect()
    };
    for round in 0..rounds(ROUNDS) {
        let begun = async {
            // Until the transfer is under way, so that what they remember is as young as can be.
            for _ in 0..3 {
                may(&victor, "app.get").await;
                assert_eq!(may(&erin, "app.deploy").await, [true; 4], "round {round}");
            }
        };
        let (moved, ()) = join(initiates_transfer(&it.alice, &it.app, &it.destination), begun).await;
        moved.expect("moved");
        assert_eq!(may(&victor, "app.get").await, [false; 4], "round {round}");
        assert_eq!(may(&erin, "app.deploy").await, [true; 4], "round {round}");
        initiates_transfer(&it.alice, &it.app, &it.source).await.expect("moved back");
        assert_eq!(may(&victor, "app.get").await, [true; 4], "round {round}");
    }
}
