//! The `UsageService`: a file for each method.
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
        _: Request<ReportUsageRequest>,
    ) -> Result<Response<ReportUsageResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn list_usage(&self, _: Request<ListUsageRequest>) -> Result<Response<ListUsageResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn list_rate_cards(
        &self,
        _: Request<ListRateCardsRequest>,
    ) -> Result<Response<ListRateCardsResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }

    async fn create_rate_card(
        &self,
        _: Request<CreateRateCardRequest>,
    ) -> Result<Response<RateCard>, Status> {
        Err(Status::unimplemented("in the making"))
    }
}
