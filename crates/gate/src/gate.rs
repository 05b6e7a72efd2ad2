//! The gate: may this caller do this, as of now?
use std::{fmt, sync::Arc, time::Duration};

use devspaces_authz::{Decision, Facts, Outcome, Owner, OwnerSet, Permission, decide, owners};
use devspaces_kit::{
    clock::{Clock, Timestamp},
    identity::Caller,
    name::{AppName, ListingName, Principal, SpaceName, VendorProfileName},
    status::Fault,
};
use devspaces_ledger::outbox::Deliver;
use devspaces_proto::facts::v1::ApplyEffectsRequest;
use futures::future::BoxFuture;

use crate::{
    gather::{Gathered, Gatherer},
    owner::FactOwner,
    pass::{Pass, Standing},
    sources::{ServicePermissions, Sources},
};

/// What a permission is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// No resource: the platform itself.
    Platform,
    /// A space.
    Space(SpaceName),
    /// An app, and the space that it is in.
    App(AppName),
    /// An app together with a space that it is to be linked to (R-A2).
    Link {
        /// The app.
        app: AppName,
        /// The space.
        space: SpaceName,
    },
    /// A vendor profile: its space, which a refusal does not name.
    VendorProfile {
        /// The profile.
        profile: VendorProfileName,
        /// Its space; that of nobody if there is no such profile.
        space: SpaceName,
    },
    /// A listing: its profile's space, which a refusal does not name.
    Listing {
        /// The listing.
        listing: ListingName,
        /// Its profile's space; that of nobody if there is no such listing.
        space: SpaceName,
    },
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("the platform"),
            Self::Space(space) | Self::Link { space, .. } => space.fmt(f),
            Self::App(app) => app.fmt(f),
            Self::VendorProfile { profile, .. } => profile.fmt(f),
            Self::Listing { listing, .. } => listing.fmt(f),
        }
    }
}

impl From<SpaceName> for Resource {
    fn from(space: SpaceName) -> Self {
        Self::Space(space)
    }
}

impl From<AppName> for Resource {
    fn from(app: AppName) -> Self {
        Self::App(app)
    }
}

/// The gate of one service. Clones are handles to the same gate.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    home: Arc<dyn FactOwner>,
    sources: Sources,
    services: ServicePermissions,
    clock: Arc<dyn Clock>,
}

/// The answer to a question about anyone's permission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checked {
    pub(crate) decision: Decision,
    /// Every revocation acknowledged before this time is seen by the decision.
    pub(crate) as_of: Timestamp,
}

impl Gate {
    /// The gate of the service that owns the facts of `home`.
    #[must_use]
    pub fn new(
        home: Arc<dyn FactOwner>,
        sources: Sources,
        services: ServicePermissions,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Shared { home, sources, services, clock }))
    }

    /// Goes on if the caller has the permission, by facts confirmed after this call began (R-P4). What decides is enough:
    /// nobody waits long for an owner whose answer could change nothing.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, the same whether or not there is such a resource (R-P3); `UNAVAILABLE` /
    /// `FACTS_UNAVAILABLE` if facts that decide could not be had (R-P2), or that say whether the caller is more than
    /// a stranger (R-P3); `RESOURCE_EXHAUSTED` / `OVERLOADED`.
    pub async fn require(
        &self,
        caller: &Caller,
        permission: Permission,
        resource: impl Into<Resource>,
    ) -> Result<Pass, Fault> {
        self.pass(caller, permission, resource.into(), OwnerSet::EMPTY).await
    }

    /// As [`require`](Self::require), and asks in the same round trip whether the space is in use: see
    /// [`Confirmed::blockers`](crate::Confirmed::blockers).
    ///
    /// # Errors
    /// As [`require`](Self::require).
    pub async fn require_active(
        &self,
        caller: &Caller,
        permission: Permission,
        resource: impl Into<Resource>,
    ) -> Result<Pass, Fault> {
        self.pass(caller, permission, resource.into(), OwnerSet::of(Owner::Space)).await
    }

    /// As [`require`](Self::require), and gives an owner that is slow the time to say what the permission does not
    /// depend on any more: for answers that show more to some than to others.
    ///
    /// # Errors
    /// As [`require`](Self::require).
    pub async fn require_with_facts(
        &self,
        caller: &Caller,
        permission: Permission,
        resource: impl Into<Resource>,
    ) -> Result<Pass, Fault> {
        let all = needs(&caller.principal, permission);
        self.pass(caller, permission, resource.into(), all).await
    }

    async fn pass(
        &self,
        caller: &Caller,
        permission: Permission,
        resource: Resource,
        also: OwnerSet,
    ) -> Result<Pass, Fault> {
        let subject = Arc::new(caller.principal.clone());
        let needs = needs(&subject, permission).union(also);
        let enough = |facts: &Facts| {
            let decision = decide(permission, facts);
            let known = also.intersection(OwnerSet::missing_from(facts)).is_empty();
            is_settled(&decision) && (known || !decision.is_allowed())
        };
        let gathered = self.gather(&subject, needs, resource, Duration::ZERO, &enough).await?;
        let decision = decide(permission, &gathered.facts);
        verdict(&decision, resource)?;
        let Gathered { space, membership, .. } = gathered;
        Ok(Pass { gate: self.clone(), subject, resource, needs, space, membership, decision })
    }

    /// Decides about anyone, by facts confirmed by calls sent no longer than `max_age` before now; zero is strict.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` / `OVERLOADED`.
    pub(crate) async fn check(
        &self,
        subject: &Principal,
        permission: Permission,
        resource: Resource,
        max_age: Duration,
    ) -> Result<Checked, Fault> {
        let now = self.0.clock.now();
        let subject = Arc::new(subject.clone());
        let enough = |facts: &Facts| is_settled(&decide(permission, facts));
        let needs = needs(&subject, permission);
        let gathered = self.gather(&subject, needs, resource, max_age, &enough).await?;
        let as_of = gathered.sent.map_or(now, |sent| sent.time);
        Ok(Checked { decision: decide(permission, &gathered.facts), as_of })
    }

    /// What these owners know of anyone in a space, confirmed after this call began. Facts of owners that were not
    /// asked, or could not be, are missing.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` / `OVERLOADED`.
    pub async fn facts(
        &self,
        subject: &Principal,
        space: SpaceName,
        owners: &[Owner],
    ) -> Result<Standing, Fault> {
        let subject = Arc::new(subject.clone());
        let needs = owners.iter().copied().map(OwnerSet::of).collect();
        let Gathered { facts, membership, .. } =
            self.gather(&subject, needs, space.into(), Duration::ZERO, &|_| false).await?;
        Ok(Standing { gate: self.clone(), subject, space, facts, membership })
    }

    async fn gather(
        &self,
        subject: &Arc<Principal>,
        needs: OwnerSet,
        resource: Resource,
        max_age: Duration,
        enough: &(dyn Fn(&Facts) -> bool + Sync),
    ) -> Result<Gathered, Fault> {
        let service_permissions = self.0.services.of(subject);
        let gatherer = Gatherer { sources: &self.0.sources, subject, service_permissions, max_age, enough };
        match resource {
            Resource::Space(space)
            | Resource::VendorProfile { space, .. }
            | Resource::Listing { space, .. } => gatherer.of_space(space, needs).await,
            Resource::App(app) if !needs.is_empty() => gatherer.of_app(app, needs).await,
            Resource::Link { app, space } if !needs.is_empty() => gatherer.of_link(app, space, needs).await,
            Resource::App(_) | Resource::Link { .. } | Resource::Platform => Ok(gatherer.nothing()),
        }
    }

    pub(crate) fn home(&self) -> &dyn FactOwner {
        &*self.0.home
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.0.sources
    }
}

/// The gate knows where the owners are, and so brings them effects as well.
impl Deliver for Gate {
    fn deliver<'a>(
        &'a self,
        peer: &'a str,
        effects: ApplyEffectsRequest,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        let owner = Owner::ALL.into_iter().find(|owner| owner.name() == peer);
        let source = owner.and_then(|owner| self.0.sources.of(owner));
        Box::pin(async move {
            match source {
                Some(source) => source.apply(self.0.home.owner().name(), effects).await,
                None => Err(Fault::effect_pending(peer)),
            }
        })
    }
}

/// Whose facts a decision needs. No owner has facts about what a service may (R-P7).
fn needs(subject: &Principal, permission: Permission) -> OwnerSet {
    match subject {
        Principal::User(_) => owners(permission),
        Principal::Service(_) => OwnerSet::EMPTY,
    }
}

/// The facts that say who holds a role. What an owner else knows is the state of the space.
const ROLES: OwnerSet = OwnerSet::APP
    .union(OwnerSet::of(Owner::Membership))
    .union(OwnerSet::of(Owner::Billing))
    .union(OwnerSet::of(Owner::Marketplace));

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

/// Whether no fact that is missing could change what the caller is told.
fn is_settled(decision: &Decision) -> bool {
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
    let names: Vec<&str> = missing.iter().map(Owner::name).collect();
    Fault::facts_unavailable(&names)
}
