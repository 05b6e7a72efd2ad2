//! The Marketplace across the shipped binary's processes: what was begun is finished, whoever is killed half-way.
use devspaces::Service;
use devspaces_ledger::journal;
use devspaces_proto::{
    marketplace::v1::{AcceptTermsRequest, CreateVendorProfileRequest, SubmitListingRequest, listing::State},
    space::v1::app::Listing as Listed,
};
use devspaces_tests::{
    Engine, Persona,
    process::{Processes, Way},
    refused,
    sql::{EFFECTS, WriteLock, count},
    suite::eventually,
};
use tonic::Code;

use crate::acts::{
    REQUEST_ID,
    apps::{deletes_app, gets_app, undeletes_app},
    marketplace::{
        acceptance_of_terms, accepts_terms, creation_of_profile, gets_profile, lists_listings,
        looks_up_profile, submission, withdraws_listing,
    },
    spaces::gets_space,
};

scenarios! {
    both engines:
        a_publication_survives_the_death_of_the_marketplace_service,
        publication_whose_answer_is_lost(Service::Marketplace)
            as a_publication_that_is_sent_again_by_a_new_sender_changes_nothing,
        publication_whose_answer_is_lost(Service::Space)
            as a_publication_that_is_sent_again_to_a_new_receiver_changes_nothing,
        a_profiles_space_comes_about_though_its_service_is_killed,
        killed_before_the_decision(&[Service::Marketplace])
            as a_submission_is_finished_though_the_marketplace_service_is_killed,
        killed_before_the_decision(&[Service::Space])
            as a_submission_is_finished_though_the_space_service_is_killed,
        killed_before_the_decision(&[Service::Marketplace, Service::Space])
            as a_submission_is_finished_though_both_are_killed,
        reservation_whose_answer_is_lost(None)
            as a_reservation_of_which_the_marketplace_never_heard_is_found_again,
        reservation_whose_answer_is_lost(Some(Service::Marketplace))
            as a_reservation_outlives_whoever_asked_for_it,
        undecided_while_the_network_fails(Way::Cut) as a_submission_is_finished_after_connections_broke,
        undecided_while_the_network_fails(Way::Silent) as a_submission_is_finished_after_nothing_arrived,
        a_submission_that_was_left_half_way_and_is_refused_leaves_nothing;
}

const INTENTS: &str = "SELECT COUNT(*) FROM listing WHERE state = 'RESERVING'";
const RESERVED: &str = "SELECT COUNT(*) FROM app WHERE listed_by IS NOT NULL";

/// Nothing is left to be done, and every chain holds.
async fn settled(suite: &Processes) {
    for service in Service::ALL {
        let pool = suite.pool(service).await;
        eventually(async || (count(&pool, EFFECTS).await == 0).then_some(())).await;
        assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, [], "{service}");
    }
    let market = suite.pool(Service::Marketplace).await;
    eventually(async || (count(&market, INTENTS).await == 0).then_some(())).await;
}

fn accept(space: &str) -> AcceptTermsRequest {
    AcceptTermsRequest { request_id: REQUEST_ID.to_owned(), ..acceptance_of_terms(space) }
}

/// R-K1: the marketplace service dies after its commit and before it has told anyone.
async fn a_publication_survives_the_death_of_the_marketplace_service(engine: Engine) {
    let mut suite = Processes::start(engine).await;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let (market, spaces) = (suite.pool(Service::Marketplace).await, suite.pool(Service::Space).await);
    // Questions are answered; nothing is written.
    let lock = WriteLock::take(&spaces).await;
    let (acting, request) = (alice.clone(), accept(&space));
    let call = tokio::spawn(async move { acting.profiles().accept_terms(request).await });
    eventually(async || (count(&market, EFFECTS).await > 0).then_some(())).await;
    suite.kill(Service::Marketplace).await;
    suite.kill(Service::Space).await;
    call.await.expect("no panic").expect_err("no answer from the dead");
    lock.release().await;
    suite.run(Service::Space).await;
    let unpublished = eventually(async || gets_space(&alice, &space).await.ok()).await;
    assert!(!unpublished.published, "nothing was acknowledged, and nothing published yet");

    suite.run(Service::Marketplace).await;
    eventually(async || gets_space(&alice, &space).await.expect("the space").published.then_some(())).await;
    let again = async || alice.profiles().accept_terms(accept(&space)).await.ok();
    let profile = eventually(again).await.into_inner();
    assert_eq!(looks_up_profile(&alice, &space).await.expect("the profile"), profile);
    assert_eq!(refused(accepts_terms(&alice, &space).await).code, Code::PermissionDenied, "published once");
    settled(&suite).await;
}

/// R-K1: what was published is published once, also if the answer that says so never arrives.
async fn publication_whose_answer_is_lost(engine: Engine, victim: Service) {
    let mut suite = Processes::start(engine).await;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let (market, spaces) = (suite.pool(Service::Marketplace).await, suite.pool(Service::Space).await);
    let published = "SELECT COUNT(*) FROM journal WHERE content LIKE '%AcceptTerms%'";
    let lock = WriteLock::take(&spaces).await;
    let (acting, request) = (alice.clone(), accept(&space));
    let call = tokio::spawn(async move { acting.profiles().accept_terms(request).await });
    eventually(async || (count(&market, EFFECTS).await > 0).then_some(())).await;
    suite.network_to(Service::Space).set(Way::AnswersLost);
    lock.release().await;
    eventually(async || (count(&spaces, published).await > 0).then_some(())).await;
    suite.kill(victim).await;
    suite.network_to(Service::Space).set(Way::Open);
    suite.run(victim).await;
    drop(call);
    let again = async || alice.profiles().accept_terms(accept(&space)).await.ok();
    eventually(again).await;
    settled(&suite).await;
    assert_eq!(count(&spaces, published).await, 1, "one entry");
}

/// R-K2: the space of a profile that was made comes about, once, and the same `request_id` tells of it.
async fn a_profiles_space_comes_about_though_its_service_is_killed(engine: Engine) {
    let mut suite = Processes::start(engine).await;
    let mona = suite.user("mona");
    let create =
        || CreateVendorProfileRequest { request_id: REQUEST_ID.to_owned(), ..creation_of_profile("Acme") };
    suite.network_to(Service::Space).set(Way::Cut);
    let pending = refused(mona.profiles().create_vendor_profile(create()).await);
    assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    suite.kill(Service::Marketplace).await;
    let spaces = suite.pool(Service::Space).await;
    assert_eq!(count(&spaces, "SELECT COUNT(*) FROM space").await, 0);
    suite.network_to(Service::Space).set(Way::Open);
    suite.run(Service::Marketplace).await;
    let made =
        eventually(async || mona.profiles().create_vendor_profile(create()).await.ok()).await.into_inner();
    assert!(eventually(async || gets_space(&mona, &made.space).await.ok()).await.published);
    assert_eq!(gets_profile(&mona, &made.name).await.expect("the profile"), made);
    settled(&suite).await;
    assert_eq!(count(&spaces, "SELECT COUNT(*) FROM space").await, 1);
}

/// A published space of alice's with an app.
async fn published(suite: &Processes) -> (Persona, String, String) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let profile = accepts_terms(&alice, &space).await.expect("accepted").name;
    let app = alice.creates_app(&space).await;
    (alice, profile, app)
}

fn submit(profile: &str, app: &str) -> SubmitListingRequest {
    SubmitListingRequest { request_id: REQUEST_ID.to_owned(), ..submission(profile, app) }
}

/// The listing and its lock are both there, once; and both go.
async fn listed_once(suite: &Processes, alice: &Persona, profile: &str, app: &str) {
    let again = async || alice.listings().submit_listing(submit(profile, app)).await.ok();
    let listing = eventually(again).await.into_inner();
    assert_eq!(listing.state(), State::Submitted);
    settled(suite).await;
    assert_eq!(lists_listings(alice, profile, 0).await.expect("a list"), std::slice::from_ref(&listing));
    assert_eq!(gets_app(alice, app).await.expect("the app").listing(), Listed::Submitted);
    assert_eq!(refused(deletes_app(alice, app).await).reason, "APP_LISTED");
    withdraws_listing(alice, &listing.name).await.expect("withdrawn");
    deletes_app(alice, app).await.expect("nothing is locked for good");
}

/// R-K6: whoever dies between the intent and the decision, and though nobody asks again.
async fn killed_before_the_decision(engine: Engine, victims: &'static [Service]) {
    let mut suite = Processes::start(engine).await;
    let (alice, profile, app) = published(&suite).await;
    let (market, spaces) = (suite.pool(Service::Marketplace).await, suite.pool(Service::Space).await);
    let lock = WriteLock::take(&spaces).await;
    let (acting, request) = (alice.clone(), submit(&profile, &app));
    let call = tokio::spawn(async move { acting.listings().submit_listing(request).await });
    eventually(async || (count(&market, INTENTS).await > 0).then_some(())).await;
    for victim in victims {
        suite.kill(*victim).await;
    }
    lock.release().await;
    for victim in victims {
        suite.run(*victim).await;
    }
    drop(call);
    // Nobody asks again: the worker finishes it.
    eventually(async || (count(&market, INTENTS).await == 0).then_some(())).await;
    listed_once(&suite, &alice, &profile, &app).await;
}

/// R-K6: the app is reserved, and the marketplace service never heard of it.
async fn reservation_whose_answer_is_lost(engine: Engine, victim: Option<Service>) {
    let mut suite = Processes::start(engine).await;
    let (alice, profile, app) = published(&suite).await;
    let (market, spaces) = (suite.pool(Service::Marketplace).await, suite.pool(Service::Space).await);
    let lock = WriteLock::take(&spaces).await;
    let (acting, request) = (alice.clone(), submit(&profile, &app));
    let call = tokio::spawn(async move { acting.listings().submit_listing(request).await });
    eventually(async || (count(&market, INTENTS).await > 0).then_some(())).await;
    suite.network_to(Service::Space).set(Way::AnswersLost);
    lock.release().await;
    eventually(async || (count(&spaces, RESERVED).await > 0).then_some(())).await;
    assert_eq!(count(&market, INTENTS).await, 1, "locked there, and still an intent here");
    if let Some(victim) = victim {
        suite.kill(victim).await;
        suite.run(victim).await;
    } else {
        let pending = refused(call.await.expect("no panic"));
        assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    }
    suite.network_to(Service::Space).set(Way::Cut);
    suite.network_to(Service::Space).set(Way::Open);
    eventually(async || (count(&market, INTENTS).await == 0).then_some(())).await;
    listed_once(&suite, &alice, &profile, &app).await;
}

/// R-K6: the network fails between the two while it is decided; the call says that it is not known, and nobody asks again.
async fn undecided_while_the_network_fails(engine: Engine, way: Way) {
    let suite = Processes::start(engine).await;
    let (alice, profile, app) = published(&suite).await;
    let (market, spaces) = (suite.pool(Service::Marketplace).await, suite.pool(Service::Space).await);
    let lock = WriteLock::take(&spaces).await;
    let (acting, request) = (alice.clone(), submit(&profile, &app));
    let call = tokio::spawn(async move { acting.listings().submit_listing(request).await });
    eventually(async || (count(&market, INTENTS).await > 0).then_some(())).await;
    suite.network_to(Service::Space).set(way);
    lock.release().await;
    let pending = refused(call.await.expect("no panic"));
    assert_eq!((pending.kind(), pending.retry), ((Code::Unavailable, "EFFECT_PENDING"), true));
    let again = refused(alice.listings().submit_listing(submit(&profile, &app)).await);
    assert_eq!(again.code, Code::Unavailable, "nor does the same request_id tell as yet");
    // What a connection has lost is not made good.
    suite.network_to(Service::Space).set(Way::Cut);
    suite.network_to(Service::Space).set(Way::Open);
    eventually(async || (count(&market, INTENTS).await == 0).then_some(())).await;
    listed_once(&suite, &alice, &profile, &app).await;
}

/// R-K6: a submission that is to be refused is refused later, and leaves neither a listing nor a lock.
async fn a_submission_that_was_left_half_way_and_is_refused_leaves_nothing(engine: Engine) {
    let mut suite = Processes::start(engine).await;
    let (alice, profile, app) = published(&suite).await;
    deletes_app(&alice, &app).await.expect("deleted");
    let (market, spaces) = (suite.pool(Service::Marketplace).await, suite.pool(Service::Space).await);
    let lock = WriteLock::take(&spaces).await;
    let (acting, request) = (alice.clone(), submit(&profile, &app));
    let call = tokio::spawn(async move { acting.listings().submit_listing(request).await });
    eventually(async || (count(&market, INTENTS).await > 0).then_some(())).await;
    suite.kill(Service::Marketplace).await;
    lock.release().await;
    suite.run(Service::Marketplace).await;
    drop(call);
    settled(&suite).await;
    assert!(lists_listings(&alice, &profile, 0).await.expect("a list").is_empty());
    assert_eq!(count(&spaces, RESERVED).await, 0);
    let again = async || alice.listings().submit_listing(submit(&profile, &app)).await;
    assert_eq!(refused(again().await).reason, "APP_NOT_IN_SPACE");
    undeletes_app(&alice, &app).await.expect("undeleted");
    again().await.expect("what was refused is not remembered");
}
