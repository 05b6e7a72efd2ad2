//! What the gate gives to a handler whose caller may go on.
use std::sync::Arc;

use devspaces_authz::{Decision, Fact, Facts, OwnerSet, Permission, Service, SpaceFacts, SpaceState, decide};
use devspaces_kit::{
    name::{Principal, Scope, SpaceName},
    status::{Blockers, Fault, Reason, SPACE_ARCHIVED},
};
use devspaces_ledger::{Tx, standing};

use crate::{
    facts::{OwnFacts, Question, Version},
    owner::FactOwner,
    resource::Resource,
    verdict::{unavailable, verdict},
};

/// A caller's permission on a resource, as it was a moment ago. Whoever changes something has it [guarded](Self::guard) by
/// this, so that it is decided again in the transaction that does.
#[derive(Clone)]
pub struct Pass {
    /// Of the service that lets pass.
    pub(crate) home: Arc<dyn FactOwner>,
    pub(crate) subject: Arc<Principal>,
    pub(crate) resource: Resource,
    /// Whose facts were gathered.
    pub(crate) needs: OwnerSet,
    /// The space that they are about.
    pub(crate) space: Option<SpaceName>,
    /// The version of what membership said, if it was asked.
    pub(crate) membership: Option<Version>,
    /// The decision, which allowed it, with the facts it was made from.
    pub(crate) decision: Decision,
}

impl Pass {
    /// What the decision was made from. Facts that it did not need are missing.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.decision.facts()
    }

    /// The space that the facts are about: of an app, the one that it is in.
    #[must_use]
    pub fn space(&self) -> Option<SpaceName> {
        self.space
    }

    /// What the space service said of that space. Only after [`Gate::require_active`](crate::Gate::require_active), which
    /// asks it in any case.
    ///
    /// # Errors
    /// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if it could not be asked.
    pub fn space_facts(&self) -> Result<SpaceFacts, Fault> {
        self.facts().space.known().ok_or_else(|| unavailable(OwnerSet::of(Service::Space)))
    }

    fn permission(&self) -> Permission {
        self.decision.permission()
    }

    /// What stands in the way of a change so far, by facts that [`confirm`](Self::confirm) gave: that the space is
    /// archived (R-S5), also of a deleted space, which was archived before. The change adds what else does, so that all
    /// of it is told at once. Only after [`Gate::require_active`](crate::Gate::require_active).
    ///
    /// # Errors
    /// `UNAVAILABLE` if the state could not be had; `PERMISSION_DENIED` if there is no such space (R-P3).
    pub(crate) fn blockers(&self, confirmed: &Facts) -> Result<Blockers, Fault> {
        let mut blockers = Blockers::new();
        match confirmed.space {
            Fact::Missing => return Err(unavailable(OwnerSet::of(Service::Space))),
            Fact::Known(space) => match space.state {
                SpaceState::Active => {}
                // Whoever runs a profile or has a listing is told of it: its space comes about when the effect is delivered.
                SpaceState::None
                    if matches!(self.resource, Resource::VendorProfile { .. } | Resource::Listing { .. }) =>
                {
                    return Err(unavailable(OwnerSet::of(Service::Space)));
                }
                SpaceState::None => {
                    return Err(Fault::permission_denied(self.permission().name(), self.resource));
                }
                SpaceState::Archived | SpaceState::Deleted => {
                    let space = self.space.map(|space| space.to_string()).unwrap_or_default();
                    blockers.add(Reason::SpaceArchived, space, SPACE_ARCHIVED);
                }
            },
        }
        Ok(blockers)
    }

    /// Decides again in the transaction that acts (rule Acting): by the facts that this service owns as they stand
    /// there, and the others' as they were confirmed. Two Admins who remove each other can't both succeed.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` if the caller has it no longer; `UNAVAILABLE` if an app moved to another space meanwhile,
    /// whose facts were not gathered or which the transaction does not hold, if the caller ceased to be a member meanwhile and
    /// that has had its effects here already, or facts were missing that would decide now; `INTERNAL`, for a defect, if the
    /// transaction does not hold the scopes of these facts, which could then change before it commits; faults of the
    /// database.
    pub(crate) async fn confirm(&self, tx: &mut Tx) -> Result<Facts, Fault> {
        let owner = self.home.owner();
        let questions: Vec<Question> = self.scopes_of(owner).map(|scope| self.question(scope)).collect();
        let held = tx.scopes();
        if let Some(Question { scope, .. }) = questions.iter().find(|asked| !held.contains(&asked.scope)) {
            return Err(Fault::internal(format_args!(
                "facts of {scope} confirmed, which the transaction does not hold"
            )));
        }
        if self.space_of_app(owner).is_some_and(|space| !held.contains(&space)) {
            return Err(unavailable(OwnerSet::APP));
        }
        let facts = if questions.is_empty() { *self.facts() } else { self.judge(tx, &questions).await? };
        if let (Some(space), Some(version)) = (self.space, &self.membership) {
            refuse_departed(&*self.home, tx, space, &self.subject, version).await?;
        }
        Ok(facts)
    }

    /// Decides by the answers of this service, and by the others' as they were.
    async fn judge(&self, tx: &mut Tx, questions: &[Question]) -> Result<Facts, Fault> {
        let mut facts = *self.facts();
        let now = tx.time();
        for reading in self.home.read(tx, questions).await? {
            if self.is_elsewhere(&reading.facts) {
                return Err(unavailable(OwnerSet::APP));
            }
            reading.facts.enter(&mut facts, reading.last_time.map_or(now, |last| now.not_before(last)));
        }
        verdict(&decide(self.permission(), &facts), self.resource)?;
        Ok(facts)
    }

    /// Whether an app is not in the space whose facts were gathered. One that is to be linked is in none: if that has
    /// changed, it is a matter of its state.
    fn is_elsewhere(&self, facts: &OwnFacts) -> bool {
        let Resource::App(_) = self.resource else { return false };
        matches!(facts, OwnFacts::App { space, .. } if *space != self.space)
    }

    /// The space that an app is in, which its owner's transaction holds too: what groups give on the app changes there (R-M11). A
    /// transaction that does not was begun before the app came into it.
    fn space_of_app(&self, owner: Service) -> Option<Scope> {
        let on_app = matches!(self.resource, Resource::App(_)) && owner == Service::Space;
        self.space.filter(|_| on_app).map(Scope::from)
    }

    /// The scopes in which this owner's facts were needed.
    fn scopes_of(&self, owner: Service) -> impl Iterator<Item = Scope> {
        let app = match self.resource {
            Resource::App(app) | Resource::Link { app, .. } if owner == Service::Space => Some(app.into()),
            _ => None,
        };
        let space = self.space.filter(|_| self.needs.contains(owner)).map(Scope::from);
        app.into_iter().chain(space)
    }

    fn question(&self, scope: Scope) -> Question {
        Question { scope, subject: Arc::clone(&self.subject) }
    }
}

/// What is known of somebody in a space who does not call: whom an app is passed on to, for example.
#[derive(Clone)]
pub struct Standing {
    /// Of the service that asked.
    pub(crate) home: Arc<dyn FactOwner>,
    pub(crate) subject: Arc<Principal>,
    pub(crate) space: SpaceName,
    pub(crate) facts: Facts,
    pub(crate) membership: Option<Version>,
}

impl Standing {
    /// The facts. Those of owners that were not asked, or could not be, are missing.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Goes on if the person is active, and has not ceased to be a member since, as far as that has had its effects here. In a
    /// transaction on the space, so that what follows from these facts comes before such effects or not at all.
    ///
    /// # Errors
    /// `UNAVAILABLE` if so: whoever asks again gets new facts. Faults of the database.
    pub async fn confirm(&self, tx: &mut Tx) -> Result<(), Fault> {
        if let Some(person) = self.subject.as_user()
            && !standing::hold(tx, &person).await?
        {
            return Err(unavailable(OwnerSet::of(Service::Membership)));
        }
        match &self.membership {
            Some(version) => refuse_departed(&*self.home, tx, self.space, &self.subject, version).await,
            None => Ok(()),
        }
    }
}

/// Facts about a member, confirmed before the removal of that member had its effects here, are no ground for a change
/// that commits after these effects: it would outlive them, and no order of the two calls would have led there (R-M5).
async fn refuse_departed(
    home: &dyn FactOwner,
    tx: &mut Tx,
    space: SpaceName,
    subject: &Principal,
    version: &Version,
) -> Result<(), Fault> {
    if home.has_departed_since(tx, space, subject, version).await? {
        return Err(unavailable(OwnerSet::of(Service::Membership)));
    }
    Ok(())
}
