//! Rules that must hold however calls interleave: each race is run many times.
use devspaces::Service;
use devspaces_ledger::journal;
use devspaces_proto::{
    journal::v1::VerifyScopeRequest,
    space::v1::{CreateSpaceRequest, ListSpacesRequest, Space},
};
use devspaces_tests::{Suite, refused};
use futures::future::{join, join_all};
use tonic::Code;
use uuid::Uuid;

use crate::{
    acts::{
        members::{ADMIN, VIEWER, adds_members, demotes_member, lists_members, member, removes_member},
        spaces::{archives_space, restores_space},
    },
    rounds::rounds,
};

scenarios! {
    everywhere:
        two_demotions_of_the_last_two_admins,
        two_admins_who_both_demote_themselves,
        two_removals_of_the_last_two_admins,
        the_same_request_id_many_times_at_once,
        the_same_addition_many_times_at_once,
        many_writers_in_one_scope,
        archival_against_additions;
}

// R-M4: exactly one of two demotions of the last two Admins wins.
async fn two_demotions_of_the_last_two_admins(suite: Suite) {
    for round in 0..rounds(30) {
        let (alice, bob) = (suite.user(&format!("alice{round}")), suite.user(&format!("bob{round}")));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let (one, other) =
            join(demotes_member(&alice, &space, &bob), demotes_member(&bob, &space, &alice)).await;
        assert!(one.is_ok() != other.is_ok(), "round {round}: {one:?} {other:?}");
        // Whoever lost was no Admin any more, or would have been the last one to go.
        let lost = if one.is_err() { refused(one) } else { refused(other) };
        assert!(["LAST_ADMIN", "PERMISSION_DENIED"].contains(&lost.reason.as_str()), "{lost:?}");
        let admins = lists_members(&alice, &space)
            .await
            .expect("a list")
            .into_iter()
            .filter(|(_, role)| *role == ADMIN);
        assert_eq!(admins.count(), 1);
    }
}

// R-M4: also when both act on themselves, so that neither loses by having no permission.
async fn two_admins_who_both_demote_themselves(suite: Suite) {
    for round in 0..rounds(30) {
        let (alice, bob) = (suite.user(&format!("alice{round}")), suite.user(&format!("bob{round}")));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let (one, other) =
            join(demotes_member(&alice, &space, &alice), demotes_member(&bob, &space, &bob)).await;
        assert!(one.is_ok() != other.is_ok(), "round {round}: {one:?} {other:?}");
        let lost = if one.is_err() { refused(one) } else { refused(other) };
        assert_eq!(lost.reason, "LAST_ADMIN");
    }
}

// R-M4, Acting: two Admins who remove each other can't both succeed.
async fn two_removals_of_the_last_two_admins(suite: Suite) {
    for round in 0..rounds(30) {
        let (alice, bob) = (suite.user(&format!("alice{round}")), suite.user(&format!("bob{round}")));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let (one, other) =
            join(removes_member(&alice, &space, &bob), removes_member(&bob, &space, &alice)).await;
        assert!(one.is_ok() != other.is_ok(), "round {round}: {one:?} {other:?}");
        let left = if one.is_ok() { &alice } else { &bob };
        assert_eq!(lists_members(left, &space).await.expect("a list"), [(left.name.clone(), ADMIN)]);
    }
}

// R-J5
async fn the_same_request_id_many_times_at_once(suite: Suite) {
    let alice = suite.user("alice");
    for round in 1..=rounds(20) {
        let request = CreateSpaceRequest {
            space: Some(Space { display_name: "Team".into(), ..Space::default() }),
            request_id: Uuid::from_u128(round).to_string(),
            ..CreateSpaceRequest::default()
        };
        let calls = (0..8).map(|_| {
            let (mut spaces, request) = (alice.spaces(), request.clone());
            async move { spaces.create_space(request).await.expect("a result").into_inner() }
        });
        let results = join_all(calls).await;
        assert!(results.iter().all(|space| *space == results[0]), "{results:?}");
    }
    let request = ListSpacesRequest { page_size: 100, ..Default::default() };
    let spaces = alice.spaces().list_spaces(request).await.expect("a list").into_inner().spaces;
    assert_eq!(spaces.len(), rounds::<usize>(20));
}

// R-J5: on one scope, where a repetition would fail on what the first call did.
async fn the_same_addition_many_times_at_once(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    for round in 1..=rounds(20) {
        let bob = suite.user(&format!("bob{round}"));
        let request = devspaces_proto::membership::v1::AddMembersRequest {
            parent: space.clone(),
            members: vec![member(&bob, VIEWER)],
            request_id: Uuid::from_u128(round).to_string(),
        };
        let calls = (0..8).map(|_| {
            let (mut members, request) = (alice.members(), request.clone());
            async move { members.add_members(request).await.expect("a result").into_inner() }
        });
        let results = join_all(calls).await;
        assert!(results.iter().all(|reply| *reply == results[0]), "{results:?}");
    }
    assert_eq!(lists_members(&alice, &space).await.expect("a list").len(), 1 + rounds::<usize>(20));
}

// R-J1: many writers of one scope leave a journal without a gap.
async fn many_writers_in_one_scope(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let times: u32 = rounds(10);
    let entries = 1 + 16 * times * 2;
    let writers = (0..16).map(|writer| {
        let (alice, space) = (alice.clone(), space.clone());
        let people: Vec<_> = (0..times).map(|n| suite.user(&format!("w{writer}n{n}"))).collect();
        async move {
            for person in &people {
                adds_members(&alice, &space, &[(person, VIEWER)]).await.expect("added");
                removes_member(&alice, &space, person).await.expect("removed");
            }
        }
    });
    join_all(writers).await;
    let request = VerifyScopeRequest { scope: space.clone() };
    let verified =
        alice.journal(Service::Membership).verify_scope(request).await.expect("verified").into_inner();
    let [membership] = verified.verifications.as_slice() else { panic!("{verified:?}") };
    assert_eq!((membership.entries, membership.findings.len()), (entries.into(), 0));
    if let Some(pool) = suite.inside(Service::Membership).await {
        let report = journal::verify(&pool, &[]).await.expect("a report");
        assert_eq!((report.entries, report.findings), (entries.into(), vec![]));
        let mut db = pool.read().await.expect("a connection");
        let heads = journal::heads(&mut db).await.expect("the heads").heads;
        assert_eq!(heads[&space].0, i64::from(entries));
    }
}

// R-S5: no member is added by a call that begins after the archival was acknowledged.
async fn archival_against_additions(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    for round in 0..rounds(20) {
        let people: Vec<_> = (0..4).map(|n| suite.user(&format!("r{round}n{n}"))).collect();
        let additions = join_all(people.iter().map(|person| {
            let (alice, space) = (alice.clone(), space.clone());
            async move { adds_members(&alice, &space, &[(person, VIEWER)]).await }
        }));
        let archived = async {
            archives_space(&alice, &space).await.expect("archived");
            let late = suite.user(&format!("late{round}"));
            refused(adds_members(&alice, &space, &[(&late, VIEWER)]).await)
        };
        let (additions, late) = join(additions, archived).await;
        assert_eq!(late.kind(), (Code::FailedPrecondition, "SPACE_ARCHIVED"));
        for addition in additions.into_iter().filter(Result::is_err) {
            assert_eq!(refused(addition).reason, "SPACE_ARCHIVED");
        }
        restores_space(&alice, &space).await.expect("restored");
    }
}
