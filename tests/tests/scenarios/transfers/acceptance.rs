//! What is asked again when a transfer is accepted, and who else may decide by then.
use devspaces::Service;
use devspaces_proto::{membership::v1::Member, space::v1::transfer::State};
use devspaces_tests::{Suite, refused, suite::eventually};
use tonic::Code;

use crate::acts::{
    accounts::consents_to_invoicing,
    apps::gets_app,
    invoices::Customer,
    members::{ADMIN, adds_members, demotes_member, member, removes_member, updates_member},
    payments::{fails_to_pay, pays_at_last},
    spaces::{archives_space, gets_space, restores_space},
    transfers::{
        TwoSpaces, accepts_transfer, blockers_of, cancels_transfer, gets_transfer, initiates_transfer,
    },
    usage::begins_mid_month,
};

scenarios! {
    both engines:
        the_initiator_has_to_be_admin_of_the_source_still,
        a_destination_that_was_archived_meanwhile_takes_no_app,
        a_source_that_fell_past_due_meanwhile_gives_no_app,
        any_admin_of_the_destination_accepts_and_any_of_the_source_cancels,
        nobody_accepts_while_nobody_can_tell_whether_the_initiator_is_admin_still,
        an_app_is_moved_back;
}

fn blocked(kind: &str) -> (Code, &str, Vec<&str>) {
    (Code::FailedPrecondition, kind, vec![kind])
}

// R-A7: demoted or removed. With the role it can be accepted again.
async fn the_initiator_has_to_be_admin_of_the_source_still(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let amy = suite.user("amy");
    adds_members(&it.alice, &it.source, &[(&amy, ADMIN)]).await.expect("added");
    let transfer = initiates_transfer(&amy, &it.app, &it.destination).await.expect("proposed").name;
    demotes_member(&it.alice, &it.source, &amy).await.expect("demoted");
    assert_eq!(refused(accepts_transfer(&it.dan, &transfer).await).blocked(), blocked("INITIATOR_NOT_ADMIN"));
    assert_eq!(blockers_of(&it.dan, &transfer).await, ["INITIATOR_NOT_ADMIN"]);
    removes_member(&it.alice, &it.source, &amy).await.expect("removed");
    assert_eq!(refused(accepts_transfer(&it.dan, &transfer).await).blocked(), blocked("INITIATOR_NOT_ADMIN"));
    assert_eq!(gets_app(&it.alice, &it.app).await.expect("the app").space, it.source);
    adds_members(&it.alice, &it.source, &[(&amy, ADMIN)]).await.expect("added again");
    accepts_transfer(&it.dan, &transfer).await.expect("accepted");
}

// R-A8, R-S5
async fn a_destination_that_was_archived_meanwhile_takes_no_app(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let transfer = it.proposed().await;
    archives_space(&it.dan, &it.destination).await.expect("archived");
    assert_eq!(refused(accepts_transfer(&it.dan, &transfer).await).blocked(), blocked("SPACE_ARCHIVED"));
    restores_space(&it.dan, &it.destination).await.expect("restored");
    accepts_transfer(&it.dan, &transfer).await.expect("accepted");
}

// R-A8, R-B10: past due on the 10th, and proposed on the 9th.
async fn a_source_that_fell_past_due_meanwhile_gives_no_app(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let dan = suite.user("dan");
    let destination = dan.creates_space("Destination").await;
    consents_to_invoicing(&dan, &destination).await.expect("an account");
    let proposed =
        async || initiates_transfer(&it.admin, &it.app, &destination).await.expect("proposed").name;
    let transfer = fails_to_pay(&suite, &it, proposed).await;
    assert_eq!(refused(accepts_transfer(&dan, &transfer).await).blocked(), blocked("BILLING_PAST_DUE"));
    pays_at_last(&suite, &it).await;
    accepts_transfer(&dan, &transfer).await.expect("accepted");
}

// R-A7
async fn any_admin_of_the_destination_accepts_and_any_of_the_source_cancels(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let [amy, dora] = ["amy", "dora"].map(|id| suite.user(id));
    let transfer = it.proposed().await;
    // Admins since the transfer was initiated.
    adds_members(&it.alice, &it.source, &[(&amy, ADMIN)]).await.expect("added");
    adds_members(&it.dan, &it.destination, &[(&dora, ADMIN)]).await.expect("added");
    cancels_transfer(&amy, &transfer).await.expect("cancelled");
    let again = it.proposed().await;
    removes_member(&dora, &it.destination, &it.dan).await.expect("removed");
    assert_eq!(refused(accepts_transfer(&it.dan, &again).await).code, Code::PermissionDenied);
    assert_eq!(refused(gets_transfer(&it.dan, &again).await).code, Code::PermissionDenied);
    assert_eq!(accepts_transfer(&dora, &again).await.expect("accepted").state(), State::Accepted);
}

// R-A7, R-P2
async fn nobody_accepts_while_nobody_can_tell_whether_the_initiator_is_admin_still(suite: Suite) {
    let mut suite = suite;
    let it = TwoSpaces::new(&suite).await;
    let transfer = it.proposed().await;
    suite.stop(Service::Membership).await;
    let refusal = refused(accepts_transfer(&it.dan, &transfer).await);
    assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
    suite.restart(Service::Membership).await;
    eventually(async || gets_space(&it.dan, &it.destination).await.ok()).await;
    accepts_transfer(&it.dan, &transfer).await.expect("accepted");
}

// R-A7, R-M10: by then the initiator's role may have ended without anybody doing anything.
async fn an_app_is_moved_back(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let amy = suite.user("amy");
    adds_members(&it.alice, &it.source, &[(&amy, ADMIN)]).await.expect("added");
    let transfer = it.proposed().await;
    accepts_transfer(&it.dan, &transfer).await.expect("accepted");
    let back = initiates_transfer(&it.dan, &it.app, &it.source).await.expect("proposed").name;
    adds_members(&it.dan, &it.destination, &[(&amy, ADMIN)]).await.expect("added");
    let hour = Member {
        name: it.dan.member_of(&it.destination),
        expire_time: Some(suite.clock_in(3600)),
        ..member(&it.dan, ADMIN)
    };
    updates_member(&amy, hour, &["expire_time"]).await.expect("an end");
    suite.clock.advance(std::time::Duration::from_hours(2));
    assert_eq!(refused(accepts_transfer(&it.alice, &back).await).blocked(), blocked("INITIATOR_NOT_ADMIN"));
    let moved = initiates_transfer(&amy, &it.app, &it.source).await;
    assert_eq!(refused(moved).blocked(), blocked("TRANSFER_PENDING"));
    cancels_transfer(&amy, &back).await.expect("cancelled");
    initiates_transfer(&amy, &it.app, &it.source).await.expect("she is Admin of both");
    assert_eq!(gets_app(&it.bob, &it.app).await.expect("his own").space, it.source);
}
