//! What an Admin in an emergency is there for, and what the role does not do.
use std::time::Duration;

use devspaces::Service;
use devspaces_kit::clock::{Clock as _, SystemClock};
use devspaces_proto::{
    membership::v1::{GrantEmergencyAdminRequest, Member},
    space::v1::{CreateSpaceRequest, ListOrphanedSpacesRequest, Space},
};
use devspaces_tests::{
    Persona, Suite,
    process::{Processes, Way},
    refused,
    sql::texts,
    suite::eventually,
};
use tonic::Code;

use crate::acts::{
    app_groups::{self, adds_apps, creates_app_group, grants_app_group_role},
    apps::{creates_app, gets_app},
    contributors::{APP_ADMIN, DEPLOYER, OWNER, adds_contributors, listed_contributors},
    marketplace::creates_profile,
    members::{
        ADMIN, VIEWER, adds_members, demotes_member, leaves_space, lists_members, member, removes_member,
        updates_member,
    },
    people::{breaks_glass, deactivates, grants_emergency},
    spaces::{archives_space, deletes_space, gets_space, restores_space, undeletes_space},
};

scenarios! {
    both engines:
        a_space_of_a_mistyped_admin_is_cured,
        whoever_is_made_admin_to_stay_has_no_mark_and_no_end,
        an_admin_in_an_emergency_counts_for_no_rule_about_the_last,
        a_space_that_is_archived_or_deleted_can_be_had_back,
        no_app_passes_to_an_admin_in_an_emergency,
        what_was_taken_in_an_emergency_ends_with_it,
        an_emergency_before_the_creators_role_takes_nothing_from_the_creator;
}

/// Somebody who has a role in the space keeps it, as an Admin to stay.
fn to_stay(space: &str, who: &Persona) -> Member {
    Member { name: who.member_of(space), ..member(who, ADMIN) }
}

// R-M14, R-M3: a Marketplace admin has made Admin whom there is not.
async fn a_space_of_a_mistyped_admin_is_cured(suite: Suite) {
    let [mona, nobody, bob, carol] = ["mona", "nobody", "bob", "carol"].map(|id| suite.user(id));
    let space = creates_profile(&mona, "Acme").await.expect("created").space;
    adds_members(&mona, &space, &[(&nobody, ADMIN)]).await.expect("mistyped");
    let closed = refused(adds_members(&mona, &space, &[(&carol, ADMIN)]).await);
    assert_eq!(closed.code, Code::PermissionDenied);
    breaks_glass(&suite, &space, &bob).await.expect("given");
    let last = refused(removes_member(&bob, &space, &nobody).await);
    assert_eq!(last.reason, "LAST_ADMIN", "R-M4");
    adds_members(&bob, &space, &[(&carol, ADMIN)]).await.expect("added");
    removes_member(&bob, &space, &nobody).await.expect("removed");
    leaves_space(&bob, &space).await.expect("left");
    adds_members(&carol, &space, &[(&bob, VIEWER)]).await.expect("it is Carol's");
}

// R-M14: what an Admin makes of the role is an ordinary one.
async fn whoever_is_made_admin_to_stay_has_no_mark_and_no_end(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    deactivates(&suite, &alice).await.expect("deactivated");
    breaks_glass(&suite, &space, &bob).await.expect("given");
    let kept = updates_member(&bob, to_stay(&space, &bob), &["role", "expire_time"]).await.expect("kept");
    assert_eq!((kept.role(), kept.emergency, kept.expire_time), (ADMIN, false, None));
    suite.clock.advance(Duration::from_hours(25));
    assert!(bob.may("members.add", &space).await);
    removes_member(&bob, &space, &alice).await.expect("another Admin stays");
    assert_eq!(refused(leaves_space(&bob, &space).await).reason, "LAST_ADMIN");
}

/// The orphaned spaces, as the operator's person finds them.
async fn orphaned(suite: &Suite) -> Vec<String> {
    let request = ListOrphanedSpacesRequest { page_size: 100, page_token: String::new() };
    let found = suite.user("operator").spaces().list_orphaned_spaces(request).await.expect("a list");
    found.into_inner().spaces.into_iter().map(|space| space.name).collect()
}

// R-M14, R-M4, R-M3, R-M12
async fn an_admin_in_an_emergency_counts_for_no_rule_about_the_last(suite: Suite) {
    let [alice, bob, carol, mona] = ["alice", "bob", "carol", "mona"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    breaks_glass(&suite, &space, &bob).await.expect("given");
    assert_eq!(refused(leaves_space(&alice, &space).await).reason, "LAST_ADMIN");
    assert_eq!(refused(demotes_member(&alice, &space, &alice).await).reason, "LAST_ADMIN");
    deactivates(&suite, &alice).await.expect("nothing keeps anybody from that");
    assert_eq!(orphaned(&suite).await, [space], "there is nobody who stays");
    let vendor = creates_profile(&mona, "Acme").await.expect("created").space;
    breaks_glass(&suite, &vendor, &bob).await.expect("given");
    adds_members(&mona, &vendor, &[(&carol, ADMIN)]).await.expect("the first Admin is yet to come");
    assert_eq!(refused(adds_members(&mona, &vendor, &[(&alice, ADMIN)]).await).code, Code::PermissionDenied);
}

// R-M14, R-S5, R-S6: nobody else is there who could restore it.
async fn a_space_that_is_archived_or_deleted_can_be_had_back(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    archives_space(&alice, &space).await.expect("archived");
    deletes_space(&alice, &space).await.expect("deleted");
    deactivates(&suite, &alice).await.expect("deactivated");
    breaks_glass(&suite, &space, &bob).await.expect("given");
    undeletes_space(&bob, &space).await.expect("undeleted");
    breaks_glass(&suite, &space, &bob).await.expect("given anew");
    restores_space(&bob, &space).await.expect("restored");
    gets_space(&bob, &space).await.expect("is there");
}

// R-M8, R-M14: apps pass to somebody who stays; what was made in an emergency does too.
async fn no_app_passes_to_an_admin_in_an_emergency(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let of_alice = creates_app(&alice, &space).await.expect("an app").name;
    breaks_glass(&suite, &space, &bob).await.expect("given");
    adds_members(&alice, &space, &[(&carol, ADMIN)]).await.expect("added");
    let of_bob = creates_app(&bob, &space).await.expect("an app").name;
    leaves_space(&alice, &space).await.expect("left");
    let owner = async |app: &str| {
        let listed = listed_contributors(&carol, app).await;
        listed.into_iter().find(|(_, role, _)| *role == OWNER).map(|it| it.0)
    };
    assert_eq!(owner(&of_alice).await.as_deref(), Some("carol"), "Bob has been Admin longer");
    suite.clock.advance(Duration::from_secs(3601));
    adds_members(&carol, &space, &[(&bob, VIEWER)]).await.expect("what follows from the end comes first");
    assert_eq!(owner(&of_bob).await.as_deref(), Some("carol"));
    assert!(!bob.may("app.deploy", &of_bob).await);
    gets_app(&bob, &of_bob).await.expect("seen as a Viewer sees it");
}

// R-M14, R-M8: also where nobody is there to receive apps. Whose app it is stays so.
async fn what_was_taken_in_an_emergency_ends_with_it(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let of_alice = creates_app(&alice, &space).await.expect("an app").name;
    deactivates(&suite, &alice).await.expect("deactivated");
    for way in ["its end", "leaving"] {
        breaks_glass(&suite, &space, &bob).await.expect("given");
        adds_contributors(&bob, &of_alice, &[(&bob, DEPLOYER)]).await.expect("added");
        let of_bob = creates_app(&bob, &space).await.expect("an app").name;
        let set = creates_app_group(&bob, &space, "Set").await.expect("an app group").name;
        adds_apps(&bob, &set, &[&of_alice]).await.expect("in it");
        let given = app_groups::grant(&set, &bob.name, APP_ADMIN);
        grants_app_group_role(&bob, given).await.expect("given");
        assert!(bob.may("app.deploy", &of_alice).await);
        if way == "leaving" {
            leaves_space(&bob, &space).await.expect("left");
        } else {
            suite.clock.advance(Duration::from_secs(3601));
        }
        eventually(async || (!bob.may("app.deploy", &of_alice).await).then_some(())).await;
        assert!(!bob.may("app.get", &of_alice).await, "{way}");
        assert!(bob.may("app.deploy", &of_bob).await, "{way}: nobody else could own it");
    }
}

// R-S1, R-M14: the effect that makes the creator Admin comes later than the emergency.
async fn an_emergency_before_the_creators_role_takes_nothing_from_the_creator(suite: Processes) {
    let [alice, bob, operator] = ["alice", "bob", "operator"].map(|id| suite.user(id));
    suite.network_to(Service::Membership).set(Way::Cut);
    let space = Space { display_name: "Team".to_owned(), ..Space::default() };
    let creation = CreateSpaceRequest { space: Some(space), ..CreateSpaceRequest::default() };
    assert_eq!(refused(alice.spaces().create_space(creation).await).reason, "EFFECT_PENDING");
    let scopes = texts(&suite.pool(Service::Space).await, "SELECT scope FROM outbox").await;
    let [space] = scopes.as_slice() else { panic!("{scopes:?}") };
    let request = GrantEmergencyAdminRequest {
        space: space.clone(),
        user: bob.name.clone(),
        reason: "Looks orphaned".to_owned(),
        expire_time: Some((SystemClock.now() + Duration::from_hours(1)).into()),
        request_id: String::new(),
    };
    grants_emergency(&operator, request).await.expect("given");
    suite.network_to(Service::Membership).set(Way::Open);
    eventually(async || gets_space(&alice, space).await.ok()).await;
    let expected = [(alice.name.clone(), ADMIN), (bob.name.clone(), ADMIN)];
    assert_eq!(lists_members(&alice, space).await.expect("a list"), expected);
    removes_member(&alice, space, &bob).await.expect("it is hers");
}
