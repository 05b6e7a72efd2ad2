//! The public catalogue: which roles grant which permissions, and whose facts that depends on.

use crate::table::{self, Also, Cell, Row, SPACE_ROLES};
use crate::{AppRole, Condition, OwnerSet, Permission, Plane, ResourceType, Role, SubjectKind};

/// One way by which a permission is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The role that grants it.
    pub role: Role,
    /// The condition under which the role does. `None`: always.
    pub condition: Option<Condition>,
    /// What the role acts through, where it is not the role itself that grants.
    pub via: Option<Via>,
}

/// How a role comes to grant what is not its own to grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// The console role makes its holder a viewer of every app in the space (R-A4). It is computed and never stored.
    DerivedViewer,
    /// A contributor role on some app of the space (R-A5). Which of the five it is, the facts of a space do not say;
    /// a decision that rests on it names VIEWER, whose part each of the five includes.
    AppOfSpace,
}

impl Via {
    /// How the role was come by: a phrase.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Via::DerivedViewer => "derived viewer of every app in the space",
            Via::AppOfSpace => "VIEWER or a higher role on an app of the space",
        }
    }
}

/// A permission that a role grants, and under which condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PermissionGrant {
    /// The permission.
    pub permission: Permission,
    /// The condition under which the role grants it. `None`: always.
    pub condition: Option<Condition>,
}

/// Every way by which the permission is granted, in the order of [`Role::ALL`].
pub fn grants(permission: Permission) -> impl Iterator<Item = Grant> {
    let row = table::row(permission);
    Role::ALL.into_iter().filter_map(|role| grant(row, role))
}

/// Everything that the role grants, in the order of the table.
pub fn grants_of(role: Role) -> impl Iterator<Item = PermissionGrant> {
    Permission::ALL.into_iter().filter_map(move |permission| {
        let grant = grant(table::row(permission), role)?;
        Some(PermissionGrant { permission, condition: grant.condition })
    })
}

/// The facts that a decision on the permission can depend on, for such a subject: all that there is to fetch for it, and none to
/// spare. Of a service no owner knows what it may; of what it does, how the resource stands (R-P7).
#[must_use]
pub fn owners(subject: SubjectKind, permission: Permission) -> OwnerSet {
    let is_its = |grant: &Grant| (grant.role == Role::Service) == (subject == SubjectKind::Service);
    let grants = grants(permission).filter(is_its);
    grants.map(|grant| owners_of(permission.resource_type(), grant)).collect()
}

fn owners_of(resource: ResourceType, grant: Grant) -> OwnerSet {
    let holding = match (grant.role.plane(), resource, grant.via) {
        // The role of a contributor to some app of the space is not looked at, only that there is one.
        (Plane::App, _, Some(Via::AppOfSpace)) => OwnerSet::EMPTY,
        // Whether a console role counts on an app depends on the app's link.
        (Plane::Console, ResourceType::App, _) => OwnerSet::of_plane(Plane::Console).union(OwnerSet::APP),
        (plane, ..) => OwnerSet::of_plane(plane),
    };
    grant.condition.map_or(holding, |condition| holding.union(condition.owners()))
}

/// How the role grants the permission of this line of the table, if it does.
fn grant(row: &Row, role: Role) -> Option<Grant> {
    match role {
        Role::Service => {
            let condition = match row.also {
                Also::ServiceByName | Also::AnybodyByName => None,
                Also::ServiceByNameIf(condition) => Some(condition),
                _ => return None,
            };
            Some(Grant { role, condition, via: None })
        }
        Role::NamedPerson => {
            (row.also == Also::AnybodyByName).then_some(Grant { role, condition: None, via: None })
        }
        Role::SignedIn => {
            row.space_roles.contains(&Cell::Any).then_some(Grant { role, condition: None, via: None })
        }
        _ if role.plane() == Plane::App => contributor_grant(row, role),
        _ => space_role_grant(row, role),
    }
}

fn space_role_grant(row: &Row, role: Role) -> Option<Grant> {
    let column = SPACE_ROLES.iter().position(|&of_column| of_column == role)?;
    let condition = match row.space_roles.get(column)? {
        Cell::Yes => None,
        Cell::If(condition) => Some(*condition),
        Cell::No | Cell::Any => return None,
    };
    // What any VIEWER of an app may, the derived viewers of the space may as such.
    let derived = row.resource == ResourceType::App && contributor_grant(row, Role::AppViewer).is_some();
    Some(Grant { role, condition, via: derived.then_some(Via::DerivedViewer) })
}

fn contributor_grant(row: &Row, role: Role) -> Option<Grant> {
    let granted = |roles: &[AppRole]| roles.iter().any(|&granted| Role::from(granted) == role);
    match row.also {
        Also::Contributor(roles) if granted(roles) => Some(Grant { role, condition: None, via: None }),
        Also::ContributorIf(roles, condition) if granted(roles) => {
            Some(Grant { role, condition: Some(condition), via: None })
        }
        Also::AppOfSpace => {
            Some(Grant { role, condition: Some(Condition::AppOfSpace), via: Some(Via::AppOfSpace) })
        }
        _ => None,
    }
}
