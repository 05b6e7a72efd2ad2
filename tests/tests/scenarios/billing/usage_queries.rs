//! Usage by hour, day and month, for those who work with it (R-B14).
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering::SeqCst},
    time::Duration,
};

use devspaces::Service;
use devspaces_kit::clock::Clock as _;
use devspaces_proto::billing::v1::{
    Meter, QueryUsageRequest, UsageEvent, UsagePoint, query_usage_request::Step,
};
use devspaces_tests::{Persona, Suite, refused, sql::count};
use futures::future::join;
use tonic::{Code, Status};

use crate::{
    acts::{
        accounts::consents_to_invoicing,
        contributors::{APP_VIEWER, adds_contributors},
        members::{ADMIN, DEVELOPER, VIEWER, adds_members, removes_member},
        meters::{creates_meter, dimension, meter},
        transfers::initiates_transfer,
        usage::{
            ACCEPTED, KVS_READ_GB, LOGS_GB, begins_mid_month, new_usage_event, outcomes, reports_accepted,
            reports_usage, voids_usage,
        },
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        usage_is_told_by_hour_day_and_month,
        usage_is_told_apart_by_app_and_by_the_values_of_dimensions,
        what_was_voided_is_not_told,
        pages_are_complete_and_repeat_nothing,
        what_is_summed_up_and_what_is_not_come_to_the_same,
        pages_that_follow_begin_where_the_first_did_when_the_month_has_turned,
        answers_have_all_that_was_accepted_while_more_is_reported,
        an_apps_usage_is_of_all_spaces_and_a_spaces_of_its_own_time,
        usage_is_seen_by_those_who_work_with_it,
        a_question_is_checked_as_a_whole;
    two replicas:
        answers_have_all_that_was_accepted_while_more_is_reported;
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

/// Some hundred events of ten apps over three days, reported in batches.
async fn much(suite: &Suite, who: &Persona, space: &str) -> Vec<UsageEvent> {
    let mut apps = Vec::new();
    for _ in 0..10 {
        apps.push(who.creates_app(space).await);
    }
    suite.clock.advance(Duration::from_hours(72));
    let metering = suite.persona("services/metering");
    let mut all = Vec::new();
    for batch in 0..3_i64 {
        let event = |n: i64| {
            let app = &apps[usize::try_from(n * 7 % 10).expect("few")];
            let meter = if n % 3 == 0 { KVS_READ_GB } else { LOGS_GB };
            let mut event = new_usage_event(suite, app, meter, &format!("{}.{:03}", n + 1, batch));
            event.time = Some(suite.clock_in(-3600 * (n % 71)));
            event
        };
        let events: Vec<_> = (0..900).map(event).collect();
        let results = reports_usage(&metering, &events).await.expect("results");
        assert!(results.iter().all(|result| (result.outcome(), result.rejection()) == ACCEPTED));
        all.extend(events);
    }
    all
}

// R-B14
async fn pages_are_complete_and_repeat_nothing(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    much(&suite, &alice, &space).await;
    for (step, group_by) in
        [(Step::Hour, &["app"][..]), (Step::Day, &["app"]), (Step::Hour, &[]), (Step::Month, &["app"])]
    {
        let group_by: Vec<_> = group_by.iter().map(ToString::to_string).collect();
        let request = QueryUsageRequest { group_by, page_size: 1000, ..of_space(&space, step) };
        let whole = queries(&alice, request.clone()).await.expect("points");
        let events: i64 = whole.iter().map(|point| point.events).sum();
        assert_eq!(events, 2700, "{step:?}");
        for page_size in [1, 7, 50] {
            if whole.len() > 100 * usize::try_from(page_size).expect("few") {
                continue;
            }
            let pages = queries(&alice, QueryUsageRequest { page_size, ..request.clone() }).await;
            assert_eq!(pages.expect("points"), whole, "{step:?} in pages of {page_size}");
        }
    }
}

// R-B14: whenever it is summed up, and however often it is asked.
async fn what_is_summed_up_and_what_is_not_come_to_the_same(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let pool = suite.pool(Service::Billing).await;
    let summed = async || count(&pool, "SELECT COUNT(*) FROM usage_summed").await;
    let mut events = much(&suite, &alice, &space).await;
    let first = events[0].clone();
    let by_app = |step| QueryUsageRequest {
        group_by: vec!["app".to_owned()],
        page_size: 1000,
        ..of_space(&space, step)
    };
    let expected = |events: &[UsageEvent]| {
        let mut sums = BTreeMap::<(String, String), (i64, i64)>::new();
        for event in events {
            let (whole, part) = event.quantity.split_once('.').expect("a point");
            let thousandths =
                whole.parse::<i64>().expect("digits") * 1000 + part.parse::<i64>().expect("digits");
            let sum = sums.entry((event.app.clone(), event.meter.clone())).or_default();
            *sum = (sum.0 + thousandths, sum.1 + 1);
        }
        sums
    };
    let found = async |step| {
        let mut sums = BTreeMap::<(String, String), (i64, i64)>::new();
        for point in queries(&alice, by_app(step)).await.expect("points") {
            let (whole, part) = point.quantity.split_once('.').unwrap_or((&point.quantity, "0"));
            let thousandths = whole.parse::<i64>().expect("digits") * 1000
                + format!("{part:0<3}").parse::<i64>().expect("digits");
            let sum = sums.entry((point.app, point.meter)).or_default();
            *sum = (sum.0 + thousandths, sum.1 + point.events);
        }
        sums
    };
    for step in [Step::Hour, Step::Day] {
        assert_eq!(found(step).await, expected(&events), "{step:?}");
    }
    assert_eq!(summed().await, 1, "2,700 are too many to be read beside the sums");
    // One that is summed up is voided, and one that comes now.
    let more =
        UsageEvent { quantity: "5.000".to_owned(), ..new_usage_event(&suite, &first.app, LOGS_GB, "5") };
    let more_still = UsageEvent { id: suite.clock.new_id().to_string(), ..more.clone() };
    assert_eq!(outcomes(&suite, &[more.clone(), more_still.clone()]).await, [ACCEPTED; 2]);
    voids_usage(&suite, &[&first, &more]).await.expect("results");
    events.remove(0);
    events.push(more_still);
    for step in [Step::Hour, Step::Day, Step::Month] {
        assert_eq!(found(step).await, expected(&events), "{step:?}");
    }
    // Many that are summed up are voided at once.
    let voided: Vec<_> = events.drain(..1000).collect();
    voids_usage(&suite, &voided.iter().collect::<Vec<_>>()).await.expect("results");
    for step in [Step::Hour, Step::Month] {
        assert_eq!(found(step).await, expected(&events), "{step:?}");
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

// R-B14: complete, whatever is summed up meanwhile.
async fn answers_have_all_that_was_accepted_while_more_is_reported(suite: Suite) {
    begins_mid_month(&suite);
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let metering = suite.persona("services/metering");
    let (batches, size) = (rounds::<i64>(24), 500);
    let accepted = AtomicI64::new(0);
    let report = async {
        for _ in 0..batches {
            let events: Vec<_> = (0..size).map(|_| new_usage_event(&suite, &app, LOGS_GB, "1")).collect();
            reports_usage(&metering, &events).await.expect("results");
            accepted.fetch_add(size, SeqCst);
        }
    };
    let ask = async {
        loop {
            let before = accepted.load(SeqCst);
            let points = queries(&alice, of_space(&space, Step::Hour)).await.expect("points");
            let told: i64 = points.iter().map(|point| point.events).sum();
            let quantity: i64 =
                points.iter().map(|point| point.quantity.parse::<i64>().expect("whole")).sum();
            let after = accepted.load(SeqCst) + size;
            assert!((before..=after).contains(&told) && told == quantity, "{before}, {told}, {after}");
            if before == batches * size {
                return;
            }
        }
    };
    join(report, ask).await;
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
