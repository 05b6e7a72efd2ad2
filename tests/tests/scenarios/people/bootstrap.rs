//! How a space that is published and has no console Admin comes by the first ones (R-M3).
use devspaces_proto::membership::v1::Member;
use devspaces_tests::{Persona, Suite, refused};
use tonic::Code;

use crate::acts::{
    marketplace::{accepts_terms, adds_marketplace_admins, creates_profile},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, lists_members, member},
};

scenarios! {
    everywhere:
        marketplace_admins_choose_the_first_console_admins_once,
        the_bootstrap_is_closed_where_a_console_admin_is;
}

// R-M3: one to five, all as ADMIN, in one request; then it is closed.
async fn marketplace_admins_choose_the_first_console_admins_once(suite: Suite) {
    let mona = suite.user("mona");
    let people: Vec<Persona> = (0..6).map(|n| suite.user(&format!("p{n}"))).collect();
    let admins = |count: usize| people.iter().take(count).map(|person| (person, ADMIN)).collect::<Vec<_>>();
    let space = creates_profile(&mona, "Acme").await.expect("created").space;
    let attempts =
        [admins(6), vec![(&people[0], VIEWER)], vec![(&people[0], ADMIN), (&people[1], DEVELOPER)]];
    for attempt in attempts {
        let refusal = refused(adds_members(&mona, &space, &attempt).await);
        assert_eq!(
            (refusal.code, refusal.blockers[0].as_str()),
            (Code::FailedPrecondition, "BOOTSTRAP_ONLY")
        );
    }
    let passing = Member { expire_time: Some(suite.clock_in(3600)), ..member(&people[0], ADMIN) };
    assert_eq!(
        refused(adds_members_as_given(&mona, &space, vec![passing]).await).reason,
        "LAST_ADMIN",
        "R-M4 from the first on"
    );
    assert!(lists_members(&mona, &space).await.expect("a list").is_empty());
    adds_members(&mona, &space, &admins(5)).await.expect("five at once");
    for attempt in [&[(&people[5], ADMIN)], &[(&mona, ADMIN)]] {
        let closed = refused(adds_members(&mona, &space, attempt).await);
        assert_eq!(closed.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
    adds_members(&people[4], &space, &[(&people[5], VIEWER), (&mona, ADMIN)])
        .await
        .expect("console Admins go on");
    assert!(!people[4].may("space.update", &space).await, "R-S3: it is published");
}

// R-M3: not in a space that has Admins of its own from before publication.
async fn the_bootstrap_is_closed_where_a_console_admin_is(suite: Suite) {
    let [alice, mona, bob] = ["alice", "mona", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let profile = accepts_terms(&alice, &space).await.expect("accepted");
    adds_marketplace_admins(&alice, &profile.name, &[&mona]).await.expect("added");
    assert_eq!(refused(adds_members(&mona, &space, &[(&bob, ADMIN)]).await).code, Code::PermissionDenied);
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("as console Admin");
}
