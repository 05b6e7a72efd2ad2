//! Usage of apps: events, what becomes of them, and the months that they count in.
use devspaces_kit::clock::Clock as _;
use devspaces_proto::billing::v1::{
    ListUsageRequest, ReportUsageRequest, UsageEvent, UsageResult, VoidUsageRequest, VoidUsageResult,
    usage_result::{Outcome, Rejection},
    void_usage_result,
};
use devspaces_tests::{Persona, Suite};
use tonic::Status;

use crate::acts::accounts::account_of;

/// The meters that are there from the beginning (R-B6).
pub(crate) const FUNCTION_GB_SECONDS: &str = "meters/function.gb_seconds";
pub(crate) const KVS_READ_GB: &str = "meters/kvs.read_gb";
pub(crate) const KVS_WRITE_GB: &str = "meters/kvs.write_gb";
pub(crate) const LOGS_GB: &str = "meters/logs.gb";
pub(crate) const SQL_COMPUTE_HOURS: &str = "meters/sql.compute_hours";
pub(crate) const SQL_REQUESTS: &str = "meters/sql.requests";
pub(crate) const SQL_STORAGE_GB_HOURS: &str = "meters/sql.storage_gb_hours";

/// All of them, in the order of their ids.
pub(crate) const METERS: [&str; 7] = [
    FUNCTION_GB_SECONDS,
    KVS_READ_GB,
    KVS_WRITE_GB,
    LOGS_GB,
    SQL_COMPUTE_HOURS,
    SQL_REQUESTS,
    SQL_STORAGE_GB_HOURS,
];

/// What a test tells of usage: the rest of an event does not matter to it.
pub(crate) fn usage_event(suite: &Suite, id: &str, app: &str, quantity: &str) -> UsageEvent {
    UsageEvent {
        id: suite.own(id),
        app: app.to_owned(),
        meter: LOGS_GB.to_owned(),
        quantity: quantity.to_owned(),
        time: Some(suite.clock_in(0)),
        ..UsageEvent::default()
    }
}

pub(crate) async fn reports_usage(who: &Persona, events: &[UsageEvent]) -> Result<Vec<UsageResult>, Status> {
    let request = ReportUsageRequest { events: events.to_vec(), request_id: String::new() };
    Ok(who.usage().report_usage(request).await?.into_inner().results)
}

/// The results of events that are understood: why each was rejected, if it was.
pub(crate) async fn outcomes(suite: &Suite, events: &[UsageEvent]) -> Vec<(Outcome, Rejection)> {
    let metering = suite.persona("services/metering");
    let results = reports_usage(&metering, events).await.expect("results");
    assert_eq!(ids(&results), events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>());
    results.iter().map(|result| (result.outcome(), result.rejection())).collect()
}

pub(crate) fn ids(results: &[UsageResult]) -> Vec<&str> {
    results.iter().map(|result| result.id.as_str()).collect()
}

pub(crate) const ACCEPTED: (Outcome, Rejection) = (Outcome::Accepted, Rejection::Unspecified);
pub(crate) const DUPLICATE: (Outcome, Rejection) = (Outcome::Duplicate, Rejection::Unspecified);

pub(crate) fn rejected(why: Rejection) -> (Outcome, Rejection) {
    (Outcome::Rejected, why)
}

/// The usage of a month in a space, in pages of this size: app, meter, quantity and number of events.
pub(crate) async fn pages_of_usage(
    who: &Persona,
    request: ListUsageRequest,
) -> Result<Vec<(String, String, String, i64)>, Status> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListUsageRequest { page_token, ..request.clone() };
        let page = who.usage().list_usage(request).await?.into_inner();
        all.extend(page.usage.into_iter().map(|it| (it.app.clone(), it.meter, it.quantity, it.events)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// The usage of the current month in a space.
pub(crate) async fn lists_usage(
    who: &Persona,
    space: &str,
) -> Result<Vec<(String, String, String, i64)>, Status> {
    pages_of_usage(who, ListUsageRequest { parent: account_of(space), ..ListUsageRequest::default() }).await
}

/// A month, so many after that of the clock: "2027-01".
pub(crate) fn month_ahead(suite: &Suite, ahead: u32) -> String {
    let now = suite.clock.now().to_string();
    let number = |digits: &str| digits.parse::<u32>().expect("a number");
    let months = number(&now[..4]) * 12 + number(&now[5..7]) - 1 + ahead;
    format!("{:04}-{:02}", months / 12, months % 12 + 1)
}

/// Begins in the middle of a month, and gives its name and the next one's.
pub(crate) fn begins_mid_month(suite: &Suite) -> (String, String) {
    let (this, next) = (month_ahead(suite, 1), month_ahead(suite, 2));
    suite.clock.advance_to(&format!("{this}-10T12:00:00Z"));
    (this, next)
}

/// An event of now, by a new id.
pub(crate) fn new_usage_event(suite: &Suite, app: &str, meter: &str, quantity: &str) -> UsageEvent {
    UsageEvent {
        id: suite.clock.new_id().to_string(),
        app: app.to_owned(),
        meter: meter.to_owned(),
        quantity: quantity.to_owned(),
        time: Some(suite.clock_in(0)),
        ..UsageEvent::default()
    }
}

/// Reports an event that must be accepted.
pub(crate) async fn reports_accepted(suite: &Suite, event: UsageEvent) {
    assert_eq!(outcomes(suite, &[event]).await, [ACCEPTED]);
}

/// The quantities of the current month in a space, each with the number of its events.
pub(crate) async fn usage_sums(who: &Persona, space: &str) -> Vec<(String, i64)> {
    let used = lists_usage(who, space).await.expect("usage");
    used.into_iter().map(|(_, _, quantity, events)| (quantity, events)).collect()
}

/// Has events voided, and says what became of each.
pub(crate) async fn voids_usage(
    suite: &Suite,
    events: &[&UsageEvent],
) -> Result<Vec<void_usage_result::Outcome>, Status> {
    let event_ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
    let reason = "Measured twice".to_owned();
    let request = VoidUsageRequest {
        event_ids: event_ids.clone(),
        reason,
        request_id: String::new(),
        ..VoidUsageRequest::default()
    };
    let metering = suite.persona("services/metering");
    let results = metering.usage().void_usage(request).await?.into_inner().results;
    assert_eq!(results.iter().map(|result| result.id.clone()).collect::<Vec<_>>(), event_ids);
    Ok(results.iter().map(VoidUsageResult::outcome).collect())
}
