//! What the operator allows a service (R-P7).

use std::error::Error;
use std::fmt;

use crate::Permission;
use crate::table::{self, Also};

/// The service permissions configured for one service's name (R-P7).
///
/// It holds only permissions that are meant for services, so that no configuration can give a program a person's
/// powers over spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// No permission: what a service has of which the operator said nothing.
    pub const EMPTY: PermissionSet = PermissionSet(0);

    /// Every service permission: what a service token has in `devspaces dev` (R-P7).
    #[must_use]
    pub fn all() -> PermissionSet {
        Permission::ALL
            .into_iter()
            .filter(|&permission| is_for_services(permission))
            .fold(PermissionSet::EMPTY, PermissionSet::union_with)
    }

    /// This set and one permission more; an error if that permission is not for services.
    pub fn with(self, permission: Permission) -> Result<PermissionSet, NotAServicePermission> {
        if is_for_services(permission) {
            Ok(self.union_with(permission))
        } else {
            Err(NotAServicePermission(permission))
        }
    }

    /// Whether the permission is in the set.
    #[must_use]
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// Whether the set has no permission.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions of the set, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |&permission| self.contains(permission))
    }

    fn union_with(self, permission: Permission) -> PermissionSet {
        PermissionSet(self.0 | bit(permission))
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

fn is_for_services(permission: Permission) -> bool {
    matches!(table::row(permission).also, Also::ServiceByName)
}

// One more would be counted as one of the first.
const _: () = assert!(Permission::ALL.len() <= u64::BITS as usize, "a set has room for 64 permissions");

fn bit(permission: Permission) -> u64 {
    1 << permission as u8
}
