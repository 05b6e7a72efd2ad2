use devspaces_proto::{
    membership::v1::{AddMembersRequest, LeaveSpaceRequest, RemoveMemberRequest},
    space::v1::{CreateSpaceRequest, ListSpacesRequest, Space},
};
use devspaces_tests::{Suite, refused};
use futures::future::join_all;
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::{
    acts::{
        REQUEST_ID,
        members::{ADMIN, VIEWER, adds_members, leaves_space, lists_members, member, removes_member},
    },
    rounds::rounds,
};

scenarios! {
    everywhere:
        the_same_request_id_answers_with_the_first_result,
        an_admin_who_removed_themselves_gets_the_result_again,
        a_refused_request_is_not_remembered,
        a_preview_is_not_remembered,
        a_request_id_in_upper_case_is_the_same_key,
        who_has_left_gets_the_result_again,
        a_removal_of_oneself_many_times_at_once,
        one_request_id_with_different_contents_at_once_makes_one_space,
        one_request_id_with_different_contents_at_once_adds_one_member,
        one_request_id_with_different_removals_of_oneself_at_once;
}

const REUSED: (Code, &str) = (Code::InvalidArgument, "REQUEST_ID_REUSED");

/// Exactly one of these calls, which had one `request_id` and different contents, has a result.
fn one_result<T: std::fmt::Debug>(answers: Vec<Result<Response<T>, Status>>) -> T {
    let (results, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    for refusal in refusals {
        assert_eq!(refused(refusal).bad_fields(), (REUSED.0, REUSED.1, vec!["request_id"]));
    }
    let mut results: Vec<_> = results.into_iter().flatten().map(Response::into_inner).collect();
    assert_eq!(results.len(), 1, "{results:?}");
    results.remove(0)
}

// R-J5
async fn the_same_request_id_answers_with_the_first_result(suite: Suite) {
    let alice = suite.user("alice");
    let create = |display_name: &str| CreateSpaceRequest {
        space: Some(Space { display_name: display_name.to_owned(), ..Space::default() }),
        request_id: REQUEST_ID.to_owned(),
        ..CreateSpaceRequest::default()
    };
    let first = alice.spaces().create_space(create("Team")).await.expect("created").into_inner();
    let again = alice.spaces().create_space(create("Team")).await.expect("replayed").into_inner();
    assert_eq!(again, first);
    let other = refused(alice.spaces().create_space(create("Other")).await);
    assert_eq!(other.bad_fields(), (Code::InvalidArgument, "REQUEST_ID_REUSED", vec!["request_id"]));
    let bob = suite.user("bob").spaces().create_space(create("Team")).await.expect("created").into_inner();
    assert_ne!(bob.name, first.name, "another caller's key is another key");
    let spaces =
        alice.spaces().list_spaces(ListSpacesRequest::default()).await.expect("a list").into_inner().spaces;
    assert_eq!(spaces.len(), 1);
}

// R-J5: replayed before the gate, since the call itself may take away what it needed.
async fn an_admin_who_removed_themselves_gets_the_result_again(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    let remove = RemoveMemberRequest {
        name: alice.member_of(&space),
        request_id: REQUEST_ID.to_owned(),
        ..Default::default()
    };
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
    let add = AddMembersRequest {
        parent: space.clone(),
        members: vec![member(&bob, VIEWER)],
        request_id: REQUEST_ID.to_owned(),
    };
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    assert_eq!(refused(alice.members().add_members(add.clone()).await).code, Code::AlreadyExists);
    removes_member(&alice, &space, &bob).await.expect("removed");
    alice.members().add_members(add.clone()).await.expect("added");
    alice.members().add_members(add).await.expect("replayed");
    assert_eq!(lists_members(&alice, &space).await.expect("a list").len(), 2);
}

// R-J5
async fn a_preview_is_not_remembered(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let remove = |validate_only| RemoveMemberRequest {
        name: bob.member_of(&space),
        request_id: REQUEST_ID.to_owned(),
        validate_only,
        ..Default::default()
    };
    alice.members().remove_member(remove(true)).await.expect("a preview");
    alice.members().remove_member(remove(false)).await.expect("removed");
    assert_eq!(lists_members(&alice, &space).await.expect("a list").len(), 1);
}

// R-J5: an id is a UUID, however it is written.
async fn a_request_id_in_upper_case_is_the_same_key(suite: Suite) {
    let alice = suite.user("alice");
    let create = |display_name: &str, request_id: String| CreateSpaceRequest {
        space: Some(Space { display_name: display_name.to_owned(), ..Space::default() }),
        request_id,
        ..CreateSpaceRequest::default()
    };
    let upper = REQUEST_ID.to_uppercase();
    assert_ne!(upper, REQUEST_ID);
    let first = alice
        .spaces()
        .create_space(create("Team", REQUEST_ID.to_owned()))
        .await
        .expect("created")
        .into_inner();
    let again =
        alice.spaces().create_space(create("Team", upper.clone())).await.expect("replayed").into_inner();
    assert_eq!(again, first);
    let other = refused(alice.spaces().create_space(create("Other", upper.clone())).await);
    assert_eq!(other.kind(), REUSED);
    let bob = suite.user("bob");
    let add = |request_id: String| AddMembersRequest {
        parent: first.name.clone(),
        members: vec![member(&bob, VIEWER)],
        request_id,
    };
    let added = alice.members().add_members(add(upper)).await.expect("added").into_inner();
    assert_eq!(
        alice.members().add_members(add(REQUEST_ID.to_owned())).await.expect("replayed").into_inner(),
        added
    );
}

// R-J5, R-M8
async fn who_has_left_gets_the_result_again(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let (space, other) = (alice.creates_space("Team").await, alice.creates_space("Other").await);
    for space in [&space, &other] {
        adds_members(&alice, space, &[(&bob, VIEWER)]).await.expect("added");
    }
    let leave = |name: &str, validate_only| LeaveSpaceRequest {
        name: name.to_owned(),
        request_id: REQUEST_ID.to_owned(),
        validate_only,
    };
    bob.members().leave_space(leave(&space, true)).await.expect("a preview, which is not remembered");
    let first = bob.members().leave_space(leave(&space, false)).await.expect("left").into_inner();
    assert!(!bob.may("space.get", &space).await);
    let again = bob.members().leave_space(leave(&space, false)).await.expect("replayed").into_inner();
    assert_eq!(again, first);
    assert_eq!(refused(bob.members().leave_space(leave(&other, false)).await).kind(), REUSED);
    assert!(bob.may("space.get", &other).await);
    assert_eq!(refused(leaves_space(&bob, &space).await).code, Code::PermissionDenied);
}

// R-J5: each call that comes second has lost, by the first, the permission that it needs.
async fn a_removal_of_oneself_many_times_at_once(suite: Suite) {
    let alice = suite.user("alice");
    for round in 1..=rounds(15) {
        let space = alice.creates_space("Team").await;
        let bob = suite.user(&format!("bob{round}"));
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let remove = RemoveMemberRequest {
            name: bob.member_of(&space),
            request_id: Uuid::from_u128(round).to_string(),
            ..Default::default()
        };
        let calls = (0..8).map(|_| {
            let (mut members, remove) = (bob.members(), remove.clone());
            async move { members.remove_member(remove).await.map(Response::into_inner) }
        });
        let results = join_all(calls).await;
        for result in &results {
            let result = result.as_ref().unwrap_or_else(|refusal| panic!("round {round}: {refusal:?}"));
            assert_eq!(result, results[0].as_ref().expect("a result"));
        }
        assert_eq!(lists_members(&alice, &space).await.expect("a list"), [(alice.name.clone(), ADMIN)]);
    }
}

// R-J5: nothing but the id connects these calls: each would make a space of its own.
async fn one_request_id_with_different_contents_at_once_makes_one_space(suite: Suite) {
    let alice = suite.user("alice");
    for round in 1..=rounds(15) {
        let calls = (0..8).map(|n| {
            let mut spaces = alice.spaces();
            let request = CreateSpaceRequest {
                space: Some(Space { display_name: format!("Team {n}"), ..Space::default() }),
                request_id: Uuid::from_u128(round).to_string(),
                ..CreateSpaceRequest::default()
            };
            async move { spaces.create_space(request).await }
        });
        let made = one_result(join_all(calls).await);
        let request = ListSpacesRequest { page_size: 100, ..Default::default() };
        let spaces = alice.spaces().list_spaces(request).await.expect("a list").into_inner().spaces;
        assert_eq!(spaces.len(), usize::try_from(round).expect("a number"));
        assert!(
            spaces.iter().any(|access| access.space.as_ref().is_some_and(|space| space.name == made.name))
        );
    }
}

// R-J5
async fn one_request_id_with_different_contents_at_once_adds_one_member(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    for round in 1..=rounds(15) {
        let calls = (0..8).map(|n| {
            let (mut members, person) = (alice.members(), suite.user(&format!("r{round}n{n}")));
            let request = AddMembersRequest {
                parent: space.clone(),
                members: vec![member(&person, VIEWER)],
                request_id: Uuid::from_u128(round).to_string(),
            };
            async move { members.add_members(request).await }
        });
        let added = one_result(join_all(calls).await).members.remove(0);
        let members = lists_members(&alice, &space).await.expect("a list");
        assert_eq!(members.len(), 1 + usize::try_from(round).expect("a number"));
        assert!(members.contains(&(added.user, VIEWER)));
    }
}

// R-J5: also where the first call takes from the others the permission that they need.
async fn one_request_id_with_different_removals_of_oneself_at_once(suite: Suite) {
    let alice = suite.user("alice");
    for round in 1..=rounds(15) {
        let space = alice.creates_space("Team").await;
        let bob = suite.user(&format!("bob{round}"));
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let contents = ["", alice.name.as_str()].map(|owner| [(owner, false), (owner, true)]).concat();
        let calls = contents.into_iter().map(|(new_owner, keep_app_roles)| {
            let mut members = bob.members();
            let request = RemoveMemberRequest {
                name: bob.member_of(&space),
                request_id: Uuid::from_u128(round).to_string(),
                new_owner: new_owner.to_owned(),
                keep_app_roles,
                ..Default::default()
            };
            async move { members.remove_member(request).await }
        });
        one_result(join_all(calls).await);
        assert_eq!(lists_members(&alice, &space).await.expect("a list"), [(alice.name.clone(), ADMIN)]);
    }
}
