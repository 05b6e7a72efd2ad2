//! What the gate gives to a handler whose caller may go on.
use std::sync::Arc;

use devspaces_authz::{Decision, Fact, Facts, Owner, OwnerSet, Permission, SpaceState, decide};
use devspaces_kit::{
    db::Tx,
    name::{Principal, Scope, SpaceName},
    status::{Blockers, Fault, Reason, SPACE_ARCHIVED},
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
    /// The decision, which allowed it, with the facts it was made from.
    pub(crate) decision: Decision,
}

impl Pass {
    /// What the decision was made from. Facts that it did not need are missing.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.decision.facts()
    }

    fn permission(&self) -> Permission {
        self.decision.permission()
    }

    /// What stands in the way of a change so far: that the space is archived (R-S5), also of a deleted space, which
    /// was archived before. The change adds what else does, so that all of it is told at once. Only after
    /// [`Gate::require_active`].
    ///
    /// # Errors
    /// `UNAVAILABLE` if the state could not be had; `PERMISSION_DENIED` if there is no such space (R-P3).
    pub fn blockers(&self) -> Result<Blockers, Fault> {
        let mut blockers = Blockers::new();
        match self.facts().space {
            Fact::Missing => return Err(unavailable(OwnerSet::of(Owner::Space))),
            Fact::Known(space) => match space.state {
                SpaceState::Active => {}
                SpaceState::None => {
                    return Err(Fault::permission_denied(self.permission().name(), self.resource));
                }
                SpaceState::Archived | SpaceState::Deleted => {
                    blockers.add(Reason::SpaceArchived, self.resource.to_string(), SPACE_ARCHIVED);
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
    /// whose facts were not gathered, or facts were missing that would decide now; `INTERNAL`, for a defect, if the
    /// transaction does not hold the scopes of these facts, which could then change before it commits; faults of the
    /// database.
    pub async fn confirm(&self, tx: &mut Tx) -> Result<Facts, Fault> {
        let owner = self.gate.home().owner();
        let questions: Vec<Question> = self.scopes_of(owner).map(|scope| self.question(scope)).collect();
        if questions.is_empty() {
            return Ok(*self.facts());
        }
        let held = tx.scopes();
        if let Some(Question { scope, .. }) = questions.iter().find(|asked| !held.contains(&asked.scope)) {
            return Err(Fault::internal(format_args!(
                "facts of {scope} confirmed, which the transaction does not hold"
            )));
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
