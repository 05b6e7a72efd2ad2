//! What somebody may do by a group, and how that is told.
use devspaces::Service;
use devspaces_proto::{
    membership::v1::{GrantAppRoleRequest, RemoveMemberRequest, RemoveMemberResponse, RevokeAppRoleRequest},
    space::v1::ContributorRole,
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::Code;

use crate::acts::{
    REQUEST_ID,
    apps::{apps_seen, gets_app},
    authz::{all_resources, all_subjects, resources_of, subjects_with},
    contributors::{
        APP_ADMIN, APP_VIEWER, DEPLOYER, OWNER, adds_contributors, lists_contributors, removes_contributor,
        updates_contributor,
    },
    groups::{
        adds_to_group, creates_group, gets_group, grant, grants_app_role, grants_app_role_as_given, group_of,
        has_it, lists_group_members, lists_group_roles, lists_groups, renames_group, revokes_app_role,
    },
    members::{ADMIN, DEVELOPER, adds_members, keeps_only_app_roles},
    spaces::{archives_space, gets_space, shown_in_switcher},
};

scenarios! {
    both engines:
        the_owner_of_apps_tells_of_a_group_role_in_its_journal,
        one_request_id_serves_a_grant_and_a_revocation,
        an_admin_who_was_removed_gives_nothing_any_more;
    everywhere:
        a_group_is_made_and_shown_to_whoever_sees_the_members,
        members_of_a_group_have_its_roles_and_are_told_by_which_way,
        the_highest_of_all_ways_counts,
        who_contributes_by_a_group_is_listed_with_it,
        a_developer_sees_the_apps_of_their_groups_and_no_others,
        what_a_group_gives_is_on_every_list,
        a_removal_tells_which_groups_are_left;
}

// R-J5: an id is known by caller and method.
async fn one_request_id_serves_a_grant_and_a_revocation(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = group_of(&alice, &space, "Mobile", &[&bob]).await;
    let request_id = REQUEST_ID.to_owned();
    let given = GrantAppRoleRequest { request_id: request_id.clone(), ..grant(&group, &app, DEPLOYER) };
    for _ in 0..2 {
        grants_app_role_as_given(&alice, given.clone()).await.expect("granted");
    }
    assert!(bob.may("app.deploy", &app).await);
    let taken = RevokeAppRoleRequest { name: group, app: app.clone(), request_id };
    for _ in 0..2 {
        alice.groups().revoke_app_role(taken.clone()).await.expect("revoked");
    }
    assert!(!bob.may("app.deploy", &app).await);
}

// R-M11, R-P3
async fn a_group_is_made_and_shown_to_whoever_sees_the_members(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let group = group_of(&alice, &space, "Mobile", &[&bob]).await;
    let made = gets_group(&bob, &group).await.expect("the group");
    assert_eq!((made.name.as_str(), made.display_name.as_str()), (group.as_str(), "Mobile"));
    let mut all = vec![group.clone()];
    for name in ["Web", "Data"] {
        all.push(creates_group(&alice, &space, name).await.expect("a group").name);
    }
    assert_eq!(lists_groups(&bob, &space).await.expect("a list"), all);
    assert_eq!(lists_group_members(&bob, &group).await.expect("a list"), [bob.name.as_str()]);
    assert_eq!(refused(renames_group(&bob, &group, "Mine").await).code, Code::PermissionDenied);
    assert_eq!(refused(lists_group_roles(&bob, &group).await).code, Code::PermissionDenied);
    assert_eq!(renames_group(&alice, &group, "Phones").await.expect("renamed").display_name, "Phones");
    for answer in [
        gets_group(&carol, &group).await.map(drop),
        lists_groups(&carol, &space).await.map(drop),
        creates_group(&carol, &space, "Any").await.map(drop),
        grants_app_role(&carol, &group, &suite.own("apps/none"), DEPLOYER).await.map(drop),
    ] {
        assert_ne!(refused(answer).code, Code::NotFound, "strangers learn nothing");
    }
}

// R-M11, R-P2
async fn members_of_a_group_have_its_roles_and_are_told_by_which_way(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = group_of(&alice, &space, "Mobile", &[&bob]).await;
    assert!(!bob.may("app.deploy", &app).await);
    let role = grants_app_role(&alice, &group, &app, DEPLOYER).await.expect("given");
    assert_eq!((role.resource.as_str(), role.role()), (app.as_str(), DEPLOYER));
    has_it(&bob, "app.deploy", &app, "through group Mobile").await;
    assert_eq!(gets_app(&bob, &app).await.expect("the app").my_role(), DEPLOYER);
    adds_members(&alice, &space, &[(&carol, DEVELOPER)]).await.expect("added");
    assert!(!carol.may("app.get", &app).await);
    adds_to_group(&alice, &group, &[&carol]).await.expect("added");
    assert!(carol.may("app.deploy", &app).await, "whoever is added later has it too");
    renames_group(&alice, &group, "Phones").await.expect("renamed");
    has_it(&bob, "app.deploy", &app, "through group Phones").await;
    grants_app_role(&alice, &group, &app, APP_VIEWER).await.expect("given in its place");
    assert!(!bob.may("app.deploy", &app).await);
    assert_eq!(lists_group_roles(&alice, &group).await.expect("a list"), [(app.clone(), APP_VIEWER)]);
    revokes_app_role(&alice, &group, &app).await.expect("taken");
    assert!(!carol.may("app.get", &app).await);
    assert_eq!(refused(revokes_app_role(&alice, &group, &app).await).code, Code::NotFound);
}

// R-M11, R-A4
async fn the_highest_of_all_ways_counts(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let (low, high) =
        (group_of(&alice, &space, "Low", &[&bob]).await, creates_group(&alice, &space, "High").await);
    let high = high.expect("a group").name;
    adds_to_group(&alice, &high, &[&bob]).await.expect("added");
    let mine = async || gets_app(&bob, &app).await.expect("the app").my_role();
    assert_eq!(mine().await, APP_VIEWER, "derived");
    grants_app_role(&alice, &low, &app, ContributorRole::Developer).await.expect("given");
    assert_eq!(mine().await, ContributorRole::Developer);
    grants_app_role(&alice, &high, &app, APP_ADMIN).await.expect("given");
    assert_eq!(mine().await, APP_ADMIN);
    has_it(&bob, "app.update", &app, "through group High").await;
    adds_contributors(&alice, &app, &[(&bob, APP_ADMIN)]).await.expect("added");
    has_it(&bob, "app.update", &app, "").await;
    removes_contributor(&alice, &app, &bob).await.expect("removed");
    revokes_app_role(&alice, &high, &app).await.expect("taken");
    assert_eq!(mine().await, ContributorRole::Developer);
    revokes_app_role(&alice, &low, &app).await.expect("taken");
    assert_eq!(mine().await, APP_VIEWER);
}

// R-M11, R-A3, R-M7
async fn who_contributes_by_a_group_is_listed_with_it(suite: Suite) {
    let [alice, bob, carol, dan] = ["alice", "bob", "carol", "dan"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = group_of(&alice, &space, "Mobile", &[&bob, &carol]).await;
    grants_app_role(&alice, &group, &app, DEPLOYER).await.expect("given");
    adds_contributors(&alice, &app, &[(&bob, APP_ADMIN), (&carol, APP_VIEWER), (&dan, APP_VIEWER)])
        .await
        .expect("added");
    let listed = async |who: &Persona| -> Vec<(String, ContributorRole, String)> {
        let all = lists_contributors(who, &app, 2).await.expect("a list");
        all.iter().map(|it| (it.user.clone(), it.role(), it.derived_from.clone())).collect()
    };
    let of = |who: &Persona, role, from: &str| (who.name.clone(), role, from.to_owned());
    let all = [
        of(&alice, OWNER, ""),
        of(&bob, APP_ADMIN, ""),
        of(&carol, DEPLOYER, "group Mobile"),
        of(&dan, APP_VIEWER, ""),
    ];
    assert_eq!(listed(&alice).await, all);
    let own = [
        of(&alice, OWNER, ""),
        of(&bob, APP_ADMIN, ""),
        of(&carol, APP_VIEWER, ""),
        of(&dan, APP_VIEWER, ""),
    ];
    assert_eq!(listed(&dan).await, own, "who is no member does not learn who is (R-M7)");
    removes_contributor(&alice, &app, &carol).await.expect("their own role");
    for refusal in [
        refused(removes_contributor(&alice, &app, &carol).await),
        refused(updates_contributor(&alice, &app, &carol, APP_ADMIN).await),
    ] {
        assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "DERIVED_ROLE", vec!["DERIVED_ROLE"]));
        assert_eq!(refusal.metadata, [("derived_from".to_owned(), "group Mobile".to_owned())]);
    }
}

// R-M11, R-A5, R-A9, R-S2
async fn a_developer_sees_the_apps_of_their_groups_and_no_others(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let [app, other] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    assert_eq!(refused(gets_app(&bob, &app).await).code, Code::PermissionDenied);
    assert!(!bob.may("apps.list", &space).await);
    let group = creates_group(&alice, &space, "Mobile").await.expect("a group").name;
    adds_to_group(&alice, &group, &[&bob]).await.expect("added");
    assert!(!bob.may("apps.list", &space).await, "a group without roles shows nothing");
    grants_app_role(&alice, &group, &app, DEPLOYER).await.expect("given");
    assert!(bob.may("apps.list", &space).await);
    for place in [space.as_str(), ""] {
        assert_eq!(apps_seen(&bob, place).await, [(app.clone(), DEPLOYER)]);
    }
    assert_eq!(refused(gets_app(&bob, &other).await).code, Code::PermissionDenied);
    assert!(shown_in_switcher(&bob, &space).await.is_some());
    revokes_app_role(&alice, &group, &app).await.expect("taken");
    assert!(!bob.may("apps.list", &space).await);
    assert_eq!(apps_seen(&bob, "").await, []);
}

// R-M11, R-P5
async fn what_a_group_gives_is_on_every_list(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = group_of(&alice, &space, "Mobile", &[&bob]).await;
    grants_app_role(&alice, &group, &app, DEPLOYER).await.expect("given");
    let auditor = suite.persona("services/auditor");
    let subjects =
        async || all_subjects(&auditor, subjects_with("app.deploy", &app), 1).await.expect("a list");
    assert_eq!(subjects().await, [alice.name.clone(), bob.name.clone()]);
    let deployable = async || all_resources(&bob, resources_of("", "app.deploy"), 1).await.expect("a list");
    assert_eq!(deployable().await, [app.as_str()]);
    revokes_app_role(&alice, &group, &app).await.expect("taken");
    assert_eq!(subjects().await, [alice.name.as_str()]);
    assert_eq!(deployable().await, Vec::<String>::new());
}

// R-M5, R-M11
async fn a_removal_tells_which_groups_are_left(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = group_of(&alice, &space, "Mobile", &[&bob]).await;
    grants_app_role(&alice, &group, &app, DEPLOYER).await.expect("given");
    let removal = async |validate_only, keep_app_roles| -> RemoveMemberResponse {
        let name = bob.member_of(&space);
        let request = RemoveMemberRequest { name, validate_only, keep_app_roles, ..Default::default() };
        alice.members().remove_member(request).await.expect("an answer").into_inner()
    };
    assert_eq!(removal(true, false).await.left_groups, [group.as_str()]);
    assert!(bob.may("app.deploy", &app).await, "it was a preview");
    assert_eq!(removal(false, true).await.left_groups, [group.as_str()], "whatever roles are kept");
    assert!(!bob.may("app.deploy", &app).await);
    assert_eq!(lists_group_members(&alice, &group).await.expect("a list"), Vec::<String>::new());
}

// R-J1
async fn the_owner_of_apps_tells_of_a_group_role_in_its_journal(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = group_of(&alice, &space, "Mobile", &[&bob]).await;
    grants_app_role(&alice, &group, &app, DEPLOYER).await.expect("given");
    for scope in [&space, &app] {
        let told = devspaces_proto::journal::v1::ListEntriesRequest {
            resource: group.clone(),
            ..crate::acts::journal::entries_of(scope)
        };
        let entries = crate::acts::journal::lists_entries(&alice, Service::Space, told).await;
        let last = entries.last().expect("an entry");
        assert!(last.method.ends_with("/SetGroupRole"), "{}", last.method);
        assert_eq!((last.actor.as_str(), last.on_behalf_of.as_str()), ("services/membership", "users/alice"));
    }
}

// R-M5, R-M11
async fn an_admin_who_was_removed_gives_nothing_any_more(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = group_of(&alice, &space, "Mobile", &[&carol]).await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    grants_app_role(&bob, &group, &app, DEPLOYER).await.expect("given");
    keeps_only_app_roles(&alice, &space, &bob).await;
    assert_eq!(refused(grants_app_role(&bob, &group, &app, APP_ADMIN).await).code, Code::PermissionDenied);
    assert!(carol.may("app.deploy", &app).await && !carol.may("app.update", &app).await);
    assert_eq!(refused(archives_space(&alice, &space).await).code, Code::FailedPrecondition);
    gets_space(&carol, &space).await.expect("a member");
}
