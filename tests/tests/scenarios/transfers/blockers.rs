//! What keeps an app from being moved.
use devspaces::Service;
use devspaces_proto::space::v1::{app::Listing, transfer::State};
use devspaces_tests::{Suite, refused, suite::eventually};
use tonic::Code;

use crate::acts::{
    accounts::{adds_billing_admins, consents_to_invoicing},
    apps::gets_app,
    invoices::Customer,
    marketplace::{accepts_terms, submits_listing, withdraws_listing},
    members::{ADMIN, VIEWER, adds_members},
    payments::falls_past_due,
    spaces::{NOWHERE, archives_space, gets_space, restores_space},
    transfers::{
        TwoSpaces, accepts_transfer, blockers_of, cancels_transfer, declines_transfer, initiates_transfer,
        previews_transfer,
    },
    usage::{begins_mid_month, month_ahead},
};

scenarios! {
    both engines:
        a_preflight_names_everything_that_stands_in_the_way_at_once,
        what_concerns_the_destination_is_told_to_who_has_a_role_there,
        a_destination_that_is_not_there_looks_like_any_other,
        no_app_moves_on_the_first_two_days_of_a_month,
        the_destination_needs_a_billing_account_if_the_source_has_one,
        no_app_moves_while_nobody_can_tell_how_it_stands_with_the_bills,
        a_pending_transfer_refuses_a_listing_and_a_listing_a_transfer,
        an_app_has_one_pending_transfer;
}

// R-A8, R-B10
async fn a_preflight_names_everything_that_stands_in_the_way_at_once(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let erin = suite.user("erin");
    adds_members(&it.admin, &it.space, &[(&erin, ADMIN)]).await.expect("added");
    let profile = accepts_terms(&it.admin, &it.space).await.expect("published").name;
    submits_listing(&it.admin, &profile, &it.app).await.expect("submitted");
    let destination = it.admin.creates_space("Destination").await;
    archives_space(&it.admin, &destination).await.expect("archived");
    falls_past_due(&suite, &it).await;
    suite.clock.advance_to(&format!("{}-02T23:00:00Z", month_ahead(&suite, 1)));
    let of_source = ["APP_LISTED", "INVOICES_IN_DRAFT", "BILLING_PAST_DUE"];
    let of_both = [&of_source[..], &["SPACE_ARCHIVED", "BILLING_ACCOUNT_MISSING"]].concat();
    for (who, expected) in [(&it.admin, of_both.as_slice()), (&erin, &of_source)] {
        let preview = refused(previews_transfer(who, &it.app, &destination).await);
        let blocked = (Code::FailedPrecondition, "APP_LISTED", expected.to_vec());
        assert_eq!(preview.blocked(), blocked, "{}", who.name);
        assert_eq!(refused(initiates_transfer(who, &it.app, &destination).await), preview);
    }
    assert_eq!(gets_app(&it.admin, &it.app).await.expect("the app").space, it.space);
}

// R-A8: who has no role there proposes the app, and learns nothing; who has one is told at once.
async fn what_concerns_the_destination_is_told_to_who_has_a_role_there(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    // Who runs the account of a space does not read its settings.
    consents_to_invoicing(&it.dan, &it.destination).await.expect("an account");
    adds_billing_admins(&it.dan, &it.destination, &[&it.alice]).await.expect("added");
    archives_space(&it.dan, &it.destination).await.expect("archived");
    let preview = previews_transfer(&it.alice, &it.app, &it.destination).await.expect("nothing is told");
    assert_eq!((preview.state(), preview.name.as_str(), preview.blockers), (State::Pending, "", vec![]));
    let transfer = it.proposed().await;
    assert_eq!(blockers_of(&it.alice, &transfer).await, Vec::<String>::new());
    assert_eq!(blockers_of(&it.dan, &transfer).await, ["SPACE_ARCHIVED"]);
    let refusal = refused(accepts_transfer(&it.dan, &transfer).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "SPACE_ARCHIVED", vec!["SPACE_ARCHIVED"]));
    cancels_transfer(&it.alice, &transfer).await.expect("cancelled");

    // A Viewer of the destination reads its settings too.
    restores_space(&it.dan, &it.destination).await.expect("restored");
    adds_members(&it.dan, &it.destination, &[(&it.alice, VIEWER)]).await.expect("added");
    archives_space(&it.dan, &it.destination).await.expect("archived");
    let refusal = refused(previews_transfer(&it.alice, &it.app, &it.destination).await);
    assert_eq!(refusal.blockers, ["SPACE_ARCHIVED"]);
}

// R-P3, R-A8
async fn a_destination_that_is_not_there_looks_like_any_other(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let transfer = initiates_transfer(&it.alice, &it.app, NOWHERE).await.expect("proposed to nobody");
    assert_eq!((transfer.state(), transfer.destination.as_str()), (State::Pending, NOWHERE));
    assert_eq!(blockers_of(&it.alice, &transfer.name).await, Vec::<String>::new());
    cancels_transfer(&it.alice, &transfer.name).await.expect("cancelled");
}

// R-A8, R-B7: the initiation, and the acceptance of what was initiated before.
async fn no_app_moves_on_the_first_two_days_of_a_month(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let (this, next) = (month_ahead(&suite, 0), month_ahead(&suite, 1));
    suite.clock.advance_to(&format!("{this}-28T12:00:00Z"));
    let transfer = it.proposed().await;
    suite.clock.advance_to(&format!("{next}-01T00:00:00Z"));
    let blocked = (Code::FailedPrecondition, "INVOICES_IN_DRAFT", vec!["INVOICES_IN_DRAFT"]);
    assert_eq!(refused(accepts_transfer(&it.dan, &transfer).await).blocked(), blocked);
    assert_eq!(blockers_of(&it.alice, &transfer).await, ["INVOICES_IN_DRAFT"]);
    let other = it.alice.creates_app(&it.source).await;
    suite.clock.advance_to(&format!("{next}-02T23:59:00Z"));
    assert_eq!(refused(initiates_transfer(&it.alice, &other, &it.destination).await).blocked(), blocked);
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    accepts_transfer(&it.dan, &transfer).await.expect("accepted");
}

// R-A8
async fn the_destination_needs_a_billing_account_if_the_source_has_one(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let transfer = it.proposed().await;
    consents_to_invoicing(&it.alice, &it.source).await.expect("an account");
    let missing = "BILLING_ACCOUNT_MISSING";
    let refusal = refused(accepts_transfer(&it.dan, &transfer).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, missing, vec![missing]));
    assert_eq!(blockers_of(&it.alice, &transfer).await, Vec::<String>::new(), "she has no role there");
    adds_members(&it.dan, &it.destination, &[(&it.alice, ADMIN)]).await.expect("added");
    assert_eq!(blockers_of(&it.alice, &transfer).await, [missing]);
    consents_to_invoicing(&it.dan, &it.destination).await.expect("an account");
    accepts_transfer(&it.dan, &transfer).await.expect("accepted");
    // Back, where there is an account as well.
    initiates_transfer(&it.alice, &it.app, &it.source).await.expect("moved back");
}

// R-A8: what can't be had stands for the worst; what moves nothing goes on.
async fn no_app_moves_while_nobody_can_tell_how_it_stands_with_the_bills(suite: Suite) {
    let mut suite = suite;
    let it = TwoSpaces::new(&suite).await;
    let other = it.alice.creates_app(&it.source).await;
    let [transfer, declined] = [it.proposed().await, {
        initiates_transfer(&it.alice, &other, &it.destination).await.expect("proposed").name
    }];
    suite.stop(Service::Billing).await;
    let unknown = (Code::Unavailable, "FACTS_UNAVAILABLE");
    assert_eq!(refused(accepts_transfer(&it.dan, &transfer).await).kind(), unknown);
    let third = it.bob.creates_app(&it.source).await;
    assert_eq!(refused(initiates_transfer(&it.alice, &third, &it.destination).await).kind(), unknown);
    declines_transfer(&it.dan, &declined).await.expect("declined");
    cancels_transfer(&it.alice, &transfer).await.expect("cancelled");
    suite.restart(Service::Billing).await;
    eventually(async || gets_space(&it.alice, &it.source).await.ok()).await;
    eventually(async || initiates_transfer(&it.alice, &third, &it.destination).await.ok()).await;
}

// R-K6, R-A8
async fn a_pending_transfer_refuses_a_listing_and_a_listing_a_transfer(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let profile = accepts_terms(&it.alice, &it.source).await.expect("published").name;
    let transfer = it.proposed().await;
    let pending = "TRANSFER_PENDING";
    let refusal = refused(submits_listing(&it.alice, &profile, &it.app).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, pending, vec![pending]));
    assert_eq!(gets_app(&it.alice, &it.app).await.expect("the app").listing(), Listing::Private);
    cancels_transfer(&it.alice, &transfer).await.expect("cancelled");
    let listing = submits_listing(&it.alice, &profile, &it.app).await.expect("submitted").name;
    let refusal = refused(initiates_transfer(&it.alice, &it.app, &it.destination).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "APP_LISTED", vec!["APP_LISTED"]));
    withdraws_listing(&it.alice, &listing).await.expect("withdrawn");
    it.proposed().await;
}

// R-A7, R-A8
async fn an_app_has_one_pending_transfer(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let transfer = it.proposed().await;
    let other = it.alice.creates_space("Other").await;
    let pending = "TRANSFER_PENDING";
    for destination in [&it.destination, &other] {
        let refusal = refused(initiates_transfer(&it.alice, &it.app, destination).await);
        assert_eq!(refusal.blocked(), (Code::FailedPrecondition, pending, vec![pending]));
    }
    declines_transfer(&it.dan, &transfer).await.expect("declined");
    let moved = initiates_transfer(&it.alice, &it.app, &other).await.expect("moved");
    assert_eq!(moved.state(), State::Accepted, "she is Admin of both");
}
