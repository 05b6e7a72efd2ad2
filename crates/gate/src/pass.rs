//! What the gate gives to a handler whose caller may go on.
use std::sync::Arc;

use devspaces_authz::{
    Decision, Explanation, Fact, Facts, Owner, OwnerSet, Permission, Role, SpaceState, decide,
};
use devspaces_kit::{
    db::Tx,
    name::{Principal, Scope, SpaceName},
    status::{Blockers, Fault, Reason},
};

use crate::{
    facts::{OwnFacts, Question},
    gate::{Gate, Resource, unavailable, verdict},
};

/// A caller's permission on a resource, as it was a moment ago. Whoever changes something [confirms](Self::confirm)
/// it in the transaction that does.
#[derive(Clone)]
pub struct Pass {
    pub(crate) gate: Gate,
    pub(crate) subject: Arc<Principal>,
    pub(crate) resource: Resource,
    /// Whose facts were gathered.
    pub(crate) needs: OwnerSet,
    /// The space that they are about.
    pub(crate) space: Option<SpaceName>,
    pub(crate) decision: Decision,
}

impl Pass {
    /// The decision, which allowed it, with the facts it was made from.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What the decision was made from. Facts that it did not need are missing.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.decision.facts()
    }

    /// The permission that it is about.
    #[must_use]
    pub fn permission(&self) -> Permission {
        self.decision.permission()
    }

    /// Why it was allowed (R-P2).
    #[must_use]
    pub fn explanation(&self) -> Explanation {
        self.decision.explanation()
    }

    /// Whether the caller is known to hold this role, by the facts that the decision needed.
    #[must_use]
    pub fn holds(&self, role: Role) -> bool {
        let facts = self.facts();
        let console = || facts.membership.known().and_then(|member| member.role).map(Role::from);
        let app = || facts.app.known().and_then(|app| app.role).map(Role::from);
        match role {
            Role::ConsoleAdmin | Role::ConsoleDeveloper | Role::ConsoleViewer => console() == Some(role),
            Role::BillingAdmin => facts.billing.known().is_some_and(|billing| billing.admin),
            Role::MarketplaceAdmin => facts.marketplace.known().is_some_and(|marketplace| marketplace.admin),
            Role::AppOwner | Role::AppAdmin | Role::AppDeployer | Role::AppDeveloper | Role::AppViewer => {
                app() == Some(role)
            }
            Role::Service => matches!(*self.subject, Principal::Service(_)),
            Role::SignedIn => matches!(*self.subject, Principal::User(_)),
        }
    }

    /// Goes on if the space is in use: the state, after everything else was found good. Only after
    /// [`Gate::require_active`].
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` / `SPACE_ARCHIVED`, also of a deleted space, which was archived before (R-S5);
    /// `UNAVAILABLE` if the state could not be had; `PERMISSION_DENIED` if there is no such space (R-P3).
    pub fn active(&self) -> Result<(), Fault> {
        match self.facts().space {
            Fact::Missing => Err(unavailable(OwnerSet::of(Owner::Space))),
            Fact::Known(space) => match space.state {
                SpaceState::Active => Ok(()),
                SpaceState::None => Err(Fault::permission_denied(self.permission().name(), self.resource)),
                SpaceState::Archived | SpaceState::Deleted => {
                    let mut blockers = Blockers::new();
                    let sentence = "The space is archived; a console Admin can restore it";
                    blockers.add(Reason::SpaceArchived, self.resource.to_string(), sentence);
                    blockers.finish()
                }
            },
        }
    }

    /// Decides again in the transaction that acts (rule Acting): by the facts that this service owns as they stand
    /// there, and the others' as they were confirmed. Two Admins who remove each other can't both succeed.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` if the caller has it no longer; `UNAVAILABLE` if an app moved to another space meanwhile,
    /// whose facts were not gathered; faults of the database.
    pub async fn confirm(&self, tx: &mut Tx) -> Result<Facts, Fault> {
        let owner = self.gate.home().owner();
        let questions: Vec<Question> = self.scopes_of(owner).map(|scope| self.question(scope)).collect();
        if questions.is_empty() {
            return Ok(*self.facts());
        }
        let mut facts = *self.facts();
        let now = self.gate.clock().now();
        for reading in self.gate.home().read(tx, &questions).await? {
            if matches!(reading.facts, OwnFacts::App { space, .. } if space != self.space) {
                return Err(unavailable(OwnerSet::APP));
            }
            reading.facts.enter(&mut facts, reading.last_time.map_or(now, |last| last.max(now)));
        }
        verdict(&decide(self.permission(), &facts), self.resource)?;
        Ok(facts)
    }

    /// The scopes in which this owner's facts were needed.
    fn scopes_of(&self, owner: Owner) -> impl Iterator<Item = Scope> {
        let app = match self.resource {
            Resource::App(app) if owner == Owner::Space => Some(Scope::App(app)),
            _ => None,
        };
        let space = self.space.filter(|_| self.needs.contains(owner)).map(Scope::from);
        app.into_iter().chain(space)
    }

    fn question(&self, scope: Scope) -> Question {
        Question { scope, subject: Arc::clone(&self.subject) }
    }
}
