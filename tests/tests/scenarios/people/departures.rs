//! Whoever is removed from a space, leaves it or has a role that ends has nothing on its apps any more.
use std::time::Duration;

use devspaces_proto::{
    membership::v1::{
        LeaveSpaceRequest, LeaveSpaceResponse, Member, RemainingRole, RemoveMemberRequest,
        RemoveMemberResponse, RemovedAppRole,
    },
    space::v1::ContributorRole,
};
use devspaces_tests::{Persona, Suite, refused, suite::eventually};
use tonic::{Code, Status};

use crate::acts::{
    apps::{apps_seen, creates_app, deletes_app, gets_app, imported_app, links_app, undeletes_app},
    contributors::{APP_ADMIN, APP_VIEWER, DEPLOYER, OWNER, adds_contributors, listed_contributors},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, member, updates_member},
};

scenarios! {
    both engines:
        the_apps_of_who_has_an_ended_role_pass_on_without_anyone_acting,
        who_is_added_again_after_a_role_ended_has_no_old_roles,
        several_are_added_again_after_their_roles_ended;
    everywhere:
        a_removed_member_loses_every_role_on_the_spaces_apps_and_the_admin_receives_them,
        the_apps_pass_to_whom_the_request_names,
        roles_on_apps_can_be_kept,
        roles_can_be_kept_while_the_apps_pass_on,
        the_apps_of_who_leaves_pass_to_who_has_been_admin_longest,
        an_admin_who_removes_themselves_does_not_inherit,
        a_removal_leaves_apps_outside_the_space_alone,
        app_only_contributors_are_not_reached;
}

fn removal(space: &str, whom: &Persona) -> RemoveMemberRequest {
    RemoveMemberRequest { name: whom.member_of(space), ..RemoveMemberRequest::default() }
}

async fn removes(who: &Persona, request: RemoveMemberRequest) -> Result<RemoveMemberResponse, Status> {
    who.members().remove_member(request).await.map(tonic::Response::into_inner)
}

async fn leaves(who: &Persona, space: &str, validate_only: bool) -> Result<LeaveSpaceResponse, Status> {
    let request = LeaveSpaceRequest { name: space.to_owned(), validate_only, ..LeaveSpaceRequest::default() };
    who.members().leave_space(request).await.map(tonic::Response::into_inner)
}

fn removed(app: &str, role: &str, new_owner: &str) -> RemovedAppRole {
    RemovedAppRole { app: app.to_owned(), role: role.to_owned(), new_owner: new_owner.to_owned() }
}

fn remaining(app: &str, role: &str) -> RemainingRole {
    RemainingRole { plane: "app".into(), role: role.to_owned(), app: app.to_owned() }
}

/// A space of alice's in which bob, a Developer, owns an app, deploys another and owns a deleted one; and an app of his in
/// another space.
struct World {
    alice: Persona,
    bob: Persona,
    carol: Persona,
    space: String,
    owned: String,
    deployed: String,
    deleted: String,
    elsewhere: String,
}

impl World {
    async fn new(suite: &Suite) -> Self {
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, DEVELOPER), (&carol, DEVELOPER)]).await.expect("added");
        let owned = bob.creates_app(&space).await;
        let deployed = alice.creates_app(&space).await;
        adds_contributors(&alice, &deployed, &[(&bob, DEPLOYER)]).await.expect("added");
        let deleted = bob.creates_app(&space).await;
        deletes_app(&bob, &deleted).await.expect("deleted");
        let other = bob.creates_space("Other").await;
        let elsewhere = bob.creates_app(&other).await;
        Self { alice, bob, carol, space, owned, deployed, deleted, elsewhere }
    }

    /// What bob loses if this person receives his apps.
    fn all_removed(&self, heir: &Persona) -> Vec<RemovedAppRole> {
        vec![
            removed(&self.owned, "OWNER", &heir.name),
            removed(&self.deployed, "DEPLOYER", ""),
            removed(&self.deleted, "OWNER", &heir.name),
        ]
    }

    /// Bob has nothing left in the space, and all elsewhere.
    async fn bob_is_out(&self) {
        for app in [&self.owned, &self.deployed, &self.deleted] {
            for permission in
                ["app.get", "app.develop", "app.deploy", "app.delete", "app.contributors.update"]
            {
                assert!(!self.bob.may(permission, app).await, "{permission}");
            }
        }
        assert!(!self.bob.may("apps.list", &self.space).await);
        assert_eq!(apps_seen(&self.bob, "").await, [(self.elsewhere.clone(), OWNER)]);
        assert_eq!(refused(undeletes_app(&self.bob, &self.deleted).await).code, Code::PermissionDenied);
    }
}

// R-M5, R-S2
async fn a_removed_member_loses_every_role_on_the_spaces_apps_and_the_admin_receives_them(suite: Suite) {
    let world = World::new(&suite).await;
    let preview = RemoveMemberRequest { validate_only: true, ..removal(&world.space, &world.bob) };
    let preview = removes(&world.alice, preview).await.expect("a preview");
    assert!(world.bob.may("app.delete", &world.owned).await, "it changes nothing");
    let reply = removes(&world.alice, removal(&world.space, &world.bob)).await.expect("removed");
    assert_eq!(reply, preview, "the preview is what then happens");
    assert_eq!(reply.removed_app_roles, world.all_removed(&world.alice));
    assert!(reply.remaining_roles.is_empty() && reply.unknown_planes.is_empty());
    world.bob_is_out().await;
    assert_eq!(gets_app(&world.alice, &world.owned).await.expect("the app").my_role(), OWNER);
    undeletes_app(&world.alice, &world.deleted).await.expect("the new OWNER has it back");
    for app in [&world.owned, &world.deployed, &world.deleted] {
        let owners =
            listed_contributors(&world.alice, app).await.into_iter().filter(|(_, role, _)| *role == OWNER);
        assert_eq!(owners.map(|(id, ..)| id).collect::<Vec<_>>(), [world.alice.id()], "R-A3");
    }
}

// R-M5
async fn the_apps_pass_to_whom_the_request_names(suite: Suite) {
    let world = World::new(&suite).await;
    adds_contributors(&world.bob, &world.owned, &[(&world.carol, APP_VIEWER)]).await.expect("added");
    let request =
        RemoveMemberRequest { new_owner: world.carol.name.clone(), ..removal(&world.space, &world.bob) };
    let reply = removes(&world.alice, request).await.expect("removed");
    assert_eq!(reply.removed_app_roles, world.all_removed(&world.carol));
    world.bob_is_out().await;
    let expected =
        [(world.alice.id().to_owned(), APP_VIEWER, true), (world.carol.id().to_owned(), OWNER, false)];
    assert_eq!(
        listed_contributors(&world.carol, &world.owned).await,
        expected,
        "the role of before gives way to OWNER"
    );
}

// R-M5: who keeps the roles becomes an app-only contributor.
async fn roles_on_apps_can_be_kept(suite: Suite) {
    let world = World::new(&suite).await;
    let keep = |validate_only| RemoveMemberRequest {
        keep_app_roles: true,
        validate_only,
        ..removal(&world.space, &world.bob)
    };
    let preview = removes(&world.alice, keep(true)).await.expect("a preview");
    let reply = removes(&world.alice, keep(false)).await.expect("removed");
    assert_eq!(reply, preview);
    assert!(reply.removed_app_roles.is_empty());
    let kept = [
        remaining(&world.owned, "OWNER"),
        remaining(&world.deployed, "DEPLOYER"),
        remaining(&world.deleted, "OWNER"),
    ];
    assert_eq!(reply.remaining_roles, kept);
    assert!(
        world.bob.may("app.delete", &world.owned).await && world.bob.may("apps.list", &world.space).await
    );
    assert!(
        !world.bob.may("space.get", &world.space).await && !world.bob.may("apps.create", &world.space).await
    );
    let spaces =
        world.bob.spaces().list_spaces(devspaces_proto::space::v1::ListSpacesRequest::default()).await;
    let spaces = spaces.expect("a list").into_inner().spaces;
    let limited =
        spaces.iter().find(|access| access.space.as_ref().is_some_and(|space| space.name == world.space));
    let limited = limited.expect("R-S2: an app-only contributor sees the space's name");
    let space = limited.space.clone().expect("a space");
    assert!(
        limited.limited && limited.console_role == 0 && space.etag.is_empty() && space.display_name == "Team"
    );
}

// R-M5: naming an heir takes the apps away, and what is kept is ADMIN.
async fn roles_can_be_kept_while_the_apps_pass_on(suite: Suite) {
    let world = World::new(&suite).await;
    let request = RemoveMemberRequest {
        keep_app_roles: true,
        new_owner: world.carol.name.clone(),
        ..removal(&world.space, &world.bob)
    };
    let reply = removes(&world.alice, request).await.expect("removed");
    let gone = [
        removed(&world.owned, "OWNER", &world.carol.name),
        removed(&world.deleted, "OWNER", &world.carol.name),
    ];
    assert_eq!(reply.removed_app_roles, gone);
    let kept = [
        remaining(&world.owned, "ADMIN"),
        remaining(&world.deployed, "DEPLOYER"),
        remaining(&world.deleted, "ADMIN"),
    ];
    assert_eq!(reply.remaining_roles, kept);
    assert_eq!(gets_app(&world.bob, &world.owned).await.expect("the app").my_role(), APP_ADMIN);
    assert_eq!(gets_app(&world.carol, &world.owned).await.expect("the app").my_role(), OWNER);
}

// R-M8
async fn the_apps_of_who_leaves_pass_to_who_has_been_admin_longest(suite: Suite) {
    let world = World::new(&suite).await;
    let World { alice, bob, carol, space, .. } = &world;
    let dave = suite.user("dave");
    adds_members(alice, space, &[(&dave, ADMIN)]).await.expect("an Admin from now on");
    updates_member(alice, Member { name: carol.member_of(space), ..member(carol, ADMIN) }, &["role"])
        .await
        .expect("a later Admin");
    updates_member(alice, Member { name: alice.member_of(space), ..member(alice, VIEWER) }, &["role"])
        .await
        .expect("no Admin any more");
    let preview = leaves(bob, space, true).await.expect("a preview");
    let reply = leaves(bob, space, false).await.expect("left");
    assert_eq!(reply, preview);
    assert_eq!(
        reply.removed_app_roles,
        world.all_removed(&dave),
        "carol came earlier and is Admin for less long"
    );
    world.bob_is_out().await;
    assert_eq!(gets_app(&dave, &world.owned).await.expect("the app").my_role(), OWNER);
}

// R-M4, R-M5, R-M8: an Admin who removes themselves leaves.
async fn an_admin_who_removes_themselves_does_not_inherit(suite: Suite) {
    let world = World::new(&suite).await;
    let dave = suite.user("dave");
    adds_members(&world.alice, &world.space, &[(&dave, ADMIN)]).await.expect("added");
    let reply = removes(&world.alice, removal(&world.space, &world.alice)).await.expect("removed");
    assert_eq!(reply.removed_app_roles, [removed(&world.deployed, "OWNER", &dave.name)]);
    assert!(!world.alice.may("app.get", &world.deployed).await);
}

// R-M8, R-M10
async fn the_apps_of_who_has_an_ended_role_pass_on_without_anyone_acting(suite: Suite) {
    let World { alice, bob, space, owned, deployed, .. } = World::new(&suite).await;
    let hour =
        Member { name: bob.member_of(&space), expire_time: Some(suite.clock_in(3600)), ..Member::default() };
    updates_member(&alice, hour, &["expire_time"]).await.expect("an hour more");
    suite.clock.advance(Duration::from_secs(3601));
    eventually(async || {
        (!bob.may("app.get", &owned).await && !bob.may("app.get", &deployed).await).then_some(())
    })
    .await;
    assert_eq!(gets_app(&alice, &owned).await.expect("the app").my_role(), OWNER);
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added anew");
    assert!(!bob.may("app.get", &owned).await);
}

// R-M8: whoever is added again right after the role ended comes back without the roles of before.
async fn who_is_added_again_after_a_role_ended_has_no_old_roles(suite: Suite) {
    let World { alice, bob, space, owned, .. } = World::new(&suite).await;
    let hour =
        Member { name: bob.member_of(&space), expire_time: Some(suite.clock_in(3600)), ..Member::default() };
    updates_member(&alice, hour, &["expire_time"]).await.expect("an hour more");
    suite.clock.advance(Duration::from_secs(3601));
    // Whether or not the end has had its consequences by now.
    adds_members_as_given(&alice, &space, vec![member(&bob, VIEWER)]).await.expect("added anew");
    assert_eq!(gets_app(&bob, &owned).await.expect("a derived viewer").my_role(), ContributorRole::Viewer);
    assert!(!bob.may("app.deploy", &owned).await);
}

// R-J1, R-M8: several who come back at once, with roles on one app: one entry of one change for each scope.
async fn several_are_added_again_after_their_roles_ended(suite: Suite) {
    let World { alice, bob, carol, space, deployed, .. } = World::new(&suite).await;
    adds_contributors(&alice, &deployed, &[(&carol, DEPLOYER)]).await.expect("added");
    for person in [&bob, &carol] {
        let hour = Member {
            name: person.member_of(&space),
            expire_time: Some(suite.clock_in(3600)),
            ..Member::default()
        };
        updates_member(&alice, hour, &["expire_time"]).await.expect("an hour more");
    }
    suite.clock.advance(Duration::from_secs(3601));
    adds_members(&alice, &space, &[(&bob, VIEWER), (&carol, VIEWER)]).await.expect("added anew");
    for person in [&bob, &carol] {
        assert!(!person.may("app.deploy", &deployed).await && person.may("app.get", &deployed).await);
    }
}

// R-M5: only of that space.
async fn a_removal_leaves_apps_outside_the_space_alone(suite: Suite) {
    let World { alice, bob, space, elsewhere, .. } = World::new(&suite).await;
    let unlinked = imported_app(&suite, &bob).await;
    removes(&alice, removal(&space, &bob)).await.expect("removed");
    assert_eq!(apps_seen(&bob, "").await, [(elsewhere, OWNER), (unlinked.clone(), OWNER)]);
    assert_eq!(refused(links_app(&bob, &unlinked, &space).await).code, Code::PermissionDenied);
    assert_eq!(refused(creates_app(&bob, &space).await).code, Code::PermissionDenied);
}

// R-M5: a contributor from outside is no member to remove, and stays when others go.
async fn app_only_contributors_are_not_reached(suite: Suite) {
    let World { alice, bob, space, owned, .. } = World::new(&suite).await;
    let erin = suite.user("erin");
    adds_contributors(&bob, &owned, &[(&erin, DEPLOYER)]).await.expect("added");
    removes(&alice, removal(&space, &bob)).await.expect("removed");
    assert!(erin.may("app.deploy", &owned).await);
    assert_eq!(refused(removes(&alice, removal(&space, &erin)).await).code, Code::NotFound);
}
