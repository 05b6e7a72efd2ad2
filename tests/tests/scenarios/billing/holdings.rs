//! Which spaces held apps, as the billing service asks for it.
use std::time::Duration;

use devspaces::Service;
use devspaces_kit::clock::{Clock as _, Timestamp};
use devspaces_proto::facts::v1::{
    AppAt, ListHoldingsAtRequest, space_records_service_client::SpaceRecordsServiceClient,
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::{Code, Status};

use crate::acts::apps::{deletes_app, undeletes_app};

scenarios! {
    both engines:
        an_app_that_moved_often_takes_no_more_room_in_the_answer,
        only_the_billing_service_asks_who_held_apps;
}

/// The spaces that held an app around these times, each with whether it still does.
async fn held_around(who: &Persona, questions: Vec<AppAt>) -> Result<Vec<(String, bool)>, Status> {
    let mut records = SpaceRecordsServiceClient::new(who.authorized(Service::Space));
    let answer = records.list_holdings_at(ListHoldingsAtRequest { questions }).await?;
    let held = |it: devspaces_proto::facts::v1::Holding| (it.space, it.end_time.is_none());
    Ok(answer.into_inner().holdings.into_iter().map(held).collect())
}

fn at(app: &str, time: Timestamp) -> AppAt {
    AppAt { app: app.to_owned(), time: Some(time.into()) }
}

// R-B5: or whoever moves an app often enough keeps everybody's usage of a batch from being counted.
async fn an_app_that_moved_often_takes_no_more_room_in_the_answer(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let mut between = Vec::new();
    for _ in 0..10 {
        suite.clock.advance(Duration::from_mins(1));
        deletes_app(&alice, &app).await.expect("deleted");
        between.push(suite.clock.now());
        suite.clock.advance(Duration::from_mins(1));
        undeletes_app(&alice, &app).await.expect("undeleted");
    }
    // The tokens of services live for minutes.
    let billing = suite.peer("billing", "space");
    let (ended, open) = ((space.clone(), false), (space.clone(), true));
    let of_one = held_around(&billing, vec![at(&app, between[3])]).await.expect("an answer");
    assert_eq!(of_one, [ended.clone(), ended.clone()], "before and after");
    let now = vec![at(&app, suite.clock.now()); 5];
    assert_eq!(held_around(&billing, now).await.expect("an answer"), std::slice::from_ref(&open), "once");
    let all = between.iter().map(|time| at(&app, *time)).collect();
    let all = held_around(&billing, all).await.expect("an answer");
    assert_eq!((all.len(), &all[10]), (11, &open));
}

// R-P7
async fn only_the_billing_service_asks_who_held_apps(suite: Suite) {
    let alice = suite.user("alice");
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    let now = suite.clock.now();
    for who in [&alice, &suite.peer("membership", "space")] {
        let answer = held_around(who, vec![at(&app, now)]).await;
        assert_eq!(refused(answer).code, Code::PermissionDenied, "{}", who.name);
    }
    let billing = suite.peer("billing", "space");
    let bad = vec![at("x", now), AppAt { app: app.clone(), time: None }];
    assert_eq!(refused(held_around(&billing, bad).await).fields, ["questions[0].app", "questions[1].time"]);
    assert_eq!(refused(held_around(&billing, vec![at(&app, now); 1001]).await).fields, ["questions"]);
}
