//! Random sequences of calls, answered by the suite and by a model of the rules: `docs/rules.md` in plain data. After every
//! call both must show everybody the same.
//!
//! `DEVSPACES_MODEL_CASES` says how many sequences there are for each engine. What fails is made shorter and told.
//! `DEVSPACES_MODEL_SEED` has a run choose the sequences of one before, which has printed its own.
mod apps;
mod groups;
mod members;
mod op;
mod planes;
mod stage;
mod stage_planes;
mod views;
mod world;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    env,
    fmt::Write as _,
    time::Instant,
};

use devspaces_kit::clock::SystemClock;
use devspaces_ledger::REST;
use devspaces_tests::Suite;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use tokio::{runtime::Handle, task::block_in_place};

use self::{
    op::{Op, Step},
    stage::Stage,
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
const ALL_EVERY: usize = 10;

/// How often a method was called, by what it answered. The walk must come by everything that it is about.
type Tally = BTreeMap<String, usize>;

fn cases() -> u32 {
    let cases = env::var("DEVSPACES_MODEL_CASES");
    cases.map_or_else(|_| rounds(CASES), |cases| cases.parse().expect("DEVSPACES_MODEL_CASES is a number"))
}

/// What the sequences of a run are chosen by.
fn seed() -> u64 {
    let seed = env::var("DEVSPACES_MODEL_SEED");
    let seed = seed.map_or_else(
        |_| SystemClock::shared().new_id().as_u64_pair().1,
        |seed| seed.parse().expect("DEVSPACES_MODEL_SEED is a number"),
    );
    println!("DEVSPACES_MODEL_SEED={seed}");
    seed
}

/// One call, by the rules and by the API, and what everybody sees from then on.
async fn step(
    stage: &mut Stage,
    world: &mut World,
    number: usize,
    (actor, op): &(Actor, Op),
) -> Result<String, String> {
    let before = world.clone();
    let expected = world.answer(*actor, op);
    if op.has_preview() {
        let preview = stage.call(*actor, op, true).await?;
        same(|| "the preview".to_owned(), &expected, &preview)?;
    }
    let called = Instant::now();
    let answer = stage.call(*actor, op, false).await?;
    let elapsed = called.elapsed();
    same(|| "the answer".to_owned(), &expected, &answer)?;
    // R-P9: whatever takes a permission away has rested when it is answered.
    match world.taken_since(&before) {
        Some(taken) if elapsed < REST => {
            return Err(format!("{taken} was taken, and the answer came after {elapsed:?}: it did not rest"));
        }
        _ => {}
    }
    stage.compare_views(world).await?;
    let few = (number % ALL_EVERY != ALL_EVERY - 1).then_some(number);
    stage.compare_checks(world, few).await?;
    Ok(match expected {
        Err(No(_, reasons)) => format!("{reasons:?}"),
        Ok(Told { removed, remaining, planes }) => {
            let told = [
                (!removed.is_empty(), "roles removed"),
                (!remaining.is_empty(), "roles kept"),
                (!planes.is_empty(), "other planes left"),
            ];
            let told = told.into_iter().filter(|(so, _)| *so).map(|(_, what)| what);
            std::iter::once("done").chain(told).collect::<Vec<_>>().join(", ")
        }
    })
}

/// A sequence from an empty world on. If it fails, the error tells of every call up to the one that does.
async fn play(suite: &Suite, case: usize, steps: &[Step], tally: &RefCell<Tally>) -> Result<(), String> {
    let mut stage = Stage::set(suite, case).await;
    let mut world = World::new();
    let mut story = String::new();
    for (number, next) in steps.iter().enumerate() {
        let Some(call) = world.interpret(next) else { continue };
        let _ = write!(story, "  {:?}: {:?}", call.0, call.1);
        let said = step(&mut stage, &mut world, number, &call).await;
        let said = said.map_err(|error| format!("after\n{story}\n{error}"))?;
        let _ = writeln!(story, ": {said}");
        *tally.borrow_mut().entry(format!("{} {said}", call.1.method())).or_default() += 1;
    }
    stage.compare_checks(&world, None).await.map_err(|error| format!("at the end of\n{story}{error}"))
}

fn walk(suite: &Suite) -> Tally {
    let config = Config {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 1000,
        rng_seed: RngSeed::Fixed(seed()),
        ..Config::default()
    };
    let (case, tally) = (Cell::new(0), RefCell::new(Tally::new()));
    let played = TestRunner::new(config).run(&op::steps(), |steps| {
        case.set(case.get() + 1);
        let played = Handle::current().block_on(play(suite, case.get(), &steps, &tally));
        played.map_err(TestCaseError::fail)
    });
    match played {
        Ok(()) => tally.into_inner(),
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(error) => panic!("{error}"),
    }
}

// R-M1, R-M2, R-M3, R-M4, R-M5, R-M6, R-M7, R-M8, R-A1, R-A2, R-A3, R-A4, R-A5, R-A6, R-A9, R-A10,
// R-M11, R-B1, R-B2, R-K1, R-K2, R-K3, R-K4, R-K6, R-S1, R-S2, R-S3, R-S5, R-S7, R-S9, R-P4, R-P9
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
