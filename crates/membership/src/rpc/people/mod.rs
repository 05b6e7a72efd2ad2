//! The `PeopleService`: a file for each method.
mod change_standing;
mod get_user_standing;
mod grant_emergency_admin;

use devspaces_kit::edge::answer;
use devspaces_proto::membership::v1::{
    DeactivateUserRequest, GetUserStandingRequest, GrantEmergencyAdminRequest, Member as WireMember,
    ReactivateUserRequest, UserStanding, people_service_server::PeopleService,
};
use tonic::{Request, Response, Status};

use super::Rpc;

#[tonic::async_trait]
impl PeopleService for Rpc {
    async fn deactivate_user(
        &self,
        request: Request<DeactivateUserRequest>,
    ) -> Result<Response<UserStanding>, Status> {
        answer(request, |caller, request| change_standing::deactivate(&self.0, caller, request)).await
    }

    async fn reactivate_user(
        &self,
        request: Request<ReactivateUserRequest>,
    ) -> Result<Response<UserStanding>, Status> {
        answer(request, |caller, request| change_standing::reactivate(&self.0, caller, request)).await
    }

    async fn grant_emergency_admin(
        &self,
        request: Request<GrantEmergencyAdminRequest>,
    ) -> Result<Response<WireMember>, Status> {
        answer(request, |caller, request| grant_emergency_admin::handle(&self.0, caller, request)).await
    }

    async fn get_user_standing(
        &self,
        request: Request<GetUserStandingRequest>,
    ) -> Result<Response<UserStanding>, Status> {
        answer(request, |caller, request| get_user_standing::handle(&self.0, caller, request)).await
    }
}
