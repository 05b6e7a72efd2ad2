//! The gate: may this caller do this, as of now?
use std::{sync::Arc, time::Duration};

use devspaces_authz::{Decision, Fact, Facts, OwnerSet, Permission, Service, decide, owners};
use devspaces_kit::{
    clock::{Clock, Timestamp},
    identity::Caller,
    name::{AppName, Principal, SpaceName},
    status::Fault,
};

use crate::{
    exchange::{Overloaded, Sent},
    facts::{OwnFacts, Question, kind_of},
    gather::{Gathered, Gatherer},
    owner::FactOwner,
    pass::{Pass, Standing},
    resource::Resource,
    sources::{NamedPermissions, Sources},
    verdict::{is_settled, unavailable, verdict},
    window::{AtHand, Following, Found, Recalled},
};

/// The gate of one service. Clones are handles to the same gate.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    home: Arc<dyn FactOwner>,
    sources: Sources,
    services: NamedPermissions,
    window: Duration,
    clock: Arc<dyn Clock>,
}

/// The answer to a question about anyone's permission.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) decision: Decision,
    /// The way by which the contributor role is held, if it is not the subject's own: "group Mobile".
    pub(crate) through: Option<String>,
    /// Every revocation acknowledged before this time is seen by the decision.
    pub(crate) as_of: Timestamp,
}

impl Gate {
    /// The gate of the service that owns the facts of `home`. It may allow by facts that were confirmed less than `window`
    /// before (rule Rest); [`WINDOW`](crate::WINDOW) at most, zero for none.
    #[must_use]
    pub fn new(
        home: Arc<dyn FactOwner>,
        sources: Sources,
        services: NamedPermissions,
        window: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Shared { home, sources, services, window, clock }))
    }

    /// Goes on if the caller has the permission. Whoever changes nothing and shows the same to everybody who may see it asks
    /// so: the answer may come from memory (R-P9).
    ///
    /// # Errors
    /// As [`require`](Self::require).
    pub async fn require_read(
        &self,
        caller: &Caller,
        permission: Permission,
        resource: impl Into<Resource>,
    ) -> Result<(), Fault> {
        let resource = resource.into();
        let subject = subject_of(caller);
        let begun = Sent::by(&*self.0.clock);
        if self.at_hand(&subject, permission, resource, begun, Duration::ZERO).await.is_some() {
            return Ok(());
        }
        self.pass(subject, permission, resource, OwnerSet::EMPTY).await.map(drop)
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
        self.pass(subject_of(caller), permission, resource.into(), OwnerSet::EMPTY).await
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
        self.pass(subject_of(caller), permission, resource.into(), OwnerSet::of(Service::Space)).await
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
        self.pass(subject_of(caller), permission, resource.into(), all).await
    }

    /// Goes on unless the caller is a person who was deactivated (R-M12), by facts as those of
    /// [`require_read`](Self::require_read). For what takes no permission, and so depends on no role.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` / `PERSON_DEACTIVATED`; `UNAVAILABLE` / `FACTS_UNAVAILABLE`; `RESOURCE_EXHAUSTED` / `OVERLOADED`.
    pub async fn require_active_person(&self, caller: &Caller) -> Result<(), Fault> {
        let Principal::User(_) = caller.principal else { return Ok(()) };
        let subject = subject_of(caller);
        let Shared { home, sources, services, window, clock } = &*self.0;
        let named_permissions = services.of(&subject);
        let (home, max_age) = (home.owner(), Duration::ZERO);
        let (subject, enough) = (&subject, &|_: &Facts| true);
        let gatherer = Gatherer { sources, home, subject, named_permissions, max_age, enough };
        if gatherer.is_active_at_hand(Sent::by(&**clock), *window) {
            return Ok(());
        }
        match gatherer.of_person().await?.facts.active {
            Fact::Known(true) => Ok(()),
            Fact::Known(false) => Err(Fault::person_deactivated()),
            Fact::Missing => Err(unavailable(OwnerSet::PERSON)),
        }
    }

    async fn pass(
        &self,
        subject: Arc<Principal>,
        permission: Permission,
        resource: Resource,
        also: OwnerSet,
    ) -> Result<Pass, Fault> {
        let needs = needs(&subject, permission).union(also);
        let enough = |facts: &Facts| {
            let decision = decide(permission, facts);
            let known = also.intersection(facts.missing()).is_empty();
            is_settled(&decision) && (known || !decision.is_allowed())
        };
        let gathered = self.gather(&subject, needs, resource, Duration::ZERO, &enough).await?;
        let decision = decide(permission, &gathered.facts);
        verdict(&decision, resource)?;
        let Gathered { space, membership, .. } = gathered;
        Ok(Pass { home: Arc::clone(&self.0.home), subject, resource, needs, space, membership, decision })
    }

    /// Decides about anyone, by facts confirmed by calls sent less than `max_age` before now; zero is strict.
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
        let begun = Sent::by(&*self.0.clock);
        let subject = Arc::new(subject.clone());
        if let Some(found) = self.at_hand(&subject, permission, resource, begun, max_age).await {
            let Recalled { decision, through } = found;
            return Ok(Checked { decision, through, as_of: begun.time });
        }
        let enough = |facts: &Facts| is_settled(&decide(permission, facts));
        let needs = needs(&subject, permission);
        let mut gathered = self.gather(&subject, needs, resource, max_age, &enough).await?;
        if decide(permission, &gathered.facts).withholds_reasons() {
            // The denial is out of question, and nobody waits long for its reasons.
            let needs = needs.union(owners(kind_of(&subject), Permission::AppGet));
            gathered = self.gather(&subject, needs, resource, max_age, &|_| true).await?;
        }
        let as_of = gathered.sent.map_or(begun.time, |sent| sent.time);
        Ok(Checked { decision: decide(permission, &gathered.facts), through: gathered.through, as_of })
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
        owners: &[Service],
    ) -> Result<Standing, Fault> {
        let subject = Arc::new(subject.clone());
        let needs = owners.iter().copied().map(OwnerSet::of).collect();
        let Gathered { facts, membership, .. } =
            self.gather(&subject, needs, space.into(), Duration::ZERO, &|_| false).await?;
        Ok(Standing { home: Arc::clone(&self.0.home), subject, space, facts, membership })
    }

    /// The space that an app is in, by what its owner says after this call began; `None` if it is in none. Whoever
    /// asks has yet to be permitted anything.
    ///
    /// # Errors
    /// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if the owner can't be reached; `RESOURCE_EXHAUSTED` / `OVERLOADED`.
    pub async fn space_of(&self, subject: &Principal, app: AppName) -> Result<Option<SpaceName>, Fault> {
        let Some(source) = self.sources().of(Service::Space) else { return Ok(None) };
        let question = Question { scope: app.into(), subject: Arc::new(subject.clone()) };
        let asking = source.ask(question, Duration::ZERO).map_err(|Overloaded| Fault::overloaded())?;
        let confirmed = asking.answer().await.ok_or_else(|| unavailable(OwnerSet::APP))?;
        match confirmed.entry.facts {
            OwnFacts::App { space, .. } => Ok(space),
            _ => Ok(None),
        }
    }

    /// What memory allows to a check that began at a time, now or as soon as calls under way have ended. Whoever takes older
    /// answers does not wait for younger ones, and has nothing asked for the next.
    async fn at_hand(
        &self,
        subject: &Arc<Principal>,
        permission: Permission,
        resource: Resource,
        begun: Sent,
        max_age: Duration,
    ) -> Option<Recalled> {
        let Shared { home, sources, services, window, .. } = &*self.0;
        let home = home.owner();
        let named_permissions = services.of(subject);
        let gatherer = Gatherer {
            sources,
            home,
            subject,
            named_permissions,
            max_age: Duration::ZERO,
            enough: &|_| true,
        };
        let recall = || gatherer.at_hand(permission, needs(subject, permission), resource, begun, *window);
        let following = match recall() {
            AtHand::Allowed(found, ageing) => {
                if max_age.is_zero() {
                    ageing.iter().for_each(Found::renew);
                }
                return Some(found);
            }
            AtHand::Old(old) if max_age.is_zero() => Following::of(&old, begun, *window)?,
            AtHand::Old(_) | AtHand::Nothing => return None,
        };
        following.end().await;
        match recall() {
            AtHand::Allowed(found, _) => Some(found),
            AtHand::Old(_) | AtHand::Nothing => None,
        }
    }

    async fn gather(
        &self,
        subject: &Arc<Principal>,
        needs: OwnerSet,
        resource: Resource,
        max_age: Duration,
        enough: &(dyn Fn(&Facts) -> bool + Sync),
    ) -> Result<Gathered, Fault> {
        let named_permissions = self.0.services.of(subject);
        let Shared { home, sources, .. } = &*self.0;
        let home = home.owner();
        let gatherer = Gatherer { sources, home, subject, named_permissions, max_age, enough };
        match resource {
            Resource::Space(space)
            | Resource::VendorProfile { space, .. }
            | Resource::Listing { space, .. } => gatherer.of_space(space, needs).await,
            Resource::Transfer { space, .. } => gatherer.of_transfer(space, needs).await,
            Resource::App(app) if !needs.is_empty() => gatherer.of_app(app, needs).await,
            Resource::Link { app, space } if !needs.is_empty() => gatherer.of_link(app, space, needs).await,
            Resource::Platform if needs.contains_person() => gatherer.of_person().await,
            Resource::App(_) | Resource::Link { .. } | Resource::Platform => Ok(gatherer.nothing()),
        }
    }

    /// The time now: nothing that is asked from here on was said before it.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn services(&self) -> &NamedPermissions {
        &self.0.services
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.0.sources
    }
}

fn subject_of(caller: &Caller) -> Arc<Principal> {
    Arc::new(caller.principal.clone())
}

/// Whose facts a decision needs.
fn needs(subject: &Principal, permission: Permission) -> OwnerSet {
    owners(kind_of(subject), permission)
}
