//! How many groups there may be of what: whoever looks up a role goes through all of them (R-M11, R-A11).
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    app_groups::{adds_apps, creates_app_group, removes_apps},
    contributors::APP_VIEWER,
    groups::{adds_to_group, creates_group, grants_app_role, group_of, removes_from_group, revokes_app_role},
};

scenarios! {
    both engines:
        nobody_is_in_more_than_50_groups_of_a_space,
        no_more_than_100_groups_have_roles_on_an_app,
        no_app_is_in_more_than_10_app_groups;
}

// R-M11
async fn nobody_is_in_more_than_50_groups_of_a_space(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let first = group_of(&alice, &space, "First", &[&bob, &carol]).await;
    for _ in 1..50 {
        let group = creates_group(&alice, &space, "Group").await.expect("a group").name;
        adds_to_group(&alice, &group, &[&bob]).await.expect("added");
    }
    let one_more = creates_group(&alice, &space, "One more").await.expect("a group").name;
    let refusal = refused(adds_to_group(&alice, &one_more, &[&carol, &bob]).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "GROUP_FULL", vec!["GROUP_FULL"]));
    adds_to_group(&alice, &one_more, &[&carol]).await.expect("she was not added with him");
    removes_from_group(&alice, &first, &bob).await.expect("removed");
    adds_to_group(&alice, &one_more, &[&bob]).await.expect("in the place of the other");
}

// R-M11
async fn no_more_than_100_groups_have_roles_on_an_app(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let [app, other] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    let mut groups = Vec::new();
    for _ in 0..100 {
        let group = creates_group(&alice, &space, "Group").await.expect("a group").name;
        grants_app_role(&alice, &group, &app, APP_VIEWER).await.expect("a role");
        groups.push(group);
    }
    let last = group_of(&alice, &space, "Last", &[&bob]).await;
    let refusal = refused(grants_app_role(&alice, &last, &app, APP_VIEWER).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "GROUP_FULL"));
    grants_app_role(&alice, &last, &other, APP_VIEWER).await.expect("on another app");
    grants_app_role(&alice, &groups[0], &app, APP_VIEWER).await.expect("who has one keeps it");
    revokes_app_role(&alice, &groups[0], &app).await.expect("taken");
    grants_app_role(&alice, &last, &app, APP_VIEWER).await.expect("in its place");
}

// R-A11
async fn no_app_is_in_more_than_10_app_groups(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let [app, other] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    let mut sets = Vec::new();
    for _ in 0..11 {
        sets.push(creates_app_group(&alice, &space, "Set").await.expect("an app group").name);
    }
    for set in &sets[..10] {
        adds_apps(&alice, set, &[&app]).await.expect("added");
    }
    let refusal = refused(adds_apps(&alice, &sets[10], &[&other, &app]).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "GROUP_FULL"));
    removes_apps(&alice, &sets[0], &[&app]).await.expect("removed");
    adds_apps(&alice, &sets[10], &[&other, &app]).await.expect("in the place of the other");
}
