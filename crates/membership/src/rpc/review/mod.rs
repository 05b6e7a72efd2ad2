//! The `ReviewService`: a file for each method, and what the lists have in common.
mod bindings;
mod csv;
mod export_role_bindings;
mod list_role_bindings;
mod peers;
mod preview_departure;
mod section;

use devspaces_kit::edge::answer;
use devspaces_proto::membership::v1::{
    ExportRoleBindingsRequest, ExportRoleBindingsResponse, ListRoleBindingsRequest, ListRoleBindingsResponse,
    PreviewDepartureRequest, PreviewDepartureResponse, review_service_server::ReviewService,
};
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::Rpc;

#[tonic::async_trait]
impl ReviewService for Rpc {
    type ExportRoleBindingsStream = BoxStream<'static, Result<ExportRoleBindingsResponse, Status>>;

    async fn list_role_bindings(
        &self,
        request: Request<ListRoleBindingsRequest>,
    ) -> Result<Response<ListRoleBindingsResponse>, Status> {
        answer(request, |caller, request| list_role_bindings::handle(&self.0, caller, request)).await
    }

    async fn export_role_bindings(
        &self,
        request: Request<ExportRoleBindingsRequest>,
    ) -> Result<Response<Self::ExportRoleBindingsStream>, Status> {
        answer(request, |caller, request| export_role_bindings::handle(&self.0, caller, request)).await
    }

    async fn preview_departure(
        &self,
        request: Request<PreviewDepartureRequest>,
    ) -> Result<Response<PreviewDepartureResponse>, Status> {
        answer(request, |caller, request| preview_departure::handle(&self.0, caller, request)).await
    }
}
