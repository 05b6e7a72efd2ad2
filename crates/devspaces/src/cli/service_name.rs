//! What an operator allows by name: to services, and to people.
use std::{collections::BTreeMap, str::FromStr};

use clap::Args;
use devspaces_authz::{Permission, PermissionSet};
use devspaces_gate::{JournalWatchers, NamedPermissions};
use devspaces_kit::{
    identity::Issuer,
    name::{Principal, UserName},
    nearest::suggestion,
};

use super::Failure;
use crate::Service;

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
        if Service::ALL.iter().any(|service| service.name() == name) {
            return Err(format!(
                "'{name}' is a service of the suite, which has all that it needs by its own key, and no issuer names it: \
                 name a service beside the suite's own"
            ));
        }
        let parsed: Result<Principal, _> = format!("services/{name}").parse();
        parsed.map(Self).map_err(|_| not_a_name(name))
    }
}

/// What to write in place of something that can't stand after `services/`.
fn not_a_name(name: &str) -> String {
    let encoded = Principal::service(name);
    if encoded.to_string().parse::<Principal>().is_err() {
        return format!(
            "'{name}' is not a name that a service can have: names have 512 bytes at most, percent-encoded"
        );
    }
    format!("'{name}' is not a name as it stands after services/: for that subject it is '{}'", encoded.id())
}

fn permission(name: &str) -> Result<Permission, String> {
    Permission::parse(name).ok_or_else(|| {
        let names = Permission::ALL.iter().map(|permission| permission.name());
        format!("there is no permission '{name}'{}", suggestion(name, names))
    })
}

/// A permission that a service is given.
#[derive(Clone, Debug)]
pub(super) struct ServicePermission(ServiceName, PermissionSet);

impl FromStr for ServicePermission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "must have the form SERVICE=PERMISSION: metering=usage.report";
        let (service, name) = text.rsplit_once('=').ok_or(form)?;
        let set = PermissionSet::EMPTY.with(permission(name)?).map_err(|error| error.to_string())?;
        Ok(Self(service.parse()?, set))
    }
}

/// The operator's people.
#[derive(Debug, Args)]
pub(super) struct NamedPeople {
    /// A permission of the platform that a person has by name: users/alice=platform.spaces.list; once for each, or separated
    /// by commas
    #[arg(
        long = "user-permission",
        env = "DEVSPACES_USER_PERMISSIONS",
        value_delimiter = ',',
        value_name = "USER=PERMISSION"
    )]
    user_permissions: Vec<PersonPermission>,
}

/// A permission that a person is given (R-P8).
#[derive(Clone, Debug)]
struct PersonPermission(Principal, PermissionSet);

impl FromStr for PersonPermission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "must have the form USER=PERMISSION: users/alice=platform.break_glass";
        let (person, name) = text.rsplit_once('=').ok_or(form)?;
        let set =
            PermissionSet::EMPTY.with_of_person(permission(name)?).map_err(|error| error.to_string())?;
        let person: UserName = person.parse().map_err(|error| format!("the person {error}"))?;
        Ok(Self(person.into(), set))
    }
}

impl NamedPeople {
    /// These permissions, and what people have.
    ///
    /// # Errors
    /// If a person is named that no issuer's token could be of.
    pub(super) fn added_to(
        &self,
        all: NamedPermissions,
        issuers: &[Issuer],
    ) -> Result<NamedPermissions, Failure> {
        let mut by_person = BTreeMap::<&Principal, PermissionSet>::new();
        for PersonPermission(person, permission) in &self.user_permissions {
            if !issuers.iter().any(|issuer| issuer.could_name(person)) {
                let hint = "see the kind and prefix of each --issuer";
                return Err(format!("--user-permission: no issuer names a person {person}: {hint}").into());
            }
            let set = by_person.entry(person).or_default();
            *set = permission.iter().try_fold(*set, PermissionSet::with_of_person)?;
        }
        let with = |all: NamedPermissions, (name, set): (&Principal, _)| all.with(name.clone(), set);
        Ok(by_person.into_iter().fold(all, with))
    }
}

/// What services may do, all flags together.
///
/// # Errors
/// If a service is named that no issuer's token could be of.
pub(super) fn permissions(
    given: Vec<ServicePermission>,
    issuers: &[Issuer],
) -> Result<NamedPermissions, Failure> {
    let mut by_service = BTreeMap::<ServiceName, PermissionSet>::new();
    for ServicePermission(service, permission) in given {
        known("--service-permission", &service, issuers)?;
        let set = by_service.entry(service).or_default();
        *set = permission.iter().try_fold(*set, PermissionSet::with)?;
    }
    let with = |all: NamedPermissions, (ServiceName(name), set): (ServiceName, _)| all.with(name, set);
    Ok(by_service.into_iter().fold(NamedPermissions::default(), with))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_token_could_name_is_an_error_that_says_what_to_write() {
        for (name, said) in [
            ("", "is missing"),
            ("services/metering", "without 'services/'"),
            ("users/alice", "a person's name"),
            ("system:serviceaccount:a:b", "it is 'system%3Aserviceaccount%3Aa%3Ab'"),
            (" metering", "it is '%20metering'"),
            ("billing", "name a service beside the suite's own"),
            (&"x".repeat(513), "512 bytes at most"),
        ] {
            let error = name.parse::<ServiceName>().expect_err(name);
            assert!(error.contains(said), "{name}: {error}");
        }
        for name in ["metering", "corp:metering", "corp:billing", "billing-run", &"x".repeat(512)] {
            assert!(name.parse::<ServiceName>().is_ok(), "{name}");
        }
        for (given, said) in [
            ("users/alice=usage.report", "not a permission that people are given by name"),
            ("users/alice=platform.spaces.lst", "there is no permission 'platform.spaces.lst'"),
            ("services/portal=platform.break_glass", "the person must have the form users/{id}"),
            ("users/alice", "must have the form USER=PERMISSION"),
        ] {
            let error = given.parse::<PersonPermission>().expect_err(given);
            assert!(error.contains(said), "{given}: {error}");
        }
        assert!("users/a%3Db=platform.break_glass".parse::<PersonPermission>().is_ok());
        let error = "membership=usage.report".parse::<ServicePermission>().expect_err("the suite's own");
        assert!(error.contains("a service of the suite"), "{error}");
    }
}
