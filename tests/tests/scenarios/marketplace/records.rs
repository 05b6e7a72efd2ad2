//! What the marketplace service asks of the space service, asked as it asks.
use devspaces::Service;
use devspaces_proto::{
    facts::v1::{
        DescribeSpacesRequest, ReserveListingRequest, space_records_service_client::SpaceRecordsServiceClient,
    },
    space::v1::app::Listing,
};
use devspaces_tests::{Persona, Suite, refused, sql::count};
use futures::future::join_all;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::acts::{
    apps::{deletes_app, gets_app, undeletes_app},
    marketplace::{accepts_terms, submits_listing, withdraws_listing},
    spaces::{archives_space, restores_space, tries_to_rename},
};

scenarios! {
    both engines:
        what_was_refused_stays_refused,
        what_was_reserved_stays_reserved,
        a_late_question_about_a_withdrawn_listing_reserves_nothing,
        only_the_marketplace_service_asks;
}

/// The marketplace service, calling the space service.
fn marketplace(suite: &Suite) -> Persona {
    suite.peer("marketplace", "space")
}

fn question(listing: Uuid, app: &str, space: &str) -> ReserveListingRequest {
    ReserveListingRequest {
        listing: format!("listings/{listing}"),
        app: app.to_owned(),
        space: space.to_owned(),
        actor: "users/mona".to_owned(),
    }
}

async fn reserves(who: &Persona, question: ReserveListingRequest) -> Result<Vec<String>, Status> {
    let mut records = SpaceRecordsServiceClient::new(who.authorized(Service::Space));
    records.reserve_listing(question).await.map(|answer| answer.into_inner().blockers)
}

// R-K6: a refusal stands, though what stood in the way is gone; another listing is another question.
async fn what_was_refused_stays_refused(suite: Suite) {
    let (alice, market) = (suite.user("alice"), marketplace(&suite));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let [one, two] = [1, 2].map(|id| question(Uuid::from_u128(id), &app, &space));
    deletes_app(&alice, &app).await.expect("deleted");
    archives_space(&alice, &space).await.expect("archived");
    let refusal = ["SPACE_ARCHIVED", "APP_NOT_IN_SPACE"];
    assert_eq!(reserves(&market, one.clone()).await.expect("an answer"), refusal, "all of it at once");
    restores_space(&alice, &space).await.expect("restored");
    undeletes_app(&alice, &app).await.expect("undeleted");
    assert_eq!(reserves(&market, one).await.expect("an answer"), refusal);
    assert_eq!(gets_app(&alice, &app).await.expect("the app").listing(), Listing::Private);
    assert!(reserves(&market, two).await.expect("an answer").is_empty());
    assert_eq!(gets_app(&alice, &app).await.expect("the app").listing(), Listing::Submitted);
}

// R-K6: what was reserved is found again, and by no other listing; once.
async fn what_was_reserved_stays_reserved(suite: Suite) {
    let (alice, market) = (suite.user("alice"), marketplace(&suite));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let one = question(Uuid::from_u128(1), &app, &space);
    let answers = join_all((0..5).map(|_| reserves(&market, one.clone()))).await;
    assert!(answers.into_iter().all(|answer| answer.expect("an answer").is_empty()));
    let other = reserves(&market, question(Uuid::from_u128(2), &app, &space)).await.expect("an answer");
    assert_eq!(other, ["APP_LISTED"]);
    let entries = "SELECT COUNT(*) FROM journal WHERE content LIKE '%ReserveListing%'";
    assert_eq!(count(&suite.pool(Service::Space).await, entries).await, 2, "of the app and of the space");
}

// R-K6: a question that comes when the listing is withdrawn already locks nothing.
async fn a_late_question_about_a_withdrawn_listing_reserves_nothing(suite: Suite) {
    let (alice, market) = (suite.user("alice"), marketplace(&suite));
    let space = alice.creates_space("Team").await;
    let profile = accepts_terms(&alice, &space).await.expect("accepted").name;
    let app = alice.creates_app(&space).await;
    let listing = submits_listing(&alice, &profile, &app).await.expect("submitted");
    withdraws_listing(&alice, &listing.name).await.expect("withdrawn");
    let late = question(listing.uid.parse().expect("a UUID"), &app, &space);
    assert_eq!(reserves(&market, late).await.expect("an answer"), ["LISTING_WITHDRAWN"]);
    deletes_app(&alice, &app).await.expect("nothing is locked");
}

// R-P7, R-K5
async fn only_the_marketplace_service_asks(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    tries_to_rename(&alice, &space).await.expect("renamed");
    let describe = async |who: &Persona, spaces: Vec<String>| {
        let mut records = SpaceRecordsServiceClient::new(who.authorized(Service::Space));
        records.describe_spaces(DescribeSpacesRequest { spaces }).await
    };
    for who in [&alice, &suite.persona("services/reviewer"), &suite.peer("billing", "space")] {
        assert_eq!(
            refused(describe(who, vec![space.clone()]).await).code,
            Code::PermissionDenied,
            "{}",
            who.name
        );
        let reserved = reserves(who, question(Uuid::from_u128(1), &app, &space)).await;
        assert_eq!(refused(reserved).code, Code::PermissionDenied, "{}", who.name);
    }
    let for_another = suite.peer("marketplace", "membership");
    assert_eq!(refused(describe(&for_another, vec![space.clone()]).await).code, Code::Unauthenticated);
    let market = marketplace(&suite);
    let nowhere = "spaces/0190a8d0-7b1c-7def-8000-000000000001".to_owned();
    let found = describe(&market, vec![nowhere.clone(), space.clone(), space.clone()])
        .await
        .expect("an answer")
        .into_inner()
        .spaces;
    let found: Vec<_> = found.into_iter().map(|it| (it.space, it.display_name)).collect();
    assert_eq!(found, [(space.clone(), "Named by alice".to_owned())]);
    assert_eq!(refused(describe(&market, vec![space.clone(), "x".into()]).await).fields, ["spaces[1]"]);
    assert_eq!(refused(describe(&market, vec![nowhere; 1002]).await).fields, ["spaces"]);
    let bad =
        ReserveListingRequest { listing: "x".into(), app: "x".into(), space: "x".into(), actor: "x".into() };
    assert_eq!(refused(reserves(&market, bad).await).fields, ["listing", "app", "space", "actor"]);
}
