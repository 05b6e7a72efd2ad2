//! Who may ask about somebody else (R-P6).
use std::time::Duration;

use devspaces_authz::Permission;
use devspaces_kit::{name::Principal, status::Fault};

use crate::{gate::Gate, resource::Resource, verdict::is_allowed};

/// What it takes to ask whether somebody else has a permission on a resource: of a service, that it may ask about others;
/// of a person, to administer the permission's plane there. `None`: nobody does.
pub(crate) fn needed(
    asker: &Principal,
    permission: Permission,
    resource: Resource,
) -> Option<(Permission, Resource)> {
    match asker {
        Principal::Service(_) => Some((Permission::AuthzCheckOthers, Resource::Platform)),
        Principal::User(_) => permission.plane().administration().map(|needed| (needed, resource)),
    }
}

/// Goes on if the caller may ask about others.
///
/// # Errors
/// `PERMISSION_DENIED`; or what keeps it from being decided.
pub(crate) async fn may_ask(
    gate: &Gate,
    asker: &Principal,
    permission: Permission,
    resource: Resource,
) -> Result<(), Fault> {
    let (needed, on) = needed(asker, permission, resource).ok_or_else(|| denied(resource))?;
    let checked = gate.check(asker, needed, on, Duration::ZERO).await?;
    if is_allowed(&checked.decision, on)? { Ok(()) } else { Err(denied(resource)) }
}

/// Goes on if the caller is a service that may ask about others, whatever the permission is.
///
/// # Errors
/// As of [`may_ask`].
pub(crate) async fn may_ask_anything(
    gate: &Gate,
    asker: &Principal,
    resource: Resource,
) -> Result<(), Fault> {
    let (needed, on) = (Permission::AuthzCheckOthers, Resource::Platform);
    let checked = gate.check(asker, needed, on, Duration::ZERO).await?;
    if is_allowed(&checked.decision, on)? { Ok(()) } else { Err(denied(resource)) }
}

/// The same whatever is asked, and whether or not there is such a resource (R-P3).
pub(crate) fn denied(resource: Resource) -> Fault {
    Fault::permission_denied(Permission::AuthzCheckOthers.name(), resource)
}
