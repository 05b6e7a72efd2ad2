//! What the operator allows by name (R-P7, R-P8).

use crate::Permission;

/// The permissions configured for one name, of a service (R-P7) or a person (R-P8).
///
/// It holds only permissions that are meant to be given by name, so that no configuration can give anybody the powers over
/// spaces that come with a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PermissionSet(u128);

impl PermissionSet {
    /// No permission: what a service has of which the operator said nothing.
    pub const EMPTY: PermissionSet = PermissionSet(0);

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

    pub(crate) fn union_with(self, permission: Permission) -> PermissionSet {
        PermissionSet(self.0 | bit(permission))
    }
}

// One more would be counted as one of the first.
const _: () = assert!(Permission::ALL.len() <= u128::BITS as usize, "a set has room for 128 permissions");

fn bit(permission: Permission) -> u128 {
    1 << permission as u8
}
