//! What a change does elsewhere: with the reply, or as soon as the peer is back.
use devspaces::Service;
use devspaces_proto::space::v1::{CreateSpaceRequest, ListSpacesRequest, Space};
use devspaces_tests::{
    Suite, refused,
    sql::{WriteLock, texts},
    suite::eventually,
};
use tonic::Code;

use crate::acts::{
    REQUEST_ID,
    members::{leaves_space, lists_members},
    spaces::{NOWHERE, gets_space},
};

scenarios! {
    both engines:
        a_space_whose_admin_can_not_be_made_yet_is_seen_by_nobody_and_comes_later,
        a_space_whose_admin_is_on_the_way_looks_missing_to_its_creator,
        the_worker_delivers_when_the_peer_is_back,
        effects_survive_a_restart_of_their_sender;
}

fn create() -> CreateSpaceRequest {
    let space = Space { display_name: "Team".into(), ..Space::default() };
    CreateSpaceRequest {
        space: Some(space),
        request_id: REQUEST_ID.to_owned(),
        ..CreateSpaceRequest::default()
    }
}

// R-S1, R-J5
async fn a_space_whose_admin_can_not_be_made_yet_is_seen_by_nobody_and_comes_later(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    suite.stop(Service::Membership).await;
    let pending = refused(alice.spaces().create_space(create()).await);
    assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    assert!(pending.retry);
    let again = refused(alice.spaces().create_space(create()).await);
    assert_eq!(again.kind(), (Code::Unavailable, "EFFECT_PENDING"), "a replay waits for the effects too");

    suite.restart(Service::Membership).await;
    let space = eventually(async || alice.spaces().create_space(create()).await.ok()).await.into_inner();
    gets_space(&alice, &space.name).await.expect("the creator reads it");
    assert_eq!(lists_members(&alice, &space.name).await.expect("a list").len(), 1);
}

// R-S1, R-P3: also while facts are to be had, and only the effect is not applied.
async fn a_space_whose_admin_is_on_the_way_looks_missing_to_its_creator(suite: Suite) {
    let alice = suite.user("alice");
    let lock = WriteLock::take(&suite.pool(Service::Membership).await).await;
    let pending = refused(alice.spaces().create_space(create()).await);
    assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    let space = texts(&suite.pool(Service::Space).await, "SELECT scope FROM outbox").await.concat();
    let forbidden = refused(gets_space(&alice, &space).await);
    assert_eq!(forbidden.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    assert_eq!(
        forbidden.message.replace(&space, NOWHERE),
        refused(gets_space(&alice, NOWHERE).await).message
    );
    assert!(!alice.may("space.get", &space).await);
    assert_eq!(refused(lists_members(&alice, &space).await).kind(), forbidden.kind());
    assert_eq!(refused(leaves_space(&alice, &space).await).kind(), forbidden.kind());
    let spaces = alice.spaces().list_spaces(ListSpacesRequest::default()).await.expect("a list");
    assert!(spaces.into_inner().spaces.is_empty());
    lock.release().await;
    eventually(async || gets_space(&alice, &space).await.ok()).await;
}

// R-S1: delivered without anyone asking again.
async fn the_worker_delivers_when_the_peer_is_back(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    suite.stop(Service::Membership).await;
    refused(alice.spaces().create_space(create()).await);
    suite.restart(Service::Membership).await;
    let spaces = eventually(async || {
        let spaces = alice.spaces().list_spaces(ListSpacesRequest::default()).await.ok()?.into_inner().spaces;
        (!spaces.is_empty()).then_some(spaces)
    });
    assert_eq!(spaces.await.len(), 1);
}

// R-S1: and after a restart of the sender.
async fn effects_survive_a_restart_of_their_sender(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    suite.stop(Service::Membership).await;
    refused(alice.spaces().create_space(create()).await);
    suite.stop(Service::Space).await;
    suite.restart(Service::Membership).await;
    suite.restart(Service::Space).await;
    let alice = suite.user("alice");
    let space = eventually(async || alice.spaces().create_space(create()).await.ok()).await.into_inner();
    gets_space(&alice, &space.name).await.expect("the creator reads it");
}
