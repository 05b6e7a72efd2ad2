//! The `AppGroupService`: a file for each method.
mod add_apps;
mod create_app_group;
mod delete_app_group;
mod get_app_group;
mod grant_app_group_role;
mod list_app_group_apps;
mod list_app_group_roles;
mod list_app_groups;
mod remove_apps;
mod revoke_app_group_role;
mod update_app_group;

use devspaces_authz::{Permission, Service};
use devspaces_gate::{Context, views_all_apps};
use devspaces_kit::{
    edge::answer,
    identity::Caller,
    name::{AppGroupName, SpaceName},
    status::Fault,
};
use devspaces_ledger::{Abort, Change, Tx};
use devspaces_proto::space::v1::{
    AddAppsRequest, AddAppsResponse, AppGroup as WireAppGroup, AppGroupRole, CreateAppGroupRequest,
    DeleteAppGroupRequest, DeleteAppGroupResponse, GetAppGroupRequest, GrantAppGroupRoleRequest,
    ListAppGroupAppsRequest, ListAppGroupAppsResponse, ListAppGroupRolesRequest, ListAppGroupRolesResponse,
    ListAppGroupsRequest, ListAppGroupsResponse, RemoveAppsRequest, RemoveAppsResponse,
    RevokeAppGroupRoleRequest, RevokeAppGroupRoleResponse, UpdateAppGroupRequest,
    app_group_service_server::AppGroupService,
};
use serde_json::Value;
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{domain::AppGroup, store};

#[tonic::async_trait]
impl AppGroupService for Rpc {
    async fn create_app_group(
        &self,
        request: Request<CreateAppGroupRequest>,
    ) -> Result<Response<WireAppGroup>, Status> {
        answer(request, |caller, request| create_app_group::handle(&self.0, caller, request)).await
    }

    async fn get_app_group(
        &self,
        request: Request<GetAppGroupRequest>,
    ) -> Result<Response<WireAppGroup>, Status> {
        answer(request, |caller, request| get_app_group::handle(&self.0, caller, request)).await
    }

    async fn list_app_groups(
        &self,
        request: Request<ListAppGroupsRequest>,
    ) -> Result<Response<ListAppGroupsResponse>, Status> {
        answer(request, |caller, request| list_app_groups::handle(&self.0, caller, request)).await
    }

    async fn update_app_group(
        &self,
        request: Request<UpdateAppGroupRequest>,
    ) -> Result<Response<WireAppGroup>, Status> {
        answer(request, |caller, request| update_app_group::handle(&self.0, caller, request)).await
    }

    async fn delete_app_group(
        &self,
        request: Request<DeleteAppGroupRequest>,
    ) -> Result<Response<DeleteAppGroupResponse>, Status> {
        answer(request, |caller, request| delete_app_group::handle(&self.0, caller, request)).await
    }

    async fn add_apps(&self, request: Request<AddAppsRequest>) -> Result<Response<AddAppsResponse>, Status> {
        answer(request, |caller, request| add_apps::handle(&self.0, caller, request)).await
    }

    async fn remove_apps(
        &self,
        request: Request<RemoveAppsRequest>,
    ) -> Result<Response<RemoveAppsResponse>, Status> {
        answer(request, |caller, request| remove_apps::handle(&self.0, caller, request)).await
    }

    async fn list_app_group_apps(
        &self,
        request: Request<ListAppGroupAppsRequest>,
    ) -> Result<Response<ListAppGroupAppsResponse>, Status> {
        answer(request, |caller, request| list_app_group_apps::handle(&self.0, caller, request)).await
    }

    async fn grant_app_group_role(
        &self,
        request: Request<GrantAppGroupRoleRequest>,
    ) -> Result<Response<AppGroupRole>, Status> {
        answer(request, |caller, request| grant_app_group_role::handle(&self.0, caller, request)).await
    }

    async fn revoke_app_group_role(
        &self,
        request: Request<RevokeAppGroupRoleRequest>,
    ) -> Result<Response<RevokeAppGroupRoleResponse>, Status> {
        answer(request, |caller, request| revoke_app_group_role::handle(&self.0, caller, request)).await
    }

    async fn list_app_group_roles(
        &self,
        request: Request<ListAppGroupRolesRequest>,
    ) -> Result<Response<ListAppGroupRolesResponse>, Status> {
        answer(request, |caller, request| list_app_group_roles::handle(&self.0, caller, request)).await
    }
}

/// R-A11: how many app groups a space may have, how many apps one may hold, in how many an app may be, and how many people and
/// groups may have roles on one. What somebody may do on an app is looked up through all that it is in.
const MOST_APP_GROUPS: i64 = 1000;
const MOST_APPS: i64 = 10_000;
const MOST_OF_APP: i64 = 10;
const MOST_ROLES: i64 = 1000;

/// The app group that the caller may change, in a transaction on its space.
async fn existing(tx: &mut Tx, name: AppGroupName) -> Result<AppGroup, Abort> {
    Ok(store::app_group::find(tx, name).await?.ok_or_else(|| Fault::not_found(name))?)
}

/// Records a change of an app group. What anybody may do on its apps can change with it, and on each app by nothing else: the
/// space's stamp covers that.
async fn record(tx: &mut Tx, name: AppGroupName, before: Value, after: Value) -> Result<i64, Abort> {
    let change =
        Change { scope: name.space.into(), resources: vec![name.to_string()], before, after, facts: true };
    let revision = tx.record(change).await?;
    store::stamp::renew(tx, name.space, revision).await?;
    Ok(revision)
}

/// What a caller who may list a space's apps sees of them (R-A5).
enum Sight {
    /// All.
    Everything,
    /// Those to which they contribute: the encoded id.
    Own(String),
}

async fn sight(context: &Context, caller: &Caller, space: SpaceName) -> Result<Sight, Fault> {
    let pass = context.gate.require_with_facts(caller, Permission::AppsList, space).await?;
    if pass.facts().membership.is_missing() {
        // Contributing suffices to see one's own. Whether all are to be shown, nobody can tell now.
        return Err(Fault::facts_unavailable(&[Service::Membership.name()]));
    }
    let all = views_all_apps(pass.facts());
    Ok(if all { Sight::Everything } else { Sight::Own(caller.principal.person().to_owned()) })
}

/// The app group, if the caller sees it: one in which they see no app is to them one that there is not.
async fn seen(context: &Context, sight: &Sight, name: AppGroupName) -> Result<AppGroup, Fault> {
    let mut db = context.pool.read().await?;
    let found = store::app_group::find(&mut db, name).await?.ok_or_else(|| Fault::not_found(name))?;
    if let Sight::Own(person) = sight {
        let (first, now) = (devspaces_kit::name::AppName::NIL, context.clock.now());
        if store::app_group::apps_seen(&mut db, name, person, first, 1, now).await?.is_empty() {
            return Err(Fault::not_found(name));
        }
    }
    Ok(found)
}
