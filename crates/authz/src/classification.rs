//! What the table says of a permission, beside who has it: what it is on, of which plane it is, and whether it is for
//! services.

use std::error::Error;
use std::fmt;

use crate::table::{self, Also, Cell};
use crate::{Permission, PermissionSet, Plane, ResourceType};

impl Permission {
    /// The kind of resource that the permission is on.
    #[must_use]
    pub fn resource_type(self) -> ResourceType {
        table::row(self).resource
    }

    /// The plane whose administrator may ask whether others have the permission (R-P6).
    ///
    /// It is the app's for permissions on an app; otherwise the one that the permission is about. Accepting terms
    /// opens a plane and is not of it: the plane has no administrator yet, and to ask who may is to ask who is
    /// console Admin.
    #[must_use]
    pub fn plane(self) -> Plane {
        let row = table::row(self);
        let [billing, marketplace, admin, _, viewer] = row.space_roles;
        match (row.resource, billing, marketplace, admin) {
            _ if matches!(row.also, Also::ServiceByName | Also::ServiceByNameIf(_)) => Plane::Service,
            _ if row.also == Also::AnybodyByName => Plane::Operator,
            (_, Cell::Any, ..) => Plane::SignedIn,
            (ResourceType::App, ..) => Plane::App,
            // What every console role has is the console's, also where billing admins have it too.
            (_, Cell::Yes, ..) if viewer != Cell::Yes => Plane::Billing,
            (_, _, Cell::Yes, Cell::No) => Plane::Marketplace,
            _ => Plane::Console,
        }
    }

    /// What a call checks beyond the permission and answers `FAILED_PRECONDITION` to: a phrase each.
    #[must_use]
    pub fn preconditions(self) -> &'static [&'static str] {
        table::row(self).preconditions
    }
}

impl Plane {
    /// The permission that makes its holder an administrator of this plane, who may ask what others are permitted
    /// on it (R-P6). `None`: nobody administers it through the API.
    #[must_use]
    pub fn administration(self) -> Option<Permission> {
        match self {
            Plane::Console => Some(Permission::MembersUpdate),
            Plane::Billing => Some(Permission::BillingAdminsUpdate),
            Plane::Marketplace => Some(Permission::MarketplaceAdminsUpdate),
            Plane::App => Some(Permission::AppContributorsUpdate),
            Plane::Service | Plane::Operator | Plane::SignedIn => None,
        }
    }
}

impl PermissionSet {
    /// Every service permission: what a service token has in `devspaces dev` (R-P7).
    #[must_use]
    pub fn all() -> PermissionSet {
        Permission::ALL
            .into_iter()
            .filter(|&permission| is_for_services(permission))
            .fold(PermissionSet::EMPTY, PermissionSet::union_with)
    }

    /// This set and one permission more, for a service; an error if that permission is not for services (R-P7, R-P8).
    pub fn with(self, permission: Permission) -> Result<PermissionSet, NotAServicePermission> {
        if is_for_services(permission) {
            Ok(self.union_with(permission))
        } else {
            Err(NotAServicePermission(permission))
        }
    }

    /// This set and one permission more, for a person; an error if that permission is not for people whom the operator
    /// names (R-P8).
    pub fn with_of_person(self, permission: Permission) -> Result<PermissionSet, NotByPersonsName> {
        if is_for_named_people(permission) {
            Ok(self.union_with(permission))
        } else {
            Err(NotByPersonsName(permission))
        }
    }
}

/// A permission that is not for services was to be given to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAServicePermission(
    /// The permission.
    pub Permission,
);

impl fmt::Display for NotAServicePermission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is not a permission for services: it comes with a role", self.0.name())
    }
}

impl Error for NotAServicePermission {}

/// A permission that people do not have by name was to be given to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotByPersonsName(
    /// The permission.
    pub Permission,
);

impl fmt::Display for NotByPersonsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is not a permission that people are given by name", self.0.name())
    }
}

impl Error for NotByPersonsName {}

fn is_for_services(permission: Permission) -> bool {
    matches!(
        table::row(permission).also,
        Also::ServiceByName | Also::ServiceByNameIf(_) | Also::AnybodyByName
    )
}

fn is_for_named_people(permission: Permission) -> bool {
    table::row(permission).also == Also::AnybodyByName
}
