//! Rules of the Marketplace that must hold however calls interleave: each race is run many times.
use devspaces::Service;
use devspaces_ledger::journal;
use devspaces_proto::{
    marketplace::v1::{SubmitListingRequest, listing::State},
    space::v1::{app::Listing as Listed, space::State as SpaceState},
};
use devspaces_tests::{
    Persona, Suite, refused,
    sql::{WriteLock, count},
};
use futures::future::{join, join_all};
use tonic::Code;

use crate::{
    acts::{
        REQUEST_ID,
        apps::{deletes_app, gets_app},
        marketplace::{
            accepts_terms, adds_marketplace_admins, creates_profile, gets_profile, lists_listings,
            lists_marketplace_admins, removes_marketplace_admin, submission, submits_listing,
            withdraws_listing,
        },
        members::{ADMIN, adds_members, lists_members},
        spaces::{archives_space, deletes_space, gets_space, tries_to_rename},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        an_acceptance_against_archival_and_deletion,
        a_submission_against_a_deletion;
    everywhere:
        acceptances_of_the_terms_for_one_space,
        two_bootstraps_of_one_space,
        two_removals_of_the_last_two_marketplace_admins,
        edits_of_the_name_while_the_space_is_published,
        a_removed_marketplace_admin_is_gone_at_every_port,
        a_submission_against_deletion_and_archival,
        submissions_of_one_app;
}

const ROUNDS: u16 = 25;

/// Every chain of every service holds.
async fn verified(suite: &Suite) {
    for service in Service::ALL {
        let pool = suite.pool(service).await;
        assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, [], "{service}");
    }
}

// R-K3: one space has one profile, whoever accepts and however often.
async fn acceptances_of_the_terms_for_one_space(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    for round in 0..rounds(ROUNDS) {
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let people = [&alice, &bob, &alice, &bob];
        let answers = join_all(people.map(|who| accepts_terms(who, &space))).await;
        let mut won = Vec::new();
        for (who, answer) in people.into_iter().zip(answers) {
            match answer {
                Ok(profile) => won.push((who, profile)),
                Err(status) => {
                    let kind = refused(Err::<(), _>(status));
                    let kinds = [
                        (Code::FailedPrecondition, "VENDOR_PROFILE_EXISTS"),
                        (Code::PermissionDenied, "PERMISSION_DENIED"),
                    ];
                    assert!(kinds.contains(&kind.kind()), "round {round}: {kind:?}");
                }
            }
        }
        let [(winner, profile)] = won.as_slice() else { panic!("round {round}: exactly one wins: {won:?}") };
        assert_eq!(
            lists_marketplace_admins(winner, &profile.name, 0).await.expect("a list"),
            std::slice::from_ref(&winner.name)
        );
        assert_eq!(gets_profile(winner, &profile.name).await.expect("the profile").space, space);
    }
    if let Some(pool) = suite.inside(Service::Marketplace).await {
        let profiles = count(&pool, "SELECT COUNT(*) FROM vendor_profile").await;
        assert_eq!(usize::try_from(profiles), Ok(rounds::<usize>(ROUNDS)));
        verified(&suite).await;
    }
}

// R-M3: of two bootstraps one wins, whole.
async fn two_bootstraps_of_one_space(suite: Suite) {
    let [mona, nick] = ["mona", "nick"].map(|id| suite.user(id));
    let people: Vec<Persona> = (0..4).map(|n| suite.user(&format!("p{n}"))).collect();
    for round in 0..rounds(ROUNDS) {
        let profile = creates_profile(&mona, "Acme").await.expect("created");
        adds_marketplace_admins(&mona, &profile.name, &[&nick]).await.expect("added");
        let [one, two] =
            [[(&people[0], ADMIN), (&people[1], ADMIN)], [(&people[2], ADMIN), (&people[3], ADMIN)]];
        let (first, second) =
            join(adds_members(&mona, &profile.space, &one), adds_members(&nick, &profile.space, &two)).await;
        assert!(first.is_ok() != second.is_ok(), "round {round}: {first:?} {second:?}");
        let (lost, expected) = if first.is_ok() { (second, one) } else { (first, two) };
        assert_eq!(refused(lost).kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
        let expected = expected.map(|(who, role)| (who.name.clone(), role));
        assert_eq!(lists_members(&mona, &profile.space).await.expect("a list"), expected);
    }
}

// R-K4, Acting: exactly one of two removals of the last two wins.
async fn two_removals_of_the_last_two_marketplace_admins(suite: Suite) {
    let [mona, nick] = ["mona", "nick"].map(|id| suite.user(id));
    for round in 0..rounds(ROUNDS) {
        let profile = creates_profile(&mona, "Acme").await.expect("created").name;
        adds_marketplace_admins(&mona, &profile, &[&nick]).await.expect("added");
        // In turn each other and themselves: then neither loses by having no permission.
        let (by_mona, by_nick) = if round % 2 == 0 { (&nick, &mona) } else { (&mona, &nick) };
        let (one, other) = join(
            removes_marketplace_admin(&mona, &profile, by_mona),
            removes_marketplace_admin(&nick, &profile, by_nick),
        )
        .await;
        assert!(one.is_ok() != other.is_ok(), "round {round}: {one:?} {other:?}");
        let lost = refused(if one.is_err() { one } else { other });
        assert!(["LAST_MARKETPLACE_ADMIN", "PERMISSION_DENIED"].contains(&lost.reason.as_str()), "{lost:?}");
        let left =
            if mona.may("marketplace.admins.list", &space_of_profile(&profile, &mona, &nick).await).await {
                &mona
            } else {
                &nick
            };
        assert_eq!(
            lists_marketplace_admins(left, &profile, 0).await.expect("a list"),
            std::slice::from_ref(&left.name)
        );
    }
}

// R-S3: nobody but a Marketplace admin edits by a call that begins after the acceptance was answered.
async fn edits_of_the_name_while_the_space_is_published(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    for round in 0..rounds(ROUNDS) {
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let publishing = async {
            accepts_terms(&alice, &space).await.expect("accepted");
            tries_to_rename(&bob, &space).await
        };
        let (late, _) = join(publishing, join_all((0..4).map(|_| tries_to_rename(&bob, &space)))).await;
        assert_eq!(refused(late).code, Code::PermissionDenied, "round {round}");
    }
}

// R-S6: never a published space that is deleted, in whichever order its Admins do what.
async fn an_acceptance_against_archival_and_deletion(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let market = suite.pool(Service::Marketplace).await;
    let (mut had_back, mut deleted_first) = (0, 0);
    for round in 0..rounds(10) {
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        // Let through, and not committed before the space is gone.
        let lock = WriteLock::take(&market).await;
        let going = async {
            archives_space(&alice, &space).await.expect("archived");
            let gone = deletes_space(&alice, &space).await;
            lock.release().await;
            gone
        };
        let (accepted, gone) = join(accepts_terms(&bob, &space), going).await;
        gone.expect("unpublished as yet");
        let space = gets_space(&alice, &space).await.expect("the space");
        match accepted {
            Ok(profile) => {
                had_back += 1;
                assert_eq!((space.published, space.state()), (true, SpaceState::Archived), "round {round}");
                assert_eq!(refused(deletes_space(&alice, &space.name).await).blockers, ["SPACE_PUBLISHED"]);
                gets_profile(&bob, &profile.name).await.expect("the profile");
            }
            Err(status) => {
                deleted_first += 1;
                assert_eq!(refused(Err::<(), _>(status)).reason, "SPACE_ARCHIVED");
                assert_eq!((space.published, space.state()), (false, SpaceState::Deleted), "round {round}");
            }
        }
    }
    println!("{had_back} had back, {deleted_first} deleted first");
}

// R-P4: a Marketplace admin who was removed is gone at once, on every service's port.
async fn a_removed_marketplace_admin_is_gone_at_every_port(suite: Suite) {
    let [mona, nick] = ["mona", "nick"].map(|id| suite.user(id));
    let profile = creates_profile(&mona, "Acme").await.expect("created");
    for round in 0..rounds(ROUNDS) {
        adds_marketplace_admins(&mona, &profile.name, &[&nick]).await.expect("added");
        let ask = async || {
            let asked = Service::ALL.map(|service| {
                let (mut authz, space) = (nick.authz_of(service), profile.space.clone());
                async move {
                    let request = devspaces_proto::authz::v1::CheckPermissionRequest {
                        permission: "marketplace.listings.update".into(),
                        resource: space,
                        ..Default::default()
                    };
                    authz.check_permission(request).await.expect("an answer").into_inner().allowed
                }
            });
            join_all(asked).await
        };
        assert_eq!(ask().await, [true; 4], "round {round}");
        removes_marketplace_admin(&mona, &profile.name, &nick).await.expect("removed");
        assert_eq!(ask().await, [false; 4], "round {round}");
    }
}

// R-K6: never a deleted app with a listing.
async fn a_submission_against_a_deletion(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let profile = accepts_terms(&alice, &space).await.expect("accepted").name;
    let (mut submitted, mut deleted) = (0, 0);
    for round in 0..rounds(ROUNDS) {
        let app = alice.creates_app(&space).await;
        let (submission, deletion) =
            join(submits_listing(&alice, &profile, &app), deletes_app(&alice, &app)).await;
        assert!(submission.is_ok() != deletion.is_ok(), "round {round}: {submission:?} {deletion:?}");
        let live: Vec<_> = lists_listings(&alice, &profile, 0)
            .await
            .expect("a list")
            .into_iter()
            .filter(|it| it.app == app)
            .collect();
        match submission {
            Ok(listing) => {
                submitted += 1;
                assert_eq!(
                    refused(deletion).blocked(),
                    (Code::FailedPrecondition, "APP_LISTED", vec!["APP_LISTED"])
                );
                assert_eq!(live, std::slice::from_ref(&listing));
                withdraws_listing(&alice, &listing.name).await.expect("withdrawn");
                deletes_app(&alice, &app).await.expect("free");
            }
            Err(status) => {
                deleted += 1;
                assert_eq!(refused(Err::<(), _>(status)).reason, "APP_NOT_IN_SPACE");
                assert_eq!(live, []);
            }
        }
    }
    println!("{submitted} submitted, {deleted} deleted");
    verified(&suite).await;
}

// R-K6, R-S5: never an archived space with an app on the Marketplace.
async fn a_submission_against_deletion_and_archival(suite: Suite) {
    let alice = suite.user("alice");
    for round in 0..rounds(ROUNDS) {
        let space = alice.creates_space("Team").await;
        let profile = accepts_terms(&alice, &space).await.expect("accepted").name;
        let app = alice.creates_app(&space).await;
        let going = async {
            let deleted = deletes_app(&alice, &app).await;
            (deleted, archives_space(&alice, &space).await)
        };
        let (submission, (deletion, archival)) = join(submits_listing(&alice, &profile, &app), going).await;
        let listed = lists_listings(&alice, &profile, 0).await.expect("a list");
        let state = gets_space(&alice, &space).await.expect("the space").state();
        if let Ok(listing) = submission {
            assert_eq!((listed.len(), listing.state()), (1, State::Submitted), "round {round}");
            assert_eq!(refused(deletion).reason, "APP_LISTED");
            assert_eq!((refused(archival).reason.as_str(), state), ("SPACE_HAS_APPS", SpaceState::Active));
            assert_eq!(gets_app(&alice, &app).await.expect("the app").listing(), Listed::Submitted);
        } else {
            let refusal = refused(submission);
            assert!(
                refusal
                    .blockers
                    .iter()
                    .all(|it| ["APP_NOT_IN_SPACE", "SPACE_ARCHIVED"].contains(&it.as_str())),
                "{refusal:?}"
            );
            assert!(listed.is_empty());
            deletion.expect("deleted");
            archival.expect("archived");
            assert_eq!(state, SpaceState::Archived, "round {round}");
        }
    }
}

// R-K6, R-J5: one app, one listing; and one call, one listing.
async fn submissions_of_one_app(suite: Suite) {
    let [alice, mona] = ["alice", "mona"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let profile = accepts_terms(&alice, &space).await.expect("accepted").name;
    adds_marketplace_admins(&alice, &profile, &[&mona]).await.expect("added");
    for round in 0..rounds(ROUNDS) {
        let app = alice.creates_app(&space).await;
        let request_id = format!("{}{:04}", &REQUEST_ID[..REQUEST_ID.len() - 4], round + 1);
        let keyed = || SubmitListingRequest { request_id: request_id.clone(), ..submission(&profile, &app) };
        let same = join_all((0..3).map(|_| async {
            mona.listings().submit_listing(keyed()).await.map(tonic::Response::into_inner)
        }));
        let (same, other) = join(same, submits_listing(&alice, &profile, &app)).await;
        let mut names: Vec<String> = same.iter().flatten().map(|listing| listing.name.clone()).collect();
        let lost = match other {
            Ok(listing) if names.is_empty() => {
                names.push(listing.name);
                same
            }
            // The call won, and so each of its repetitions did.
            other => {
                assert_eq!(names.len(), 3, "round {round}: {same:?}");
                vec![other]
            }
        };
        for lost in lost {
            assert_eq!(refused(lost).blocked(), (Code::FailedPrecondition, "APP_LISTED", vec!["APP_LISTED"]));
        }
        names.dedup();
        assert_eq!(names.len(), 1, "round {round}: {names:?}");
        withdraws_listing(&alice, &names[0]).await.expect("withdrawn");
        assert_eq!(
            gets_app(&alice, &app).await.expect("the app").listing(),
            Listed::Private,
            "round {round}"
        );
    }
    if let Some(pool) = suite.inside(Service::Marketplace).await {
        let listings = count(&pool, "SELECT COUNT(*) FROM listing").await;
        assert_eq!(usize::try_from(listings), Ok(rounds::<usize>(ROUNDS)));
    }
}

/// The space of a profile, as whoever is still its admin sees it.
async fn space_of_profile(profile: &str, one: &Persona, other: &Persona) -> String {
    match gets_profile(one, profile).await {
        Ok(found) => found.space,
        Err(_) => gets_profile(other, profile).await.expect("the profile").space,
    }
}
