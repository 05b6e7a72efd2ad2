//! What is set aside for apps, and usage that is reported with it.
use devspaces_proto::billing::v1::{
    ListBilledAppsRequest, ReleaseReservationRequest, Reservation, ReserveUsageRequest, UsageEvent,
    UsageResult,
};
use devspaces_tests::{Persona, Suite};
use tonic::{Response, Status};

use crate::acts::{
    accounts::account_of,
    usage::{LOGS_GB, new_usage_event, reports_usage},
};

/// The service that measures.
pub(crate) fn metering(suite: &Suite) -> Persona {
    suite.persona("services/metering")
}

/// A request to set logs aside for an app, for an hour.
pub(crate) fn reservation(app: &str, quantity: &str) -> ReserveUsageRequest {
    ReserveUsageRequest {
        app: app.to_owned(),
        meter: LOGS_GB.to_owned(),
        quantity: quantity.to_owned(),
        ttl: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
        ..ReserveUsageRequest::default()
    }
}

pub(crate) async fn asks_for(who: &Persona, request: ReserveUsageRequest) -> Result<Reservation, Status> {
    who.usage().reserve_usage(request).await.map(Response::into_inner)
}

/// Sets logs aside for an app, for an hour, or finds that nothing is left.
pub(crate) async fn reserves(suite: &Suite, app: &str, quantity: &str) -> Reservation {
    asks_for(&metering(suite), reservation(app, quantity)).await.expect("an answer")
}

/// How much is given back.
pub(crate) async fn releases(suite: &Suite, name: &str) -> Result<String, Status> {
    let request = ReleaseReservationRequest { name: name.to_owned(), request_id: String::new() };
    let released = metering(suite).usage().release_reservation(request).await?;
    Ok(released.into_inner().released_quantity)
}

/// An event of now that names a reservation.
pub(crate) fn reserved_event(suite: &Suite, of: &Reservation, quantity: &str) -> UsageEvent {
    let event = new_usage_event(suite, &of.app, &of.meter, quantity);
    UsageEvent { reservation: of.name.clone(), ..event }
}

/// Reports an event, and tells what became of it.
pub(crate) async fn reports(suite: &Suite, event: UsageEvent) -> UsageResult {
    let results = reports_usage(&metering(suite), &[event]).await.expect("results");
    results.into_iter().next().expect("a result")
}

/// What a month of a space comes to so far, in cents.
pub(crate) async fn costs(who: &Persona, space: &str) -> i64 {
    let request = ListBilledAppsRequest { parent: account_of(space), ..ListBilledAppsRequest::default() };
    let apps = who.accounts().list_billed_apps(request).await.expect("apps").into_inner();
    let total = apps.estimated_total.expect("a total");
    total.units * 100 + i64::from(total.nanos / 10_000_000)
}

/// A decimal, in billionths.
pub(crate) fn billionths(decimal: &str) -> i64 {
    let (whole, rest) = decimal.split_once('.').unwrap_or((decimal, ""));
    format!("{whole}{rest:0<9}").parse().expect("a decimal")
}
