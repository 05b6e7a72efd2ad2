//! What an operator allows services, by their names.
use std::{collections::BTreeMap, str::FromStr};

use devspaces_authz::{Permission, PermissionSet};
use devspaces_gate::{JournalWatchers, ServicePermissions};
use devspaces_kit::{identity::Issuer, name::Principal};

use super::{Failure, nearest::suggestion};

/// A service's name without `services/`, otherwise as it stands in answers and journals: `metering`,
/// `system%3Aserviceaccount%3Aplatform%3Ametering`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ServiceName(Principal);

impl FromStr for ServiceName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name.is_empty() {
            return Err("the name of a service is missing".to_owned());
        }
        if let Some(name) = name.strip_prefix("services/") {
            return Err(format!("services are named without 'services/' here: '{name}'"));
        }
        if name.starts_with("users/") {
            return Err(format!("'{name}' is a person's name, and only services are allowed things by name"));
        }
        let parsed = format!("services/{name}").parse().map_err(|_| {
            let encoded = Principal::service(name);
            format!(
                "'{name}' is not a name as it stands after services/: for that subject it is '{}'",
                encoded.id()
            )
        });
        parsed.map(Self)
    }
}

/// A permission that a service is given.
#[derive(Clone, Debug)]
pub(super) struct ServicePermission(ServiceName, PermissionSet);

impl FromStr for ServicePermission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "must have the form SERVICE=PERMISSION: metering=usage.report";
        let (service, name) = text.rsplit_once('=').ok_or(form)?;
        let permission = Permission::parse(name).ok_or_else(|| {
            let names = Permission::ALL.iter().map(|permission| permission.name());
            format!("there is no permission '{name}'{}", suggestion(name, names))
        })?;
        let set = PermissionSet::EMPTY.with(permission).map_err(|error| error.to_string())?;
        Ok(Self(service.parse()?, set))
    }
}

/// What services may do, all flags together.
///
/// # Errors
/// If a service is named that no issuer's token could be of.
pub(super) fn permissions(
    given: Vec<ServicePermission>,
    issuers: &[Issuer],
) -> Result<ServicePermissions, Failure> {
    let mut by_service = BTreeMap::<ServiceName, PermissionSet>::new();
    for ServicePermission(service, permission) in given {
        known("--service-permission", &service, issuers)?;
        let set = by_service.entry(service).or_default();
        *set = permission.iter().try_fold(*set, PermissionSet::with)?;
    }
    let with = |all: ServicePermissions, (ServiceName(name), set): (ServiceName, _)| all.with(name, set);
    Ok(by_service.into_iter().fold(ServicePermissions::default(), with))
}

/// The services that may follow the journals.
///
/// # Errors
/// As of [`permissions`].
pub(super) fn watchers(given: Vec<ServiceName>, issuers: &[Issuer]) -> Result<JournalWatchers, Failure> {
    given.into_iter().try_fold(JournalWatchers::default(), |all, service| {
        known("--journal-watcher", &service, issuers)?;
        Ok(all.with(service.0))
    })
}

fn known(flag: &str, ServiceName(name): &ServiceName, issuers: &[Issuer]) -> Result<(), Failure> {
    if issuers.iter().any(|issuer| issuer.could_name(name)) {
        return Ok(());
    }
    Err(format!("{flag}: no issuer names a service {name}: see the kind and prefix of each --issuer").into())
}
