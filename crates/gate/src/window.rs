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
//! - **Following.** If what is at hand would allow and is too old, the check may wait for calls under way that ask the
//!   same and were sent within the window, and then look again. So when a window is over, one call is made for all checks
//!   that wait.
//! - **All or nothing.** Either all facts of a decision are at hand, or all are asked for. So an explanation names every
//!   way by which a permission is granted.
use std::time::Duration;

use devspaces_authz::{AppFacts, Decision, Fact, OwnerSet, Permission, Service, decide};
use devspaces_kit::name::{AppName, Scope, SpaceName};
use devspaces_ledger::REST;
use tokio::time::timeout;

use crate::{
    exchange::{self, Confirmed, Sent},
    facts::Question,
    gather::{Gathered, Gatherer},
    resource::Resource,
    source::{Asking, Source},
};

/// How old at most what a strict answer rests on may be: less than any change rests, by more than a tenth, since two
/// clocks may run apart by that much.
pub const WINDOW: Duration = Duration::from_millis(22);
const _: () =
    assert!(WINDOW.as_millis() * 11 < REST.as_millis() * 10, "a gate's window is over before any rest is");

/// How often facts must have been recalled since they were confirmed, to be asked for again before they are too old: so what
/// is checked all the time is never waited for, and for what is checked now and then no call is made that nobody needs.
const OFTEN: u32 = 16;

/// What memory says of a permission.
pub(crate) enum AtHand<'a> {
    /// All that the decision needs was confirmed less than a window before the check began, and it allows. These facts are
    /// used often, and will soon be too old.
    Allowed(Recalled, Vec<Found<'a>>),
    /// What is there allows, but these facts are too old.
    Old(Vec<Found<'a>>),
    /// It does not allow, or is not there, or nobody asks for it.
    Nothing,
}

/// A decision from memory.
pub(crate) struct Recalled {
    pub(crate) decision: Decision,
    /// The way by which the contributor role is held, if it is not the subject's own.
    pub(crate) through: Option<String>,
}

/// Facts that were found: whose, and about what.
pub(crate) struct Found<'a> {
    source: &'a Source,
    question: Question,
}

impl Found<'_> {
    /// Has their owner asked again, so that whoever checks next finds them young.
    pub(crate) fn renew(&self) {
        self.source.refresh(&self.question);
    }
}

/// Calls under way that a check follows.
pub(crate) struct Following {
    calls: Vec<Asking>,
    /// How long they are worth waiting for.
    patience: Duration,
}

impl Following {
    /// Follows the calls that ask for these facts. `None` if some are not asked for by a call that was sent within the window.
    pub(crate) fn of(old: &[Found<'_>], begun: Sent, window: Duration) -> Option<Self> {
        let follow = |found: &Found<'_>| found.source.follow(&found.question, begun, window.min(WINDOW));
        let (calls, patience): (_, Vec<Duration>) =
            old.iter().map(follow).collect::<Option<Vec<_>>>()?.into_iter().unzip();
        Some(Self { calls, patience: patience.into_iter().max().unwrap_or_default() })
    }

    /// Waits until they have ended, or are a window old: what takes longer is not waited for, since the check may ask anew.
    pub(crate) async fn end(self) {
        let ends = async {
            for call in self.calls {
                call.answer().await;
            }
        };
        let _ = timeout(self.patience, ends).await;
    }
}

impl<'a> Gatherer<'a> {
    /// Whether memory says to a check that began at a time that the person is active.
    pub(crate) fn is_active_at_hand(&self, begun: Sent, window: Duration) -> bool {
        let window = window.min(WINDOW);
        let mut memory = Memory { gatherer: self, begun, window, old: Vec::new(), ageing: Vec::new() };
        let mut gathered = self.nothing();
        let active =
            memory.enter_person(&mut gathered).is_some() && gathered.facts.active == Fact::Known(true);
        active && memory.old.is_empty()
    }

    /// What facts from memory say to a check that began at a time.
    pub(crate) fn at_hand(
        &self,
        permission: Permission,
        needs: OwnerSet,
        resource: Resource,
        begun: Sent,
        window: Duration,
    ) -> AtHand<'a> {
        let window = window.min(WINDOW);
        let mut memory = Memory { gatherer: self, begun, window, old: Vec::new(), ageing: Vec::new() };
        let Some(gathered) = memory.gathered(needs, resource) else { return AtHand::Nothing };
        let decision = decide(permission, &gathered.facts);
        match memory.old.is_empty() {
            _ if !decision.is_allowed() => AtHand::Nothing,
            true => AtHand::Allowed(Recalled { decision, through: gathered.through }, memory.ageing),
            false => AtHand::Old(memory.old),
        }
    }
}

/// What was confirmed, as a check finds it.
struct Memory<'m, 'a> {
    gatherer: &'m Gatherer<'a>,
    begun: Sent,
    window: Duration,
    /// What was found and is too old.
    old: Vec<Found<'a>>,
    /// What will soon be too old, and is used often.
    ageing: Vec<Found<'a>>,
}

impl<'a> Memory<'_, 'a> {
    fn gathered(&mut self, needs: OwnerSet, resource: Resource) -> Option<Gathered> {
        let mut gathered = self.gatherer.nothing();
        match resource {
            Resource::Space(space)
            | Resource::VendorProfile { space, .. }
            | Resource::Listing { space, .. } => {
                gathered.facts.app = Fact::Known(AppFacts::default());
                self.enter_space(&mut gathered, space, needs)?;
            }
            Resource::App(app) if !needs.is_empty() => self.enter_app(&mut gathered, app, needs)?,
            Resource::Platform if needs.contains_person() => self.enter_person(&mut gathered)?,
            // Nothing to ask about, or asked for in order to change something or to show more to some than to others.
            Resource::App(_) | Resource::Platform | Resource::Link { .. } | Resource::Transfer { .. } => {
                return None;
            }
        }
        Some(gathered)
    }

    fn enter_person(&mut self, gathered: &mut Gathered) -> Option<()> {
        let source = self.gatherer.sources.of(self.gatherer.home)?;
        gathered.enter(&self.recall(source, Scope::People)?);
        Some(())
    }

    fn enter_space(&mut self, gathered: &mut Gathered, space: SpaceName, needs: OwnerSet) -> Option<()> {
        let sources = self.gatherer.sources;
        for source in sources.iter().filter(|source| needs.contains(source.owner())) {
            gathered.enter(&self.recall(source, space.into())?);
        }
        Some(())
    }

    fn enter_app(&mut self, gathered: &mut Gathered, app: AppName, needs: OwnerSet) -> Option<()> {
        let confirmed = self.recall(self.gatherer.sources.of(Service::Space)?, app.into())?;
        gathered.enter(&confirmed);
        match confirmed.link() {
            Some(space) => self.enter_space(gathered, space, needs)?,
            None => Service::ALL.into_iter().for_each(|owner| gathered.enter_nothing(owner)),
        }
        Some(())
    }

    fn recall(&mut self, source: &'a Source, scope: Scope) -> Option<Confirmed> {
        let question = self.gatherer.question(scope);
        let exchange::Recalled { confirmed, age, recalls } = source.recall(&question, self.begun)?;
        if age >= self.window {
            self.old.push(Found { source, question });
        } else if recalls >= OFTEN && age * 4 >= self.window * 3 {
            self.ageing.push(Found { source, question });
        }
        Some(confirmed)
    }
}
