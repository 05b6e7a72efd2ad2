//! App groups, and the roles that people and groups have on them (R-A11).
use std::time::Duration;

use devspaces_proto::space::v1::{AppGroup, GrantAppGroupRoleRequest, UpdateAppGroupRequest};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    app_groups::{
        adds_apps, creates_app_group, deletes_app_group, gets_app_group, grant, grants_app_group_role,
        lists_app_group_apps, lists_app_group_roles, lists_app_groups, removes_apps, revokes_app_group_role,
        updates_app_group,
    },
    apps::{apps_seen, deletes_app, gets_app, undeletes_app},
    contributors::{APP_ADMIN, APP_VIEWER, DEPLOYER, OWNER, lists_contributors},
    groups::{deletes_group, group_of, has_it, lists_group_roles},
    members::{ADMIN, DEVELOPER, adds_members, removes_member},
    transfers::{TwoSpaces, initiates_transfer},
};

scenarios! {
    both engines:
        a_role_on_an_app_group_ends_at_its_time,
        an_app_that_moves_leaves_all_app_groups;
    everywhere:
        a_role_on_an_app_group_is_one_on_each_app_in_it,
        a_group_has_roles_on_app_groups,
        app_groups_are_seen_as_far_as_their_apps_are,
        a_deleted_app_group_gives_nothing_and_the_apps_stay,
        an_app_that_is_deleted_leaves_its_app_groups,
        whoever_leaves_the_space_has_no_role_on_its_app_groups,
        bad_input_of_app_groups_is_named;
}

// R-A11, R-P2
async fn a_role_on_an_app_group_is_one_on_each_app_in_it(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let [first, second] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    let group = creates_app_group(&alice, &space, "Payments").await.expect("an app group").name;
    adds_apps(&alice, &group, &[&first]).await.expect("added");
    grants_app_group_role(&alice, grant(&group, &bob.name, DEPLOYER)).await.expect("given");
    has_it(&bob, "app.deploy", &first, "through app group Payments").await;
    assert!(!bob.may("app.get", &second).await);
    assert_eq!(apps_seen(&bob, &space).await, [(first.clone(), DEPLOYER)]);
    adds_apps(&alice, &group, &[&first, &second]).await.expect("those that are in it stay");
    assert_eq!(apps_seen(&bob, "").await, [(first.clone(), DEPLOYER), (second.clone(), DEPLOYER)]);
    let listed = lists_contributors(&alice, &first, 2).await.expect("a list");
    let listed: Vec<_> =
        listed.iter().map(|it| (it.user.as_str(), it.role(), it.derived_from.as_str())).collect();
    assert_eq!(
        listed,
        [("users/alice", OWNER, ""), ("users/bob", DEPLOYER, "app group Payments")].map(|it| {
            let name = if it.0 == "users/alice" { alice.name.as_str() } else { bob.name.as_str() };
            (name, it.1, it.2)
        })
    );
    removes_apps(&alice, &group, &[&first]).await.expect("removed");
    assert!(!bob.may("app.get", &first).await && bob.may("app.deploy", &second).await);
    revokes_app_group_role(&alice, &group, &bob.name).await.expect("taken");
    assert!(!bob.may("app.get", &second).await);
    assert_eq!(refused(revokes_app_group_role(&alice, &group, &bob.name).await).code, Code::NotFound);
    let refusal = refused(adds_apps(&bob, &group, &[&first]).await);
    assert_eq!(refusal.code, Code::PermissionDenied);
}

// R-A11, R-M11
async fn a_group_has_roles_on_app_groups(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let people = group_of(&alice, &space, "Mobile", &[&bob]).await;
    let apps = creates_app_group(&alice, &space, "Payments").await.expect("an app group").name;
    adds_apps(&alice, &apps, &[&app]).await.expect("added");
    let given = grants_app_group_role(&alice, grant(&apps, &people, APP_ADMIN)).await.expect("given");
    assert_eq!((given.member.as_str(), given.role()), (people.as_str(), APP_ADMIN));
    has_it(&bob, "app.update", &app, "through group Mobile and app group Payments").await;
    assert_eq!(lists_group_roles(&alice, &people).await.expect("a list"), [(apps.clone(), APP_ADMIN)]);
    grants_app_group_role(&alice, grant(&apps, &bob.name, APP_VIEWER)).await.expect("given");
    let all = lists_app_group_roles(&alice, &apps).await.expect("a list");
    assert_eq!(all, [(people.clone(), APP_ADMIN), (bob.name.clone(), APP_VIEWER)]);
    assert_eq!(gets_app(&bob, &app).await.expect("the app").my_role(), APP_ADMIN, "the highest counts");
    deletes_group(&alice, &people).await.expect("deleted");
    assert!(!bob.may("app.update", &app).await);
    assert_eq!(lists_app_group_roles(&alice, &apps).await.expect("a list"), [(bob.name.clone(), APP_VIEWER)]);
}

// R-A11, R-A5
async fn app_groups_are_seen_as_far_as_their_apps_are(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let [shown, hidden] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    let mut groups = Vec::new();
    for (name, apps) in [("Both", vec![&shown, &hidden]), ("Hidden", vec![&hidden]), ("Empty", vec![])] {
        let group = creates_app_group(&alice, &space, name).await.expect("an app group").name;
        let apps: Vec<&str> = apps.into_iter().map(String::as_str).collect();
        if !apps.is_empty() {
            adds_apps(&alice, &group, &apps).await.expect("added");
        }
        groups.push(group);
    }
    assert_eq!(lists_app_groups(&alice, &space).await.expect("a list"), groups);
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    assert_eq!(refused(lists_app_groups(&bob, &space).await).code, Code::PermissionDenied);
    crate::acts::contributors::adds_contributors(&alice, &shown, &[(&bob, APP_VIEWER)]).await.expect("added");
    assert_eq!(lists_app_groups(&bob, &space).await.expect("a list"), groups[..1]);
    assert_eq!(lists_app_group_apps(&bob, &groups[0]).await.expect("a list"), [shown.as_str()]);
    assert_eq!(
        lists_app_group_apps(&alice, &groups[0]).await.expect("a list"),
        [shown.clone(), hidden.clone()]
    );
    gets_app_group(&bob, &groups[0]).await.expect("shown");
    for name in [&groups[1], &groups[2]] {
        assert_eq!(refused(gets_app_group(&bob, name).await).code, Code::NotFound);
        assert_eq!(refused(lists_app_group_apps(&bob, name).await).code, Code::NotFound);
    }
    assert_eq!(refused(lists_app_group_roles(&bob, &groups[0]).await).code, Code::PermissionDenied);
    for answer in [
        gets_app_group(&carol, &groups[0]).await.map(drop),
        lists_app_groups(&carol, &space).await.map(drop),
        deletes_app_group(&carol, &groups[0]).await,
    ] {
        assert_eq!(refused(answer).code, Code::PermissionDenied);
    }
}

// R-A11
async fn a_deleted_app_group_gives_nothing_and_the_apps_stay(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let made = creates_app_group(&alice, &space, "Payments").await.expect("an app group");
    let group = made.name.clone();
    adds_apps(&alice, &group, &[&app]).await.expect("added");
    grants_app_group_role(&alice, grant(&group, &bob.name, DEPLOYER)).await.expect("given");
    let renamed = updates_app_group(&alice, AppGroup { display_name: "Money".into(), ..made.clone() }).await;
    assert_eq!(renamed.expect("renamed").display_name, "Money");
    has_it(&bob, "app.deploy", &app, "through app group Money").await;
    let stale = updates_app_group(&alice, AppGroup { display_name: "Mine".into(), ..made }).await;
    assert_eq!(refused(stale).kind(), (Code::Aborted, "ETAG_STALE"));
    deletes_app_group(&alice, &group).await.expect("deleted");
    assert!(!bob.may("app.deploy", &app).await);
    gets_app(&alice, &app).await.expect("the app stays");
    assert_eq!(refused(gets_app_group(&alice, &group).await).code, Code::NotFound);
    assert_eq!(refused(deletes_app_group(&alice, &group).await).code, Code::NotFound);
}

// R-A11, R-A10
async fn an_app_that_is_deleted_leaves_its_app_groups(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = creates_app_group(&alice, &space, "Payments").await.expect("an app group").name;
    adds_apps(&alice, &group, &[&app]).await.expect("added");
    grants_app_group_role(&alice, grant(&group, &bob.name, DEPLOYER)).await.expect("given");
    deletes_app(&alice, &app).await.expect("deleted");
    undeletes_app(&alice, &app).await.expect("had back");
    assert!(!bob.may("app.get", &app).await);
    assert_eq!(lists_app_group_apps(&alice, &group).await.expect("a list"), Vec::<String>::new());
}

// R-A11, R-M5
async fn whoever_leaves_the_space_has_no_role_on_its_app_groups(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = creates_app_group(&alice, &space, "Payments").await.expect("an app group").name;
    adds_apps(&alice, &group, &[&app]).await.expect("added");
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    grants_app_group_role(&alice, grant(&group, &bob.name, DEPLOYER)).await.expect("given");
    let removed = removes_member(&alice, &space, &bob).await.expect("removed");
    let told: Vec<_> =
        removed.removed_app_roles.iter().map(|it| (it.app.as_str(), it.role.as_str())).collect();
    assert_eq!(told, [(group.as_str(), "DEPLOYER")]);
    assert!(!bob.may("app.deploy", &app).await);
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    assert!(!bob.may("app.deploy", &app).await, "for good");
}

// R-A11, R-M10
async fn a_role_on_an_app_group_ends_at_its_time(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = creates_app_group(&alice, &space, "Payments").await.expect("an app group").name;
    adds_apps(&alice, &group, &[&app]).await.expect("added");
    let hour = GrantAppGroupRoleRequest {
        expire_time: Some(suite.clock_in(3600)),
        ..grant(&group, &bob.name, DEPLOYER)
    };
    grants_app_group_role(&alice, hour).await.expect("given");
    suite.clock.advance(Duration::from_secs(3599));
    assert!(bob.may("app.deploy", &app).await && bob.may("apps.list", &space).await);
    suite.clock.advance(Duration::from_secs(2));
    assert!(!bob.may("app.deploy", &app).await && !bob.may("apps.list", &space).await);
    assert_eq!(lists_app_group_roles(&alice, &group).await.expect("a list"), []);
    grants_app_group_role(&alice, grant(&group, &bob.name, APP_VIEWER)).await.expect("given anew");
    assert!(bob.may("app.get", &app).await && !bob.may("app.deploy", &app).await);
}

// R-A11, R-A7
async fn an_app_that_moves_leaves_all_app_groups(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let carol = suite.user("carol");
    adds_members(&it.dan, &it.destination, &[(&it.alice, ADMIN)]).await.expect("added");
    let group = creates_app_group(&it.alice, &it.source, "Payments").await.expect("an app group").name;
    adds_apps(&it.alice, &group, &[&it.app]).await.expect("added");
    grants_app_group_role(&it.alice, grant(&group, &carol.name, DEPLOYER)).await.expect("given");
    initiates_transfer(&it.alice, &it.app, &it.destination).await.expect("moved");
    assert!(!carol.may("app.get", &it.app).await);
    let refusal = refused(adds_apps(&it.alice, &group, &[&it.app]).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "APP_NOT_IN_SPACE", vec!["APP_NOT_IN_SPACE"]));
    initiates_transfer(&it.alice, &it.app, &it.source).await.expect("moved back");
    assert!(!carol.may("app.get", &it.app).await);
    adds_apps(&it.alice, &group, &[&it.app]).await.expect("added anew");
    assert!(carol.may("app.deploy", &it.app).await);
}

// R-A11
async fn bad_input_of_app_groups_is_named(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let refusal = refused(creates_app_group(&alice, &space, " ").await);
    assert_eq!(
        refusal.bad_fields(),
        (Code::InvalidArgument, "INVALID_FIELD", vec!["app_group.display_name"])
    );
    let group = creates_app_group(&alice, &space, "Payments").await.expect("an app group").name;
    assert_eq!(refused(adds_apps(&alice, &group, &["apps/none"]).await).bad_fields().2, ["apps[0]"]);
    assert_eq!(refused(adds_apps(&alice, &group, &[]).await).bad_fields().2, ["apps"]);
    let elsewhere = format!("{}/groups/0190a8d0-7b1c-7def-8000-000000000002", crate::acts::spaces::NOWHERE);
    let past = GrantAppGroupRoleRequest {
        expire_time: Some(suite.clock_in(-1)),
        ..grant(&group, &elsewhere, OWNER)
    };
    let refusal = refused(grants_app_group_role(&alice, past).await);
    assert_eq!(refusal.bad_fields().2, ["member", "role", "expire_time"]);
    let missing = format!("{space}/groups/0190a8d0-7b1c-7def-8000-000000000002");
    let refusal = refused(grants_app_group_role(&alice, grant(&group, &missing, DEPLOYER)).await);
    assert_eq!(refusal.code, Code::NotFound);
    let request = UpdateAppGroupRequest {
        app_group: Some(AppGroup { name: group, ..AppGroup::default() }),
        update_mask: crate::acts::mask(&["create_time"]),
        ..Default::default()
    };
    assert_eq!(refused(alice.app_groups().update_app_group(request).await).bad_fields().2, ["update_mask"]);
}
