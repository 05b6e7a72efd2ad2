//! The `UsageService`: a file for each method.
mod create_rate_card;
mod list_rate_cards;
mod list_usage;
mod report_usage;

use devspaces_kit::edge::answer;
use devspaces_proto::billing::v1::{
    CreateRateCardRequest, ListRateCardsRequest, ListRateCardsResponse, ListUsageRequest, ListUsageResponse,
    RateCard, ReportUsageRequest, ReportUsageResponse, usage_service_server::UsageService,
};
use tonic::{Request, Response, Status};

use super::Rpc;

#[tonic::async_trait]
impl UsageService for Rpc {
    async fn report_usage(
        &self,
        request: Request<ReportUsageRequest>,
    ) -> Result<Response<ReportUsageResponse>, Status> {
        answer(request, |caller, request| report_usage::handle(&self.0, caller, request)).await
    }

    async fn list_usage(
        &self,
        request: Request<ListUsageRequest>,
    ) -> Result<Response<ListUsageResponse>, Status> {
        answer(request, |caller, request| list_usage::handle(&self.0, caller, request)).await
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
}
