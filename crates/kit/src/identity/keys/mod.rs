//! The keys of an issuer as they are known at this moment. They may change while the process runs: whoever verifies a token
//! reads what is known, and nothing waits but a token by a key that nobody knows yet.
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, timeout_at},
};

use self::budget::Budget;
use super::{Jwks, jwk::Key, rejection::Rejection};

mod budget;
mod fetch;
mod renewal;
mod source;

pub use self::{
    renewal::Renewal,
    source::{Source, SourceError},
};

/// How long a call waits at most for looks at the issuer, when its token is by a key that is not known.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How many calls may wait so at a time, for one issuer. Anybody can send tokens by keys that nobody has.
const WAITING: usize = 256;

/// The keys of an issuer. Clones share them.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    known: watch::Sender<Known>,
    /// Goes up with each change of the keys. Beside `known`, so that a call need not wait for it.
    generation: AtomicU64,
    /// From when on what is known is used no more; nothing: it is used until something newer is known.
    max_age: Option<Duration>,
    /// Nothing where the keys never change.
    asking: Option<Asking>,
}

/// What is known, and how it came about.
#[derive(Clone, Debug, Default)]
struct Known {
    keys: Option<Arc<Jwks>>,
    /// When the issuer was last heard to have these keys.
    confirmed: Option<Instant>,
    /// How many looks have begun and ended.
    begun: u64,
    ended: u64,
    /// Whether the last one came to nothing.
    failed: bool,
}

/// How a look is asked for ahead of its time.
#[derive(Debug)]
struct Asking {
    wanted: Notify,
    budget: Mutex<Budget>,
    waiting: Semaphore,
}

/// The key that has signed a token, and whose it is.
#[derive(Clone, Debug)]
pub(super) struct SignedBy {
    pub(super) keys: Keys,
    pub(super) generation: u64,
    pub(super) key: Key,
}

impl SignedBy {
    /// Whether no key of the issuer's has changed since, and all may be used.
    pub(super) fn is_confirmed(&self) -> bool {
        self.keys.are_still(self.generation)
    }

    /// That the issuer still has the key, whatever has become of its others.
    pub(super) fn check(&self) -> Result<(), Rejection> {
        if self.is_confirmed() {
            return Ok(());
        }
        let keys = self.keys.known().ok_or(Rejection::KeysUnknown)?;
        if keys.includes(&self.key) { Ok(()) } else { Err(Rejection::Key) }
    }
}

/// Keys, and by what it is told later whether they still are the ones.
pub(super) struct Snapshot {
    pub(super) keys: Arc<Jwks>,
    pub(super) generation: u64,
}

impl Default for Keys {
    /// None, for ever.
    fn default() -> Self {
        Jwks::default().into()
    }
}

impl From<Jwks> for Keys {
    /// Keys that never change.
    fn from(keys: Jwks) -> Self {
        Self::new(Some(keys), None, None)
    }
}

impl Keys {
    fn new(keys: Option<Jwks>, max_age: Option<Duration>, asking: Option<Asking>) -> Self {
        let confirmed = keys.as_ref().map(|_| Instant::now());
        let known = Known { keys: keys.map(Arc::new), confirmed, ..Known::default() };
        let known = watch::Sender::new(known);
        Self(Arc::new(Shared { known, generation: AtomicU64::new(0), max_age, asking }))
    }

    /// Keys that a [`Renewal`] brings and renews. Those that have not been confirmed for `max_age` are used no more.
    fn renewed(keys: Option<Jwks>, max_age: Option<Duration>) -> Self {
        let waiting = Semaphore::new(WAITING);
        let asking = Asking { wanted: Notify::new(), budget: Mutex::new(Budget::full()), waiting };
        Self::new(keys, max_age, Some(asking))
    }

    /// What is known; nothing if nothing is yet, or what is known is too old to be used.
    #[must_use]
    pub fn known(&self) -> Option<Arc<Jwks>> {
        self.snapshot().map(|snapshot| snapshot.keys)
    }

    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        let known = self.0.known.borrow();
        let keys = known.keys.clone().filter(|_| !self.is_over(&known))?;
        Some(Snapshot { keys, generation: self.0.generation.load(Ordering::Acquire) })
    }

    /// Whether the keys are still those of this generation, and may be used.
    fn are_still(&self, generation: u64) -> bool {
        self.0.generation.load(Ordering::Acquire) == generation
            && (self.0.max_age.is_none() || !self.is_over(&self.0.known.borrow()))
    }

    fn is_over(&self, known: &Known) -> bool {
        let confirmed = known.confirmed.map(|confirmed| confirmed.elapsed());
        confirmed.zip(self.0.max_age).is_some_and(|(age, max)| age > max)
    }

    /// Resolves when it has been tried once to get the keys, whatever came of it; at once if they are there.
    pub fn tried(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut known = self.0.known.subscribe();
        async move {
            let tried = known.wait_for(|known| known.keys.is_some() || known.ended > 0).await;
            drop(tried);
        }
    }

    /// Waits until the look that is under way has ended, if one is: it may bring a key that is not known.
    pub(super) async fn settled(&self, until: Instant) {
        let Some(_place) = self.0.asking.as_ref().and_then(|asking| asking.waiting.try_acquire().ok()) else {
            return;
        };
        let mut known = self.0.known.subscribe();
        let begun = known.borrow_and_update().begun;
        drop(timeout_at(until, known.wait_for(|known| known.ended >= begun)).await);
    }

    /// Has the issuer looked at, and waits for that. However many ask, the issuer is looked at no more than its
    /// budget allows, and no more than so many of them wait. Gives whether it is sure then which keys the issuer has.
    pub(super) async fn look(&self, until: Instant) -> bool {
        let Some(asking) = &self.0.asking else { return true };
        let Ok(_place) = asking.waiting.try_acquire() else { return false };
        let mut known = self.0.known.subscribe();
        // The look that is under way may have seen the keys before this one was there.
        let begun = known.borrow_and_update().begun;
        if asking.budget.lock().unwrap_or_else(PoisonError::into_inner).ask(begun, Instant::now()) {
            asking.wanted.notify_one();
            if timeout_at(until, known.wait_for(|known| known.ended > begun)).await.is_err() {
                return false;
            }
        }
        let known = self.0.known.borrow();
        !known.failed && known.keys.is_some() && !self.is_over(&known)
    }

    /// Resolves when somebody asks for a look.
    async fn wanted(&self) {
        match &self.0.asking {
            Some(asking) => asking.wanted.notified().await,
            None => std::future::pending().await,
        }
    }

    fn begin(&self) {
        self.0.known.send_modify(|known| known.begun += 1);
    }

    /// The issuer has these keys. Gives whether they are others than before.
    fn confirm(&self, keys: Jwks) -> bool {
        let mut changed = false;
        self.0.known.send_modify(|known| {
            changed = known.keys.as_ref().is_none_or(|before| !before.same_keys(&keys));
            if changed {
                known.keys = Some(Arc::new(keys));
                self.0.generation.fetch_add(1, Ordering::AcqRel);
            }
            (known.confirmed, known.failed, known.ended) = (Some(Instant::now()), false, known.begun);
        });
        changed
    }

    /// The look came to nothing. Gives how old is what is known.
    fn fail(&self) -> Option<Duration> {
        self.0.known.send_modify(|known| (known.failed, known.ended) = (true, known.begun));
        self.0.known.borrow().confirmed.map(|confirmed| confirmed.elapsed())
    }
}
