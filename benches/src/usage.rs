//! What it costs to take usage with two dimensions, against plain writing of the same rows, to ask for it, and to bill it.
mod plain;
mod queries;
pub(crate) mod runs;

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use devspaces_kit::{
    clock::{Clock as _, Timestamp},
    name::SpaceName,
};
use devspaces_proto::billing::v1::{
    CreateMeterRequest, Dimension, Meter, ReportUsageRequest, UsageEvent, usage_result::Outcome,
};
use devspaces_tests::{Engine, Persona, Suite};

use self::plain::Plain;

/// Events of a batch: the most that there may be.
pub(crate) const BATCH: usize = 1_000;
/// Batches of each side before those that count: PostgreSQL makes its lasting plan of a statement at the sixth.
const WARM_UP: usize = 10;
/// Batches of each side that count.
const ROUNDS: usize = 60;
/// Spaces and apps of a batch: a metering service that sends for each space, one that sends for some, and one that sends
/// whatever comes.
const SHAPES: [(usize, usize); 3] = [(1, 10), (10, 100), (100, 100)];

/// What is measured: meters with two dimensions, of which one has values and the other takes any text.
const METERS: [(&str, &str); 7] = [
    ("meters/bench.cpu_hours", "hours"),
    ("meters/bench.egress_gb", "GB"),
    ("meters/bench.events", "events"),
    ("meters/bench.ingress_gb", "GB"),
    ("meters/bench.logs_gb", "GB"),
    ("meters/bench.reads", "reads"),
    ("meters/bench.writes", "writes"),
];
const REGIONS: [&str; 3] = ["ap", "eu", "us"];

/// Taking it and asking for it, on one engine.
pub(crate) async fn run(engine: Engine) {
    for (spaces, apps) in SHAPES {
        ingest(engine, spaces, apps).await;
    }
    queries::run(engine).await;
}

/// Batches through the API and batches written plainly take turns, so that whatever else the machine does disturbs both
/// alike.
async fn ingest(engine: Engine, spaces: usize, apps: usize) {
    let suite = Suite::start(engine).await;
    let (apps, holders) = apps_of(&suite, spaces, apps).await;
    suite.clock.advance(Duration::from_hours(1));
    makes_meters(&suite).await;
    let metering = suite.persona("services/metering");
    let plain = Plain::of(&suite).await;
    let (mut reported, mut written) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + ROUNDS {
        let events = batch(&suite, &apps, round);
        let rows = Plain::rows(&events, &holders, i64::try_from(round).expect("few"));
        let request = ReportUsageRequest { events, request_id: String::new() };
        let (report, write) = (timed(report(&metering, request)).await, timed(plain.write(&rows)).await);
        if round >= WARM_UP {
            reported.push(report);
            written.push(write);
        }
    }
    let (reported, written) = (median(reported), median(written));
    println!(
        "  1000 events of {} apps in {spaces} spaces: {reported:.1?}, {:.0} events/s; written plainly {written:.1?}, \
         {:.0} rows/s; ratio {:.2}",
        apps.len(),
        rate(reported),
        rate(written),
        written.as_secs_f64() / reported.as_secs_f64(),
    );
}

pub(crate) async fn makes_meters(suite: &Suite) {
    let catalogue = suite.persona("services/catalogue");
    let region = Dimension {
        name: "region".to_owned(),
        values: REGIONS.map(ToOwned::to_owned).to_vec(),
        ..Dimension::default()
    };
    let job = Dimension { name: "job".to_owned(), max_length: 32, ..Dimension::default() };
    for (name, unit) in METERS {
        let dimensions = vec![region.clone(), job.clone()];
        let (name, unit) = (name.to_owned(), unit.to_owned());
        let meter = Some(Meter { name, unit, dimensions, ..Meter::default() });
        let request = CreateMeterRequest { meter, ..CreateMeterRequest::default() };
        catalogue.usage().create_meter(request).await.expect("a meter");
    }
}

/// Apps, and which of the spaces holds each.
async fn apps_of(suite: &Suite, spaces: usize, apps: usize) -> (Vec<String>, HashMap<String, SpaceName>) {
    let alice = suite.user("alice");
    let (mut all, mut holders) = (Vec::with_capacity(apps), HashMap::with_capacity(apps));
    for _ in 0..spaces {
        let space = alice.creates_space("Team").await;
        for _ in 0..apps / spaces {
            let app = alice.creates_app(&space).await;
            holders.insert(app.clone(), space.parse().expect("a space"));
            all.push(app);
        }
    }
    (all, holders)
}

/// A batch as a metering service sends it: the ids are its own, the times spread over the last minute.
pub(crate) fn batch(suite: &Suite, apps: &[String], round: usize) -> Vec<UsageEvent> {
    let now = suite.clock.now();
    let event = |number: usize| UsageEvent {
        id: format!("meter-7/{round:08}/{:08x}", number.wrapping_mul(2_654_435_761) % 0xffff_fff1),
        app: apps[number % apps.len()].clone(),
        quantity: format!("{}.{:06}", number % 50, 1 + number * 7919 % 999_999),
        time: Some(
            Timestamp::from_micros(now.micros() - 60_000 * i64::try_from(number).expect("few")).into(),
        ),
        meter: METERS[number / apps.len() % METERS.len()].0.to_owned(),
        dimensions: BTreeMap::from([
            ("region".to_owned(), REGIONS[number % REGIONS.len()].to_owned()),
            ("job".to_owned(), format!("job-{}", number % 10)),
        ]),
        reservation: String::new(),
    };
    (0..BATCH).map(event).collect()
}

pub(crate) async fn report(metering: &Persona, request: ReportUsageRequest) {
    let results = metering.usage().report_usage(request).await.expect("results").into_inner().results;
    assert!(results.iter().all(|result| result.outcome() == Outcome::Accepted), "each event is new");
}

async fn timed(work: impl Future<Output = ()>) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "a thousand")]
fn rate(of_a_batch: Duration) -> f64 {
    BATCH as f64 / of_a_batch.as_secs_f64()
}
