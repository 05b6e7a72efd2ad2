//! Gathering the facts of one decision: from all owners it depends on at once, and for apps from the space that the
//! app is in.
use std::{sync::Arc, time::Duration};

use devspaces_authz::{AppFacts, Fact, Facts, OwnerSet, PermissionSet, Service, SubjectKind};
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, Principal, Scope, SpaceName},
    status::Fault,
};
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, timeout_at};

use crate::{
    exchange::{Confirmed, Overloaded, Sent},
    facts::{OwnFacts, Question, Version, kind_of},
    source::{Asking, Source},
    sources::Sources,
};

/// How often an app may turn out to have moved before its facts count as missing. Once is common, when nothing was
/// known of the app; more takes a transfer in the same instant.
const ROUNDS: usize = 3;

/// How long a check that is decided waits for owners whose answers would only add to its reasons: many times what they
/// take, and little beside the deadline of one that is silent.
const PATIENCE: Duration = Duration::from_millis(250);

/// What was gathered for one decision.
#[derive(Clone, Debug)]
pub(crate) struct Gathered {
    pub(crate) facts: Facts,
    /// The space that the facts of a space are about.
    pub(crate) space: Option<SpaceName>,
    /// The version of what membership said, if it was asked and answered.
    pub(crate) membership: Option<Version>,
    /// The way by which the contributor role is held, if it is not the subject's own.
    pub(crate) through: Option<String>,
    /// When the earliest of the calls was sent that confirmed them. `None`: nobody had to be asked.
    pub(crate) sent: Option<Sent>,
}

/// Whose facts are gathered, and how old they may be.
#[derive(Clone, Copy)]
pub(crate) struct Gatherer<'a> {
    pub(crate) sources: &'a Sources,
    /// The service that decides, which knows itself who is active.
    pub(crate) home: Service,
    pub(crate) subject: &'a Arc<Principal>,
    pub(crate) named_permissions: PermissionSet,
    /// Zero: strictly confirmed by calls sent after this begins (R-P4).
    pub(crate) max_age: Duration,
    /// Whether these facts decide, whatever those are that are missing. Then nobody waits for a silent owner.
    pub(crate) enough: &'a (dyn Fn(&Facts) -> bool + Sync),
}

impl Gatherer<'_> {
    /// Nothing is known yet, except that of owners which are not deployed nobody holds anything.
    pub(crate) fn nothing(&self) -> Gathered {
        let subject = kind_of(self.subject);
        let facts = Facts {
            subject,
            named_permissions: self.named_permissions,
            active: match subject {
                SubjectKind::User => Fact::Missing,
                SubjectKind::Service => Fact::Known(true),
            },
            space: Fact::Missing,
            membership: Fact::Missing,
            billing: Fact::Missing,
            marketplace: Fact::Missing,
            app: Fact::Missing,
        };
        let mut gathered = Gathered { facts, space: None, membership: None, through: None, sent: None };
        for owner in Service::ALL.into_iter().filter(|&owner| self.sources.of(owner).is_none()) {
            gathered.enter_nothing(owner);
        }
        gathered
    }

    /// Whether the person is active, by what the deciding service knows (R-M12): for what depends on no role.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if too many checks wait for it.
    pub(crate) async fn of_person(&self) -> Result<Gathered, Fault> {
        let mut gathered = self.nothing();
        let Some(source) = self.sources.of(self.home) else { return Ok(gathered) };
        let asking = self.ask(source, self.question(Scope::People))?;
        if let Some(confirmed) = asking.answer().await {
            gathered.enter(&confirmed);
        }
        Ok(gathered)
    }

    /// Facts of a space, as far as they are needed. There is no app: its facts are known and empty.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if too many checks wait for one of the owners.
    pub(crate) async fn of_space(&self, space: SpaceName, needs: OwnerSet) -> Result<Gathered, Fault> {
        self.of_space_with(AppFacts::default(), space, needs).await
    }

    /// Facts of one of the spaces of a transfer, and of an app in it to which nobody contributes: a transfer is decided by
    /// roles in its spaces, and its app has left one of them when it has ended.
    ///
    /// # Errors
    /// As of [`of_space`](Self::of_space).
    pub(crate) async fn of_transfer(&self, space: SpaceName, needs: OwnerSet) -> Result<Gathered, Fault> {
        let app = AppFacts { linked: true, ..AppFacts::default() };
        self.of_space_with(app, space, needs).await
    }

    async fn of_space_with(
        &self,
        app: AppFacts,
        space: SpaceName,
        needs: OwnerSet,
    ) -> Result<Gathered, Fault> {
        let asking = self.ask_about(space, needs)?;
        let mut gathered = self.nothing();
        gathered.facts.app = Fact::Known(app);
        self.enter_space(&mut gathered, space, asking).await;
        Ok(gathered)
    }

    /// Facts of an app and of a space that it is not in, and is to be linked to. The app's own link says nothing about
    /// which space's facts count.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if too many checks wait for one of the owners.
    pub(crate) async fn of_link(
        &self,
        app: AppName,
        space: SpaceName,
        needs: OwnerSet,
    ) -> Result<Gathered, Fault> {
        let about_app = self.sources.of(Service::Space);
        let about_app = about_app.map(|source| self.ask(source, self.question(app.into()))).transpose()?;
        let about_space = self.ask_about(space, needs)?;
        let mut gathered = self.nothing();
        match about_app {
            None => gathered.facts.app = Fact::Known(AppFacts::default()),
            Some(asking) => {
                if let Some(confirmed) = asking.answer().await {
                    gathered.enter(&confirmed);
                }
            }
        }
        self.enter_space(&mut gathered, space, about_space).await;
        Ok(gathered)
    }

    /// Facts of an app and of the space that it is in (rule Two hops): the app is asked together with the space it
    /// was in when last seen. If it has moved, all starts over with the new space, and what was said about the first
    /// is dropped: no answer about an app is combined with one about a space that it is not in.
    ///
    /// Of an app that is in no space, or not at all, the same owners are asked as of any other, so that while one of
    /// them is down all apps look alike to strangers (R-P3). What they answer counts for nothing.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if too many checks wait for one of the owners.
    pub(crate) async fn of_app(&self, app: AppName, needs: OwnerSet) -> Result<Gathered, Fault> {
        let mut gathered = self.nothing();
        let Some(source) = self.sources.of(Service::Space) else {
            gathered.facts.app = Fact::Known(AppFacts::default());
            self.enter_no_space(&mut gathered, Vec::new()).await;
            return Ok(gathered);
        };
        let question = self.question(app.into());
        let mut expected = source.guess(&question).map(|seen| seen.link().unwrap_or(SpaceName::NIL));
        // Then it is of no consequence which space it is.
        let of_app_alone = !self.sources.iter().any(|source| needs.contains(source.owner()));
        for _ in 0..ROUNDS {
            let asking = self.ask(source, question.clone())?;
            let about_space = expected.map_or(Ok(Vec::new()), |space| self.ask_about(space, needs))?;
            let Some(app) = asking.answer().await else { break };
            let link = app.link();
            if of_app_alone || expected == Some(link.unwrap_or(SpaceName::NIL)) {
                gathered.enter(&app);
                match link {
                    Some(space) => self.enter_space(&mut gathered, space, about_space).await,
                    None => self.enter_no_space(&mut gathered, about_space).await,
                }
                return Ok(gathered);
            }
            expected = Some(link.unwrap_or(SpaceName::NIL));
        }
        // Without its app's facts nobody knows which space's facts would count.
        Ok(gathered)
    }

    /// Asks all owners that are needed about a space, at once.
    fn ask_about(&self, space: SpaceName, needs: OwnerSet) -> Result<Vec<(Service, Asking)>, Fault> {
        let sources = self.sources.iter().filter(|source| needs.contains(source.owner()));
        let ask = |source: &Source| Ok((source.owner(), self.ask(source, self.question(space.into()))?));
        sources.map(ask).collect()
    }

    async fn enter_space(&self, gathered: &mut Gathered, space: SpaceName, asking: Vec<(Service, Asking)>) {
        gathered.space = Some(space);
        self.wait(gathered, asking, |gathered, _, confirmed| gathered.enter(confirmed)).await;
    }

    /// Of no space, everything is known and empty: except what owners would have said that were asked and are down.
    async fn enter_no_space(&self, gathered: &mut Gathered, asking: Vec<(Service, Asking)>) {
        let asked: OwnerSet = asking.iter().map(|(owner, _)| OwnerSet::of(*owner)).collect();
        for owner in Service::ALL.into_iter().filter(|owner| !asked.contains(*owner)) {
            gathered.enter_nothing(owner);
        }
        let enter = |gathered: &mut Gathered, owner, confirmed: &Confirmed| {
            gathered.note(confirmed.sent);
            gathered.enter_nothing(owner);
        };
        self.wait(gathered, asking, enter).await;
    }

    /// Enters answers as they come, until all are there, or until it is decided and the rest had its time.
    async fn wait(
        &self,
        gathered: &mut Gathered,
        asking: Vec<(Service, Asking)>,
        enter: impl Fn(&mut Gathered, Service, &Confirmed),
    ) {
        let answer = |(owner, asking): (Service, Asking)| async move { (owner, asking.answer().await) };
        let mut answers: FuturesUnordered<_> = asking.into_iter().map(answer).collect();
        let mut decided = None;
        while !answers.is_empty() {
            if decided.is_none() && (self.enough)(&gathered.facts) {
                decided = Some(Instant::now());
            }
            let next = answers.next();
            let next = match decided {
                None => next.await,
                Some(decided) => timeout_at(decided + PATIENCE, next).await.ok().flatten(),
            };
            let Some((owner, confirmed)) = next else { return };
            if let Some(confirmed) = confirmed {
                enter(gathered, owner, &confirmed);
            }
        }
    }

    fn ask(&self, source: &Source, question: Question) -> Result<Asking, Fault> {
        source.ask(question, self.max_age).map_err(|Overloaded| Fault::overloaded())
    }

    pub(crate) fn question(&self, scope: Scope) -> Question {
        Question { scope, subject: Arc::clone(self.subject) }
    }
}

impl Gathered {
    pub(crate) fn enter(&mut self, confirmed: &Confirmed) {
        if let OwnFacts::Membership { .. } = confirmed.entry.facts {
            self.membership = Some(confirmed.entry.version.clone());
        }
        if let OwnFacts::App { roles, .. } = &confirmed.entry.facts {
            self.through = roles.highest_at(confirmed.read_time).and_then(|held| held.through.clone());
        }
        confirmed.entry.facts.enter(&mut self.facts, confirmed.read_time);
        self.note(confirmed.sent);
    }

    fn note(&mut self, sent: Sent) {
        self.sent = Some(self.sent.map_or(sent, |earliest| earliest.min(sent)));
    }

    /// Nobody holds anything of this owner's plane.
    pub(crate) fn enter_nothing(&mut self, owner: Service) {
        OwnFacts::nothing(owner).enter(&mut self.facts, Timestamp::EPOCH);
    }
}

impl Confirmed {
    /// The space that the app is linked to, if this is about an app.
    pub(crate) fn link(&self) -> Option<SpaceName> {
        match self.entry.facts {
            OwnFacts::App { space, .. } => space,
            _ => None,
        }
    }
}
