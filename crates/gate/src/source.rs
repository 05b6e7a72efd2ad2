//! Where the facts of one owner come from: its database if it lives in this process, its address if not. Before
//! either stands the same [`Exchange`].
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use devspaces_authz::{AppRole, Service};
use devspaces_kit::{
    clock::Clock,
    connections::Connections,
    identity::ServiceSigner,
    name::{Principal, RoleTarget, SpaceName, UserName},
    status::Fault,
    trace::TraceContext,
};
use futures::FutureExt as _;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use crate::{
    exchange::{Answer, Batch, Confirmed, Exchange, Limits, Overloaded, Recalled, Sent},
    facts::{OwnFacts, Question, Version},
    metrics,
    owner::{ConsoleHolder, Held, Hosted, MAX_QUESTIONS, Viewers},
    remote::Remote,
};

mod candidates;

/// What one source holds and does at a time. Two calls keep an owner busy while answers travel; more would only
/// share each read among fewer checks. A check waits for two calls at most, or for three if it followed one in vain, unless
/// thousands wait with it.
const LIMITS: Limits = Limits { calls: 2, questions: MAX_QUESTIONS, waiting: 16_384, entries: 65_536 };

/// How long an owner may take to answer. Then its facts count as missing.
const DEADLINE: Duration = Duration::from_secs(2);

/// A check that waits, and the trace that it belongs to.
struct Waiter {
    answer: oneshot::Sender<Option<Confirmed>>,
    trace: Option<TraceContext>,
}

impl Waiter {
    /// Whoever is in the current trace, and where the answer comes.
    fn new() -> (Self, oneshot::Receiver<Option<Confirmed>>) {
        let (told, answer) = oneshot::channel();
        (Self { answer: told, trace: TraceContext::current() }, answer)
    }
}

/// The facts of one owner. Clones share its calls and its cache.
#[derive(Clone)]
pub struct Source(Arc<Shared>);

struct Shared {
    owner: Service,
    link: Link,
    clock: Arc<dyn Clock>,
    exchange: Mutex<Exchange<Waiter>>,
}

enum Link {
    Hosted(Hosted),
    Remote(Remote),
    #[cfg(test)]
    Scripted(crate::testing::Script),
}

/// A question under way, or answered from the cache.
pub(crate) enum Asking {
    Cached(Confirmed),
    Waiting(oneshot::Receiver<Option<Confirmed>>),
}

impl Asking {
    /// The facts; `None` if they could not be had.
    pub(crate) async fn answer(self) -> Option<Confirmed> {
        match self {
            Self::Cached(confirmed) => Some(confirmed),
            Self::Waiting(answer) => answer.await.ok().flatten(),
        }
    }
}

impl Source {
    /// The facts of an owner that lives in this process.
    #[must_use]
    pub fn hosted(hosted: Hosted, clock: Arc<dyn Clock>) -> Self {
        Self::new(hosted.owner(), Link::Hosted(hosted), clock)
    }

    /// The facts of an owner at the end of these connections, which knows the signer's service by its key.
    #[must_use]
    pub fn remote(
        owner: Service,
        connections: Connections,
        signer: Arc<ServiceSigner>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let remote = Remote::new(owner, connections, signer, clock.clone());
        Self::new(owner, Link::Remote(remote), clock)
    }

    #[cfg(test)]
    pub(crate) fn scripted(owner: Service, script: crate::testing::Script, clock: Arc<dyn Clock>) -> Self {
        Self::new(owner, Link::Scripted(script), clock)
    }

    fn new(owner: Service, link: Link, clock: Arc<dyn Clock>) -> Self {
        metrics::asking(owner.name());
        let exchange = Mutex::new(Exchange::new(LIMITS));
        Self(Arc::new(Shared { owner, link, clock, exchange }))
    }

    /// Whose facts these are.
    #[must_use]
    pub fn owner(&self) -> Service {
        self.0.owner
    }

    /// Asks the owner, in a call that is sent after this returns or is being sent by it (rule Join). Facts that were
    /// confirmed by a call sent less than `max_age` ago will do (rule Age); zero takes none.
    pub(crate) fn ask(&self, question: Question, max_age: Duration) -> Result<Asking, Overloaded> {
        let mut exchange = self.exchange();
        if !max_age.is_zero()
            && let Some(recalled) = exchange.recall(&question, self.now())
            && recalled.age < max_age
        {
            return Ok(Asking::Cached(recalled.confirmed));
        }
        let (waiter, answer) = Waiter::new();
        exchange.enqueue(question, waiter)?;
        self.proceed(exchange);
        Ok(Asking::Waiting(answer))
    }

    /// What the owner last confirmed, for a check that began at a time (rule Rest).
    pub(crate) fn recall(&self, question: &Question, begun: Sent) -> Option<Recalled> {
        self.exchange().recall(question, begun)
    }

    /// Asks the owner again, for nobody: whoever recalls this next finds it young.
    pub(crate) fn refresh(&self, question: &Question) {
        let mut exchange = self.exchange();
        exchange.refresh(question);
        self.proceed(exchange);
    }

    /// Waits for a call under way that was sent less than so long before a check began and asks the same, if there is one:
    /// when it has ended, there may be something to recall. Also how long it will be until it was sent so long ago.
    pub(crate) fn follow(
        &self,
        question: &Question,
        begun: Sent,
        within: Duration,
    ) -> Option<(Asking, Duration)> {
        let (waiter, answer) = Waiter::new();
        let left = self.exchange().follow(question, begun, within, waiter)?;
        Some((Asking::Waiting(answer), left))
    }

    /// Makes the next call, if it is time.
    fn proceed(&self, mut exchange: MutexGuard<'_, Exchange<Waiter>>) {
        let batch = exchange.take(|| self.now());
        drop(exchange);
        if let Some(batch) = batch {
            // In nobody's place and turn: the checks of many callers share it.
            tokio::spawn(self.clone().run(batch));
        }
    }

    /// What the owner last confirmed, however long ago: a guess that saves a round trip if it proves right.
    pub(crate) fn guess(&self, question: &Question) -> Option<Confirmed> {
        self.exchange().cached(question)
    }

    /// Where the subject holds a role of the owner's plane, asked anew.
    pub(crate) async fn subject_spaces(
        &self,
        subject: &Principal,
        held: Held,
        after: Option<SpaceName>,
        limit: i64,
    ) -> Option<Vec<(SpaceName, OwnFacts)>> {
        let listing = async {
            match &self.0.link {
                Link::Hosted(hosted) => Ok(hosted.subject_spaces(subject, held, after, limit).await?),
                Link::Remote(remote) => remote.subject_spaces(subject, held, after, limit).await,
                #[cfg(test)]
                Link::Scripted(script) => script.subject_spaces(subject, after, limit),
            }
        };
        self.in_time(listing).await
    }

    /// Whose console role makes them viewers of every app in a space, asked anew.
    pub(crate) async fn derived_viewers(
        &self,
        space: SpaceName,
        which: Viewers<'_>,
    ) -> Option<Vec<ConsoleHolder>> {
        let listing = async {
            match &self.0.link {
                Link::Hosted(hosted) => Ok(hosted.derived_viewers(space, which).await?),
                Link::Remote(remote) => remote.derived_viewers(space, which).await,
                #[cfg(test)]
                Link::Scripted(_) => Ok(Vec::new()),
            }
        };
        self.in_time(listing).await
    }

    /// A person's roles on the apps of a space, asked anew.
    pub(crate) async fn app_roles(
        &self,
        space: SpaceName,
        person: &UserName,
        after: RoleTarget,
        limit: i64,
    ) -> Option<Vec<(RoleTarget, AppRole)>> {
        let listing = async {
            match &self.0.link {
                Link::Hosted(hosted) => Ok(hosted.app_roles(space, person, after, limit).await?),
                Link::Remote(remote) => remote.app_roles(space, person, after, limit).await,
                #[cfg(test)]
                Link::Scripted(_) => Ok(Vec::new()),
            }
        };
        self.in_time(listing).await
    }

    /// Makes calls until no question waits. It runs in a task of its own, so that no check that hangs up takes
    /// others with it.
    async fn run(self, batch: Batch<Waiter>) {
        let mut next = Some(batch);
        while let Some(batch) = next {
            let sent = Instant::now();
            let calls = batch.waiters().filter_map(|waiter| waiter.trace);
            let answers = TraceContext::shared(calls, self.in_time(self.call(&batch))).await;
            self.count(batch.asked.len(), answers.as_deref(), sent.elapsed());
            let mut exchange = self.exchange();
            let resolved = match answers {
                Some(answers) => exchange.complete(batch, answers),
                None => exchange.fail(batch),
            };
            next = exchange.take(|| self.now());
            drop(exchange);
            for resolved in resolved {
                for waiter in resolved.waiters {
                    // Whoever hung up needs no answer.
                    let _ = waiter.answer.send(resolved.confirmed.clone());
                }
            }
        }
    }

    fn count(&self, questions: usize, answers: Option<&[Answer]>, after: Duration) {
        let owner = self.0.owner.name();
        match answers {
            Some(answers) => {
                let unchanged = answers.iter().filter(|answer| answer.facts.is_none()).count();
                metrics::revalidated(owner, questions, unchanged, after);
            }
            None => metrics::not_revalidated(owner, questions, after),
        }
    }

    async fn call(&self, batch: &Batch<Waiter>) -> Result<Vec<Answer>, Fault> {
        let questions: Vec<Question> = batch.asked.iter().map(|asked| asked.question.clone()).collect();
        let version = |asked: &crate::exchange::Asked<Waiter>| Some(asked.known.as_ref()?.version.clone());
        let known: Vec<Option<Version>> = batch.asked.iter().map(version).collect();
        match &self.0.link {
            Link::Hosted(hosted) => Ok(hosted.revalidate(&questions, &known).await?.answers),
            Link::Remote(remote) => remote.revalidate(&questions, known).await,
            #[cfg(test)]
            Link::Scripted(script) => script.revalidate(questions, known).await,
        }
    }

    /// What an owner answers within the deadline. A panic is no answer either, and must not end the calls.
    async fn in_time<T>(&self, call: impl Future<Output = Result<T, Fault>>) -> Option<T> {
        let owner = self.0.owner.name();
        match AssertUnwindSafe(timeout(DEADLINE, call)).catch_unwind().await {
            Ok(Ok(Ok(answer))) => return Some(answer),
            Ok(Ok(Err(fault))) => tracing::warn!(owner, %fault, "facts could not be had"),
            Ok(Err(_)) => tracing::warn!(owner, "facts could not be had within {DEADLINE:?}"),
            Err(_) => tracing::error!(owner, "reading facts panicked"),
        }
        None
    }

    fn now(&self) -> Sent {
        Sent::by(&*self.0.clock)
    }

    /// The exchange leaves nothing half done where it could panic, and is never held across an await.
    fn exchange(&self) -> MutexGuard<'_, Exchange<Waiter>> {
        self.0.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
