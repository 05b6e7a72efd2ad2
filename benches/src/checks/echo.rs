//! What a call costs that does nothing: tonic, the messages of a check, and no more, in a process of its own.
use std::{
    env,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use devspaces_proto::authz::v1::{
    BatchCheckPermissionsRequest, BatchCheckPermissionsResponse, CheckPermissionRequest,
    CheckPermissionResponse, Explanation, ListPermissionsRequest, ListPermissionsResponse,
    ListResourcesRequest, ListResourcesResponse, ListRolesRequest, ListRolesResponse, ListSubjectsRequest,
    ListSubjectsResponse, Plane, Role, RoleGrant,
    authz_service_server::{AuthzService, AuthzServiceServer},
};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

use super::target::{Target, start};

struct Echo(CheckPermissionResponse);

#[tonic::async_trait]
impl AuthzService for Echo {
    async fn check_permission(
        &self,
        _: Request<CheckPermissionRequest>,
    ) -> Result<Response<CheckPermissionResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }

    async fn batch_check_permissions(
        &self,
        _: Request<BatchCheckPermissionsRequest>,
    ) -> Result<Response<BatchCheckPermissionsResponse>, Status> {
        Ok(Response::new(BatchCheckPermissionsResponse::default()))
    }

    async fn list_permissions(
        &self,
        _: Request<ListPermissionsRequest>,
    ) -> Result<Response<ListPermissionsResponse>, Status> {
        Ok(Response::new(ListPermissionsResponse::default()))
    }

    async fn list_subjects(
        &self,
        _: Request<ListSubjectsRequest>,
    ) -> Result<Response<ListSubjectsResponse>, Status> {
        Ok(Response::new(ListSubjectsResponse::default()))
    }

    async fn list_resources(
        &self,
        _: Request<ListResourcesRequest>,
    ) -> Result<Response<ListResourcesResponse>, Status> {
        Ok(Response::new(ListResourcesResponse::default()))
    }

    async fn list_roles(&self, _: Request<ListRolesRequest>) -> Result<Response<ListRolesResponse>, Status> {
        Ok(Response::new(ListRolesResponse::default()))
    }
}

/// What a check of a console Admin is answered.
fn answer() -> CheckPermissionResponse {
    let grant =
        RoleGrant { role: Role::ConsoleAdmin.into(), plane: Plane::Console.into(), ..RoleGrant::default() };
    CheckPermissionResponse {
        allowed: true,
        explanation: Some(Explanation { granted_by: vec![grant], ..Explanation::default() }),
        as_of: Some((UNIX_EPOCH + Duration::new(1_800_000_000, 500_000_000)).into()),
    }
}

/// Says where it listens, and answers until it is killed.
pub(crate) async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("the echo listens on {}", listener.local_addr().expect("an address"));
    // As the services have it.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder().add_service(AuthzServiceServer::new(Echo(answer())));
    server.serve_with_incoming(incoming).await.expect("a server");
}

/// This program once more, as the echo.
pub(super) async fn started(folder: &Path) -> (Child, Target) {
    let mut command = Command::new(env::current_exe().expect("this program's path"));
    start(command.arg("echo"), "echo", folder).await
}
