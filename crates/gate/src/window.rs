//! Strict answers from memory (rule Rest, R-P9).
//!
//! Whoever takes a permission away is told so only after the change has rested: [`REST`] since the last of its commits.
//! So what an owner confirmed by a call that was sent less than a window before a check began may still allow it: had
//! the permission gone before that call, the answer would say so, and if it went later, nobody has been told yet. Three
//! limits go with that, and the model in `exchange/model/window.rs` shows that each is needed:
//!
//! - **Only to allow.** If what is at hand does not allow, it is asked for anew: whoever is given a permission has it
//!   when the reply arrives, and no grant has to rest.
//! - **Age.** It counts from when the confirming call was sent, also for what has an end: that is judged by the owner's
//!   time of reading and the age. A machine that was suspended was so for the facts as well.
//! - **All or nothing.** Either all facts of a decision are at hand, or all are asked for. So an explanation names every
//!   way by which a permission is granted.
use std::time::Duration;

use devspaces_authz::{AppFacts, Decision, Fact, OwnerSet, Permission, Service, decide};
use devspaces_kit::name::{AppName, Scope, SpaceName};
use devspaces_ledger::REST;

use crate::{
    exchange::{Confirmed, Sent},
    gather::{Gathered, Gatherer},
    resource::Resource,
    source::Source,
};

/// How old at most what a strict answer rests on may be: less than any change rests, by more than a tenth, since two
/// clocks may run apart by that much.
pub const WINDOW: Duration = Duration::from_millis(22);
const _: () =
    assert!(WINDOW.as_millis() * 11 < REST.as_millis() * 10, "a gate's window is over before any rest is");

impl Gatherer<'_> {
    /// The decision that facts from memory allow: all that it needs was confirmed less than a window before `begun`. `None`
    /// if it was not, or does not allow.
    pub(crate) fn at_hand(
        &self,
        permission: Permission,
        needs: OwnerSet,
        resource: Resource,
        begun: Sent,
        window: Duration,
    ) -> Option<Decision> {
        let memory = Memory { gatherer: self, begun, window: window.min(WINDOW) };
        let mut gathered = self.nothing();
        match resource {
            Resource::Space(space)
            | Resource::VendorProfile { space, .. }
            | Resource::Listing { space, .. } => {
                gathered.facts.app = Fact::Known(AppFacts::default());
                memory.enter_space(&mut gathered, space, needs)?;
            }
            Resource::App(app) if !needs.is_empty() => memory.enter_app(&mut gathered, app, needs)?,
            // Nothing to ask about, or asked for in order to change something or to show more to some than to others.
            Resource::App(_) | Resource::Platform | Resource::Link { .. } | Resource::Transfer { .. } => {
                return None;
            }
        }
        Some(decide(permission, &gathered.facts)).filter(Decision::is_allowed)
    }
}

/// What was confirmed less than a window before a check began.
struct Memory<'a> {
    gatherer: &'a Gatherer<'a>,
    begun: Sent,
    window: Duration,
}

impl Memory<'_> {
    fn enter_space(&self, gathered: &mut Gathered, space: SpaceName, needs: OwnerSet) -> Option<()> {
        for source in self.gatherer.sources.iter().filter(|source| needs.contains(source.owner())) {
            gathered.enter(&self.recall(source, space.into())?);
        }
        Some(())
    }

    fn enter_app(&self, gathered: &mut Gathered, app: AppName, needs: OwnerSet) -> Option<()> {
        let confirmed = self.recall(self.gatherer.sources.of(Service::Space)?, app.into())?;
        gathered.enter(&confirmed);
        match confirmed.link() {
            Some(space) => self.enter_space(gathered, space, needs)?,
            None => Service::ALL.into_iter().for_each(|owner| gathered.enter_nothing(owner)),
        }
        Some(())
    }

    fn recall(&self, source: &Source, scope: Scope) -> Option<Confirmed> {
        source.recall(&self.gatherer.question(scope), self.begun, self.window)
    }
}
