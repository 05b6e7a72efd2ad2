//! Roles, permissions and explanations on the wire.
use devspaces_authz::{
    Condition, Grant, Permission, Plane, ResourceType, Role, Service, Via, grants, grants_of,
};
use devspaces_proto::authz::v1 as proto;

use crate::gate::Checked;

/// The whole catalogue.
pub(crate) fn list() -> proto::ListRolesResponse {
    proto::ListRolesResponse {
        roles: Role::ALL.into_iter().map(role_description).collect(),
        permissions: Permission::ALL.into_iter().map(permission_description).collect(),
    }
}

/// Why a decision is as it is (R-P2).
pub(crate) fn explanation(checked: &Checked) -> proto::Explanation {
    let explanation = checked.decision.explanation();
    let granted = |grant: &Grant| {
        let told = role_grant(*grant);
        match &checked.through {
            // R-M11: by which group, or app group, the role on the app was come by.
            Some(through) if grant.role.plane() == Plane::App && grant.via.is_none() => {
                proto::RoleGrant { via: format!("through {through}"), ..told }
            }
            _ => told,
        }
    };
    proto::Explanation {
        granted_by: explanation.granted_by.iter().map(granted).collect(),
        would_be_granted_by: explanation.would_be_granted_by.iter().copied().map(role_grant).collect(),
        unmet_conditions: owned(&explanation.unmet_conditions),
        missing_facts: explanation
            .missing_facts
            .iter()
            .map(|owner| Service::name(*owner).to_owned())
            .collect(),
        preconditions: owned(explanation.preconditions),
    }
}

fn role_description(role: Role) -> proto::RoleDescription {
    let grant = |grant: devspaces_authz::PermissionGrant| proto::PermissionGrant {
        permission: grant.permission.name().to_owned(),
        condition: phrase(grant.condition),
    };
    proto::RoleDescription {
        role: role_to_wire(role).into(),
        plane: plane_to_wire(role.plane()).into(),
        description: role.description().to_owned(),
        grants: grants_of(role).map(grant).collect(),
    }
}

fn permission_description(permission: Permission) -> proto::PermissionDescription {
    proto::PermissionDescription {
        permission: permission.name().to_owned(),
        resource_type: resource_type_to_wire(permission.resource_type()).into(),
        granted_by: grants(permission).map(role_grant).collect(),
        preconditions: owned(permission.preconditions()),
    }
}

fn role_grant(grant: Grant) -> proto::RoleGrant {
    proto::RoleGrant {
        role: role_to_wire(grant.role).into(),
        plane: plane_to_wire(grant.role.plane()).into(),
        condition: phrase(grant.condition),
        via: grant.via.map(Via::phrase).unwrap_or_default().to_owned(),
    }
}

fn phrase(condition: Option<Condition>) -> String {
    condition.map(Condition::phrase).unwrap_or_default().to_owned()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}

/// A role on the wire.
#[must_use]
pub fn role_to_wire(role: Role) -> proto::Role {
    match role {
        Role::ConsoleAdmin => proto::Role::ConsoleAdmin,
        Role::ConsoleDeveloper => proto::Role::ConsoleDeveloper,
        Role::ConsoleViewer => proto::Role::ConsoleViewer,
        Role::BillingAdmin => proto::Role::BillingAdmin,
        Role::MarketplaceAdmin => proto::Role::MarketplaceAdmin,
        Role::AppOwner => proto::Role::AppOwner,
        Role::AppAdmin => proto::Role::AppAdmin,
        Role::AppDeployer => proto::Role::AppDeployer,
        Role::AppDeveloper => proto::Role::AppDeveloper,
        Role::AppViewer => proto::Role::AppViewer,
        Role::Service => proto::Role::Service,
        Role::NamedPerson => proto::Role::NamedPerson,
        Role::SignedIn => proto::Role::SignedIn,
    }
}

/// The role that a number on the wire stands for; none that this version knows, if a newer peer sent it.
#[must_use]
pub fn role_from_wire(role: i32) -> Option<Role> {
    Role::ALL.into_iter().find(|known| i32::from(role_to_wire(*known)) == role)
}

/// A plane on the wire.
#[must_use]
pub fn plane_to_wire(plane: Plane) -> proto::Plane {
    match plane {
        Plane::Console => proto::Plane::Console,
        Plane::Billing => proto::Plane::Billing,
        Plane::Marketplace => proto::Plane::Marketplace,
        Plane::App => proto::Plane::App,
        Plane::Service => proto::Plane::Service,
        Plane::Operator => proto::Plane::Operator,
        Plane::SignedIn => proto::Plane::SignedIn,
    }
}

fn resource_type_to_wire(kind: ResourceType) -> proto::ResourceType {
    match kind {
        ResourceType::Platform => proto::ResourceType::Platform,
        ResourceType::Space => proto::ResourceType::Space,
        ResourceType::App => proto::ResourceType::App,
    }
}
