//! The `GroupService`: a file for each method.
mod add_group_members;
mod create_group;
mod delete_group;
mod get_group;
mod grant_app_role;
mod list_group_members;
mod list_group_roles;
mod list_groups;
mod remove_group_member;
mod revoke_app_role;
mod update_group;

use devspaces_gate::Context;
use devspaces_kit::{edge::answer, name::GroupName, status::Fault};
use devspaces_ledger::{Abort, Tx};
use devspaces_proto::membership::v1::{
    AddGroupMembersRequest, AddGroupMembersResponse, CreateGroupRequest, DeleteGroupRequest,
    DeleteGroupResponse, GetGroupRequest, GrantAppRoleRequest, GrantAppRoleResponse, Group as WireGroup,
    ListGroupMembersRequest, ListGroupMembersResponse, ListGroupRolesRequest, ListGroupRolesResponse,
    ListGroupsRequest, ListGroupsResponse, RemoveGroupMemberRequest, RemoveGroupMemberResponse,
    RevokeAppRoleRequest, RevokeAppRoleResponse, UpdateGroupRequest, group_service_server::GroupService,
};
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{domain::Group, store};

#[tonic::async_trait]
impl GroupService for Rpc {
    async fn create_group(
        &self,
        request: Request<CreateGroupRequest>,
    ) -> Result<Response<WireGroup>, Status> {
        answer(request, |caller, request| create_group::handle(&self.0, caller, request)).await
    }

    async fn get_group(&self, request: Request<GetGroupRequest>) -> Result<Response<WireGroup>, Status> {
        answer(request, |caller, request| get_group::handle(&self.0, caller, request)).await
    }

    async fn list_groups(
        &self,
        request: Request<ListGroupsRequest>,
    ) -> Result<Response<ListGroupsResponse>, Status> {
        answer(request, |caller, request| list_groups::handle(&self.0, caller, request)).await
    }

    async fn update_group(
        &self,
        request: Request<UpdateGroupRequest>,
    ) -> Result<Response<WireGroup>, Status> {
        answer(request, |caller, request| update_group::handle(&self.0, caller, request)).await
    }

    async fn delete_group(
        &self,
        request: Request<DeleteGroupRequest>,
    ) -> Result<Response<DeleteGroupResponse>, Status> {
        answer(request, |caller, request| delete_group::handle(&self.0, caller, request)).await
    }

    async fn add_group_members(
        &self,
        request: Request<AddGroupMembersRequest>,
    ) -> Result<Response<AddGroupMembersResponse>, Status> {
        answer(request, |caller, request| add_group_members::handle(&self.0, caller, request)).await
    }

    async fn remove_group_member(
        &self,
        request: Request<RemoveGroupMemberRequest>,
    ) -> Result<Response<RemoveGroupMemberResponse>, Status> {
        answer(request, |caller, request| remove_group_member::handle(&self.0, caller, request)).await
    }

    async fn list_group_members(
        &self,
        request: Request<ListGroupMembersRequest>,
    ) -> Result<Response<ListGroupMembersResponse>, Status> {
        answer(request, |caller, request| list_group_members::handle(&self.0, caller, request)).await
    }

    async fn grant_app_role(
        &self,
        request: Request<GrantAppRoleRequest>,
    ) -> Result<Response<GrantAppRoleResponse>, Status> {
        answer(request, |caller, request| grant_app_role::handle(&self.0, caller, request)).await
    }

    async fn revoke_app_role(
        &self,
        request: Request<RevokeAppRoleRequest>,
    ) -> Result<Response<RevokeAppRoleResponse>, Status> {
        answer(request, |caller, request| revoke_app_role::handle(&self.0, caller, request)).await
    }

    async fn list_group_roles(
        &self,
        request: Request<ListGroupRolesRequest>,
    ) -> Result<Response<ListGroupRolesResponse>, Status> {
        answer(request, |caller, request| list_group_roles::handle(&self.0, caller, request)).await
    }
}

/// R-M11: how many groups a space may have, how many members a group, and in how many groups of a space somebody may be: whom a
/// role on an app comes to is looked up through these, and what somebody leaves with the space is told.
const MOST_GROUPS: i64 = 1000;
const MOST_MEMBERS: i64 = 10_000;
const MOST_OF_PERSON: usize = 50;

/// The group that the caller may change, in a transaction on its space.
async fn existing(tx: &mut Tx, name: GroupName) -> Result<Group, Abort> {
    Ok(store::group::find(tx, name).await?.ok_or_else(|| Fault::not_found(name))?)
}

/// Goes on if there is such a group in a space that the caller may see.
async fn require(context: &Context, name: GroupName) -> Result<(), Fault> {
    let found = store::group::find(&mut context.pool.read().await?, name).await?;
    found.map(drop).ok_or_else(|| Fault::not_found(name))
}
