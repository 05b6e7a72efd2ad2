//! What it costs to ask for a year of usage by day, against a month of it.
use std::time::{Duration, Instant};

use devspaces_kit::clock::{Clock as _, Timestamp};
use devspaces_proto::billing::v1::{QueryUsageRequest, ReportUsageRequest, UsageEvent};
use devspaces_tests::{Engine, Persona, Suite};

use super::{BATCH, ROUNDS, WARM_UP, median, report};

const DAY: i64 = 24 * 60 * 60 * 1_000_000;
const YEAR: i64 = 365;
/// Events of each day, each of an hour of its own.
const EVENTS: i64 = 20;

/// A year and its last 30 days take turns, query by query.
pub(crate) async fn run(engine: Engine) {
    let suite = Suite::start(engine).await;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let start = (suite.clock.now().micros() / DAY + 1) * DAY;
    suite.clock.advance(Duration::from_hours(24 * 367));
    let metering = suite.persona("services/metering");
    for events in events(&app, start).chunks(BATCH) {
        let request = ReportUsageRequest { events: events.to_vec(), request_id: String::new() };
        report(&metering, request).await;
    }
    let (mut months, mut years) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + ROUNDS {
        let month = days(&alice, &space, start, YEAR - 30).await;
        let year = days(&alice, &space, start, 0).await;
        if round >= WARM_UP {
            months.push(month);
            years.push(year);
        }
    }
    let (month, year) = (median(months), median(years));
    println!(
        "  usage of 30 days by day: {month:.1?}; of a year: {year:.1?}; ratio {:.2}",
        year.as_secs_f64() / month.as_secs_f64()
    );
}

fn events(app: &str, start: i64) -> Vec<UsageEvent> {
    let event = |number: i64| UsageEvent {
        id: format!("meter-7/{number:08x}"),
        app: app.to_owned(),
        quantity: "0.25".to_owned(),
        time: Some(Timestamp::from_micros(start + number / EVENTS * DAY + number % EVENTS * DAY / 24).into()),
        meter: "meters/logs.gb".to_owned(),
        ..UsageEvent::default()
    };
    (0..YEAR * EVENTS).map(event).collect()
}

/// Asks for the days of the year from one on.
async fn days(alice: &Persona, space: &str, start: i64, first: i64) -> Duration {
    let day = |day: i64| Some(Timestamp::from_micros(start + day * DAY).into());
    let request = QueryUsageRequest {
        space: space.to_owned(),
        from: day(first),
        to: day(YEAR),
        page_size: 1_000,
        ..QueryUsageRequest::default()
    };
    let begun = Instant::now();
    let points = alice.usage().query_usage(request).await.expect("points").into_inner().points;
    let took = begun.elapsed();
    assert_eq!(i64::try_from(points.len()), Ok(YEAR - first));
    took
}
