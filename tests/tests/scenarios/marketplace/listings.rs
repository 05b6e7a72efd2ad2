//! Listings: an app goes to the Marketplace and comes back, and stays where it is meanwhile.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    marketplace::v1::{
        ApproveListingRequest, SubmitListingRequest, VendorProfile, WithdrawListingRequest, listing::State,
    },
    space::v1::app::Listing as Listed,
};
use devspaces_tests::{
    Persona, Suite, refused,
    sql::{WriteLock, count},
    suite::eventually,
};
use tonic::Code;

use crate::acts::{
    REQUEST_ID,
    apps::{deletes_app, gets_app, imported_app, undeletes_app},
    marketplace::{
        accepts_terms, adds_marketplace_admins, approves_listing, creates_profile, gets_listing,
        gets_profile, lists_listings, removes_marketplace_admin, submission, submits_listing,
        withdraws_listing,
    },
    members::{ADMIN, adds_members},
    spaces::archives_space,
};

scenarios! {
    both engines:
        a_submission_that_is_not_decided_yet_is_finished_later,
        a_submission_that_is_refused_later_leaves_nothing_behind,
        without_the_space_service_nothing_is_begun,
        a_withdrawal_frees_the_app_when_the_space_service_is_back;
    everywhere:
        an_app_is_a_marketplace_app_from_submission_until_withdrawal,
        only_marketplace_admins_submit_see_and_withdraw,
        only_an_app_of_the_space_is_submitted,
        in_an_archived_space_nothing_is_submitted,
        a_stale_etag_is_aborted_and_a_preview_changes_nothing,
        the_same_request_id_answers_with_the_first_listing;
}

const NOWHERE: &str = "0190a8d0-7b1c-7def-8000-000000000001";

/// How an app stands on the Marketplace, as its owner sees it.
async fn listing_of(owner: &Persona, app: &str) -> Listed {
    gets_app(owner, app).await.expect("the app").listing()
}

/// A published space with an app: alice is its console Admin and the app's OWNER, mona its Marketplace admin.
async fn published(suite: &Suite) -> ([Persona; 2], VendorProfile, String) {
    let people = ["alice", "mona"].map(|id| suite.user(id));
    let [alice, mona] = &people;
    let space = alice.creates_space("Team").await;
    let profile = accepts_terms(alice, &space).await.expect("accepted");
    adds_marketplace_admins(alice, &profile.name, &[mona]).await.expect("added");
    removes_marketplace_admin(alice, &profile.name, alice).await.expect("removed");
    let app = alice.creates_app(&space).await;
    (people, profile, app)
}

// R-K6
async fn an_app_is_a_marketplace_app_from_submission_until_withdrawal(suite: Suite) {
    let ([alice, mona], profile, app) = published(&suite).await;
    assert_eq!(listing_of(&alice, &app).await, Listed::Private);
    let listing = submits_listing(&mona, &profile.name, &app).await.expect("submitted");
    assert_eq!(
        (listing.state(), &listing.app, &listing.vendor_profile),
        (State::Submitted, &app, &profile.name)
    );
    assert_eq!(listing.name, format!("listings/{}", listing.uid));
    assert_eq!(gets_listing(&mona, &listing.name).await.expect("the listing"), listing);
    assert_eq!(listing_of(&alice, &app).await, Listed::Submitted);
    let locked = refused(deletes_app(&alice, &app).await);
    assert_eq!(locked.blocked(), (Code::FailedPrecondition, "APP_LISTED", vec!["APP_LISTED"]));
    let twice = refused(submits_listing(&mona, &profile.name, &app).await);
    assert_eq!(twice.blocked(), (Code::FailedPrecondition, "APP_LISTED", vec!["APP_LISTED"]));

    let approved = approves_listing(&suite, &listing.name).await.expect("approved");
    assert_eq!(approved.state(), State::Listed);
    assert_eq!(listing_of(&alice, &app).await, Listed::Listed);
    assert_eq!(refused(deletes_app(&alice, &app).await).reason, "APP_LISTED");
    let again = refused(approves_listing(&suite, &listing.name).await);
    assert_eq!(again.kind(), (Code::FailedPrecondition, "LISTING_NOT_SUBMITTED"));

    let withdrawn = withdraws_listing(&mona, &listing.name).await.expect("withdrawn");
    assert_eq!(withdrawn.state(), State::Withdrawn);
    assert_eq!(listing_of(&alice, &app).await, Listed::Private);
    let again = refused(withdraws_listing(&mona, &listing.name).await);
    assert_eq!(again.blocked(), (Code::FailedPrecondition, "LISTING_WITHDRAWN", vec!["LISTING_WITHDRAWN"]));
    assert_eq!(refused(approves_listing(&suite, &listing.name).await).reason, "LISTING_NOT_SUBMITTED");

    let anew = submits_listing(&mona, &profile.name, &app).await.expect("it may come again");
    assert_ne!(anew.name, listing.name);
    withdraws_listing(&mona, &anew.name).await.expect("also before it is approved");
    deletes_app(&alice, &app).await.expect("it is free");
    undeletes_app(&alice, &app).await.expect("undeleted");
    for page_size in [0, 1, 2] {
        let all = lists_listings(&mona, &profile.name, page_size).await.expect("a list");
        assert_eq!(all.iter().map(|it| &it.name).collect::<Vec<_>>(), [&listing.name, &anew.name]);
    }
}

// R-K6, R-A3: the Marketplace's plane, and no other.
async fn only_marketplace_admins_submit_see_and_withdraw(suite: Suite) {
    let ([alice, mona], profile, app) = published(&suite).await;
    let mallory = suite.user("mallory");
    creates_profile(&mallory, "Other").await.expect("created");
    let listing = submits_listing(&mona, &profile.name, &app).await.expect("submitted").name;
    let missing = format!("listings/{NOWHERE}");
    for who in [&alice, &mallory] {
        let refusals = [
            refused(submits_listing(who, &profile.name, &app).await),
            refused(lists_listings(who, &profile.name, -1).await),
            refused(gets_listing(who, &listing).await),
            refused(withdraws_listing(who, &listing).await),
        ];
        for refusal in &refusals {
            assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "{}", who.name);
            assert!(!refusal.message.contains("spaces/"), "{}", refusal.message);
        }
        // R-P3
        for (missing, forbidden) in [
            (gets_listing(who, &missing).await, &refusals[2]),
            (withdraws_listing(who, &missing).await, &refusals[3]),
        ] {
            let missing =
                refused(missing).message.replace(NOWHERE, listing.strip_prefix("listings/").expect("a name"));
            assert_eq!(missing, forbidden.message);
        }
    }
    for who in [&mona, &suite.persona("services/migrator")] {
        let request = ApproveListingRequest { name: listing.clone(), ..Default::default() };
        assert_eq!(
            refused(who.listings().approve_listing(request).await).code,
            Code::PermissionDenied,
            "R-P7"
        );
    }
    assert_eq!(
        refused(approves_listing(&suite, &missing).await).kind(),
        (Code::NotFound, "RESOURCE_NOT_FOUND")
    );
    assert_eq!(gets_listing(&mona, &listing).await.expect("as it was").state(), State::Submitted);
}

// R-K6: and nothing is told of an app that is not the space's.
async fn only_an_app_of_the_space_is_submitted(suite: Suite) {
    let ([alice, mona], profile, app) = published(&suite).await;
    let other_space = alice.creates_space("Other").await;
    let other = accepts_terms(&alice, &other_space).await.expect("accepted");
    let listed = alice.creates_app(&other_space).await;
    submits_listing(&alice, &other.name, &listed).await.expect("submitted where it is");
    let elsewhere = alice.creates_app(&other_space).await;
    let unlinked = imported_app(&suite, &alice).await;
    let deleted = alice.creates_app(&profile.space).await;
    deletes_app(&alice, &deleted).await.expect("deleted");
    for app in [listed, elsewhere, unlinked, deleted, format!("apps/{NOWHERE}")] {
        let refusal = refused(submits_listing(&mona, &profile.name, &app).await);
        assert_eq!(
            refusal.blocked(),
            (Code::FailedPrecondition, "APP_NOT_IN_SPACE", vec!["APP_NOT_IN_SPACE"]),
            "{app}"
        );
    }
    assert!(lists_listings(&mona, &profile.name, 0).await.expect("a list").is_empty());
    submits_listing(&mona, &profile.name, &app).await.expect("its own");
    let heads = "SELECT COUNT(*) FROM head WHERE scope LIKE 'apps/0190a8d0-7b1c-7def-8000-000000000001'";
    if let Some(pool) = suite.inside(Service::Space).await {
        assert_eq!(count(&pool, heads).await, 0, "of what is not there nothing is kept");
    }
}

// R-S5
async fn in_an_archived_space_nothing_is_submitted(suite: Suite) {
    let ([alice, mona], profile, app) = published(&suite).await;
    deletes_app(&alice, &app).await.expect("deleted");
    archives_space(&alice, &profile.space).await.expect("archived");
    let refusal = refused(submits_listing(&mona, &profile.name, &app).await);
    assert_eq!(refusal.blockers, ["SPACE_ARCHIVED", "APP_NOT_IN_SPACE"], "every blocker at once");
    assert!(lists_listings(&mona, &profile.name, 0).await.expect("a list").is_empty());
}

// R-K6
async fn a_stale_etag_is_aborted_and_a_preview_changes_nothing(suite: Suite) {
    let ([alice, mona], profile, app) = published(&suite).await;
    let submitted = submits_listing(&mona, &profile.name, &app).await.expect("submitted");
    let preview =
        WithdrawListingRequest { name: submitted.name.clone(), validate_only: true, ..Default::default() };
    let preview = mona.listings().withdraw_listing(preview).await.expect("a preview").into_inner();
    assert_eq!(preview.state(), State::Withdrawn);
    assert_eq!(listing_of(&alice, &app).await, Listed::Submitted);
    approves_listing(&suite, &submitted.name).await.expect("approved");
    let stale = WithdrawListingRequest {
        name: submitted.name.clone(),
        etag: submitted.etag.clone(),
        ..Default::default()
    };
    assert_eq!(refused(mona.listings().withdraw_listing(stale).await).kind(), (Code::Aborted, "ETAG_STALE"));
    let stale = ApproveListingRequest { name: submitted.name, etag: submitted.etag, ..Default::default() };
    let reviewer = suite.persona("services/reviewer");
    assert_eq!(
        refused(reviewer.listings().approve_listing(stale).await).kind(),
        (Code::Aborted, "ETAG_STALE")
    );
}

// R-J5
async fn the_same_request_id_answers_with_the_first_listing(suite: Suite) {
    let ([alice, mona], profile, app) = published(&suite).await;
    let submit = |app: &str| SubmitListingRequest {
        request_id: REQUEST_ID.to_owned(),
        ..submission(&profile.name, app)
    };
    let deleted = alice.creates_app(&profile.space).await;
    deletes_app(&alice, &deleted).await.expect("deleted");
    assert_eq!(refused(mona.listings().submit_listing(submit(&deleted)).await).reason, "APP_NOT_IN_SPACE");
    let first = mona
        .listings()
        .submit_listing(submit(&app))
        .await
        .expect("what was refused is not remembered")
        .into_inner();
    let again = mona.listings().submit_listing(submit(&app)).await.expect("replayed").into_inner();
    assert_eq!(again, first);
    let other = alice.creates_app(&profile.space).await;
    assert_eq!(refused(mona.listings().submit_listing(submit(&other)).await).reason, "REQUEST_ID_REUSED");
    withdraws_listing(&mona, &first.name).await.expect("withdrawn");
    let again =
        mona.listings().submit_listing(submit(&app)).await.expect("the first result still").into_inner();
    assert_eq!(again, first);
    assert_eq!(listing_of(&alice, &app).await, Listed::Private);
}

// R-K6: the space service is there and does not decide; nobody sees the intent, and then the worker finishes it.
async fn a_submission_that_is_not_decided_yet_is_finished_later(suite: Suite) {
    let ([alice, mona], profile, app) = published(&suite).await;
    let spaces = suite.pool(Service::Space).await;
    let submit =
        || SubmitListingRequest { request_id: REQUEST_ID.to_owned(), ..submission(&profile.name, &app) };
    let lock = WriteLock::take(&spaces).await;
    let pending = refused(mona.listings().submit_listing(submit()).await);
    assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    assert!(pending.retry);
    assert!(
        lists_listings(&mona, &profile.name, 0).await.expect("a list").is_empty(),
        "an intent is no listing"
    );
    let other = refused(submits_listing(&mona, &profile.name, &app).await);
    assert_eq!(
        other.blocked(),
        (Code::FailedPrecondition, "APP_LISTED", vec!["APP_LISTED"]),
        "another call waits its turn"
    );
    assert_eq!(listing_of(&alice, &app).await, Listed::Private);
    lock.release().await;
    suite.clock.advance(Duration::from_secs(10));
    let listed =
        eventually(async || lists_listings(&mona, &profile.name, 0).await.expect("a list").pop()).await;
    assert_eq!((listed.state(), &listed.app), (State::Submitted, &app));
    assert_eq!(listing_of(&alice, &app).await, Listed::Submitted);
    let answer =
        mona.listings().submit_listing(submit()).await.expect("the same request_id says which").into_inner();
    assert_eq!(answer, listed);
    let intents = "SELECT COUNT(*) FROM listing";
    assert_eq!(count(&suite.pool(Service::Marketplace).await, intents).await, 1);
}

// R-K6: what the worker finds refused leaves nothing behind, neither there nor here.
async fn a_submission_that_is_refused_later_leaves_nothing_behind(suite: Suite) {
    let ([alice, mona], profile, app) = published(&suite).await;
    let (spaces, market) = (suite.pool(Service::Space).await, suite.pool(Service::Marketplace).await);
    let lock = WriteLock::take(&spaces).await;
    let submit = || SubmitListingRequest {
        request_id: REQUEST_ID.to_owned(),
        ..submission(&profile.name, &format!("apps/{NOWHERE}"))
    };
    assert_eq!(refused(mona.listings().submit_listing(submit()).await).reason, "EFFECT_PENDING");
    let intents = "SELECT COUNT(*) FROM listing";
    assert_eq!(count(&market, intents).await, 1);
    lock.release().await;
    suite.clock.advance(Duration::from_secs(10));
    eventually(async || (count(&market, intents).await == 0).then_some(())).await;
    assert_eq!(refused(mona.listings().submit_listing(submit()).await).reason, "APP_NOT_IN_SPACE");
    assert_eq!(count(&market, intents).await, 0);
    deletes_app(&alice, &app).await.expect("nothing is locked");
}

// R-P2: before anything was noted it is the decision that can't be made.
async fn without_the_space_service_nothing_is_begun(suite: Suite) {
    let mut suite = suite;
    let ([_, mona], profile, app) = published(&suite).await;
    let bob = suite.user("bob");
    suite.stop(Service::Space).await;
    let refusal = refused(submits_listing(&mona, &profile.name, &app).await);
    assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
    assert_eq!(count(&suite.pool(Service::Marketplace).await, "SELECT COUNT(*) FROM listing").await, 0);
    assert_eq!(
        refused(gets_profile(&mona, &profile.name).await).kind(),
        (Code::Unavailable, "FACTS_UNAVAILABLE"),
        "R-K5"
    );
    let stranger = refused(submits_listing(&bob, &profile.name, &app).await);
    let nowhere = refused(submits_listing(&bob, &format!("vendorProfiles/{NOWHERE}"), &app).await);
    assert_eq!(stranger.kind(), nowhere.kind(), "R-P3");
    removes_marketplace_admin(&mona, &profile.name, &bob)
        .await
        .map_err(|status| assert_eq!(status.code(), Code::NotFound))
        .expect_err("nobody");
    suite.restart(Service::Space).await;
    eventually(async || submits_listing(&mona, &profile.name, &app).await.ok()).await;
}

// R-K6, R-A10: a listing that is withdrawn while the space service is away frees its app once that is back.
async fn a_withdrawal_frees_the_app_when_the_space_service_is_back(suite: Suite) {
    let mut suite = suite;
    let ([alice, mona], profile, app) = published(&suite).await;
    adds_members(&alice, &profile.space, &[(&mona, ADMIN)]).await.expect("added");
    let listing = submits_listing(&mona, &profile.name, &app).await.expect("submitted").name;
    suite.stop(Service::Space).await;
    let withdraw = || WithdrawListingRequest {
        name: listing.clone(),
        request_id: REQUEST_ID.to_owned(),
        ..Default::default()
    };
    let pending = refused(mona.listings().withdraw_listing(withdraw()).await);
    assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    suite.restart(Service::Space).await;
    let answer =
        eventually(async || mona.listings().withdraw_listing(withdraw()).await.ok()).await.into_inner();
    assert_eq!(answer.state(), State::Withdrawn);
    deletes_app(&alice, &app).await.expect("it is free");
}
