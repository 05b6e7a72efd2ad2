//! Where each owner's facts come from, and what the operator allows by name.
use std::collections::HashMap;

use devspaces_authz::{Permission, PermissionSet, Service};
use devspaces_kit::name::Principal;

use crate::source::Source;

/// The sources of a gate, at most one for each owner. An owner without one is not part of this deployment: nobody
/// holds anything of its plane. An owner with one that can't be reached is another matter: its facts are missing.
#[derive(Clone, Default)]
pub struct Sources([Option<Source>; Service::ALL.len()]);

impl Sources {
    /// These and one source more. Sources may be shared between gates that speak for the same service.
    #[must_use]
    pub fn with(mut self, source: Source) -> Self {
        let owner = source.owner();
        self.0[owner as usize] = Some(source);
        self
    }

    pub(crate) fn of(&self, owner: Service) -> Option<&Source> {
        self.0[owner as usize].as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter().flatten()
    }
}

/// Which permissions the operator gave by name to which service (R-P7) or person (R-P8). By default none to any.
#[derive(Clone, Debug, Default)]
pub struct NamedPermissions {
    every_service: PermissionSet,
    by_name: HashMap<Principal, PermissionSet>,
}

impl NamedPermissions {
    /// Every service permission for every service: for `devspaces dev` only.
    #[must_use]
    pub fn dev() -> Self {
        Self { every_service: PermissionSet::all(), by_name: HashMap::new() }
    }

    /// These, and for one name the given permissions in place of any that it had.
    #[must_use]
    pub fn with(mut self, name: Principal, permissions: PermissionSet) -> Self {
        self.by_name.insert(name, permissions);
        self
    }

    pub(crate) fn of(&self, subject: &Principal) -> PermissionSet {
        let given = self.by_name.get(subject).copied();
        match subject {
            Principal::User(_) => given.unwrap_or_default(),
            Principal::Service(_) => given.unwrap_or(self.every_service),
        }
    }

    /// Whom the operator gave this permission by name, in the order of their names.
    pub(crate) fn given(&self, permission: Permission) -> Vec<Principal> {
        let given = self.by_name.iter().filter(|(_, set)| set.contains(permission));
        let mut names: Vec<_> = given.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// Whether every service has it of which the operator has said nothing.
    pub(crate) fn every_service_has(&self, permission: Permission) -> bool {
        self.every_service.contains(permission)
    }
}
