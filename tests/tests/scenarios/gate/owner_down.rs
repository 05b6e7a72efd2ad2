//! What is answered while a service that owns facts is down: nothing is allowed, and nothing is told.
use devspaces::Service;
use devspaces_gate::WINDOW;
use devspaces_proto::{
    authz::v1::CheckPermissionRequest,
    membership::v1::RemoveMemberRequest,
    space::v1::{ListSpacesRequest, Space, UpdateSpaceRequest},
};
use devspaces_tests::{Engine, Suite, refused, suite::eventually};
use tonic::Code;

use crate::acts::{
    members::{VIEWER, adds_members, lists_members},
    spaces::{NOWHERE, archives_space, gets_space},
};

scenarios! {
    both engines:
        without_the_owner_of_roles_nothing_is_allowed_and_nothing_is_told,
        without_the_space_service_people_can_still_be_removed,
        a_stale_answer_is_given_only_to_who_asks_for_one;
    everywhere:
        a_refused_change_tells_nothing;
}

// R-P2, R-P3, R-S2
async fn without_the_owner_of_roles_nothing_is_allowed_and_nothing_is_told(suite: Suite) {
    let mut suite = suite;
    let [alice, mallory] = ["alice", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    gets_space(&alice, &space).await.expect("read while all is up, so that facts are cached");
    suite.stop(Service::Membership).await;
    suite.clock.advance(WINDOW);

    for who in [&alice, &mallory] {
        let known = refused(gets_space(who, &space).await);
        let missing = refused(gets_space(who, NOWHERE).await);
        assert_eq!(known.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
        assert!(known.retry);
        assert_eq!(known.metadata, [("missing".to_owned(), "membership".to_owned())]);
        assert_eq!(missing, known, "R-P3: missing and forbidden look alike, also now");
    }
    let list = refused(alice.spaces().list_spaces(ListSpacesRequest::default()).await);
    assert_eq!(list.code, Code::Unavailable, "R-S2: never shortened in silence");
    assert_eq!(refused(archives_space(&alice, &space).await).code, Code::Unavailable);
    let strict = refused(alice.check("space.get", &space).await);
    assert_eq!((strict.code, strict.retry), (Code::Unavailable, true));
    let decided = alice.check("space.create", "").await.expect("what needs no facts is decided");
    assert!(decided.allowed);

    suite.restart(Service::Membership).await;
    devspaces_tests::suite::eventually(async || gets_space(&alice, &space).await.ok()).await;
}

// R-M5: nothing but its own database keeps a removal from being made. That the roles on apps go too has to wait for
// their owner, and the reply says so.
async fn without_the_space_service_people_can_still_be_removed(suite: Suite) {
    let mut suite = suite;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let other = alice.creates_space("Other").await;
    suite.stop(Service::Space).await;
    let key = RemoveMemberRequest {
        name: bob.member_of(&space),
        request_id: "0190a8d0-7b1c-7def-8000-00000000000a".into(),
        ..RemoveMemberRequest::default()
    };
    let pending = refused(alice.members().remove_member(key.clone()).await);
    assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    let again = RemoveMemberRequest { request_id: String::new(), ..key.clone() };
    let again = refused(alice.members().remove_member(again).await);
    assert_eq!(again.reason, "EARLIER_EFFECT_PENDING", "not that nobody is there, which would read as done");
    let members = lists_members(&alice, &space).await.expect("a list");
    assert_eq!(members.len(), 1, "the console role is gone from the commit on");
    let add = refused(adds_members(&alice, &space, &[(&carol, VIEWER)]).await);
    assert_eq!(
        add.kind(),
        (Code::Unavailable, "EARLIER_EFFECT_PENDING"),
        "nobody comes back before all is gone"
    );
    let add = refused(adds_members(&alice, &other, &[(&carol, VIEWER)]).await);
    assert_eq!(add.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"), "R-S5: it may be archived");
    let stranger = refused(adds_members(&carol, &space, &[(&bob, VIEWER)]).await);
    let nowhere = refused(adds_members(&carol, NOWHERE, &[(&bob, VIEWER)]).await);
    assert_eq!((stranger.code, stranger.kind()), (nowhere.code, nowhere.kind()), "R-P3");
    suite.restart(Service::Space).await;
    let reply = eventually(async || alice.members().remove_member(key.clone()).await.ok()).await.into_inner();
    assert_eq!(reply.unknown_planes, ["app"], "the first result: nobody could be asked then");
    adds_members(&alice, &space, &[(&carol, VIEWER)]).await.expect("all goes on");
}

// R-P3: a stranger's mutation is refused like one of a missing space.
async fn a_refused_change_tells_nothing(suite: Suite) {
    let [alice, mallory] = ["alice", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    archives_space(&alice, &space).await.expect("archived");
    let update = |name: &str| UpdateSpaceRequest {
        space: Some(Space { name: name.to_owned(), display_name: "\u{0}".into(), ..Space::default() }),
        ..Default::default()
    };
    let known = refused(mallory.spaces().update_space(update(&space)).await);
    let missing = refused(mallory.spaces().update_space(update(NOWHERE)).await);
    assert_eq!(
        known.kind(),
        (Code::PermissionDenied, "PERMISSION_DENIED"),
        "permission before validation and state"
    );
    assert_eq!(known.message.replace(&space, NOWHERE), missing.message);
}

/// R-P4: whoever asks for less than now gets it, and is told how old it is. Each process remembers for itself.
async fn a_stale_answer_is_given_only_to_who_asks_for_one(engine: Engine) {
    let mut suite = Suite::start_single(engine).await;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let strict = alice.check("space.get", &space).await.expect("an answer");
    suite.stop(Service::Membership).await;
    suite.clock.advance(WINDOW);
    let request = CheckPermissionRequest {
        permission: "space.get".into(),
        resource: space.clone(),
        max_staleness: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
        ..Default::default()
    };
    let stale = alice.authz().check_permission(request).await.expect("an answer from memory").into_inner();
    assert!(stale.allowed);
    assert_eq!(stale.as_of, strict.as_of, "R-P4: the answer says how fresh it was");
    assert_eq!(refused(alice.check("space.get", &space).await).code, Code::Unavailable);
}
