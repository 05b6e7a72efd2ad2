//! Every interleaving of a small world with a clock: checks that a window lets answer from memory, an owner whose facts
//! change and whose changes rest before they are acknowledged, and a gate whose clock may lose a moment (rule Rest, R-P9).
//!
//! As in the other model, rules are taken out from outside. With all of them the walk must find nothing.
use devspaces_authz::{ConsoleRole, Facts as Known, Permission, SubjectKind, decide};

use super::*;

/// A rule that is taken out, or bent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bent {
    /// Whoever takes away is told so at once.
    NoRest,
    /// The rest is no longer than the window.
    ShortRest,
    /// What is at hand answers, whether or not it allows.
    Denials,
    /// A confirmation is as old as its answer.
    Arrival,
    /// What has an end is judged by the owner's time of reading, however long ago.
    Expiry,
    /// A check follows any call under way, and takes what it brings.
    Following,
}

/// How old in moments what is at hand may be; less than this.
const WINDOW: u64 = 2;
/// How long a change rests that takes away: so much longer that a moment lost by the gate's clock makes no difference.
const REST: u64 = 3;
/// So long a world goes on.
const END: u64 = 5;

/// What happens to the role.
#[derive(Clone, Copy, Debug)]
enum Story {
    /// It is taken away.
    Taken,
    /// It is given.
    Given,
    /// It ends by itself at this moment.
    Ends(u64),
}

/// What happens, how many moments the gate's clock loses, and whether something is asked for nobody.
const STORIES: [(Story, u64, bool); 4] =
    [(Story::Taken, 0, true), (Story::Taken, 1, false), (Story::Given, 1, false), (Story::Ends(3), 0, false)];

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Check {
    NotBegun,
    /// What it must not be answered, by what had been acknowledged when it began.
    Waits {
        wrong_answer: Option<bool>,
    },
    /// It looks at what a call under way brings.
    Follows {
        wrong_answer: Option<bool>,
        begun: Sent,
    },
    Resolved,
}

#[derive(Clone)]
struct World {
    exchange: Exchange<usize>,
    calls: Vec<Call>,
    checks: [Check; 2],
    /// By the owner's clock, and by the gate's.
    now: u64,
    gate_now: u64,
    /// How many moments the gate's clock may still lose.
    drift: u64,
    /// Whether something is still to be asked for nobody.
    refreshes: bool,
    /// When the change was committed.
    committed: Option<u64>,
    acknowledged: bool,
}

/// What a check was answered that it must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    StaleAllow,
    StaleDenial,
}

struct Walk {
    story: Story,
    bent: Option<Bent>,
    seen: HashSet<u64>,
}

fn moment(moments: u64) -> Timestamp {
    Timestamp::EPOCH + Duration::from_micros(moments)
}

impl World {
    /// By the gate's clock.
    fn stamp(&self) -> Sent {
        Sent { elapsed: Duration::from_micros(self.gate_now), time: moment(self.gate_now) }
    }
}

/// Whether these facts allow, as the gate finds it.
fn allows(confirmed: &Confirmed) -> bool {
    let mut facts = Known::of(SubjectKind::User);
    confirmed.entry.facts.enter(&mut facts, confirmed.read_time);
    decide(Permission::MembersList, &facts).is_allowed()
}

impl Walk {
    /// Visits every state until something goes wrong.
    fn run((story, drift, refreshes): (Story, u64, bool), bent: Option<Bent>) -> (usize, Option<Wrong>) {
        let mut walk = Self { story, bent, seen: HashSet::new() };
        let limits = Limits { calls: 2, questions: 256, waiting: 16, entries: 16 };
        let mut stack = vec![World {
            exchange: Exchange::new(limits),
            calls: Vec::new(),
            checks: [const { Check::NotBegun }; 2],
            now: 0,
            gate_now: 0,
            drift,
            refreshes,
            committed: None,
            acknowledged: false,
        }];
        while let Some(world) = stack.pop() {
            if !walk.seen.insert(Self::fingerprint(&world)) {
                continue;
            }
            match walk.steps(&world) {
                Ok(next) => stack.extend(next),
                Err(wrong) => return (walk.seen.len(), Some(wrong)),
            }
        }
        (walk.seen.len(), None)
    }

    fn fingerprint(world: &World) -> u64 {
        let mut calls: Vec<u64> = world.calls.iter().map(fingerprint_of_call).collect();
        calls.sort_unstable();
        let pending: Vec<_> = world.exchange.pending.iter().collect();
        let followers: Vec<_> =
            world.exchange.calls.iter().map(|call| (call.sent, &call.followers)).collect();
        let clocks =
            (world.now, world.gate_now, world.drift, world.refreshes, world.committed, world.acknowledged);
        let all = (calls, pending, followers, world.exchange.cached(&question(0)), &world.checks, clocks);
        BuildHasherDefault::<DefaultHasher>::default().hash_one(all)
    }

    fn steps(&self, world: &World) -> Result<Vec<World>, Wrong> {
        let mut next = self.changes(world);
        for check in 0..world.checks.len() {
            next.extend(self.begin(world, check)?);
        }
        if world.refreshes && world.exchange.cached(&question(0)).is_some() {
            let mut asked = World { refreshes: false, ..world.clone() };
            asked.exchange.refresh(&question(0));
            next.push(asked);
        }
        let mut taken = world.clone();
        if let Some(batch) = taken.exchange.take(|| world.stamp()) {
            taken.calls.push(Call { batch, answers: None });
            next.push(taken);
        }
        for call in 0..world.calls.len() {
            next.push(self.proceed(world, call)?);
        }
        Ok(next)
    }

    /// A moment passes, by the owner's clock alone or by both; the change is committed, or acknowledged.
    fn changes(&self, world: &World) -> Vec<World> {
        let mut next = Vec::new();
        if world.now < END {
            next.push(World { now: world.now + 1, gate_now: world.gate_now + 1, ..world.clone() });
            if world.drift > 0 {
                next.push(World { now: world.now + 1, drift: world.drift - 1, ..world.clone() });
            }
        }
        let rest = match (self.story, self.bent) {
            (Story::Ends(_), _) => return next,
            (Story::Given, _) | (_, Some(Bent::NoRest)) => 0,
            (_, Some(Bent::ShortRest)) => WINDOW,
            (Story::Taken, _) => REST,
        };
        match world.committed {
            None => next.push(World { committed: Some(world.now), ..world.clone() }),
            Some(committed) if !world.acknowledged && world.now >= committed + rest => {
                next.push(World { acknowledged: true, ..world.clone() });
            }
            Some(_) => {}
        }
        next
    }

    /// What a check that begins now must not be answered.
    fn wrong_answer(&self, world: &World) -> Option<bool> {
        match self.story {
            Story::Taken => world.acknowledged.then_some(true),
            Story::Given => world.acknowledged.then_some(false),
            Story::Ends(end) => (world.now >= end).then_some(true),
        }
    }

    /// A check begins, the earlier ones having begun.
    fn begin(&self, world: &World, check: usize) -> Result<Option<World>, Wrong> {
        let earlier = check == 0 || world.checks[check - 1] != Check::NotBegun;
        if world.checks[check] != Check::NotBegun || !earlier {
            return Ok(None);
        }
        let (mut next, begun) = (world.clone(), world.stamp());
        let wrong_answer = self.wrong_answer(world);
        let within =
            if self.bent == Some(Bent::Following) { Duration::MAX } else { Duration::from_micros(WINDOW) };
        let expected = world.exchange.cached(&question(0)).is_some_and(|confirmed| allows(&confirmed));
        next.checks[check] = Check::Waits { wrong_answer };
        if self.look(&mut next, check, begun)? {
            return Ok(Some(next));
        }
        if expected && next.exchange.follow(&question(0), begun, within, check).is_some() {
            next.checks[check] = Check::Follows { wrong_answer, begun };
        } else {
            next.exchange.enqueue(question(0), check).unwrap();
        }
        Ok(Some(next))
    }

    /// Whether a check that began then is answered from memory.
    fn look(&self, world: &mut World, check: usize, begun: Sent) -> Result<bool, Wrong> {
        let Some(Recalled { confirmed, age, .. }) = world.exchange.recall(&question(0), begun) else {
            return Ok(false);
        };
        let recalled = match self.bent {
            Some(Bent::Expiry) => world.exchange.cached(&question(0)).unwrap(),
            _ => confirmed,
        };
        let young = age < Duration::from_micros(WINDOW)
            || matches!(world.checks[check], Check::Follows { .. } if self.bent == Some(Bent::Following));
        if !young || !(allows(&recalled) || self.bent == Some(Bent::Denials)) {
            return Ok(false);
        }
        Self::resolve(world, check, &recalled)?;
        Ok(true)
    }

    /// The owner reads, or its answer arrives.
    fn proceed(&self, world: &World, call: usize) -> Result<World, Wrong> {
        let mut next = world.clone();
        if next.calls[call].answers.is_none() {
            let read = next.calls[call].batch.asked.iter().map(|asked| self.read(world, asked)).collect();
            next.calls[call].answers = Some(read);
            return Ok(next);
        }
        let Call { mut batch, answers } = next.calls.remove(call);
        if self.bent == Some(Bent::Arrival) {
            batch.sent = world.stamp();
        }
        for resolved in next.exchange.complete(batch, answers.unwrap()) {
            for check in resolved.waiters {
                match (&next.checks[check], &resolved.confirmed) {
                    (&Check::Follows { begun, wrong_answer }, None) => {
                        if !self.look(&mut next, check, begun)? {
                            next.checks[check] = Check::Waits { wrong_answer };
                            next.exchange.enqueue(question(0), check).unwrap();
                        }
                    }
                    (_, confirmed) => Self::resolve(&mut next, check, confirmed.as_ref().unwrap())?,
                }
            }
        }
        Ok(next)
    }

    fn read(&self, world: &World, asked: &Asked<usize>) -> Answer {
        let sequence = if world.committed.is_some() { 2 } else { 1 };
        let (holds, end) = match self.story {
            Story::Taken => (world.committed.is_none(), None),
            Story::Given => (world.committed.is_some(), None),
            Story::Ends(end) => (true, Some(end)),
        };
        let facts = OwnFacts::Membership {
            role: holds.then_some(ConsoleRole::Viewer),
            view_all_apps: false,
            expire_time: end.map(moment),
            has_admin: true,
        };
        let version = version((sequence, 0, holds));
        let is_known = version.is_known(asked.known.as_ref().map(|entry| &entry.version));
        Answer { version, facts: (!is_known).then_some(facts), read_time: moment(world.now) }
    }

    fn resolve(world: &mut World, check: usize, confirmed: &Confirmed) -> Result<(), Wrong> {
        let (Check::Waits { wrong_answer } | Check::Follows { wrong_answer, .. }) = world.checks[check]
        else {
            unreachable!()
        };
        let allowed = allows(confirmed);
        if wrong_answer == Some(allowed) {
            return Err(if allowed { Wrong::StaleAllow } else { Wrong::StaleDenial });
        }
        world.checks[check] = Check::Resolved;
        Ok(())
    }
}

/// What any story finds wrong with this rule bent.
fn found(bent: Bent) -> Option<Wrong> {
    STORIES.into_iter().find_map(|story| Walk::run(story, Some(bent)).1)
}

// R-P9, R-M5
#[test]
fn with_a_rest_longer_than_the_window_no_interleaving_goes_wrong() {
    let mut states = 0;
    for story in STORIES {
        let (seen, wrong) = Walk::run(story, None);
        assert_eq!(wrong, None, "{story:?}");
        println!("{story:?}: {seen} states");
        states += seen;
    }
    println!("{states} states");
    assert!(states > 100_000, "the walk has become small: {states} states");
}

#[test]
fn without_a_rest_a_revoked_role_still_allows() {
    assert_eq!(found(Bent::NoRest), Some(Wrong::StaleAllow));
}

#[test]
fn with_a_rest_as_short_as_the_window_a_revoked_role_still_allows() {
    assert_eq!(found(Bent::ShortRest), Some(Wrong::StaleAllow));
}

#[test]
fn denials_from_the_window_deny_what_was_granted() {
    assert_eq!(found(Bent::Denials), Some(Wrong::StaleDenial));
}

#[test]
fn an_age_that_counts_from_the_answer_lets_a_revoked_role_allow() {
    assert_eq!(found(Bent::Arrival), Some(Wrong::StaleAllow));
}

#[test]
fn an_end_that_is_judged_without_the_age_lets_an_ended_role_allow() {
    assert_eq!(found(Bent::Expiry), Some(Wrong::StaleAllow));
}

#[test]
fn following_a_call_that_was_sent_before_the_window_lets_a_revoked_role_allow() {
    assert_eq!(found(Bent::Following), Some(Wrong::StaleAllow));
}
