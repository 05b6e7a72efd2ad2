//! How checks share round trips to one owner of facts, and what of its answers they may use: a state machine without
//! a runtime, a clock or I/O. A driver takes batches out of it and brings the answers back.
//!
//! The promise: once a revocation is acknowledged, no check that starts allows by what was revoked (R-M5, R-P4). It
//! rests on these rules, and the model in `exchange/model.rs` walks every interleaving to show that each is needed.
//!
//! - **Join.** A check begins when it is enqueued. It waits for a batch whose questions are not yet taken, so that
//!   the owner's read begins after the check did. It never joins a call under way, even for the same question. It may
//!   follow one: wait for it to end and then look at what it brought (rule Rest), and enqueue itself if that won't do.
//! - **Answer.** "Unchanged" means: as the batch said that it knew. A batch therefore holds the entries it sent. What
//!   the cache holds by the time of the answer may have been read earlier, or be gone.
//! - **Key and version.** An entry belongs to one owner, scope and subject. Any difference of version is a change, a
//!   lower sequence as well; to know nothing is to send no version.
//!
//! Whatever the cache holds can thus make a check cheaper and never wrong. For checks that allow for some age, an
//! entry's age counts from when the call that confirmed it was sent (**Age**).
use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map},
    sync::Arc,
    time::Duration,
};

use devspaces_kit::clock::{Clock, Timestamp};
use quick_cache::unsync::Cache;

use crate::facts::{OwnFacts, Question, Version};

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

/// How much one exchange holds and does at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Calls under way at once.
    pub(crate) calls: usize,
    /// Questions in one call.
    pub(crate) questions: usize,
    /// Checks that wait for the next call; one more is turned away.
    pub(crate) waiting: usize,
    /// Entries in the cache.
    pub(crate) entries: usize,
}

/// When a call was sent: never later than it really was, so that what is counted from it errs towards older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sent {
    /// How much time had passed ([`Clock::uptime`]). Ages are measured with it.
    pub(crate) elapsed: Duration,
    /// The time of day: what an answer is "as of".
    pub(crate) time: Timestamp,
}

impl Sent {
    /// Now.
    pub(crate) fn by(clock: &dyn Clock) -> Self {
        Self { elapsed: clock.uptime(), time: clock.now() }
    }

    /// How long before `now` it was, by whichever of the two clocks says more: one that is put back, or that stood still
    /// with its machine, makes nothing young again.
    pub(crate) fn age(self, now: Self) -> Duration {
        let by_day = now.time.micros().saturating_sub(self.time.micros());
        let by_day = Duration::from_micros(u64::try_from(by_day).unwrap_or_default());
        now.elapsed.saturating_sub(self.elapsed).max(by_day)
    }
}

/// Facts at one version.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) version: Version,
    pub(crate) facts: OwnFacts,
}

/// Facts that the owner confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Confirmed {
    pub(crate) entry: Arc<Entry>,
    /// The owner's time of reading: what expiry is judged against.
    pub(crate) read_time: Timestamp,
    /// When the call was sent that confirmed them.
    pub(crate) sent: Sent,
}

/// The owner's answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Answer {
    pub(crate) version: Version,
    /// Absent: unchanged from what the question knew.
    pub(crate) facts: Option<OwnFacts>,
    pub(crate) read_time: Timestamp,
}

/// One question of a batch, with the checks that wait for it.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Asked<W> {
    pub(crate) question: Question,
    /// What the question says is known: an answer "unchanged" speaks of this, and of nothing else.
    pub(crate) known: Option<Arc<Entry>>,
    waiters: Vec<W>,
}

/// The questions of one call. Nobody can join them any more.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Batch<W> {
    pub(crate) asked: Vec<Asked<W>>,
    sent: Sent,
    number: u64,
}

/// What the exchange knows of a call under way.
#[cfg_attr(test, derive(Clone))]
struct Call<W> {
    number: u64,
    sent: Sent,
    questions: HashSet<Question>,
    /// The checks that look at what it brought when it has ended.
    followers: Vec<W>,
}

/// The end of some checks' wait: facts, or the knowledge that they could not be had; for those that followed a call,
/// only that it has ended.
#[derive(Debug)]
pub(crate) struct Resolved<W> {
    pub(crate) waiters: Vec<W>,
    pub(crate) confirmed: Option<Confirmed>,
}

/// Too many checks are waiting already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overloaded;

/// The questions to one owner that wait, those under way, and what it answered lately. `W` is whoever waits.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Exchange<W> {
    limits: Limits,
    /// The questions that wait, first come first asked; equal ones are asked once.
    order: VecDeque<Question>,
    pending: HashMap<Question, Vec<W>>,
    waiting: usize,
    /// The latest is the last.
    calls: Vec<Call<W>>,
    /// The number of the next call.
    next: u64,
    cache: Cache<Question, Kept>,
}

/// What the cache holds of a question.
#[cfg_attr(test, derive(Clone))]
struct Kept {
    confirmed: Confirmed,
    /// How often it was recalled since it was confirmed.
    recalls: u32,
}

/// What was recalled for a check.
pub(crate) struct Recalled {
    /// The facts. What has an end is to be judged by the owner's clock when the check began.
    pub(crate) confirmed: Confirmed,
    /// How long before the check began the call was sent that confirmed them.
    pub(crate) age: Duration,
    /// How often they were recalled before, since they were confirmed.
    pub(crate) recalls: u32,
}

impl<W> Exchange<W> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            order: VecDeque::new(),
            pending: HashMap::new(),
            waiting: 0,
            calls: Vec::with_capacity(limits.calls),
            next: 0,
            cache: Cache::new(limits.entries),
        }
    }

    /// Begins a check (rule Join).
    pub(crate) fn enqueue(&mut self, question: Question, waiter: W) -> Result<(), Overloaded> {
        if self.waiting >= self.limits.waiting {
            return Err(Overloaded);
        }
        self.waiting += 1;
        match self.pending.entry(question) {
            hash_map::Entry::Occupied(waiters) => waiters.into_mut().push(waiter),
            hash_map::Entry::Vacant(place) => {
                self.order.push_back(place.key().clone());
                place.insert(vec![waiter]);
            }
        }
        Ok(())
    }

    /// Has a question asked for nobody, so that whoever checks next need not wait. Nothing is done if it is asked already,
    /// or too much waits.
    pub(crate) fn refresh(&mut self, question: &Question) {
        let asked = self.calls.iter().any(|call| call.questions.contains(question));
        if asked || self.pending.contains_key(question) || self.order.len() >= self.limits.waiting {
            return;
        }
        self.order.push_back(question.clone());
        self.pending.insert(question.clone(), Vec::new());
    }

    /// Lets a check follow the latest call under way that asks the same, if it was sent less than so long before the
    /// check began, or after. What it brings can then be recalled for the check, unless it failed or was dropped. Says how
    /// long it will be until the call was sent so long ago; `None` if there is no such call, or too many follow it.
    pub(crate) fn follow(
        &mut self,
        question: &Question,
        begun: Sent,
        within: Duration,
        waiter: W,
    ) -> Option<Duration> {
        let call = self.calls.iter_mut().rev().find(|call| call.questions.contains(question))?;
        let left = within.checked_sub(call.sent.age(begun)).filter(|left| !left.is_zero())?;
        if call.followers.len() >= self.limits.waiting {
            return None;
        }
        call.followers.push(waiter);
        Some(left)
    }

    /// What was last confirmed, for a check that began at a time (rules Rest and Age).
    pub(crate) fn recall(&mut self, question: &Question, begun: Sent) -> Option<Recalled> {
        let mut kept = self.cache.get_mut(question)?;
        let recalls = kept.recalls;
        kept.recalls = recalls.saturating_add(1);
        let age = kept.confirmed.sent.age(begun);
        let read_time = kept.confirmed.read_time + age;
        Some(Recalled { confirmed: Confirmed { read_time, ..kept.confirmed.clone() }, age, recalls })
    }

    /// What was last confirmed, however long ago.
    pub(crate) fn cached(&self, question: &Question) -> Option<Confirmed> {
        self.cache.get(question).map(|kept| kept.confirmed.clone())
    }

    /// Takes the questions of the next call, unless there are none or enough calls are under way. The caller sends
    /// them now, and must bring the batch back to [`complete`](Self::complete) or [`fail`](Self::fail).
    pub(crate) fn take(&mut self, now: impl FnOnce() -> Sent) -> Option<Batch<W>> {
        if self.order.is_empty() || self.calls.len() >= self.limits.calls {
            return None;
        }
        let sent = now();
        let count = self.order.len().min(self.limits.questions);
        let mut asked = Vec::with_capacity(count);
        for question in self.order.drain(..count) {
            let waiters = self.pending.remove(&question).unwrap_or_default();
            self.waiting -= waiters.len();
            let known = self.cache.get(&question).map(|kept| Arc::clone(&kept.confirmed.entry));
            asked.push(Asked { question, known, waiters });
        }
        let number = self.next;
        self.next += 1;
        let questions = asked.iter().map(|asked| asked.question.clone()).collect();
        self.calls.push(Call { number, sent, questions, followers: Vec::new() });
        Some(Batch { asked, sent, number })
    }

    /// Brings the owner's answers to a batch, in the order of its questions.
    pub(crate) fn complete(&mut self, batch: Batch<W>, answers: Vec<Answer>) -> Vec<Resolved<W>> {
        if answers.len() != batch.asked.len() {
            return self.fail(batch);
        }
        let followers = self.end(batch.number);
        let sent = batch.sent;
        let resolve = |(asked, answer): (Asked<W>, Answer)| {
            let read_time = answer.read_time;
            let confirmed = asked.entry(answer).map(|entry| Confirmed { entry, read_time, sent });
            if let Some(confirmed) = &confirmed {
                self.keep(asked.question, asked.known.as_deref(), confirmed);
            }
            Resolved { waiters: asked.waiters, confirmed }
        };
        batch.asked.into_iter().zip(answers).map(resolve).chain(followers).collect()
    }

    /// Ends a call that brought no answer. Whoever asks again is asked for by a new call.
    pub(crate) fn fail(&mut self, batch: Batch<W>) -> Vec<Resolved<W>> {
        let followers = self.end(batch.number);
        let resolve = |asked: Asked<W>| Resolved { waiters: asked.waiters, confirmed: None };
        batch.asked.into_iter().map(resolve).chain(followers).collect()
    }

    /// Ends a call, and the wait of whoever followed it.
    fn end(&mut self, number: u64) -> Option<Resolved<W>> {
        let place = self.calls.iter().position(|call| call.number == number)?;
        let waiters = self.calls.remove(place).followers;
        (!waiters.is_empty()).then_some(Resolved { waiters, confirmed: None })
    }

    /// Keeps what was confirmed, unless what the cache holds may be from a later read: one by an overlapping call
    /// that saw a higher sequence. If the cache still holds the version that this call knew, there was no such call,
    /// and what it brings is news even with a lower sequence, as from a restored database.
    fn keep(&mut self, question: Question, known: Option<&Entry>, new: &Confirmed) {
        let keep = self.cache.peek(&question).is_none_or(|kept| {
            let (held, version) = (&kept.confirmed.entry.version, &new.entry.version);
            if held == version {
                new.sent > kept.confirmed.sent
            } else {
                known.is_some_and(|known| known.version == *held) || version.sequence > held.sequence
            }
        });
        if keep {
            self.cache.insert(question, Kept { confirmed: new.clone(), recalls: 0 });
        }
    }
}

impl<W> Batch<W> {
    /// The checks that wait for the batch, in the order of its questions.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = &W> {
        self.asked.iter().flat_map(|asked| &asked.waiters)
    }
}

impl<W> Asked<W> {
    /// What the answer says (rule Answer). `None` if it makes no sense: unchanged from nothing, or from something
    /// else than was sent.
    fn entry(&self, answer: Answer) -> Option<Arc<Entry>> {
        match answer.facts {
            Some(facts) => Some(Arc::new(Entry { version: answer.version, facts })),
            None => self.known.clone().filter(|known| known.version == answer.version),
        }
    }
}
