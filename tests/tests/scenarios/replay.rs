use devspaces_proto::{
    membership::v1::{AddMembersRequest, RemoveMemberRequest},
    space::v1::{CreateSpaceRequest, ListSpacesRequest, Space},
};
use devspaces_tests::{both_engines, refused};
use tonic::Code;

use crate::members::{ADMIN, VIEWER, adds, lists, member};

const ID: &str = "0190a8d0-7b1c-7def-8000-00000000000a";

both_engines! {
    // R-J5
    async fn the_same_request_id_answers_with_the_first_result(suite: Suite) {
        let alice = suite.user("alice");
        let create = |display_name: &str| CreateSpaceRequest {
            space: Some(Space { display_name: display_name.to_owned(), ..Space::default() }),
            request_id: ID.to_owned(),
        };
        let first = alice.spaces().create_space(create("Team")).await.expect("created").into_inner();
        let again = alice.spaces().create_space(create("Team")).await.expect("replayed").into_inner();
        assert_eq!(again, first);
        let other = refused(alice.spaces().create_space(create("Other")).await);
        assert_eq!(other.bad_fields(), (Code::InvalidArgument, "REQUEST_ID_REUSED", vec!["request_id"]));
        let bob = suite.user("bob").spaces().create_space(create("Team")).await.expect("created").into_inner();
        assert_ne!(bob.name, first.name, "another caller's key is another key");
        let spaces = alice.spaces().list_spaces(ListSpacesRequest::default()).await.expect("a list").into_inner().spaces;
        assert_eq!(spaces.len(), 1);
    }

    // R-J5: replayed before the gate, since the call itself may take away what it needed.
    async fn an_admin_who_removed_themselves_gets_the_result_again(suite: Suite) {
        let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
        let space = alice.creates_space("Team").await;
        adds(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let remove = RemoveMemberRequest { name: alice.member_of(&space), request_id: ID.to_owned(), ..Default::default() };
        let first = alice.members().remove_member(remove.clone()).await.expect("removed").into_inner();
        let again = alice.members().remove_member(remove).await.expect("replayed").into_inner();
        assert_eq!(first, again);
        let fresh = RemoveMemberRequest { name: bob.member_of(&space), ..Default::default() };
        assert_eq!(refused(alice.members().remove_member(fresh).await).code, Code::PermissionDenied);
    }

    // R-J5: what failed was no result, and may be tried again.
    async fn a_refused_request_is_not_remembered(suite: Suite) {
        let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
        let space = alice.creates_space("Team").await;
        let add = AddMembersRequest { parent: space.clone(), members: vec![member(&bob, VIEWER)], request_id: ID.to_owned() };
        adds(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        assert_eq!(refused(alice.members().add_members(add.clone()).await).code, Code::AlreadyExists);
        crate::members::removes(&alice, &space, &bob).await.expect("removed");
        alice.members().add_members(add.clone()).await.expect("added");
        alice.members().add_members(add).await.expect("replayed");
        assert_eq!(lists(&alice, &space).await.expect("a list").len(), 2);
    }

    // R-J5
    async fn a_preview_is_not_remembered(suite: Suite) {
        let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
        let space = alice.creates_space("Team").await;
        adds(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        let remove = |validate_only| RemoveMemberRequest {
            name: bob.member_of(&space), request_id: ID.to_owned(), validate_only, ..Default::default()
        };
        alice.members().remove_member(remove(true)).await.expect("a preview");
        alice.members().remove_member(remove(false)).await.expect("removed");
        assert_eq!(lists(&alice, &space).await.expect("a list").len(), 1);
    }
}
