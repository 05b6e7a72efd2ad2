use std::time::Duration;

use devspaces_proto::{
    membership::v1::{GrantAppRoleRequest, Member},
    space::v1::{AddContributorsRequest, Contributor, GrantAppGroupRoleRequest},
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::Code;

use crate::acts::{
    app_groups::{self, creates_app_group, grants_app_group_role, revokes_app_group_role},
    contributors::{DEPLOYER, removes_contributor},
    groups::{self, creates_group, grants_app_role_as_given, revokes_app_role},
    members::{
        ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, demotes_member, lists_members, member,
        removes_member,
    },
    spaces::gets_space,
};

scenarios! {
    both engines:
        a_role_is_gone_past_its_time_without_anyone_acting,
        nobody_is_added_anew_in_place_of_a_role_that_only_seems_to_have_ended,
        nobody_who_takes_a_role_is_told_that_there_is_none_while_the_clock_is_doubted,
        a_removal_tells_of_no_role_that_has_ended,
        an_expired_admin_changes_nothing;
    everywhere:
        a_role_can_not_end_in_the_past;
}

// R-M10
async fn a_role_is_gone_past_its_time_without_anyone_acting(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let hour = Member { expire_time: Some(suite.clock_in(3600)), ..member(&bob, DEVELOPER) };
    adds_members_as_given(&alice, &space, vec![hour]).await.expect("added");
    assert!(bob.may("apps.create", &space).await);
    suite.clock.advance(Duration::from_secs(3599));
    assert!(bob.may("apps.create", &space).await, "cached facts still hold a second before the end");
    suite.clock.advance(Duration::from_secs(2));
    assert!(!bob.may("apps.create", &space).await);
    assert_eq!(refused(gets_space(&bob, &space).await).code, Code::PermissionDenied);
    assert_eq!(lists_members(&alice, &space).await.expect("a list"), [(alice.name.clone(), ADMIN)]);
    assert_eq!(refused(demotes_member(&alice, &space, &bob).await).code, Code::NotFound);
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added anew");
    assert!(bob.may("space.get", &space).await && !bob.may("apps.create", &space).await);
}

// R-M10
async fn a_role_can_not_end_in_the_past(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let past = Member { expire_time: Some(suite.clock_in(-1)), ..member(&bob, VIEWER) };
    let refusal = refused(adds_members_as_given(&alice, &space, vec![past]).await);
    assert_eq!(
        refusal.bad_fields(),
        (Code::InvalidArgument, "INVALID_FIELD", vec!["members[0].expire_time"])
    );
}

// R-M10, R-M8: a clock that was put forward for a minute takes nobody's role for good, not even by the way.
async fn nobody_is_added_anew_in_place_of_a_role_that_only_seems_to_have_ended(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let month = Member { expire_time: Some(suite.clock_in(30 * 86_400)), ..member(&bob, DEVELOPER) };
    adds_members_as_given(&alice, &space, vec![month]).await.expect("added");
    let app = bob.creates_app(&space).await;
    suite.clock.put_forward(Duration::from_hours(365 * 24));
    let refusal = refused(adds_members(&alice, &space, &[(&bob, VIEWER)]).await);
    assert_eq!(refusal.kind(), (Code::Unavailable, "CLOCK_STEPPED"));
    suite.clock.put_right();
    let expected = [(alice.name.clone(), ADMIN), (bob.name.clone(), DEVELOPER)];
    assert_eq!(lists_members(&alice, &space).await.expect("a list"), expected);
    assert!(bob.may("app.deploy", &app).await, "the app is still Bob's");
}

// R-M10: it is back when the clock is put right, and whoever took it would think that it is not.
async fn nobody_who_takes_a_role_is_told_that_there_is_none_while_the_clock_is_doubted(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let month = Some(suite.clock_in(30 * 86_400));
    let member = Member { expire_time: month, ..member(&bob, VIEWER) };
    adds_members_as_given(&alice, &space, vec![member]).await.expect("added");
    adds_contributors_until(&alice, &app, &carol, month).await;
    let group = creates_group(&alice, &space, "Mobile").await.expect("a group").name;
    let given = GrantAppRoleRequest { expire_time: month, ..groups::grant(&group, &app, DEPLOYER) };
    grants_app_role_as_given(&alice, given).await.expect("given");
    let set = creates_app_group(&alice, &space, "Payments").await.expect("an app group").name;
    let given = app_groups::grant(&set, &carol.name, DEPLOYER);
    let given = GrantAppGroupRoleRequest { expire_time: month, ..given };
    grants_app_group_role(&alice, given).await.expect("given");
    suite.clock.put_forward(Duration::from_hours(365 * 24));
    let doubted = (Code::Unavailable, "CLOCK_STEPPED");
    assert_eq!(refused(removes_member(&alice, &space, &bob).await).kind(), doubted);
    assert_eq!(refused(removes_contributor(&alice, &app, &carol).await).kind(), doubted);
    assert_eq!(refused(revokes_app_role(&alice, &group, &app).await).kind(), doubted);
    assert_eq!(refused(revokes_app_group_role(&alice, &set, &carol.name).await).kind(), doubted);
    suite.clock.put_right();
    removes_member(&alice, &space, &bob).await.expect("removed");
    removes_contributor(&alice, &app, &carol).await.expect("removed");
    revokes_app_role(&alice, &group, &app).await.expect("taken");
    revokes_app_group_role(&alice, &set, &carol.name).await.expect("taken");
}

/// Makes somebody a contributor to an app until a time.
async fn adds_contributors_until(
    who: &Persona,
    app: &str,
    whom: &Persona,
    end: Option<prost_types::Timestamp>,
) {
    let (user, role) = (whom.name.clone(), DEPLOYER.into());
    let contributor = Contributor { user, role, expire_time: end, ..Contributor::default() };
    let request = AddContributorsRequest {
        parent: app.to_owned(),
        contributors: vec![contributor],
        ..AddContributorsRequest::default()
    };
    who.apps().add_contributors(request).await.expect("added");
}

// R-M10, R-M5: what is told is what is taken.
async fn a_removal_tells_of_no_role_that_has_ended(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let [short, long] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    adds_contributors_until(&alice, &short, &bob, Some(suite.clock_in(3600))).await;
    adds_contributors_until(&alice, &long, &bob, Some(suite.clock_in(7200))).await;
    suite.clock.advance(Duration::from_secs(3601));
    let removed = removes_member(&alice, &space, &bob).await.expect("removed");
    let apps: Vec<_> = removed.removed_app_roles.into_iter().map(|role| role.app).collect();
    assert_eq!(apps, [long]);
}

// R-M10, R-M2: an Admin whose role has ended administers nothing, not even what they have begun.
async fn an_expired_admin_changes_nothing(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let hour = Member { expire_time: Some(suite.clock_in(3600)), ..member(&bob, ADMIN) };
    adds_members_as_given(&alice, &space, vec![hour]).await.expect("added");
    adds_members(&bob, &space, &[(&carol, VIEWER)]).await.expect("an Admin adds");
    suite.clock.advance(Duration::from_secs(3601));
    assert_eq!(refused(demotes_member(&bob, &space, &carol).await).code, Code::PermissionDenied);
}
