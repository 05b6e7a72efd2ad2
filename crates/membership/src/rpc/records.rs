//! What the membership service tells the other services that no permission depends on.
use devspaces_proto::facts::v1::{
    ListBuildersRequest, ListBuildersResponse, membership_records_service_server::MembershipRecordsService,
};
use tonic::{Request, Response, Status};

use super::Rpc;

#[tonic::async_trait]
impl MembershipRecordsService for Rpc {
    async fn list_builders(
        &self,
        _: Request<ListBuildersRequest>,
    ) -> Result<Response<ListBuildersResponse>, Status> {
        Err(Status::unimplemented("in the making"))
    }
}
