use std::time::Duration;

use devspaces_proto::membership::v1::Member;
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    members::{
        ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, demotes_member, lists_members, member,
    },
    spaces::gets_space,
};

scenarios! {
    both engines:
        a_role_is_gone_past_its_time_without_anyone_acting,
        nobody_is_added_anew_in_place_of_a_role_that_only_seems_to_have_ended,
        an_expired_admin_changes_nothing;
    everywhere:
        a_role_can_not_end_in_the_past;
}

// R-M10
async fn a_role_is_gone_past_its_time_without_anyone_acting(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let hour = Member { expire_time: Some(suite.clock_in(3600)), ..member(&bob, DEVELOPER) };
    adds_members_as_given(&alice, &space, vec![hour]).await.expect("added");
    assert!(bob.may("apps.create", &space).await);
    suite.clock.advance(Duration::from_secs(3599));
    assert!(bob.may("apps.create", &space).await, "cached facts still hold a second before the end");
    suite.clock.advance(Duration::from_secs(2));
    assert!(!bob.may("apps.create", &space).await);
    assert_eq!(refused(gets_space(&bob, &space).await).code, Code::PermissionDenied);
    assert_eq!(lists_members(&alice, &space).await.expect("a list"), [(alice.name.clone(), ADMIN)]);
    assert_eq!(refused(demotes_member(&alice, &space, &bob).await).code, Code::NotFound);
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added anew");
    assert!(bob.may("space.get", &space).await && !bob.may("apps.create", &space).await);
}

// R-M10
async fn a_role_can_not_end_in_the_past(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let past = Member { expire_time: Some(suite.clock_in(-1)), ..member(&bob, VIEWER) };
    let refusal = refused(adds_members_as_given(&alice, &space, vec![past]).await);
    assert_eq!(
        refusal.bad_fields(),
        (Code::InvalidArgument, "INVALID_FIELD", vec!["members[0].expire_time"])
    );
}

// R-M10, R-M8: a clock that was put forward for a minute takes nobody's role for good, not even by the way.
async fn nobody_is_added_anew_in_place_of_a_role_that_only_seems_to_have_ended(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let month = Member { expire_time: Some(suite.clock_in(30 * 86_400)), ..member(&bob, DEVELOPER) };
    adds_members_as_given(&alice, &space, vec![month]).await.expect("added");
    let app = bob.creates_app(&space).await;
    suite.clock.put_forward(Duration::from_hours(365 * 24));
    let refusal = refused(adds_members(&alice, &space, &[(&bob, VIEWER)]).await);
    assert_eq!(refusal.kind(), (Code::Unavailable, "CLOCK_STEPPED"));
    suite.clock.put_right();
    let expected = [(alice.name.clone(), ADMIN), (bob.name.clone(), DEVELOPER)];
    assert_eq!(lists_members(&alice, &space).await.expect("a list"), expected);
    assert!(bob.may("app.deploy", &app).await, "the app is still Bob's");
}

// R-M10, R-M2: an Admin whose role has ended administers nothing, not even what they have begun.
async fn an_expired_admin_changes_nothing(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let hour = Member { expire_time: Some(suite.clock_in(3600)), ..member(&bob, ADMIN) };
    adds_members_as_given(&alice, &space, vec![hour]).await.expect("added");
    adds_members(&bob, &space, &[(&carol, VIEWER)]).await.expect("an Admin adds");
    suite.clock.advance(Duration::from_secs(3601));
    assert_eq!(refused(demotes_member(&bob, &space, &carol).await).code, Code::PermissionDenied);
}
