//! Every interleaving of a small world around the real [`Exchange`]: checks that start at any time, calls of which
//! the owner's read is a step of its own between sending and arrival, answers that arrive in any order or never,
//! evictions, and an owner whose facts change by a script. The walk visits every state that can be reached.
//!
//! Rules are taken out from outside, by mishandling batches as a driver without the rule would; the exchange itself
//! has no switch. For each rule the walk must find what goes wrong without it, and with all rules nothing.
use std::{
    collections::HashSet,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

use devspaces_authz::BillingFacts;
use devspaces_kit::name::{Principal, Scope};
use uuid::Uuid;

use super::*;

mod tests;
mod window;

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    /// A check joins a call under way that asks the same.
    Join,
    /// "Unchanged" is taken to speak of what the cache holds when it arrives.
    Answer,
    /// Knowing nothing is sent as knowing sequence 0.
    Absence,
    /// A version lower than the known one is taken for it.
    Lower,
    /// Versions are their sequence alone.
    Digest,
    /// A call's age counts from its answer.
    Age,
}

/// What the owner's script does next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The facts become these, by a commit or by restoring a backup.
    Become(Facts),
    /// Whoever made the changes so far is told that they are done.
    Acknowledge,
}

/// The owner's facts about the first subject: (sequence, what its digest chains, whether the role is held).
type Facts = (i64, u8, bool);

/// An owner's history: the facts at the start, and what happens to them.
#[derive(Clone, Copy, Debug)]
struct Script {
    start: Facts,
    events: &'static [Event],
}

use Event::{Acknowledge, Become};

/// The role is revoked.
const REVOKED: Script = Script { start: (2, 2, true), events: &[Become((3, 3, false)), Acknowledge] };
/// The role is revoked and later given again.
const GIVEN_AGAIN: Script =
    Script { start: (2, 2, true), events: &[Become((3, 3, false)), Acknowledge, Become((4, 4, true))] };
/// A backup from before the role was given is restored.
const RESTORED: Script = Script { start: (2, 2, true), events: &[Become((1, 1, false)), Acknowledge] };
/// As before, and then something else is written, which brings the sequence to where it was.
const REWRITTEN: Script =
    Script { start: (2, 2, true), events: &[Become((1, 1, false)), Become((2, 9, false)), Acknowledge] };
/// A backup from before any change is restored.
const EMPTIED: Script = Script { start: (1, 1, true), events: &[Become((0, 0, false)), Acknowledge] };

const SCRIPTS: [Script; 5] = [REVOKED, GIVEN_AGAIN, RESTORED, REWRITTEN, EMPTIED];

/// The size of a world.
#[derive(Clone, Copy, Debug)]
struct Size {
    checks: usize,
    /// Check `i` asks about subject `i % subjects`; only the first ever holds the role.
    subjects: usize,
    failures: usize,
    evictions: usize,
}

/// A check, from when it begins. `began` and all times here count the owner's states so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Check {
    NotBegun,
    Waits { began: usize, revoked: bool },
    Failed { began: usize, revoked: bool },
    Resolved,
}

/// A call under way: sent, and then read, its answer being under way.
#[derive(Clone)]
struct Call {
    batch: Batch<usize>,
    answers: Option<Vec<Answer>>,
}

#[derive(Clone)]
struct World {
    exchange: Exchange<usize>,
    calls: Vec<Call>,
    checks: Vec<Check>,
    /// How many events of the script have happened.
    happened: usize,
    failures: usize,
    evictions: usize,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Wrong {
    /// A check that began after the revocation was acknowledged was answered with the revoked role.
    StaleAllow,
    /// A check was answered with what the owner's facts were at no time since it began.
    NeverSo,
    /// The cache says that facts were so at a time when they no longer were.
    FalseAge,
    /// A check waits for ever.
    Stuck,
}

struct Walk {
    script: Script,
    size: Size,
    without: Option<Without>,
    states: Vec<Facts>,
    seen: HashSet<u64>,
    wrong: HashSet<Wrong>,
}

fn question(subject: usize) -> Question {
    let subject = Principal::User(format!("u{subject}")).into();
    Question { scope: Scope::Space(Uuid::nil()), subject }
}

fn version((sequence, digest, _): Facts) -> Version {
    Version { sequence, digest: vec![digest].into() }
}

fn own((.., holds): Facts, subject: usize) -> OwnFacts {
    OwnFacts::Billing(BillingFacts { admin: holds && subject == 0 })
}

fn stamp(state: usize) -> Sent {
    let micros = state as u64;
    Sent { elapsed: Duration::from_micros(micros), time: Timestamp::EPOCH + Duration::from_micros(micros) }
}

impl Walk {
    fn new(script: Script, size: Size, without: Option<Without>) -> Self {
        let changes = script.events.iter().filter_map(|event| match event {
            Become(facts) => Some(*facts),
            Acknowledge => None,
        });
        let states = std::iter::once(script.start).chain(changes).collect();
        Self { script, size, without, states, seen: HashSet::new(), wrong: HashSet::new() }
    }

    /// Visits every state, or stops where `sought` goes wrong. Nothing follows from what went wrong.
    fn run(mut self, sought: Option<Wrong>) -> Self {
        let mut stack = vec![self.world(false), self.world(true)];
        while let Some(world) = stack.pop() {
            if sought.is_some_and(|sought| self.wrong.contains(&sought)) {
                break;
            }
            if !self.seen.insert(fingerprint(&world)) {
                continue;
            }
            let next = self.steps(&world);
            if next.is_empty() && world.checks.iter().any(|check| *check != Check::Resolved) {
                self.wrong.insert(Wrong::Stuck);
            }
            for step in next {
                match step.and_then(|world| self.check_ages(&world).map(|()| world)) {
                    Ok(world) => stack.push(world),
                    Err(wrong) => drop(self.wrong.insert(wrong)),
                }
            }
        }
        self
    }

    /// A world at its start, its cache empty, or warm with the facts at the start.
    fn world(&self, warm: bool) -> World {
        let limits = Limits { calls: 2, questions: 256, waiting: 16, entries: 16 };
        let mut exchange = Exchange::new(limits);
        for subject in (0..self.size.subjects).filter(|_| warm) {
            exchange.enqueue(question(subject), 0).unwrap();
            let batch = exchange.take(|| stamp(0)).unwrap();
            let answers = self.read(&batch, self.script.start);
            exchange.complete(batch, answers);
        }
        let checks = vec![Check::NotBegun; self.size.checks];
        let Size { failures, evictions, .. } = self.size;
        World { exchange, calls: Vec::new(), checks, happened: 0, failures, evictions }
    }

    /// Which of the owner's states is current.
    fn now(&self, world: &World) -> usize {
        self.script.events[..world.happened].iter().filter(|event| matches!(event, Become(_))).count()
    }

    /// Whether the role is acknowledged as revoked.
    fn revoked(&self, world: &World) -> bool {
        let events = &self.script.events[..world.happened];
        matches!(events.last(), Some(Acknowledge)) && !self.states[self.now(world)].2
    }

    /// Every state that follows this one by one step, or what goes wrong in it.
    fn steps(&self, world: &World) -> Vec<Result<World, Wrong>> {
        let mut next = Vec::new();
        if world.happened < self.script.events.len() {
            let mut world = world.clone();
            world.happened += 1;
            next.push(Ok(world));
        }
        next.extend((0..self.size.checks).filter_map(|check| self.begin(world, check)).map(Ok));
        let mut taken = world.clone();
        if let Some(batch) = taken.exchange.take(|| stamp(self.now(world))) {
            taken.calls.push(Call { batch, answers: None });
            next.push(Ok(taken));
        }
        for call in 0..world.calls.len() {
            next.push(self.proceed(world, call));
            if world.failures > 0 {
                next.push(Ok(Self::lose(world, call)));
            }
        }
        if world.evictions > 0 && world.exchange.cached(&question(0)).is_some() {
            let mut world = world.clone();
            world.evictions -= 1;
            world.exchange.cache.remove(&question(0));
            next.push(Ok(world));
        }
        next
    }

    /// A check begins, the earlier ones having begun; or one that failed is tried again.
    fn begin(&self, world: &World, check: usize) -> Option<World> {
        let (began, revoked) = match world.checks[check] {
            Check::NotBegun if check == 0 || world.checks[check - 1] != Check::NotBegun => {
                (self.now(world), self.revoked(world))
            }
            Check::Failed { began, revoked } => (began, revoked),
            _ => return None,
        };
        let mut world = world.clone();
        world.checks[check] = Check::Waits { began, revoked };
        let question = question(check % self.size.subjects);
        let mut under_way = world.calls.iter_mut().flat_map(|call| &mut call.batch.asked);
        match under_way.find(|asked| self.without == Some(Without::Join) && asked.question == question) {
            Some(asked) => asked.waiters.push(check),
            None => world.exchange.enqueue(question, check).unwrap(),
        }
        Some(world)
    }

    /// The owner reads, or its answer arrives.
    fn proceed(&self, world: &World, call: usize) -> Result<World, Wrong> {
        let mut next = world.clone();
        if next.calls[call].answers.is_none() {
            let facts = self.states[self.now(world)];
            next.calls[call].answers = Some(self.read(&next.calls[call].batch, facts));
            return Ok(next);
        }
        let Call { mut batch, answers } = next.calls.remove(call);
        let mut answers = answers.unwrap();
        self.mishandle(world, &mut batch, &mut answers);
        for resolved in next.exchange.complete(batch, answers) {
            self.resolve(&mut next, resolved)?;
        }
        Ok(next)
    }

    /// The call fails, before or after the owner's read.
    fn lose(world: &World, call: usize) -> World {
        let mut world = world.clone();
        world.failures -= 1;
        let call = world.calls.remove(call);
        for check in world.exchange.fail(call.batch).into_iter().flat_map(|resolved| resolved.waiters) {
            let Check::Waits { began, revoked } = world.checks[check] else { unreachable!() };
            world.checks[check] = Check::Failed { began, revoked };
        }
        world
    }

    /// The owner's one read for all questions of a call.
    fn read(&self, batch: &Batch<usize>, facts: Facts) -> Vec<Answer> {
        let version = version(facts);
        let answer = |asked: &Asked<usize>| {
            let none_known = Version { sequence: 0, digest: vec![0].into() };
            let known = match &asked.known {
                Some(entry) => Some(&entry.version),
                None => (self.without == Some(Without::Absence)).then_some(&none_known),
            };
            let is_known = match (self.without, known) {
                (Some(Without::Lower), Some(known)) => known.sequence >= version.sequence,
                (Some(Without::Digest), Some(known)) => known.sequence == version.sequence,
                _ => version.is_known(known),
            };
            let subject = usize::from(asked.question.subject.id() != "u0");
            let facts = (!is_known).then(|| own(facts, subject));
            Answer { version: version.clone(), facts, read_time: Timestamp::EPOCH }
        };
        batch.asked.iter().map(answer).collect()
    }

    /// Handles an arriving answer as a driver without the rule would.
    fn mishandle(&self, world: &World, batch: &mut Batch<usize>, answers: &mut [Answer]) {
        if self.without == Some(Without::Age) {
            batch.sent = stamp(self.now(world));
        }
        for (asked, answer) in batch.asked.iter_mut().zip(answers) {
            let cached = world.exchange.cached(&asked.question).map(|confirmed| confirmed.entry);
            let unchanged = answer.facts.is_none();
            match self.without {
                Some(Without::Answer) if unchanged => asked.known = cached,
                Some(Without::Absence) if unchanged && asked.known.is_none() => asked.known = cached,
                _ => {}
            }
            // Without these rules nobody would compare the versions again.
            if let (Some(_), true, Some(known)) = (self.without, unchanged, &asked.known) {
                answer.version = known.version.clone();
            }
        }
    }

    fn resolve(&self, world: &mut World, resolved: Resolved<usize>) -> Result<(), Wrong> {
        for check in resolved.waiters {
            let Check::Waits { began, revoked } = world.checks[check] else { unreachable!() };
            let Some(confirmed) = &resolved.confirmed else {
                world.checks[check] = Check::Failed { began, revoked };
                continue;
            };
            let subject = check % self.size.subjects;
            let was_so = self.states[began..=self.now(world)]
                .iter()
                .any(|&facts| own(facts, subject) == confirmed.entry.facts);
            let holds = confirmed.entry.facts == OwnFacts::Billing(BillingFacts { admin: true });
            if !was_so {
                return Err(if holds && revoked { Wrong::StaleAllow } else { Wrong::NeverSo });
            }
            world.checks[check] = Check::Resolved;
        }
        Ok(())
    }

    /// Rule Age: what the cache holds was so at some time since the call was sent that confirmed it.
    fn check_ages(&self, world: &World) -> Result<(), Wrong> {
        for subject in 0..self.size.subjects {
            let Some(cached) = world.exchange.cached(&question(subject)) else { continue };
            let sent = usize::try_from(cached.sent.elapsed.as_micros()).unwrap();
            let mut since = self.states[sent..=self.now(world)].iter();
            if !since.any(|&facts| own(facts, subject) == cached.entry.facts) {
                return Err(Wrong::FalseAge);
            }
        }
        Ok(())
    }
}

/// What tells one state from another. Calls under way have no order.
fn fingerprint(world: &World) -> u64 {
    let exchange = &world.exchange;
    let mut calls: Vec<u64> = world.calls.iter().map(fingerprint_of_call).collect();
    calls.sort_unstable();
    let pending: Vec<_> =
        exchange.order.iter().map(|question| (question, &exchange.pending[question])).collect();
    let cached: Vec<_> = (0..2).map(|subject| exchange.cached(&question(subject))).collect();
    let rest = (&world.checks, world.happened, world.failures, world.evictions);
    BuildHasherDefault::<DefaultHasher>::default().hash_one((calls, pending, cached, rest))
}

fn fingerprint_of_call(call: &Call) -> u64 {
    let asked: Vec<_> =
        call.batch.asked.iter().map(|asked| (&asked.question, &asked.known, &asked.waiters)).collect();
    BuildHasherDefault::<DefaultHasher>::default().hash_one((asked, call.batch.sent, &call.answers))
}
