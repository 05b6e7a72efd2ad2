//! The `SpaceService`: a file for each method; `ArchiveSpace` and `RestoreSpace` share `lifecycle.rs`, and those of suspensions
//! share a file with `SuspendApp`.
pub(in crate::rpc) mod billing_status;
mod create_space;
mod delete_space;
mod get_space;
mod get_space_settings;
mod invoicing_terms;
mod lifecycle;
mod list_orphaned_spaces;
mod list_spaces;
mod undelete_space;
mod update_space;

use devspaces_kit::edge::answer;
use devspaces_proto::space::v1::{
    ArchiveSpaceRequest, CreateSpaceRequest, DeleteSpaceRequest, GetSpaceRequest, GetSpaceSettingsRequest,
    LiftSuspensionRequest, ListOrphanedSpacesRequest, ListOrphanedSpacesResponse, ListSpacesRequest,
    ListSpacesResponse, RestoreSpaceRequest, Space, SpaceSettings, Standing, SuspendSpaceRequest,
    UndeleteSpaceRequest, UpdateSpaceRequest, space_service_server::SpaceService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, suspension};

#[tonic::async_trait]
impl SpaceService for Rpc {
    async fn create_space(&self, request: Request<CreateSpaceRequest>) -> Result<Response<Space>, Status> {
        answer(request, |caller, request| create_space::handle(&self.0, caller, request)).await
    }

    async fn get_space(&self, request: Request<GetSpaceRequest>) -> Result<Response<Space>, Status> {
        answer(request, |caller, request| get_space::handle(&self.0, caller, request)).await
    }

    async fn get_space_settings(
        &self,
        request: Request<GetSpaceSettingsRequest>,
    ) -> Result<Response<SpaceSettings>, Status> {
        answer(request, |caller, request| get_space_settings::handle(&self.0, caller, request)).await
    }

    async fn list_spaces(
        &self,
        request: Request<ListSpacesRequest>,
    ) -> Result<Response<ListSpacesResponse>, Status> {
        answer(request, |caller, request| list_spaces::handle(&self.0, caller, request)).await
    }

    async fn list_orphaned_spaces(
        &self,
        request: Request<ListOrphanedSpacesRequest>,
    ) -> Result<Response<ListOrphanedSpacesResponse>, Status> {
        answer(request, |caller, request| list_orphaned_spaces::handle(&self.0, caller, request)).await
    }

    async fn update_space(&self, request: Request<UpdateSpaceRequest>) -> Result<Response<Space>, Status> {
        answer(request, |caller, request| update_space::handle(&self.0, caller, request)).await
    }

    async fn archive_space(&self, request: Request<ArchiveSpaceRequest>) -> Result<Response<Space>, Status> {
        answer(request, |caller, request| lifecycle::archive(&self.0, caller, request)).await
    }

    async fn restore_space(&self, request: Request<RestoreSpaceRequest>) -> Result<Response<Space>, Status> {
        answer(request, |caller, request| lifecycle::restore(&self.0, caller, request)).await
    }

    async fn suspend_space(
        &self,
        request: Request<SuspendSpaceRequest>,
    ) -> Result<Response<Standing>, Status> {
        answer(request, |caller, request| suspension::suspend_space(&self.0, caller, request)).await
    }

    async fn lift_suspension(
        &self,
        request: Request<LiftSuspensionRequest>,
    ) -> Result<Response<Standing>, Status> {
        answer(request, |caller, request| suspension::lift(&self.0, caller, request)).await
    }

    async fn delete_space(&self, request: Request<DeleteSpaceRequest>) -> Result<Response<Space>, Status> {
        answer(request, |caller, request| delete_space::handle(&self.0, caller, request)).await
    }

    async fn undelete_space(
        &self,
        request: Request<UndeleteSpaceRequest>,
    ) -> Result<Response<Space>, Status> {
        answer(request, |caller, request| undelete_space::handle(&self.0, caller, request)).await
    }
}
