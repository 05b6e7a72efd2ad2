//! `devspaces.authz.v1`: questions about permissions, and the catalogue. Every service hosts it.
use devspaces_kit::{edge::answer, identity::Caller, status::Fault};
use devspaces_proto::authz::v1::{
    BatchCheckPermissionsRequest, BatchCheckPermissionsResponse, CheckPermissionRequest,
    CheckPermissionResponse, ListPermissionsRequest, ListPermissionsResponse, ListResourcesRequest,
    ListResourcesResponse, ListRolesRequest, ListRolesResponse, ListSubjectsRequest, ListSubjectsResponse,
    authz_service_server::AuthzService,
};
use tonic::{Request, Response, Status};

use crate::{
    catalogue,
    gate::Gate,
    questions::{
        asker, batch,
        parse::{self, Place},
        permissions, resources, subjects,
    },
    verdict::is_allowed,
};

/// Answers permission checks through a gate. Of a person who was deactivated a check says what it says of anybody who holds
/// nothing: it costs no question more (R-M12).
#[derive(Clone)]
pub struct AuthzServer {
    gate: Gate,
}

impl AuthzServer {
    /// Answers through this gate.
    #[must_use]
    pub fn new(gate: Gate) -> Self {
        Self { gate }
    }

    async fn check_permission(
        &self,
        caller: Caller,
        request: CheckPermissionRequest,
    ) -> Result<CheckPermissionResponse, Fault> {
        let question = parse::check(&caller.principal, &request, Place::Request)?;
        let (subject, permission, resource) = (question.subject, question.permission, question.resource);
        if subject != caller.principal {
            asker::may_ask(&self.gate, &caller.principal, permission, resource).await?;
        }
        let max_age = parse::max_age(request.max_staleness, Place::Request)?;
        let checked = self.gate.check(&subject, permission, resource, max_age).await?;
        Ok(CheckPermissionResponse {
            allowed: is_allowed(&checked.decision, resource)?,
            explanation: Some(catalogue::explanation(&checked)),
            as_of: Some(checked.as_of.into()),
        })
    }
}

#[tonic::async_trait]
impl AuthzService for AuthzServer {
    async fn check_permission(
        &self,
        request: Request<CheckPermissionRequest>,
    ) -> Result<Response<CheckPermissionResponse>, Status> {
        answer(request, |caller, message| self.check_permission(caller, message)).await
    }

    async fn batch_check_permissions(
        &self,
        request: Request<BatchCheckPermissionsRequest>,
    ) -> Result<Response<BatchCheckPermissionsResponse>, Status> {
        answer(request, |caller, message| async move { batch::answer(&self.gate, &caller, message).await })
            .await
    }

    async fn list_permissions(
        &self,
        request: Request<ListPermissionsRequest>,
    ) -> Result<Response<ListPermissionsResponse>, Status> {
        answer(request, |caller, message| async move {
            self.gate.require_active_person(&caller).await?;
            permissions::answer(&self.gate, &caller, message).await
        })
        .await
    }

    async fn list_subjects(
        &self,
        request: Request<ListSubjectsRequest>,
    ) -> Result<Response<ListSubjectsResponse>, Status> {
        answer(request, |caller, message| async move {
            self.gate.require_active_person(&caller).await?;
            subjects::answer(&self.gate, &caller, message).await
        })
        .await
    }

    async fn list_resources(
        &self,
        request: Request<ListResourcesRequest>,
    ) -> Result<Response<ListResourcesResponse>, Status> {
        answer(request, |caller, message| async move {
            self.gate.require_active_person(&caller).await?;
            resources::answer(&self.gate, &caller, message).await
        })
        .await
    }

    async fn list_roles(
        &self,
        request: Request<ListRolesRequest>,
    ) -> Result<Response<ListRolesResponse>, Status> {
        answer(request, |caller, _| async move {
            self.gate.require_active_person(&caller).await?;
            Ok(catalogue::list())
        })
        .await
    }
}
