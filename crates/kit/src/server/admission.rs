//! How much each caller may have in progress, and all of them together: for each caller first, so that whoever asks
//! for too much is in their own way and in nobody else's.
//!
//! A call has a *place* from its headers until its client has taken the last byte of its response and until the last
//! task that it started has ended: a deadline that passes or a client that hangs up gives back no place while the work
//! goes on. Of a caller's places only some are worked on at a time, the others wait for a *turn*, which lasts until the
//! first message of the response is taken: so what a caller asks for and does not read is as much as their turns come
//! to. *Long work*, *streams* and the *questions* of batches and lists have places of their own besides
//! (docs/reliability.md, docs/decisions/0018).
use std::{
    collections::HashMap,
    future::Future,
    mem,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::Limit;
use crate::{identity::Caller, metrics, name::Principal, status::Fault};

/// How long work of the long kind, and questions, wait for their place before the caller is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is logged at most that one caller reaches a limit.
const TOLD_AGAIN: Duration = Duration::from_mins(1);
/// Of how many callers it is known when that was. More than that in a minute are counted only.
const TOLD: usize = 1024;

/// What one caller may have at once, and what all may have together of what is dear. The suite's own services count for
/// themselves: people's calls wait for theirs.
#[derive(Clone, Copy, Debug)]
pub struct CallerLimits {
    /// Calls of one person in progress.
    pub user_calls: usize,
    /// Calls of one service in progress.
    pub service_calls: usize,
    /// Calls of one person that are worked on at a time. The others wait.
    pub user_turns: usize,
    /// Calls of one service that are worked on at a time.
    pub service_turns: usize,
    /// Long work at a time, of all callers: verification of journals, lists over many spaces, filters that look at many
    /// entries.
    pub long_work: usize,
    /// Long work of one caller at a time.
    pub caller_long_work: usize,
    /// Open streams of all callers.
    pub streams: usize,
    /// Open streams of one caller.
    pub caller_streams: usize,
    /// How long a stream waits for its reader before it ends.
    pub unread: Duration,
    /// Questions about permissions under way at a time that come in batches and lists, of all callers: few beside the
    /// checks that may wait for an owner of facts, so that none of those waits long behind them, or finds no room.
    pub questions: u32,
    /// Such questions of one person.
    pub user_questions: u32,
    /// Such questions of one service.
    pub service_questions: u32,
}

impl Default for CallerLimits {
    /// A person: 64 calls, as many as a script or a page with many parts has at once, of which 8 are worked on. A
    /// service: 1024, of which 128 are worked on, since a gateway asks for everybody. Long work: 2, of each caller 1,
    /// which is half of the connections that SQLite reads with. Streams: 64, of each caller 8. Questions: 1024, which are
    /// four calls to an owner; of a person one call's worth, of a service two.
    fn default() -> Self {
        Self {
            user_calls: 64,
            service_calls: 1024,
            user_turns: 8,
            service_turns: 128,
            long_work: 2,
            caller_long_work: 1,
            streams: 64,
            caller_streams: 8,
            unread: Duration::from_secs(30),
            questions: 1024,
            user_questions: 256,
            service_questions: 512,
        }
    }
}

/// What one caller has of everything.
struct Share {
    caller: Principal,
    calls: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    long_work: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    questions: Arc<Semaphore>,
}

/// Of which caller and limit it was logged that it was reached: when, and how often it has been since.
#[derive(Default)]
struct Told(Mutex<HashMap<(Principal, Limit), (Instant, u64)>>);

impl Told {
    /// Counts that a caller reached a limit, and logs it unless that has just been done. The name is logged, since an
    /// operator has to know whom to ask; a token never is.
    fn reached(&self, caller: &Principal, limit: Limit) -> Fault {
        metrics::limited(limit);
        if let Some(refused) = self.to_tell(caller, limit) {
            // As text, by which the log tells lines apart: no caller keeps another out of it.
            let caller = caller.to_string();
            tracing::warn!(
                caller = caller.as_str(),
                limit = limit.name(),
                refused,
                "a caller reached a limit"
            );
        }
        limit.fault()
    }

    /// How often the limit was reached since that was told last, if it is to be told now.
    fn to_tell(&self, caller: &Principal, limit: Limit) -> Option<u64> {
        let now = Instant::now();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (caller.clone(), limit);
        if let Some((since, refused)) = told.get_mut(&key) {
            *refused += 1;
            let again = now.duration_since(*since) >= TOLD_AGAIN;
            return again.then(|| {
                *since = now;
                mem::take(refused)
            });
        }
        if told.len() >= TOLD {
            told.retain(|_, (since, _)| now.duration_since(*since) < TOLD_AGAIN);
        }
        (told.len() < TOLD).then(|| told.insert(key, (now, 0))).map(|_| 1)
    }
}

/// Admits the calls of one port.
pub(super) struct Admission {
    limits: CallerLimits,
    clients: Arc<Semaphore>,
    /// Beside those of clients, whose calls wait for these: if both competed, clients could fill a port with calls that
    /// wait for what has no room behind them.
    suite: Arc<Semaphore>,
    long_work: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    /// By whether the caller is a service of the suite. An entry lives as long as the caller has a call.
    shares: Mutex<HashMap<(bool, Principal), Weak<Share>>>,
    told: Told,
}

impl Admission {
    /// For `calls` calls of clients, and as many of the suite's services beside them.
    pub(super) fn new(calls: usize, limits: CallerLimits) -> Arc<Self> {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Arc::new(Self {
            limits,
            clients: semaphore(calls),
            suite: semaphore(calls),
            long_work: semaphore(limits.long_work),
            streams: semaphore(limits.streams),
            questions: semaphore(limits.questions as usize),
            shares: Mutex::default(),
            told: Told::default(),
        })
    }

    /// Gives a call its place.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED`: `CALLER_LIMITED` if the caller has too many, `OVERLOADED` if all together have.
    pub(super) fn admit(self: &Arc<Self>, caller: &Caller) -> Result<Place, Fault> {
        let share = self.share(caller);
        let reached = |limit| self.told.reached(&share.caller, limit);
        let taken =
            |from: &Arc<Semaphore>, limit| from.clone().try_acquire_owned().map_err(|_| reached(limit));
        let all = if caller.suite.is_some() { &self.suite } else { &self.clients };
        let own = taken(&share.calls, Limit::CallerCalls)?;
        let all = taken(all, Limit::Calls)?;
        Ok(Place(Arc::new(Held { admission: self.clone(), share, _permits: [own, all] })))
    }

    fn share(&self, caller: &Caller) -> Arc<Share> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (caller.suite.is_some(), caller.principal.clone());
        if let Some(share) = shares.get(&key).and_then(Weak::upgrade) {
            return share;
        }
        if shares.len() == shares.capacity() {
            // Before the table grows, those go that have no call any more.
            shares.retain(|_, share| share.strong_count() > 0);
        }
        let limits = &self.limits;
        let (calls, turns, questions) = match (&caller.suite, &caller.principal) {
            // All of them together have a limit, and none of its own.
            (Some(_), _) => (Semaphore::MAX_PERMITS, Semaphore::MAX_PERMITS, Semaphore::MAX_PERMITS),
            (None, Principal::Service(_)) => {
                (limits.service_calls, limits.service_turns, limits.service_questions as usize)
            }
            (None, Principal::User(_)) => {
                (limits.user_calls, limits.user_turns, limits.user_questions as usize)
            }
        };
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        let share = Arc::new(Share {
            caller: caller.principal.clone(),
            calls: semaphore(calls),
            turns: semaphore(turns),
            long_work: semaphore(limits.caller_long_work),
            streams: semaphore(limits.caller_streams),
            questions: semaphore(questions),
        });
        shares.insert(key, Arc::downgrade(&share));
        share
    }
}

/// A call's place among the calls in progress. It is given back when the last of its clones is dropped.
#[derive(Clone)]
pub(super) struct Place(Arc<Held>);

struct Held {
    admission: Arc<Admission>,
    share: Arc<Share>,
    _permits: [OwnedSemaphorePermit; 2],
}

impl Held {
    fn reached(&self, limit: Limit) -> Fault {
        self.admission.told.reached(&self.share.caller, limit)
    }

    async fn waited(
        &self,
        from: &Arc<Semaphore>,
        count: u32,
        limit: Limit,
        until: Instant,
    ) -> Result<OwnedSemaphorePermit, Fault> {
        let permit = timeout_at(until, from.clone().acquire_many_owned(count)).await;
        permit.ok().and_then(Result::ok).ok_or_else(|| self.reached(limit))
    }
}

/// The right to be worked on. It is given back when the last of its clones is dropped.
#[derive(Clone)]
pub(super) struct Turn {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// What is worked on for a call: its place and its turn.
#[derive(Clone)]
struct Work {
    place: Place,
    _turn: Turn,
}

tokio::task_local! {
    static WORK: Work;
}

impl Place {
    /// Resolves when it is the caller's turn.
    ///
    /// # Errors
    /// `OVERLOADED`, which nothing leads to: the caller's turns last as long as this place.
    pub(super) async fn turn(&self) -> Result<Turn, Fault> {
        let permit = self.0.share.turns.clone().acquire_owned().await;
        Ok(Turn { _permit: Arc::new(permit.map_err(|_| Fault::overloaded())?) })
    }

    /// Answers the call in this turn. Tasks that are started meanwhile keep place and turn.
    pub(super) async fn work<F: Future>(&self, turn: Turn, answer: F) -> F::Output {
        WORK.scope(Work { place: self.clone(), _turn: turn }, answer).await
    }

    fn current() -> Option<Self> {
        WORK.try_with(|work| work.place.clone()).ok()
    }

    /// The place of an open stream, and how long it may go unread.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED`: `CALLER_LIMITED` or `OVERLOADED`.
    pub(super) fn stream() -> Result<(Option<StreamPlace>, Duration), Fault> {
        let Some(Self(held)) = Self::current() else { return Ok((None, CallerLimits::default().unread)) };
        let taken =
            |from: &Arc<Semaphore>, limit| from.clone().try_acquire_owned().map_err(|_| held.reached(limit));
        let own = taken(&held.share.streams, Limit::CallerStreams)?;
        let all = taken(&held.admission.streams, Limit::Streams)?;
        let place = StreamPlace { _share: held.share.clone(), _permits: [own, all] };
        Ok((Some(place), held.admission.limits.unread))
    }
}

/// The place of an open stream.
pub(super) struct StreamPlace {
    /// Whoever calls again while the stream is open finds the same share, with this place taken.
    _share: Arc<Share>,
    _permits: [OwnedSemaphorePermit; 2],
}

/// A task's work, which keeps the place and the turn of the call that starts it.
pub(super) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let of = WORK.try_with(Clone::clone).ok();
    async move {
        match of {
            Some(of) => WORK.scope(of, work).await,
            None => work.await,
        }
    }
}

/// The right to do long work, for as long as it is kept.
#[must_use = "the work is to be done while this is kept"]
#[derive(Debug)]
pub struct LongWork {
    _permits: Option<[OwnedSemaphorePermit; 2]>,
}

/// Waits until the call that is being answered may do long work: what reads much for one answer, such as the
/// verification of a journal. Few such calls go on at a time, and of one caller fewer. Whoever does it reads in pieces
/// and keeps no connection between them. Outside of a call nothing is waited for.
///
/// # Errors
/// `RESOURCE_EXHAUSTED` after 5 s: `CALLER_LIMITED` behind work of the same caller, `OVERLOADED` behind others'.
pub async fn long_work() -> Result<LongWork, Fault> {
    let Some(Place(held)) = Place::current() else { return Ok(LongWork { _permits: None }) };
    let until = Instant::now() + PATIENCE;
    let own = held.waited(&held.share.long_work, 1, Limit::CallerLongWork, until).await?;
    let all = held.waited(&held.admission.long_work, 1, Limit::LongWork, until).await?;
    Ok(LongWork { _permits: Some([own, all]) })
}

/// How many questions a batch or a list asks at once: as many as one person may have under way.
pub const QUESTIONS_AT_ONCE: usize = 256;

/// The right to have questions about permissions under way, for as long as it is kept.
#[must_use = "the questions are to be asked while this is kept"]
#[derive(Debug)]
pub struct Questions {
    _permits: Option<[OwnedSemaphorePermit; 2]>,
}

/// Waits until the call that is being answered may have so many questions about permissions under way, at most
/// [`QUESTIONS_AT_ONCE`]: those of a batch or a list, which come in any number. Outside of a call nothing is waited for.
///
/// # Errors
/// `RESOURCE_EXHAUSTED` after 5 s: `CALLER_LIMITED` behind questions of the same caller, `OVERLOADED` behind others'.
pub async fn questions(count: usize) -> Result<Questions, Fault> {
    let Some(Place(held)) = Place::current() else { return Ok(Questions { _permits: None }) };
    let limits = &held.admission.limits;
    let most = limits.questions.min(limits.user_questions).min(limits.service_questions);
    let count = u32::try_from(count.min(QUESTIONS_AT_ONCE)).unwrap_or(most).min(most);
    let until = Instant::now() + PATIENCE;
    let own = held.waited(&held.share.questions, count, Limit::CallerQuestions, until).await?;
    let all = held.waited(&held.admission.questions, count, Limit::Questions, until).await?;
    Ok(Questions { _permits: Some([own, all]) })
}

#[cfg(test)]
mod tests;
