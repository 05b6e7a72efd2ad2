//! What groups are not made of.
use devspaces_proto::{
    membership::v1::{
        AddGroupMembersRequest, DeleteGroupRequest, GrantAppRoleRequest, Group, UpdateGroupRequest,
    },
    space::v1::ContributorRole,
};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    contributors::OWNER,
    groups::{
        adds_to_group, creates_group, deletes_group, gets_group, grant, grants_app_role,
        grants_app_role_as_given, group_of, renames_group,
    },
};

scenarios! {
    everywhere:
        bad_fields_of_groups_are_named,
        nobody_is_in_a_group_twice_or_from_outside,
        a_stale_etag_changes_no_group;
}

// R-M11, R-M10
async fn bad_fields_of_groups_are_named(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let refusal = refused(creates_group(&alice, &space, "").await);
    assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["group.display_name"]));
    let group = creates_group(&alice, &space, "Mobile").await.expect("a group").name;
    let refusal = refused(grants_app_role(&alice, &group, "apps/none", OWNER).await);
    assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["app", "role"]));
    let past = GrantAppRoleRequest {
        expire_time: Some(suite.clock_in(-1)),
        ..grant(&group, &app, ContributorRole::Unspecified)
    };
    let refusal = refused(grants_app_role_as_given(&alice, past).await);
    assert_eq!(refusal.bad_fields().2, ["role", "expire_time"]);
    let users = vec!["users/bob".to_owned(), "bob".to_owned(), "users/bob".to_owned()];
    let request = AddGroupMembersRequest { parent: group.clone(), users, request_id: String::new() };
    let refusal = refused(alice.groups().add_group_members(request).await);
    assert_eq!(refusal.bad_fields().2, ["users[1]", "users[2]"]);
    let none = AddGroupMembersRequest { parent: group.clone(), ..Default::default() };
    assert_eq!(refused(alice.groups().add_group_members(none).await).bad_fields().2, ["users"]);
    let request = UpdateGroupRequest {
        group: Some(Group { name: group, ..Group::default() }),
        update_mask: crate::acts::mask(&["create_time"]),
        ..Default::default()
    };
    assert_eq!(refused(alice.groups().update_group(request).await).bad_fields().2, ["update_mask"]);
}

// R-M11
async fn nobody_is_in_a_group_twice_or_from_outside(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let group = group_of(&alice, &space, "Mobile", &[&bob]).await;
    let refusal = refused(adds_to_group(&alice, &group, &[&alice, &bob]).await);
    assert_eq!(refusal.kind(), (Code::AlreadyExists, "GROUP_MEMBER_EXISTS"));
    let refusal = refused(adds_to_group(&alice, &group, &[&alice, &carol]).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "NOT_A_MEMBER", vec!["NOT_A_MEMBER"]));
    adds_to_group(&alice, &group, &[&alice]).await.expect("all or none, so she was not added before");
}

// R-M11
async fn a_stale_etag_changes_no_group(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let made = creates_group(&alice, &space, "Mobile").await.expect("a group");
    renames_group(&alice, &made.name, "Phones").await.expect("renamed");
    let request = UpdateGroupRequest {
        group: Some(Group { display_name: "Mine".into(), ..made.clone() }),
        ..Default::default()
    };
    assert_eq!(refused(alice.groups().update_group(request).await).kind(), (Code::Aborted, "ETAG_STALE"));
    let request =
        DeleteGroupRequest { name: made.name.clone(), etag: made.etag.clone(), ..Default::default() };
    assert_eq!(refused(alice.groups().delete_group(request).await).kind(), (Code::Aborted, "ETAG_STALE"));
    let request = DeleteGroupRequest { name: made.name.clone(), validate_only: true, ..Default::default() };
    alice.groups().delete_group(request).await.expect("it could be deleted");
    assert_eq!(gets_group(&alice, &made.name).await.expect("the group").display_name, "Phones");
    deletes_group(&alice, &made.name).await.expect("deleted");
}
