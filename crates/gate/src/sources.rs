//! Where each owner's facts come from, and what the operator allows services.
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

/// Which service permissions the operator gave to which service (R-P7). By default none to any.
#[derive(Clone, Debug, Default)]
pub struct ServicePermissions {
    every_service: PermissionSet,
    by_service: HashMap<Principal, PermissionSet>,
}

impl ServicePermissions {
    /// Every service permission for every service: for `devspaces dev` only.
    #[must_use]
    pub fn dev() -> Self {
        Self { every_service: PermissionSet::all(), by_service: HashMap::new() }
    }

    /// These, and for one service the given permissions in place of any that it had.
    #[must_use]
    pub fn with(mut self, service: Principal, permissions: PermissionSet) -> Self {
        self.by_service.insert(service, permissions);
        self
    }

    pub(crate) fn of(&self, subject: &Principal) -> PermissionSet {
        match subject {
            Principal::User(_) => PermissionSet::EMPTY,
            Principal::Service(_) => self.by_service.get(subject).copied().unwrap_or(self.every_service),
        }
    }

    /// The services that the operator gave this permission by name, in the order of their names.
    pub(crate) fn given(&self, permission: Permission) -> Vec<Principal> {
        let given = self.by_service.iter().filter(|(_, set)| set.contains(permission));
        let mut services: Vec<_> = given.map(|(service, _)| service.clone()).collect();
        services.sort();
        services
    }

    /// Whether every service has it of which the operator has said nothing.
    pub(crate) fn every_service_has(&self, permission: Permission) -> bool {
        self.every_service.contains(permission)
    }
}
