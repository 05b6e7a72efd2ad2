//! How the roles of groups end, each for good.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{membership::v1::GrantAppRoleRequest, space::v1::ContributorRole};
use devspaces_tests::{Persona, Suite, refused, suite::eventually};
use tonic::Code;

use crate::acts::{
    REQUEST_ID,
    apps::{deletes_app, gets_app, undeletes_app},
    contributors::{APP_ADMIN, APP_VIEWER, DEPLOYER},
    groups::{
        adds_to_group, deletes_group, gets_group, grant, grants_app_role, grants_app_role_as_given, group_of,
        lists_group_members, lists_group_roles, lists_groups, removes_from_group,
    },
    members::{
        ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, leaves_space, member, removes_member,
    },
    spaces::{archives_space, deletes_space, restores_space},
    transfers::{TwoSpaces, initiates_transfer},
};

scenarios! {
    both engines:
        a_role_with_an_end_is_gone_at_its_time_and_a_lower_one_stays,
        the_end_of_a_console_role_ends_the_groups,
        a_move_away_and_back_revives_nothing,
        the_roles_of_groups_do_not_move_along,
        a_purged_space_has_no_groups,
        a_removal_from_a_group_waits_for_the_owner_of_apps,
        a_role_is_given_once_however_often_it_is_asked;
    everywhere:
        whoever_leaves_the_group_or_the_space_loses_its_roles,
        a_deleted_group_gives_nothing,
        a_deleted_app_comes_back_without_its_groups,
        in_an_archived_space_groups_only_shrink;
}

/// A space with an app on which a group has the role of DEPLOYER, and bob in the group.
struct Grouped {
    alice: Persona,
    bob: Persona,
    space: String,
    app: String,
    group: String,
}

impl Grouped {
    async fn new(suite: &Suite) -> Self {
        let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
        let space = alice.creates_space("Team").await;
        let app = alice.creates_app(&space).await;
        let group = group_of(&alice, &space, "Mobile", &[&bob]).await;
        grants_app_role(&alice, &group, &app, DEPLOYER).await.expect("given");
        assert!(bob.may("app.deploy", &app).await);
        Self { alice, bob, space, app, group }
    }

    async fn deploys(&self) -> bool {
        self.bob.may("app.deploy", &self.app).await
    }
}

// R-M11, R-M5, R-M8
async fn whoever_leaves_the_group_or_the_space_loses_its_roles(suite: Suite) {
    let it = Grouped::new(&suite).await;
    removes_from_group(&it.alice, &it.group, &it.bob).await.expect("removed");
    assert!(!it.deploys().await);
    assert_eq!(refused(removes_from_group(&it.alice, &it.group, &it.bob).await).code, Code::NotFound);
    adds_to_group(&it.alice, &it.group, &[&it.bob]).await.expect("added anew");
    assert!(it.deploys().await);
    removes_member(&it.alice, &it.space, &it.bob).await.expect("removed");
    assert!(!it.deploys().await);
    adds_members(&it.alice, &it.space, &[(&it.bob, DEVELOPER)]).await.expect("a member again");
    assert!(!it.deploys().await, "for good");
    adds_to_group(&it.alice, &it.group, &[&it.bob]).await.expect("added anew");
    assert!(it.deploys().await);
    leaves_space(&it.bob, &it.space).await.expect("left");
    adds_members(&it.alice, &it.space, &[(&it.bob, VIEWER)]).await.expect("a member again");
    assert!(!it.deploys().await);
    assert_eq!(lists_group_members(&it.alice, &it.group).await.expect("a list"), Vec::<String>::new());
}

// R-M11
async fn a_deleted_group_gives_nothing(suite: Suite) {
    let it = Grouped::new(&suite).await;
    deletes_group(&it.alice, &it.group).await.expect("deleted");
    assert!(!it.deploys().await);
    for refusal in [
        refused(gets_group(&it.bob, &it.group).await.map(drop)),
        refused(deletes_group(&it.alice, &it.group).await),
        refused(grants_app_role(&it.alice, &it.group, &it.app, DEPLOYER).await.map(drop)),
        refused(adds_to_group(&it.alice, &it.group, &[&it.bob]).await),
        refused(lists_group_members(&it.alice, &it.group).await.map(drop)),
    ] {
        assert_eq!(refusal.code, Code::NotFound, "{}", refusal.message);
    }
    assert_eq!(lists_groups(&it.alice, &it.space).await.expect("a list"), Vec::<String>::new());
}

// R-M11, R-A10
async fn a_deleted_app_comes_back_without_its_groups(suite: Suite) {
    let it = Grouped::new(&suite).await;
    deletes_app(&it.alice, &it.app).await.expect("deleted");
    assert!(!it.deploys().await);
    undeletes_app(&it.alice, &it.app).await.expect("had back");
    assert!(!it.deploys().await);
    assert_eq!(lists_group_roles(&it.alice, &it.group).await.expect("a list"), []);
    grants_app_role(&it.alice, &it.group, &it.app, DEPLOYER).await.expect("given anew");
    assert!(it.deploys().await);
}

// R-S5, R-M11
async fn in_an_archived_space_groups_only_shrink(suite: Suite) {
    let it = Grouped::new(&suite).await;
    deletes_app(&it.alice, &it.app).await.expect("deleted");
    archives_space(&it.alice, &it.space).await.expect("archived");
    for refusal in [
        refused(adds_to_group(&it.alice, &it.group, &[&it.alice]).await),
        refused(grants_app_role(&it.alice, &it.group, &it.app, DEPLOYER).await.map(drop)),
    ] {
        assert_eq!(refusal.code, Code::FailedPrecondition);
        assert!(refusal.blockers.iter().any(|blocker| blocker == "SPACE_ARCHIVED"), "{refusal:?}");
    }
    removes_from_group(&it.alice, &it.group, &it.bob).await.expect("removed");
    deletes_group(&it.alice, &it.group).await.expect("deleted");
    restores_space(&it.alice, &it.space).await.expect("restored");
}

// R-M10, R-M11
async fn a_role_with_an_end_is_gone_at_its_time_and_a_lower_one_stays(suite: Suite) {
    let it = Grouped::new(&suite).await;
    let admins = group_of(&it.alice, &it.space, "Admins", &[]).await;
    adds_to_group(&it.alice, &admins, &[&it.bob]).await.expect("added");
    let hour =
        GrantAppRoleRequest { expire_time: Some(suite.clock_in(3600)), ..grant(&admins, &it.app, APP_ADMIN) };
    let given = grants_app_role_as_given(&it.alice, hour).await.expect("given");
    assert!(given.expire_time.is_some());
    suite.clock.advance(Duration::from_secs(3599));
    assert!(it.bob.may("app.update", &it.app).await, "cached facts still hold a second before the end");
    suite.clock.advance(Duration::from_secs(2));
    assert!(!it.bob.may("app.update", &it.app).await);
    assert!(it.deploys().await, "the other group's");
    assert_eq!(gets_app(&it.bob, &it.app).await.expect("the app").my_role(), DEPLOYER);
    assert_eq!(lists_group_roles(&it.alice, &admins).await.expect("a list"), []);
    // The last way of somebody who is in no console role by which apps are seen.
    let carol = suite.user("carol");
    adds_members(&it.alice, &it.space, &[(&carol, DEVELOPER)]).await.expect("added");
    adds_to_group(&it.alice, &admins, &[&carol]).await.expect("added");
    let hour = GrantAppRoleRequest {
        expire_time: Some(suite.clock_in(3600)),
        ..grant(&admins, &it.app, APP_VIEWER)
    };
    grants_app_role_as_given(&it.alice, hour).await.expect("given anew");
    assert!(carol.may("apps.list", &it.space).await && carol.may("app.get", &it.app).await);
    suite.clock.advance(Duration::from_secs(3601));
    assert!(!carol.may("apps.list", &it.space).await && !carol.may("app.get", &it.app).await);
}

// R-M10, R-M8, R-M11
async fn the_end_of_a_console_role_ends_the_groups(suite: Suite) {
    let it = Grouped::new(&suite).await;
    let carol = suite.user("carol");
    let hour = devspaces_proto::membership::v1::Member {
        expire_time: Some(suite.clock_in(3600)),
        ..member(&carol, DEVELOPER)
    };
    adds_members_as_given(&it.alice, &it.space, vec![hour]).await.expect("added");
    adds_to_group(&it.alice, &it.group, &[&carol]).await.expect("added");
    assert!(carol.may("app.deploy", &it.app).await);
    suite.clock.advance(Duration::from_secs(3601));
    let ended = async || (!carol.may("app.deploy", &it.app).await).then_some(());
    eventually(ended).await;
    adds_members(&it.alice, &it.space, &[(&carol, DEVELOPER)]).await.expect("added anew");
    assert!(!carol.may("app.deploy", &it.app).await, "for good");
    let refusal = refused(adds_to_group(&it.alice, &it.group, &[&suite.user("mallory")]).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "NOT_A_MEMBER", vec!["NOT_A_MEMBER"]));
}

// R-M11, R-A7
async fn a_move_away_and_back_revives_nothing(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let carol = suite.user("carol");
    let group = group_of(&it.alice, &it.source, "Mobile", &[&carol]).await;
    grants_app_role(&it.alice, &group, &it.app, DEPLOYER).await.expect("given");
    assert!(carol.may("app.deploy", &it.app).await);
    adds_members(&it.dan, &it.destination, &[(&it.alice, ADMIN)]).await.expect("added");
    initiates_transfer(&it.alice, &it.app, &it.destination).await.expect("moved");
    assert!(!carol.may("app.deploy", &it.app).await);
    assert_eq!(lists_group_roles(&it.alice, &group).await.expect("a list"), []);
    let refusal = refused(grants_app_role(&it.alice, &group, &it.app, DEPLOYER).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "APP_NOT_IN_SPACE", vec!["APP_NOT_IN_SPACE"]));
    initiates_transfer(&it.alice, &it.app, &it.source).await.expect("moved back");
    assert!(!carol.may("app.deploy", &it.app).await);
    assert_eq!(gets_app(&carol, &it.app).await.expect("the app").my_role(), ContributorRole::Viewer);
    grants_app_role(&it.alice, &group, &it.app, DEPLOYER).await.expect("given anew");
    assert!(carol.may("app.deploy", &it.app).await);
}

// R-A8, R-M11
async fn the_roles_of_groups_do_not_move_along(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let carol = suite.user("carol");
    let group = group_of(&it.alice, &it.source, "Mobile", &[&carol]).await;
    grants_app_role(&it.alice, &group, &it.app, DEPLOYER).await.expect("given");
    let other = group_of(&it.dan, &it.destination, "Theirs", &[&carol]).await;
    let refusal = refused(grants_app_role(&it.dan, &other, &it.app, DEPLOYER).await);
    assert_eq!(refusal.blocked().1, "APP_NOT_IN_SPACE", "the app is in another space");
    let transfer = it.proposed().await;
    let accepted = crate::acts::transfers::accepts_transfer(&it.dan, &transfer).await.expect("accepted");
    let named: Vec<&str> = accepted.contributors.iter().map(|it| it.user.as_str()).collect();
    assert_eq!(named, [it.bob.name.as_str()], "the owner moves along, and nobody by a group");
    assert!(!carol.may("app.deploy", &it.app).await);
    grants_app_role(&it.dan, &other, &it.app, DEPLOYER).await.expect("given");
    assert!(carol.may("app.deploy", &it.app).await);
}

// R-S6, R-M11
async fn a_purged_space_has_no_groups(suite: Suite) {
    let it = Grouped::new(&suite).await;
    deletes_app(&it.alice, &it.app).await.expect("deleted");
    archives_space(&it.alice, &it.space).await.expect("archived");
    deletes_space(&it.alice, &it.space).await.expect("deleted");
    suite.clock.advance(Duration::from_hours(31 * 24));
    for service in [Service::Space, Service::Membership] {
        let pool = suite.pool(service).await;
        let left = async || {
            let sql = "SELECT (SELECT count(*) FROM member_group) + (SELECT count(*) FROM group_member)";
            (devspaces_tests::sql::count(&pool, sql).await == 0).then_some(())
        };
        eventually(left).await;
    }
}

// R-M11, R-M5: OK means that it has taken effect.
async fn a_removal_from_a_group_waits_for_the_owner_of_apps(suite: Suite) {
    let mut suite = suite;
    let it = Grouped::new(&suite).await;
    suite.stop(Service::Space).await;
    let pending = refused(removes_from_group(&it.alice, &it.group, &it.bob).await);
    assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    assert_eq!(lists_group_members(&it.alice, &it.group).await.expect("a list"), Vec::<String>::new());
    let refusal = refused(grants_app_role(&it.alice, &it.group, &it.app, DEPLOYER).await);
    assert_eq!(refusal.code, Code::Unavailable);
    suite.restart(Service::Space).await;
    eventually(async || (!it.deploys().await).then_some(())).await;
}

// R-J5, R-M11
async fn a_role_is_given_once_however_often_it_is_asked(suite: Suite) {
    let it = Grouped::new(&suite).await;
    let asked =
        GrantAppRoleRequest { request_id: REQUEST_ID.to_owned(), ..grant(&it.group, &it.app, APP_ADMIN) };
    let first = grants_app_role_as_given(&it.alice, asked.clone()).await.expect("given");
    crate::acts::groups::revokes_app_role(&it.alice, &it.group, &it.app).await.expect("taken");
    let again = grants_app_role_as_given(&it.alice, asked).await.expect("the first result");
    assert_eq!(again, first);
    assert!(!it.bob.may("app.update", &it.app).await, "it was not given again");
    let other =
        GrantAppRoleRequest { request_id: REQUEST_ID.to_owned(), ..grant(&it.group, &it.app, DEPLOYER) };
    let refusal = refused(grants_app_role_as_given(&it.alice, other).await);
    assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "REQUEST_ID_REUSED", vec!["request_id"]));
}
