//! Usage by hour, day and month, for those who work with it (R-B14).
mod summing;

use std::time::Duration;

use devspaces_proto::billing::v1::{
    Meter, QueryUsageRequest, UsageEvent, UsagePoint, query_usage_request::Step,
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::{Code, Status};

use crate::acts::{
    accounts::consents_to_invoicing,
    contributors::{APP_VIEWER, adds_contributors},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, removes_member},
    meters::{creates_meter, dimension, meter},
    transfers::initiates_transfer,
    usage::{KVS_READ_GB, LOGS_GB, begins_mid_month, new_usage_event, reports_accepted, voids_usage},
};

scenarios! {
    both engines:
        usage_is_told_by_hour_day_and_month,
        usage_is_told_apart_by_app_and_by_the_values_of_dimensions,
        what_other_apps_have_just_used_is_not_told_of_an_app,
        what_was_voided_is_not_told,
        pages_that_follow_begin_where_the_first_did_when_the_month_has_turned,
        an_apps_usage_is_of_all_spaces_and_a_spaces_of_its_own_time,
        usage_is_seen_by_those_who_work_with_it,
        a_question_is_checked_as_a_whole;
}

/// All points, in pages of this size.
async fn queries(who: &Persona, request: QueryUsageRequest) -> Result<Vec<UsagePoint>, Status> {
    let (mut points, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = QueryUsageRequest { page_token, ..request.clone() };
        let page = who.usage().query_usage(request).await?.into_inner();
        points.extend(page.points);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(points);
        }
    }
}

fn of_space(space: &str, step: Step) -> QueryUsageRequest {
    QueryUsageRequest { space: space.to_owned(), step: step.into(), ..QueryUsageRequest::default() }
}

fn of_app(app: &str, step: Step) -> QueryUsageRequest {
    QueryUsageRequest { app: app.to_owned(), step: step.into(), ..QueryUsageRequest::default() }
}

/// When points begin, and what they come to.
fn told(points: &[UsagePoint]) -> Vec<(String, &str, &str, i64)> {
    let time = |it: &UsagePoint| {
        let time = it.start_time.and_then(|time| devspaces_kit::clock::Timestamp::try_from(time).ok());
        time.expect("a time").to_string()[8..16].to_owned()
    };
    points.iter().map(|it| (time(it), it.meter.as_str(), it.quantity.as_str(), it.events)).collect()
}

/// Two hours on each of two days, of two meters.
async fn two_days(suite: &Suite, app: &str) -> Vec<UsageEvent> {
    let mut events = Vec::new();
    for (meter, quantity) in
        [(LOGS_GB, "1.5"), (LOGS_GB, "0.000000001"), (KVS_READ_GB, "7"), (LOGS_GB, "2"), (LOGS_GB, "40")]
    {
        let event = new_usage_event(suite, app, meter, quantity);
        reports_accepted(suite, event.clone()).await;
        events.push(event);
        suite.clock.advance(Duration::from_hours(if events.len() == 3 { 24 } else { 1 }));
    }
    events
}

// R-B14
async fn usage_is_told_by_hour_day_and_month(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    two_days(&suite, &app).await;
    let ask = async |step| queries(&alice, of_space(&space, step)).await.expect("points");
    let by = |day: &str, meter: &'static str, quantity: &'static str, events| {
        (day.to_owned(), meter, quantity, events)
    };
    assert_eq!(
        told(&ask(Step::Hour).await),
        [
            by("10T12:00", LOGS_GB, "1.5", 1),
            by("10T13:00", LOGS_GB, "0.000000001", 1),
            by("10T14:00", KVS_READ_GB, "7", 1),
            by("11T14:00", LOGS_GB, "2", 1),
            by("11T15:00", LOGS_GB, "40", 1),
        ]
    );
    let days = [
        by("10T00:00", KVS_READ_GB, "7", 1),
        by("10T00:00", LOGS_GB, "1.500000001", 2),
        by("11T00:00", LOGS_GB, "42", 2),
    ];
    assert_eq!(told(&ask(Step::Day).await), days);
    assert_eq!(told(&ask(Step::Unspecified).await), days);
    let month = [by("01T00:00", KVS_READ_GB, "7", 1), by("01T00:00", LOGS_GB, "43.500000001", 4)];
    assert_eq!(told(&ask(Step::Month).await), month);
    // Only of some meters, from some time on and until another.
    let of_logs = QueryUsageRequest { meters: vec![LOGS_GB.to_owned()], ..of_app(&app, Step::Day) };
    assert_eq!(told(&queries(&alice, of_logs).await.expect("points")), days[1..]);
    let second = suite.clock_in(0).seconds / 86_400 * 86_400;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let first_day = QueryUsageRequest { to: at(second), ..of_app(&app, Step::Day) };
    assert_eq!(told(&queries(&alice, first_day).await.expect("points")), days[..2]);
    let from_then = QueryUsageRequest { from: at(second), ..of_app(&app, Step::Day) };
    assert_eq!(told(&queries(&alice, from_then).await.expect("points")), days[2..]);
    // The next month begins with nothing; what was before can be asked for.
    suite.clock.advance(Duration::from_hours(24 * 31));
    assert_eq!(queries(&alice, of_space(&space, Step::Day)).await.expect("points"), []);
    let before = QueryUsageRequest { from: at(second - 86_400), ..of_space(&space, Step::Day) };
    assert_eq!(told(&queries(&alice, before).await.expect("points")), days);
}

// R-B14: what is not summed up yet is read with that of the whole space.
async fn what_other_apps_have_just_used_is_not_told_of_an_app(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let apps = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    for (app, quantity) in apps.iter().zip(["1", "2"]) {
        reports_accepted(&suite, new_usage_event(&suite, app, LOGS_GB, quantity)).await;
    }
    for (app, quantity) in apps.iter().zip(["1", "2"]) {
        let in_space = QueryUsageRequest { space: space.clone(), ..of_app(app, Step::Month) };
        for question in [of_app(app, Step::Month), in_space] {
            let points = queries(&alice, question).await.expect("points");
            assert_eq!((points.len(), points[0].quantity.as_str(), points[0].events), (1, quantity, 1));
        }
    }
}

// R-B14
async fn usage_is_told_apart_by_app_and_by_the_values_of_dimensions(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let mut apps = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    apps.sort();
    let dimensions = vec![dimension("region", &["ap", "eu"])];
    let made =
        creates_meter(&suite, Meter { dimensions, ..meter("egress.gb", "GB") }).await.expect("a meter");
    for (app, region, quantity) in
        [(0, "eu", "1"), (1, "eu", "2"), (1, "ap", "4"), (0, "", "8"), (0, "eu", "16")]
    {
        let mut event = new_usage_event(&suite, &apps[app], &made.name, quantity);
        if !region.is_empty() {
            event.dimensions = [("region".to_owned(), region.to_owned())].into();
        }
        reports_accepted(&suite, event).await;
    }
    let ask = async |group_by: &[&str]| {
        let group_by = group_by.iter().map(ToString::to_string).collect();
        let request = QueryUsageRequest { group_by, ..of_space(&space, Step::Day) };
        let points = queries(&alice, request).await.expect("points");
        let region = |point: &UsagePoint| point.dimensions.get("region").cloned().unwrap_or_default();
        points.iter().map(|it| (it.app.clone(), region(it), it.quantity.clone())).collect::<Vec<_>>()
    };
    let of =
        |app: &str, region: &str, quantity: &str| (app.to_owned(), region.to_owned(), quantity.to_owned());
    assert_eq!(ask(&[]).await, [of("", "", "31")]);
    assert_eq!(ask(&["meter"]).await, [of("", "", "31")]);
    assert_eq!(ask(&["app"]).await, [of(&apps[0], "", "25"), of(&apps[1], "", "6")]);
    assert_eq!(ask(&["dimensions.region"]).await, [of("", "", "8"), of("", "ap", "4"), of("", "eu", "19")]);
    assert_eq!(ask(&["dimensions.colour"]).await, [of("", "", "31")]);
    assert_eq!(
        ask(&["dimensions.region", "app"]).await,
        [of(&apps[0], "", "8"), of(&apps[0], "eu", "17"), of(&apps[1], "ap", "4"), of(&apps[1], "eu", "2"),]
    );
}

// R-B14, R-B15
async fn what_was_voided_is_not_told(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let events = two_days(&suite, &app).await;
    voids_usage(&suite, &[&events[0], &events[2]]).await.expect("results");
    for request in [of_space(&space, Step::Day), of_app(&app, Step::Day)] {
        let points = queries(&alice, request).await.expect("points");
        let quantities: Vec<_> = points.iter().map(|it| (it.quantity.as_str(), it.events)).collect();
        assert_eq!(quantities, [("0.000000001", 1), ("42", 2)]);
    }
}

// R-B14
async fn pages_that_follow_begin_where_the_first_did_when_the_month_has_turned(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    two_days(&suite, &app).await;
    let first = QueryUsageRequest { page_size: 1, ..of_space(&space, Step::Hour) };
    let page = alice.usage().query_usage(first.clone()).await.expect("a page").into_inner();
    suite.clock.advance(Duration::from_hours(24 * 31));
    let request = QueryUsageRequest { page_token: page.next_page_token, page_size: 50, ..first };
    let rest = alice.usage().query_usage(request).await.expect("a page").into_inner();
    assert_eq!((page.points.len(), rest.points.len()), (1, 4));
}

// R-B14, R-B5: of an app that moved.
async fn an_apps_usage_is_of_all_spaces_and_a_spaces_of_its_own_time(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let [one, two] = [alice.creates_space("One").await, alice.creates_space("Two").await];
    let app = alice.creates_app(&one).await;
    for (to, quantity) in [(&two, "1"), (&one, "2"), (&two, "4")] {
        reports_accepted(&suite, new_usage_event(&suite, &app, LOGS_GB, quantity)).await;
        suite.clock.advance(Duration::from_mins(10));
        initiates_transfer(&alice, &app, to).await.expect("moved");
        suite.clock.advance(Duration::from_mins(10));
    }
    let within = |space: &str| QueryUsageRequest { space: space.to_owned(), ..of_app(&app, Step::Hour) };
    for (request, quantity) in [
        (of_app(&app, Step::Day), "7"),
        (of_space(&one, Step::Day), "5"),
        (of_space(&two, Step::Day), "2"),
        (within(&two), "2"),
        (within(&one), "5"),
    ] {
        let points = queries(&alice, request).await.expect("points");
        assert_eq!(points.iter().map(|it| it.quantity.as_str()).collect::<Vec<_>>(), [quantity]);
    }
}

// R-B14, R-P3: the whole table is in gate/matrix.
async fn usage_is_seen_by_those_who_work_with_it(suite: Suite) {
    let [alice, dora, victor, carol] = ["alice", "dora", "victor", "carol"].map(|id| suite.user(id));
    let [bill, stranger] = ["bill", "stranger"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&dora, DEVELOPER), (&victor, VIEWER), (&bill, ADMIN)])
        .await
        .expect("added");
    consents_to_invoicing(&bill, &space).await.expect("an account");
    removes_member(&alice, &space, &bill).await.expect("removed");
    let app = alice.creates_app(&space).await;
    adds_contributors(&alice, &app, &[(&carol, APP_VIEWER)]).await.expect("added");
    reports_accepted(&suite, new_usage_event(&suite, &app, LOGS_GB, "1")).await;
    let both = async |who: &Persona| {
        let request = QueryUsageRequest { space: space.clone(), ..of_app(&app, Step::Day) };
        queries(who, request).await.map(|points| points.len()).map_err(|it| it.code())
    };
    let see = async |who: &Persona| {
        let app = queries(who, of_app(&app, Step::Day)).await;
        let space = queries(who, of_space(&space, Step::Day)).await;
        (
            app.map(|points| points.len()).map_err(|it| it.code()),
            space.map(|points| points.len()).map_err(|it| it.code()),
        )
    };
    let no = Err(Code::PermissionDenied);
    assert_eq!(see(&alice).await, (Ok(1), Ok(1)));
    assert_eq!(see(&victor).await, (Ok(1), Ok(1)));
    assert_eq!(see(&dora).await, (no, no), "no app of hers");
    assert_eq!(see(&carol).await, (Ok(1), no), "her app alone");
    assert_eq!(see(&bill).await, (no, Ok(1)), "billing admin alone");
    assert_eq!(see(&stranger).await, (no, no));
    // Of an app in a space either suffices.
    assert_eq!((both(&carol).await, both(&bill).await, both(&stranger).await), (Ok(1), Ok(1), no));
}

// R-B14
async fn a_question_is_checked_as_a_whole(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let bad = async |request| refused(queries(&alice, request).await).fields;
    let neither = QueryUsageRequest::default();
    assert_eq!(bad(neither).await, ["app"]);
    assert_eq!(bad(of_app("apps/x", Step::Day)).await, ["app"]);
    let at = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
    let all = QueryUsageRequest {
        meters: vec![LOGS_GB.to_owned(), "logs.gb".to_owned()],
        from: at(1, 0),
        to: at(253_402_300_800, 0),
        group_by: ["app", "apps", "dimensions.", "dimensions.a", "dimensions.a"]
            .map(ToOwned::to_owned)
            .into(),
        ..of_app(&app, Step::Day)
    };
    let fields = ["from", "to", "meters[1]", "group_by[1]", "group_by[2]", "group_by[4]"];
    assert_eq!(bad(all).await, fields);
    let backwards = QueryUsageRequest { from: at(86_400, 0), to: at(86_400, 0), ..of_app(&app, Step::Day) };
    assert_eq!(bad(backwards).await, ["to"]);
    let within = QueryUsageRequest { from: at(3600, 0), ..of_app(&app, Step::Month) };
    assert_eq!(bad(within).await, ["from"]);
    let token = QueryUsageRequest { page_token: "x".to_owned(), ..of_app(&app, Step::Day) };
    assert_eq!(refused(alice.usage().query_usage(token).await).reason, "PAGE_TOKEN_INVALID");
    // A token is for the question that it came with.
    for id in [LOGS_GB, KVS_READ_GB] {
        reports_accepted(&suite, new_usage_event(&suite, &app, id, "1")).await;
    }
    let first = QueryUsageRequest { page_size: 1, ..of_app(&app, Step::Day) };
    let page_token = alice.usage().query_usage(first).await.expect("a page").into_inner().next_page_token;
    let other = QueryUsageRequest { page_token, ..of_space(&space, Step::Day) };
    assert_eq!(refused(alice.usage().query_usage(other).await).reason, "PAGE_TOKEN_INVALID");
}
