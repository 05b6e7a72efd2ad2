//! The `UsageService`: a file for each method.
mod create_meter;
mod create_rate_card;
mod get_allowances;
mod list_line_events;
mod list_meters;
mod list_rate_cards;
mod list_usage;
mod query_usage;
mod release_reservation;
mod report_usage;
mod reserve_usage;
mod retire_meter;
mod update_meter;
mod void_usage;

use std::collections::HashMap;

use devspaces_kit::{
    edge::answer,
    name::{MeterName, Scope, SpaceName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Change, Tx, db::Error, etag};
use devspaces_proto::billing::v1::{
    Allowances, CreateMeterRequest, CreateRateCardRequest, GetAllowancesRequest, ListLineEventsRequest,
    ListLineEventsResponse, ListMetersRequest, ListMetersResponse, ListRateCardsRequest,
    ListRateCardsResponse, ListUsageRequest, ListUsageResponse, Meter as WireMeter, QueryUsageRequest,
    QueryUsageResponse, RateCard, ReleaseReservationRequest, ReleaseReservationResponse, ReportUsageRequest,
    ReportUsageResponse, Reservation, ReserveUsageRequest, RetireMeterRequest, UpdateMeterRequest,
    VoidUsageRequest, VoidUsageResponse, usage_service_server::UsageService,
};
use serde_json::Value;
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{domain::Meter, store};

#[tonic::async_trait]
impl UsageService for Rpc {
    async fn report_usage(
        &self,
        request: Request<ReportUsageRequest>,
    ) -> Result<Response<ReportUsageResponse>, Status> {
        answer(request, |caller, request| report_usage::handle(&self.0, caller, request)).await
    }

    async fn void_usage(
        &self,
        request: Request<VoidUsageRequest>,
    ) -> Result<Response<VoidUsageResponse>, Status> {
        answer(request, |caller, request| void_usage::handle(&self.0, caller, request)).await
    }

    async fn query_usage(
        &self,
        request: Request<QueryUsageRequest>,
    ) -> Result<Response<QueryUsageResponse>, Status> {
        answer(request, |caller, request| query_usage::handle(&self.0, caller, request)).await
    }

    async fn get_allowances(
        &self,
        request: Request<GetAllowancesRequest>,
    ) -> Result<Response<Allowances>, Status> {
        answer(request, |caller, request| get_allowances::handle(&self.0, caller, request)).await
    }

    async fn reserve_usage(
        &self,
        request: Request<ReserveUsageRequest>,
    ) -> Result<Response<Reservation>, Status> {
        answer(request, |caller, request| reserve_usage::handle(&self.0, caller, request)).await
    }

    async fn release_reservation(
        &self,
        request: Request<ReleaseReservationRequest>,
    ) -> Result<Response<ReleaseReservationResponse>, Status> {
        answer(request, |caller, request| release_reservation::handle(&self.0, caller, request)).await
    }

    async fn list_usage(
        &self,
        request: Request<ListUsageRequest>,
    ) -> Result<Response<ListUsageResponse>, Status> {
        answer(request, |caller, request| list_usage::handle(&self.0, caller, request)).await
    }

    async fn list_line_events(
        &self,
        request: Request<ListLineEventsRequest>,
    ) -> Result<Response<ListLineEventsResponse>, Status> {
        answer(request, |caller, request| list_line_events::handle(&self.0, caller, request)).await
    }

    async fn list_rate_cards(
        &self,
        request: Request<ListRateCardsRequest>,
    ) -> Result<Response<ListRateCardsResponse>, Status> {
        answer(request, |caller, request| list_rate_cards::handle(&self.0, caller, request)).await
    }

    async fn create_rate_card(
        &self,
        request: Request<CreateRateCardRequest>,
    ) -> Result<Response<RateCard>, Status> {
        answer(request, |caller, request| create_rate_card::handle(&self.0, caller, request)).await
    }

    async fn list_meters(
        &self,
        request: Request<ListMetersRequest>,
    ) -> Result<Response<ListMetersResponse>, Status> {
        answer(request, |caller, request| list_meters::handle(&self.0, caller, request)).await
    }

    async fn create_meter(
        &self,
        request: Request<CreateMeterRequest>,
    ) -> Result<Response<WireMeter>, Status> {
        answer(request, |caller, request| create_meter::handle(&self.0, caller, request)).await
    }

    async fn update_meter(
        &self,
        request: Request<UpdateMeterRequest>,
    ) -> Result<Response<WireMeter>, Status> {
        answer(request, |caller, request| update_meter::handle(&self.0, caller, request)).await
    }

    async fn retire_meter(
        &self,
        request: Request<RetireMeterRequest>,
    ) -> Result<Response<WireMeter>, Status> {
        answer(request, |caller, request| retire_meter::handle(&self.0, caller, request)).await
    }
}

/// A meter that is not retired, if the etag is its own.
async fn meter_in_use(tx: &mut Tx, name: &MeterName, etag: &str) -> Result<Meter, Abort> {
    let meter = store::meter::find(tx, name).await?.ok_or_else(|| Fault::not_found(name))?;
    etag::check(etag, meter.revision, name)?;
    if meter.retire_time.is_some() {
        let sentence = "The meter is retired, which is for good";
        return Err(Fault::precondition(Reason::MeterRetired, name.to_string(), sentence).into());
    }
    Ok(meter)
}

/// The entry of a change of a meter (R-J1). Meters are in the scope of the rate cards, which have a rate for each: a card and
/// a meter that are made at once come one after the other.
async fn record_meter(tx: &mut Tx, name: &MeterName, before: Value, after: Value) -> Result<i64, Error> {
    let resources = vec![name.to_string()];
    tx.record(Change { scope: Scope::RateCards, resources, before, after, facts: false }).await
}

/// The entry that each of these spaces will have of this transaction.
fn sequences(tx: &Tx, spaces: impl IntoIterator<Item = SpaceName>) -> Result<HashMap<SpaceName, i64>, Error> {
    spaces.into_iter().map(|space| Ok((space, tx.sequence(space.into())? + 1))).collect()
}

/// What is within the limits can be added up.
fn too_large() -> Fault {
    Fault::internal("a sum that was bounded can't be kept exactly")
}
