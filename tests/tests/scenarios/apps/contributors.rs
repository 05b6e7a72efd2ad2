//! Contributors: who manages them, whom nobody at the app can touch, and how an app changes hands.
use std::time::Duration;

use devspaces_proto::space::v1::{
    AddContributorsRequest, Contributor, ContributorRole, RemoveContributorRequest, TransferOwnershipRequest,
    UpdateContributorRequest,
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::{Code, Status};

use crate::{
    acts::{
        apps::{apps_seen, deletes_app, gets_app, imported_app},
        contributors::{
            APP_ADMIN, APP_VIEWER, DEPLOYER, OWNER, adds_contributors, listed_contributors,
            lists_contributors, removes_contributor, transfers_ownership, updates_contributor,
        },
        mask,
        members::{ADMIN, DEVELOPER, VIEWER, adds_members, removes_member},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_contributor_role_is_gone_past_its_time_without_anyone_acting;
    everywhere:
        a_role_does_not_end_in_the_past_and_that_of_owner_never,
        owner_and_admin_manage_contributors_and_nobody_makes_an_owner,
        at_most_ten_are_added_at_once,
        the_owner_stays_until_they_pass_the_app_on,
        an_owner_from_outside_passes_an_app_on_to_contributors_only,
        a_derived_viewer_is_listed_and_can_not_be_removed_at_the_app,
        derived_viewers_are_not_shown_to_plain_contributors_from_outside,
        a_contributor_can_go,
        a_removed_contributor_has_nothing_from_the_reply_on,
        contributors_are_listed_in_pages_that_neither_skip_nor_repeat,
        stale_etags_of_contributors_are_aborted,
        an_app_in_no_space_loses_contributors_only_by_their_own_will;
}

fn roles<const N: usize>(
    roles: [(&Persona, ContributorRole, bool); N],
) -> Vec<(String, ContributorRole, bool)> {
    roles.into_iter().map(|(who, role, derived)| (who.id().to_owned(), role, derived)).collect()
}

// R-A3
async fn owner_and_admin_manage_contributors_and_nobody_makes_an_owner(suite: Suite) {
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let added =
        adds_contributors(&alice, &app, &[(&bob, APP_ADMIN), (&carol, DEPLOYER)]).await.expect("added");
    assert_eq!((added[0].name.clone(), added[0].role()), (bob.contributor_to(&app), APP_ADMIN));
    adds_contributors(&bob, &app, &[(&dave, APP_VIEWER)]).await.expect("an app ADMIN adds");
    for who in [&carol, &dave] {
        assert_eq!(
            refused(adds_contributors(who, &app, &[(&carol, APP_VIEWER)]).await).metadata[0].1,
            "app.contributors.update"
        );
    }
    let twice = refused(
        adds_contributors(&alice, &app, &[(&suite.user("erin"), APP_VIEWER), (&bob, DEPLOYER)]).await,
    );
    assert_eq!(twice.bad_fields(), (Code::AlreadyExists, "CONTRIBUTOR_EXISTS", vec!["contributors[1].user"]));
    for bad in [OWNER, ContributorRole::Unspecified] {
        let bad = refused(adds_contributors(&alice, &app, &[(&suite.user("erin"), bad)]).await);
        assert_eq!(bad.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["contributors[0].role"]));
    }
    assert_eq!(refused(updates_contributor(&alice, &app, &bob, OWNER).await).fields, ["contributor.role"]);
    assert_eq!(
        updates_contributor(&bob, &app, &carol, ContributorRole::Developer).await.expect("changed").role(),
        ContributorRole::Developer
    );
    assert!(!carol.may("app.deploy", &app).await && carol.may("app.develop", &app).await);
    let expected = [
        (&alice, OWNER, false),
        (&bob, APP_ADMIN, false),
        (&carol, ContributorRole::Developer, false),
        (&dave, APP_VIEWER, false),
    ];
    assert_eq!(listed_contributors(&dave, &app).await, roles(expected), "all of them or none");
}

// R-A3
async fn at_most_ten_are_added_at_once(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let people: Vec<_> = (0..11).map(|n| suite.user(&format!("p{n:02}"))).collect();
    let all: Vec<_> = people.iter().map(|person| (person, APP_VIEWER)).collect();
    for wrong in [&all[..], &[]] {
        assert_eq!(refused(adds_contributors(&alice, &app, wrong).await).fields, ["contributors"]);
    }
    let twice = refused(adds_contributors(&alice, &app, &[all[0], all[0]]).await);
    assert_eq!(twice.fields, ["contributors[1].user"]);
    adds_contributors(&alice, &app, &all[..10]).await.expect("ten");
    assert_eq!(listed_contributors(&alice, &app).await.len(), 11);
}

// R-A3: the OWNER can be neither demoted nor removed, by nobody.
async fn the_owner_stays_until_they_pass_the_app_on(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let app = bob.creates_app(&space).await;
    adds_contributors(&bob, &app, &[(&carol, APP_ADMIN)]).await.expect("added");
    for who in [&alice, &bob, &carol] {
        for refusal in [
            refused(updates_contributor(who, &app, &bob, APP_VIEWER).await),
            refused(removes_contributor(who, &app, &bob).await),
        ] {
            assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "APP_OWNER", vec!["APP_OWNER"]));
        }
    }
    for who in [&alice, &carol] {
        assert_eq!(
            refused(transfers_ownership(who, &app, &carol).await).metadata[0].1,
            "app.owner.update",
            "the OWNER alone passes it on"
        );
    }
    assert_eq!(refused(transfers_ownership(&bob, &app, &bob).await).fields, ["new_owner"]);
    let stranger = refused(transfers_ownership(&bob, &app, &suite.user("mallory")).await);
    assert_eq!(stranger.kind(), (Code::FailedPrecondition, "NEW_OWNER_INELIGIBLE"));
    let preview = TransferOwnershipRequest {
        name: app.clone(),
        new_owner: carol.name.clone(),
        validate_only: true,
        ..Default::default()
    };
    bob.apps().transfer_ownership(preview).await.expect("a preview");
    assert_eq!(gets_app(&bob, &app).await.expect("the app").my_role(), OWNER);
    assert_eq!(transfers_ownership(&bob, &app, &carol).await.expect("passed on").my_role(), APP_ADMIN);
    assert!(carol.may("app.delete", &app).await && !bob.may("app.delete", &app).await);
    assert_eq!(
        listed_contributors(&carol, &app).await,
        roles([(&alice, APP_VIEWER, true), (&bob, APP_ADMIN, false), (&carol, OWNER, false)])
    );
    transfers_ownership(&carol, &app, &bob).await.expect("back to a contributor");
    transfers_ownership(&bob, &app, &alice).await.expect("to a member who does not contribute yet");
    assert_eq!(gets_app(&alice, &app).await.expect("the app").my_role(), OWNER);
}

// R-A3, R-M7: an OWNER from outside the space can't find out who is in it by whom the app could pass to.
async fn an_owner_from_outside_passes_an_app_on_to_contributors_only(suite: Suite) {
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER), (&carol, DEVELOPER)]).await.expect("added");
    let app = bob.creates_app(&space).await;
    let keep = devspaces_proto::membership::v1::RemoveMemberRequest {
        name: bob.member_of(&space),
        keep_app_roles: true,
        ..Default::default()
    };
    alice.members().remove_member(keep).await.expect("removed");
    let (member, stranger) = (
        refused(transfers_ownership(&bob, &app, &carol).await),
        refused(transfers_ownership(&bob, &app, &dave).await),
    );
    assert_eq!(member.kind(), (Code::FailedPrecondition, "NEW_OWNER_INELIGIBLE"));
    assert_eq!(member, stranger);
    adds_contributors(&bob, &app, &[(&carol, APP_VIEWER)]).await.expect("added");
    transfers_ownership(&bob, &app, &carol).await.expect("to a contributor");
}

// R-A4
async fn a_derived_viewer_is_listed_and_can_not_be_removed_at_the_app(suite: Suite) {
    let [alice, bob, dora, victor] = ["alice", "bob", "dora", "victor"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER), (&dora, DEVELOPER), (&victor, VIEWER)])
        .await
        .expect("added");
    let app = bob.creates_app(&space).await;
    let found = lists_contributors(&bob, &app, 0).await.expect("a list");
    assert_eq!(found[0].derived_from, format!("console Admin of {space}"));
    assert_eq!(
        listed_contributors(&bob, &app).await,
        roles([(&alice, APP_VIEWER, true), (&bob, OWNER, false), (&victor, APP_VIEWER, true)])
    );
    for whom in [&alice, &victor] {
        for refusal in [
            refused(removes_contributor(&bob, &app, whom).await),
            refused(updates_contributor(&bob, &app, whom, DEPLOYER).await),
        ] {
            assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "DERIVED_ROLE", vec!["DERIVED_ROLE"]));
            assert!(
                refusal.metadata[0].1.ends_with(&format!("of {space}")),
                "it says where it comes from: {:?}",
                refusal.metadata
            );
        }
    }
    assert_eq!(
        refused(removes_contributor(&bob, &app, &dora).await).kind(),
        (Code::NotFound, "RESOURCE_NOT_FOUND"),
        "no derived viewer"
    );
    adds_contributors(&bob, &app, &[(&victor, DEPLOYER)]).await.expect("a higher role");
    assert_eq!(listed_contributors(&bob, &app).await[2], (victor.id().to_owned(), DEPLOYER, false));
    removes_contributor(&bob, &app, &victor).await.expect("their own role");
    assert_eq!(gets_app(&victor, &app).await.expect("still seen").my_role(), APP_VIEWER);
    removes_member(&alice, &space, &victor).await.expect("removed from the space");
    assert_eq!(refused(gets_app(&victor, &app).await).code, Code::PermissionDenied);
}

// R-A4, R-M7: who is in the space is told to members, and to those who must know whom they can't remove.
async fn derived_viewers_are_not_shown_to_plain_contributors_from_outside(suite: Suite) {
    let [alice, erin, frank, victor] = ["alice", "erin", "frank", "victor"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&victor, VIEWER)]).await.expect("added");
    let app = alice.creates_app(&space).await;
    adds_contributors(&alice, &app, &[(&erin, DEPLOYER), (&frank, APP_ADMIN)]).await.expect("added");
    let own = [(&alice, OWNER, false), (&erin, DEPLOYER, false), (&frank, APP_ADMIN, false)];
    assert_eq!(listed_contributors(&erin, &app).await, roles(own));
    let [alice_row, erin_row, frank_row] = own;
    assert_eq!(
        listed_contributors(&frank, &app).await,
        roles([alice_row, erin_row, frank_row, (&victor, APP_VIEWER, true)])
    );
}

// R-A3
async fn a_contributor_can_go(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    adds_contributors(&alice, &app, &[(&bob, APP_VIEWER)]).await.expect("added");
    assert_eq!(refused(removes_contributor(&mallory, &app, &mallory).await).code, Code::PermissionDenied);
    removes_contributor(&bob, &app, &bob).await.expect("gone");
    assert!(!bob.may("app.get", &app).await);
    let denied = refused(removes_contributor(&bob, &app, &bob).await);
    assert_eq!(
        denied.message,
        format!("Permission 'app.contributors.update' denied on '{app}' (or it might not exist)")
    );
}

// R-P4: a contributor's removal is effective with the reply, on every service.
async fn a_removed_contributor_has_nothing_from_the_reply_on(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    for round in 0..rounds(20) {
        adds_contributors(&alice, &app, &[(&bob, DEPLOYER)]).await.expect("added");
        assert!(bob.may("app.deploy", &app).await && bob.may("apps.list", &space).await, "{round}");
        removes_contributor(&alice, &app, &bob).await.expect("removed");
        assert!(!bob.may("app.deploy", &app).await && !bob.may("apps.list", &space).await, "{round}");
        assert!(apps_seen(&bob, "").await.is_empty());
    }
}

// R-A3, R-A4: pages out of two services.
async fn contributors_are_listed_in_pages_that_neither_skip_nor_repeat(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let people: Vec<_> = (0..20).map(|n| suite.user(&format!("p{n:02}"))).collect();
    let viewers: Vec<_> = people.iter().step_by(2).map(|person| (person, VIEWER)).collect();
    adds_members(&alice, &space, &viewers).await.expect("added");
    let app = alice.creates_app(&space).await;
    for some in people.chunks(3) {
        adds_contributors(&alice, &app, &[(&some[0], DEPLOYER)]).await.expect("added");
    }
    let mut expected = vec![(alice.id().to_owned(), OWNER, false)];
    for (n, person) in people.iter().enumerate() {
        match (n % 3, n % 2) {
            (0, _) => expected.push((person.id().to_owned(), DEPLOYER, false)),
            (_, 0) => expected.push((person.id().to_owned(), APP_VIEWER, true)),
            _ => {}
        }
    }
    for size in [1, 2, 3, 7, 100] {
        let contributors = lists_contributors(&alice, &app, size).await.expect("a list");
        let found: Vec<_> = contributors
            .iter()
            .map(|it| (it.user.replace("users/", ""), it.role(), !it.derived_from.is_empty()))
            .collect();
        assert_eq!(found, expected, "pages of {size}");
    }
}

// R-A3
async fn stale_etags_of_contributors_are_aborted(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let first = adds_contributors(&alice, &app, &[(&bob, DEPLOYER)]).await.expect("added").remove(0);
    let second = updates_contributor(&alice, &app, &bob, APP_VIEWER).await.expect("changed");
    let remove = |etag: &str| RemoveContributorRequest {
        name: first.name.clone(),
        etag: etag.to_owned(),
        ..Default::default()
    };
    assert_eq!(
        refused(alice.apps().remove_contributor(remove(&first.etag)).await).kind(),
        (Code::Aborted, "ETAG_STALE")
    );
    let preview = RemoveContributorRequest { validate_only: true, ..remove(&second.etag) };
    alice.apps().remove_contributor(preview).await.expect("a preview");
    assert!(bob.may("app.get", &app).await);
    alice.apps().remove_contributor(remove(&second.etag)).await.expect("removed");
}

// R-A2, R-A10: nobody manages contributors of an app that is in no space; everyone may go.
async fn an_app_in_no_space_loses_contributors_only_by_their_own_will(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    adds_contributors(&alice, &app, &[(&bob, DEPLOYER)]).await.expect("added");
    deletes_app(&alice, &app).await.expect("deleted");
    assert_eq!(refused(removes_contributor(&alice, &app, &bob).await).code, Code::PermissionDenied);
    removes_contributor(&bob, &app, &bob).await.expect("gone");
    assert_eq!(refused(gets_app(&bob, &app).await).code, Code::PermissionDenied);
    let old = imported_app(&suite, &alice).await;
    assert_eq!(
        refused(adds_contributors(&alice, &old, &[(&bob, APP_VIEWER)]).await).code,
        Code::PermissionDenied
    );
    assert_eq!(refused(removes_contributor(&alice, &old, &alice).await).reason, "APP_OWNER");
    assert_eq!(listed_contributors(&alice, &old).await, roles([(&alice, OWNER, false)]));
    assert!(adds_members(&alice, &space, &[(&bob, ADMIN)]).await.is_ok());
}

/// Somebody who is added until so many seconds from now.
fn until(suite: &Suite, person: &Persona, role: ContributorRole, seconds: i64) -> Contributor {
    let expire_time = Some(suite.clock_in(seconds));
    Contributor { user: person.name.clone(), role: role.into(), expire_time, ..Contributor::default() }
}

async fn adds(who: &Persona, app: &str, contributor: Contributor) -> Result<Contributor, Status> {
    let request = AddContributorsRequest {
        parent: app.to_owned(),
        contributors: vec![contributor],
        request_id: String::new(),
    };
    let added = who.apps().add_contributors(request).await?.into_inner().contributors;
    Ok(added.into_iter().next().expect("a contributor"))
}

// R-M10, R-A3, R-A5
async fn a_contributor_role_is_gone_past_its_time_without_anyone_acting(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let added = adds(&alice, &app, until(&suite, &bob, DEPLOYER, 3600)).await.expect("added");
    assert!(added.expire_time.is_some());
    let updated = updates_contributor(&alice, &app, &bob, APP_ADMIN).await.expect("changed");
    assert_eq!(updated.expire_time, added.expire_time, "the end stays");
    assert!(bob.may("app.update", &app).await && bob.may("apps.list", &space).await);
    suite.clock.advance(Duration::from_secs(3599));
    assert!(bob.may("app.update", &app).await, "cached facts still hold a second before the end");
    suite.clock.advance(Duration::from_secs(2));
    assert!(!bob.may("app.get", &app).await && !bob.may("apps.list", &space).await);
    assert_eq!(apps_seen(&bob, "").await, []);
    assert_eq!(listed_contributors(&alice, &app).await.len(), 1);
    assert_eq!(refused(updates_contributor(&alice, &app, &bob, DEPLOYER).await).code, Code::NotFound);
    assert_eq!(refused(removes_contributor(&alice, &app, &bob).await).code, Code::NotFound);
    adds(&alice, &app, until(&suite, &bob, DEPLOYER, 60)).await.expect("added anew");
    let name = bob.contributor_to(&app);
    let request = UpdateContributorRequest {
        contributor: Some(Contributor { name, ..Contributor::default() }),
        update_mask: mask(&["expire_time"]),
        ..Default::default()
    };
    let lasting = alice.apps().update_contributor(request).await.expect("changed").into_inner();
    assert_eq!((lasting.expire_time, lasting.role()), (None, DEPLOYER));
    suite.clock.advance(Duration::from_secs(61));
    assert!(bob.may("app.deploy", &app).await, "it does not end any more");
}

// R-M10, R-A3
async fn a_role_does_not_end_in_the_past_and_that_of_owner_never(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let refusal = refused(adds(&alice, &app, until(&suite, &bob, DEPLOYER, -1)).await);
    assert_eq!(
        refusal.bad_fields(),
        (Code::InvalidArgument, "INVALID_FIELD", vec!["contributors[0].expire_time"])
    );
    let contributor = Contributor { name: alice.contributor_to(&app), ..until(&suite, &alice, DEPLOYER, 60) };
    let request = UpdateContributorRequest {
        contributor: Some(contributor),
        update_mask: mask(&["expire_time"]),
        ..Default::default()
    };
    let refusal = refused(alice.apps().update_contributor(request).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "APP_OWNER", vec!["APP_OWNER"]));
    adds(&alice, &app, until(&suite, &bob, DEPLOYER, 3600)).await.expect("added");
    transfers_ownership(&alice, &app, &bob).await.expect("passed on");
    assert!(bob.may("app.delete", &app).await);
}
