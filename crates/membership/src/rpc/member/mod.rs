//! The `MembershipService`: a file for each method.
mod add_members;
mod get_member;
mod leave_space;
mod leave_spaces;
mod list_members;
pub(super) mod remove_member;
mod update_member;

use devspaces_kit::{
    edge::answer,
    name::SpaceName,
    status::{Blockers, Reason},
};
use devspaces_ledger::{Abort, Tx, standing};
use devspaces_proto::membership::v1::{
    AddMembersRequest, AddMembersResponse, GetMemberRequest, LeaveSpaceRequest, LeaveSpaceResponse,
    LeaveSpacesRequest, LeaveSpacesResponse, ListMembersRequest, ListMembersResponse, Member as WireMember,
    RemoveMemberRequest, RemoveMemberResponse, UpdateMemberRequest,
    membership_service_server::MembershipService,
};
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{
    domain::{self, Member, Membership},
    store,
};

#[tonic::async_trait]
impl MembershipService for Rpc {
    async fn add_members(
        &self,
        request: Request<AddMembersRequest>,
    ) -> Result<Response<AddMembersResponse>, Status> {
        answer(request, |caller, request| add_members::handle(&self.0, caller, request)).await
    }

    async fn get_member(&self, request: Request<GetMemberRequest>) -> Result<Response<WireMember>, Status> {
        answer(request, |caller, request| get_member::handle(&self.0, caller, request)).await
    }

    async fn list_members(
        &self,
        request: Request<ListMembersRequest>,
    ) -> Result<Response<ListMembersResponse>, Status> {
        answer(request, |caller, request| list_members::handle(&self.0, caller, request)).await
    }

    async fn update_member(
        &self,
        request: Request<UpdateMemberRequest>,
    ) -> Result<Response<WireMember>, Status> {
        answer(request, |caller, request| update_member::handle(&self.0, caller, request)).await
    }

    async fn remove_member(
        &self,
        request: Request<RemoveMemberRequest>,
    ) -> Result<Response<RemoveMemberResponse>, Status> {
        answer(request, |caller, request| remove_member::handle(&self.0, caller, request)).await
    }

    async fn leave_space(
        &self,
        request: Request<LeaveSpaceRequest>,
    ) -> Result<Response<LeaveSpaceResponse>, Status> {
        answer(request, |caller, request| leave_space::handle(&self.0, caller, request)).await
    }

    async fn leave_spaces(
        &self,
        request: Request<LeaveSpacesRequest>,
    ) -> Result<Response<LeaveSpacesResponse>, Status> {
        answer(request, |caller, request| leave_spaces::handle(&self.0, caller, request)).await
    }
}

/// R-M4: a space keeps an Admin whose role does not expire.
fn block_last_admin(blockers: &mut Blockers, space: SpaceName) {
    let sentence =
        "A space keeps at least one console Admin whose role does not expire; make someone else Admin first";
    blockers.add(Reason::LastAdmin, space.to_string(), sentence);
}

/// R-M4: whether that Admin is there when `before` becomes `after`. Of those who are deactivated none counts, so that what
/// becomes of them takes no Admin away (R-M12).
async fn keep_an_admin(
    tx: &mut Tx,
    blockers: &mut Blockers,
    before: &Member,
    after: Option<&Membership>,
) -> Result<(), Abort> {
    let others = store::member::has_other_lasting_admin(tx, &before.name).await?;
    if !domain::keeps_an_admin(others, &before.membership, after)
        && standing::is_active(tx, &before.name.user).await?
    {
        block_last_admin(blockers, before.name.space);
    }
    Ok(())
}
