//! What a change does elsewhere: with the reply, or as soon as the peer is back.
use devspaces::Service;
use devspaces_proto::space::v1::{CreateSpaceRequest, ListSpacesRequest, Space};
use devspaces_tests::{both_engines, refused, suite::eventually};
use tonic::Code;

use crate::{members::lists, spaces::gets};

const ID: &str = "0190a8d0-7b1c-7def-8000-00000000000a";

fn create() -> CreateSpaceRequest {
    let space = Space { display_name: "Team".into(), ..Space::default() };
    CreateSpaceRequest { space: Some(space), request_id: ID.to_owned() }
}

both_engines! {
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
        gets(&alice, &space.name).await.expect("the creator reads it");
        assert_eq!(lists(&alice, &space.name).await.expect("a list").len(), 1);
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
        gets(&alice, &space.name).await.expect("the creator reads it");
    }
}
