//! Random sequences of calls, answered by the suite and by a model of the rules: `docs/rules.md` in plain data. After every
//! call both must show everybody the same.
//!
//! `DEVSPACES_MODEL_CASES` says how many sequences there are for each engine, or `DEVSPACES_MODEL_OPERATIONS` how many calls
//! at least. What fails is made shorter and told. `DEVSPACES_MODEL_SEED` has a run choose the sequences of one before, which
//! has printed its own.
mod answer;
mod app_groups;
mod apps;
mod checks;
mod departures;
mod groups;
mod invitations;
mod members;
mod offers;
mod op;
mod people;
mod planes;
mod stage;
mod stage_groups;
mod stage_members;
mod stage_people;
mod stage_planes;
mod stage_transfers;
mod strategies;
mod transfers;
mod views;
mod world;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    env,
    fmt::Write as _,
    time::{Duration, Instant},
};

use devspaces_kit::clock::SystemClock;
use devspaces_ledger::REST;
use devspaces_tests::{Suite, suite::eventually};
use futures::future::try_join;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use tokio::{runtime::Handle, task::block_in_place};

use self::{
    op::{Op, Step},
    stage::{Stage, TRIES},
    views::same,
    world::{Actor, No, Told, World},
};
use crate::rounds::rounds;

scenarios! {
    everywhere:
        the_suite_answers_as_the_rules_have_it;
}

const CASES: u16 = 6;
/// How often everything is asked, in steps.
const ALL_EVERY: usize = 25;

/// How long it may take until all has come that follows from time which has passed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a method was called, by what it answered. The walk must come by everything that it is about.
type Tally = BTreeMap<String, usize>;

fn number(variable: &str) -> Option<u64> {
    let number = env::var(variable).ok()?;
    Some(number.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// How many calls are asked for, if it is so many calls and not so many sequences.
fn operations() -> Option<usize> {
    number("DEVSPACES_MODEL_OPERATIONS").map(|number| usize::try_from(number).expect("fewer"))
}

/// How many sequences there are at most.
fn cases() -> u32 {
    match (operations(), number("DEVSPACES_MODEL_CASES")) {
        // A quarter as long as they are, all of them would do.
        (Some(operations), _) => u32::try_from(operations.div_ceil(10)).expect("fewer"),
        (None, Some(cases)) => u32::try_from(cases).expect("fewer"),
        (None, None) => rounds(CASES),
    }
}

/// What the sequences of a run are chosen by.
fn seed() -> u64 {
    let seed = number("DEVSPACES_MODEL_SEED");
    let seed = seed.unwrap_or_else(|| SystemClock::shared().new_id().as_u64_pair().1);
    println!("DEVSPACES_MODEL_SEED={seed}");
    seed
}

/// Goes on when all has come that follows from time which has passed.
async fn settles(stage: &Stage<'_>, world: &World) -> Result<(), String> {
    let began = Instant::now();
    let settled = eventually(async || {
        let compared = try_join(stage.has_settled(world), stage.compare_views(world));
        let compared = try_join(compared, stage.compare_offers(world, None)).await.map(drop);
        (compared.is_ok() || began.elapsed() > PATIENCE).then_some(compared)
    });
    settled.await
}

/// What comparing comes to, again as long as a service does not answer in time.
async fn in_time(compare: impl AsyncFn() -> Result<(), String>) -> Result<(), String> {
    for _ in 0..TRIES {
        match compare().await {
            Err(error) if error.contains("FACTS_UNAVAILABLE") => {}
            compared => return compared,
        }
    }
    compare().await
}

/// One call, by the rules and by the API, and what everybody sees from then on.
async fn step(
    stage: &mut Stage<'_>,
    world: &mut World,
    number: usize,
    (actor, op): &(Actor, Op),
) -> Result<String, String> {
    let before = world.clone();
    world.in_draft = stage.day_of_month() < 3;
    let expected = world.answer(*actor, op);
    if op.has_preview() {
        let preview = stage.call(*actor, op, true).await?;
        same(|| "the preview".to_owned(), &expected, &preview)?;
    }
    let called = Instant::now();
    let answer = stage.call(*actor, op, false).await?;
    let elapsed = called.elapsed();
    same(|| "the answer".to_owned(), &expected, &answer)?;
    if matches!(op, Op::PassTime { .. }) {
        settles(stage, world).await?;
    } else if let Some(taken) = world.taken_since(&before)
        && elapsed < REST
    {
        // R-P9: whatever takes a permission away has rested when it is answered.
        return Err(format!("{taken} was taken, and the answer came after {elapsed:?}: it did not rest"));
    }
    let few = (number % ALL_EVERY != ALL_EVERY - 1).then_some(number);
    in_time(async || {
        stage.compare_views(world).await?;
        stage.compare_offers(world, few).await?;
        stage.compare_checks(world, few).await
    })
    .await?;
    Ok(match expected {
        Err(No(_, reasons)) => format!("{reasons:?}"),
        Ok(Told { removed, remaining, planes, void, left_group }) => {
            let told = [
                (!removed.is_empty(), "roles removed"),
                (!remaining.is_empty(), "roles kept"),
                (!planes.is_empty(), "other planes left"),
                (!void.is_empty(), "invitations void"),
                (left_group, "group left"),
            ];
            let told = told.into_iter().filter(|(so, _)| *so).map(|(_, what)| what);
            std::iter::once("done").chain(told).collect::<Vec<_>>().join(", ")
        }
    })
}

/// A sequence from an empty world on. If it fails, the error tells of every call up to the one that does.
async fn play(suite: &Suite, case: usize, steps: &[Step], tally: &RefCell<Tally>) -> Result<(), String> {
    let mut stage = Box::pin(Stage::set(suite, case)).await;
    let mut world = World::new(suite.is_of_its_own());
    let mut story = String::new();
    for (number, next) in steps.iter().enumerate() {
        let Some(call) = world.interpret(next) else { continue };
        let _ = write!(story, "  {:?}: {:?}", call.0, call.1);
        let said = step(&mut stage, &mut world, number, &call).await;
        let said = said.map_err(|error| format!("after\n{story}\n{error}"))?;
        let _ = writeln!(story, ": {said}");
        *tally.borrow_mut().entry(format!("{} {said}", call.1.method())).or_default() += 1;
    }
    let compared = in_time(async || {
        try_join(stage.compare_offers(&world, None), stage.compare_checks(&world, None)).await.map(drop)
    });
    compared.await.map_err(|error| format!("at the end of\n{story}{error}"))
}

fn walk(suite: &Suite) -> Tally {
    let config = Config {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 1000,
        rng_seed: RngSeed::Fixed(seed()),
        ..Config::default()
    };
    let (case, failed, tally) = (Cell::new(0), Cell::new(false), RefCell::new(Tally::new()));
    let wanted = operations();
    let is_enough = || wanted.is_some_and(|wanted| tally.borrow().values().sum::<usize>() >= wanted);
    let played = TestRunner::new(config).run(&strategies::steps(), |steps| {
        if !failed.get() && is_enough() {
            return Ok(());
        }
        case.set(case.get() + 1);
        let played = Handle::current().block_on(play(suite, case.get(), &steps, &tally));
        if let Err(reason) = &played
            && !failed.replace(true)
        {
            // Told before it is made shorter, which takes a while.
            println!("{reason}");
        }
        played.map_err(TestCaseError::fail)
    });
    match played {
        Ok(()) => tally.into_inner(),
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(error) => panic!("{error}"),
    }
}

// R-M1, R-M2, R-M3, R-M4, R-M5, R-M6, R-M7, R-M8, R-M9, R-M10, R-M11, R-M12, R-M14, R-A1, R-A2, R-A3, R-A4, R-A5, R-A6, R-A7,
// R-A8, R-A9, R-A10, R-A11, R-A12, R-B1, R-B2, R-K1, R-K2, R-K3, R-K4, R-K6, R-S1, R-S2, R-S3, R-S5, R-S7, R-S9, R-P4, R-P9
async fn the_suite_answers_as_the_rules_have_it(suite: Suite) {
    let tally = block_in_place(|| walk(&suite));
    for (answer, times) in &tally {
        println!("{times:6} {answer}");
    }
    let done =
        tally.iter().filter(|(answer, _)| answer.contains("done")).map(|(_, times)| times).sum::<usize>();
    let all = tally.values().sum::<usize>();
    // A walk that tells nothing. A few short ones may happen to archive their space early.
    assert!(all < 50 || done * 6 > all, "only {done} of {all} calls did what they were asked to");
}
