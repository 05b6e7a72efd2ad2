//! Reservations, on the wire and not.
use std::time::Duration;

use devspaces_kit::{
    name::{AppName, MeterName, ReservationName},
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{Reservation as WireReservation, ReserveUsageRequest};
use rust_decimal::Decimal;

use super::usage::quantity;
use crate::domain::{
    Meter,
    meter::Dimensions,
    reservation::{Grant, Reservation},
};

/// For how long something is set aside.
const TTL: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) app: AppName,
    pub(crate) meter: MeterName,
    pub(crate) dimensions: Dimensions,
    pub(crate) quantity: Decimal,
    pub(crate) ttl: Duration,
}

/// What a request asks for, of a meter; of one that there is not nothing can be said of the dimensions.
pub(crate) fn wanted(
    request: ReserveUsageRequest,
    app: AppName,
    name: &MeterName,
    meter: Option<&Meter>,
) -> Result<Wanted, Fault> {
    let mut fields = Fields::new();
    let quantity = quantity(&request.quantity).map_err(|sentence| {
        // As it completes the name of the field.
        sentence.strip_prefix("quantity ").unwrap_or(sentence).to_owned()
    });
    let quantity = fields.check("quantity", quantity);
    let ttl = request.ttl.and_then(|ttl| Duration::try_from(ttl).ok()).filter(|ttl| TTL.contains(ttl));
    let ttl = fields.check("ttl", ttl.ok_or("must be from 1 second to 24 hours"));
    let dimensions = request.dimensions;
    if let Some(Err(sentence)) = meter.map(|meter| meter.admit(&dimensions)) {
        // The sentence begins with the field.
        let (path, sentence) = sentence.split_once(' ').unwrap_or(("dimensions", &sentence));
        fields.bad(path, sentence);
    }
    let (quantity, ttl) = fields.finish_with(quantity.zip(ttl))?;
    Ok(Wanted { app, meter: name.clone(), dimensions, quantity, ttl })
}

/// A reservation as it is told; without a name if there is none, since nothing was granted.
pub(crate) fn to_wire(
    name: Option<ReservationName>,
    of: &Reservation,
    meter: &MeterName,
    grant: Grant,
) -> WireReservation {
    WireReservation {
        name: name.map(|name| name.to_string()).unwrap_or_default(),
        app: of.app.to_string(),
        meter: meter.to_string(),
        granted_quantity: grant.quantity.to_string(),
        end_time: name.map(|_| of.end_time.into()),
        limiting_budget: grant.limited_by.map(|budget| budget.to_string()).unwrap_or_default(),
    }
}
