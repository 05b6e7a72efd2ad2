//! `devspaces.authz.v1`: questions about permissions, and the catalogue. Every service hosts it.
use std::time::Duration;

use devspaces_authz::{Permission, ResourceType};
use devspaces_kit::{
    edge::answer,
    identity::Caller,
    name::{AppName, Principal, SpaceName},
    status::{Fault, Fields, Reason},
};
use devspaces_proto::authz::v1::{
    CheckPermissionRequest, CheckPermissionResponse, ListRolesRequest, ListRolesResponse,
    authz_service_server::AuthzService,
};
use tonic::{Code, Request, Response, Status};

use crate::{catalogue, gate::Gate, resource::Resource, verdict::verdict};

/// Answers permission checks through a gate.
#[derive(Clone)]
pub struct AuthzServer {
    gate: Gate,
}

/// A question about a permission, well formed.
struct Question {
    subject: Principal,
    permission: Permission,
    resource: Resource,
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
        let question = parse(&caller, &request)?;
        self.may_ask(&caller, &question).await?;
        let max_age = max_age(request.max_staleness)?;
        let Question { subject, permission, resource } = question;
        let checked = self.gate.check(&subject, permission, resource, max_age).await?;
        Ok(CheckPermissionResponse {
            allowed: is_allowed(&checked.decision, resource)?,
            explanation: Some(catalogue::explanation(&checked.decision.explanation())),
            as_of: Some(checked.as_of.into()),
        })
    }

    /// Goes on if the caller may ask about the subject (R-P6): it is the caller; or the caller is a service that may
    /// ask about others, or administers the permission's plane on the resource.
    async fn may_ask(&self, caller: &Caller, question: &Question) -> Result<(), Fault> {
        let &Question { ref subject, permission, resource } = question;
        if *subject == caller.principal {
            return Ok(());
        }
        let denied = || Fault::permission_denied(Permission::AuthzCheckOthers.name(), resource);
        let needed = match &caller.principal {
            Principal::Service(_) => Some((Permission::AuthzCheckOthers, Resource::Platform)),
            Principal::User(_) => permission.plane().administration().map(|needed| (needed, resource)),
        };
        let (needed, on) = needed.ok_or_else(denied)?;
        let checked = self.gate.check(&caller.principal, needed, on, Duration::ZERO).await?;
        if is_allowed(&checked.decision, on)? { Ok(()) } else { Err(denied()) }
    }
}

/// Whether it is allowed; a decision that could not be made is a fault (R-P2).
fn is_allowed(decision: &devspaces_authz::Decision, resource: Resource) -> Result<bool, Fault> {
    match verdict(decision, resource) {
        Err(fault) if fault.code() == Code::Unavailable => Err(fault),
        allowed_or_denied => Ok(allowed_or_denied.is_ok()),
    }
}

/// Parses what is asked, reporting every bad field at once.
fn parse(caller: &Caller, request: &CheckPermissionRequest) -> Result<Question, Fault> {
    let mut fields = Fields::new();
    let subject = match request.subject.as_str() {
        "" => Some(caller.principal.clone()),
        subject => fields.parse("subject", subject),
    };
    let permission = Permission::parse(&request.permission);
    let resource = match permission {
        Some(permission) => parse_resource(&mut fields, permission, &request.resource),
        None if fields.is_empty() => return Err(permission_unknown()),
        None => {
            fields.bad("permission", UNKNOWN);
            None
        }
    };
    fields.finish()?;
    match (subject, permission, resource) {
        (Some(subject), Some(permission), Some(resource)) => Ok(Question { subject, permission, resource }),
        _ => Err(Fault::internal("a bad field was not reported")),
    }
}

/// The resource, of the kind that the permission is on.
fn parse_resource(fields: &mut Fields, permission: Permission, name: &str) -> Option<Resource> {
    match permission.resource_type() {
        ResourceType::Platform => {
            let empty = name.is_empty().then_some(Resource::Platform);
            fields.check("resource", empty.ok_or("must be empty, since this permission is on no resource"))
        }
        ResourceType::Space => fields.parse::<SpaceName>("resource", name).map(Resource::Space),
        ResourceType::App => fields.parse::<AppName>("resource", name).map(Resource::App),
    }
}

const UNKNOWN: &str = "must be a permission that the catalogue of ListRoles has";

/// R-P1: what the catalogue does not have, nobody may; but a typing error must not read like a denial.
fn permission_unknown() -> Fault {
    Fault::new(Code::InvalidArgument, Reason::PermissionUnknown, format!("The field permission {UNKNOWN}"))
        .field("permission", UNKNOWN)
}

/// How old the facts may be. Nothing said is zero: strict.
fn max_age(staleness: Option<prost_types::Duration>) -> Result<Duration, Fault> {
    let mut fields = Fields::new();
    let age = staleness.map_or(Ok(Duration::ZERO), Duration::try_from);
    let age = fields.check("max_staleness", age.map_err(|_| "must not be negative"));
    fields.finish()?;
    Ok(age.unwrap_or_default())
}

#[tonic::async_trait]
impl AuthzService for AuthzServer {
    async fn check_permission(
        &self,
        request: Request<CheckPermissionRequest>,
    ) -> Result<Response<CheckPermissionResponse>, Status> {
        answer(request, |caller, message| self.check_permission(caller, message)).await
    }

    async fn list_roles(
        &self,
        request: Request<ListRolesRequest>,
    ) -> Result<Response<ListRolesResponse>, Status> {
        answer(request, |_, _| async { Ok(catalogue::list()) }).await
    }
}
