//! What a caller is told of a decision, which must not tell a stranger whether there is such a resource (R-P3).
use devspaces_authz::{Decision, Outcome, OwnerSet, Service};
use devspaces_kit::status::Fault;
use tonic::Code;

use crate::resource::Resource;

/// The facts that say who holds a role. What an owner else knows is the state of the space.
const ROLES: OwnerSet = OwnerSet::APP
    .union(OwnerSet::of(Service::Membership))
    .union(OwnerSet::of(Service::Billing))
    .union(OwnerSet::of(Service::Marketplace));

/// What the caller is told if the decision is not to allow.
pub(crate) fn verdict(decision: &Decision, resource: Resource) -> Result<(), Fault> {
    match decision.outcome() {
        Outcome::Allowed => Ok(()),
        Outcome::Denied if is_settled(decision) => {
            Err(Fault::permission_denied(decision.permission().name(), resource))
        }
        Outcome::Denied | Outcome::Unavailable => Err(unavailable(decision.missing())),
    }
}

/// Whether it is allowed; a decision that could not be made is a fault (R-P2).
pub(crate) fn is_allowed(decision: &Decision, resource: Resource) -> Result<bool, Fault> {
    match verdict(decision, resource) {
        Err(fault) if fault.code() == Code::Unavailable => Err(fault),
        allowed_or_denied => Ok(allowed_or_denied.is_ok()),
    }
}

/// Whether no fact that is missing could change what the caller is told.
pub(crate) fn is_settled(decision: &Decision) -> bool {
    match decision.outcome() {
        Outcome::Allowed => true,
        Outcome::Denied => !may_be_a_strangers(decision),
        Outcome::Unavailable => false,
    }
}

/// Whether the subject may be a stranger for all that is known, while an owner of roles is down. Whether the rest
/// then suffices for a denial depends on the state of the space, which strangers must not learn from the answer
/// (R-P3).
fn may_be_a_strangers(decision: &Decision) -> bool {
    let facts = decision.facts();
    let holds_a_role = facts.membership.known().is_some_and(|member| member.role.is_some())
        || facts.billing.known().is_some_and(|billing| billing.admin)
        || facts.marketplace.known().is_some_and(|marketplace| marketplace.admin)
        || facts.app.known().is_some_and(|app| app.role.is_some());
    !holds_a_role && !decision.missing().intersection(ROLES).is_empty()
}

/// These owners' facts could not be had, and decide (R-P2).
pub(crate) fn unavailable(missing: OwnerSet) -> Fault {
    let names: Vec<&str> = missing.iter().map(Service::name).collect();
    Fault::facts_unavailable(&names)
}
