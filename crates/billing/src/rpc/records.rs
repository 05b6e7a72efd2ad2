//! What the billing service tells the other services that no permission depends on.
use devspaces_proto::facts::v1::{
    GetBillingStatusRequest, GetBillingStatusResponse, billing_records_service_server::BillingRecordsService,
};
use tonic::{Request, Response, Status};

use super::Rpc;

#[tonic::async_trait]
impl BillingRecordsService for Rpc {
    async fn get_billing_status(
        &self,
        _: Request<GetBillingStatusRequest>,
    ) -> Result<Response<GetBillingStatusResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }
}
