//! What the space service tells the other services that no permission depends on: a file for each method.
mod describe_spaces;
mod list_app_bindings;
mod list_deployers;
mod list_group_bindings;
mod list_holdings_at;
mod list_roles_of_group;
mod list_space_apps;
mod reserve_listing;
mod set_group_role;

use devspaces_kit::edge::answer;
use devspaces_proto::facts::v1::{
    DescribeSpacesRequest, DescribeSpacesResponse, ListAppBindingsRequest, ListAppBindingsResponse,
    ListDeployersRequest, ListDeployersResponse, ListGroupBindingsRequest, ListGroupBindingsResponse,
    ListHoldingsAtRequest, ListHoldingsAtResponse, ListRolesOfGroupRequest, ListRolesOfGroupResponse,
    ListSpaceAppsRequest, ListSpaceAppsResponse, ReserveListingRequest, ReserveListingResponse,
    SetGroupRoleRequest, SetGroupRoleResponse, space_records_service_server::SpaceRecordsService,
};
use tonic::{Request, Response, Status};

use super::Rpc;

#[tonic::async_trait]
impl SpaceRecordsService for Rpc {
    async fn describe_spaces(
        &self,
        request: Request<DescribeSpacesRequest>,
    ) -> Result<Response<DescribeSpacesResponse>, Status> {
        answer(request, |caller, request| describe_spaces::handle(&self.0, caller, request)).await
    }

    async fn list_holdings_at(
        &self,
        request: Request<ListHoldingsAtRequest>,
    ) -> Result<Response<ListHoldingsAtResponse>, Status> {
        answer(request, |caller, request| list_holdings_at::handle(&self.0, caller, request)).await
    }

    async fn list_space_apps(
        &self,
        request: Request<ListSpaceAppsRequest>,
    ) -> Result<Response<ListSpaceAppsResponse>, Status> {
        answer(request, |caller, request| list_space_apps::handle(&self.0, caller, request)).await
    }

    async fn list_deployers(
        &self,
        request: Request<ListDeployersRequest>,
    ) -> Result<Response<ListDeployersResponse>, Status> {
        answer(request, |caller, request| list_deployers::handle(&self.0, caller, request)).await
    }

    async fn list_app_bindings(
        &self,
        request: Request<ListAppBindingsRequest>,
    ) -> Result<Response<ListAppBindingsResponse>, Status> {
        answer(request, |caller, request| list_app_bindings::handle(&self.0, caller, request)).await
    }

    async fn reserve_listing(
        &self,
        request: Request<ReserveListingRequest>,
    ) -> Result<Response<ReserveListingResponse>, Status> {
        answer(request, |caller, request| reserve_listing::handle(&self.0, caller, request)).await
    }

    async fn list_group_bindings(
        &self,
        request: Request<ListGroupBindingsRequest>,
    ) -> Result<Response<ListGroupBindingsResponse>, Status> {
        answer(request, |caller, request| list_group_bindings::handle(&self.0, caller, request)).await
    }

    async fn set_group_role(
        &self,
        request: Request<SetGroupRoleRequest>,
    ) -> Result<Response<SetGroupRoleResponse>, Status> {
        answer(request, |caller, request| set_group_role::handle(&self.0, caller, request)).await
    }

    async fn list_roles_of_group(
        &self,
        request: Request<ListRolesOfGroupRequest>,
    ) -> Result<Response<ListRolesOfGroupResponse>, Status> {
        answer(request, |caller, request| list_roles_of_group::handle(&self.0, caller, request)).await
    }
}
