//! 64 who ask before they run something, and report what it used: what comes to be used beyond a cap, and whether anything runs after
//! it (R-E4, R-P9).
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use devspaces::Service;
use devspaces_ledger::db::Pool;
use devspaces_tests::{
    Persona, Suite,
    sql::{pairs, texts},
};
use futures::future::join_all;

use super::{customer, uses_logs};
use crate::{
    acts::{
        budgets::caps,
        refusals::settled,
        reservations::{costs, metering},
        suspensions::{RUNS, STANDS, runs, runtime},
        usage::{LOGS_GB, new_usage_event, reports_usage},
    },
    rounds::{rounds, rounds_of_trial},
};

scenarios! {
    both engines:
        what_is_used_beyond_a_cap_is_what_crossed_it_and_what_ran_already;
    two replicas:
        what_is_used_beyond_a_cap_is_what_crossed_it_and_what_ran_already;
}

/// All of one space, behind each other: a share of the trial has a share of them, since each of its calls waits for the others'.
const CALLERS: u16 = 64;
/// Seconds that a trial lasts.
const LASTS: u16 = 60;
/// How much further each round goes: halves of a GB, of which four cost 201 cents.
const FURTHER: i64 = 400;
/// Checks of each who is told to stop.
const CHECKS_AFTER: usize = 8;

/// Usage that was reported at once, in halves of a GB.
struct Batch {
    ids: Vec<String>,
    halves: i64,
    answered: Instant,
}

/// What one of those who ask has seen in a round.
#[derive(Default)]
struct Seen {
    batches: Vec<Batch>,
    /// When each check began, and whether it allowed.
    checks: Vec<(Instant, bool)>,
}

/// What came to be in all rounds.
#[derive(Debug, Default)]
struct Figures {
    rounds: usize,
    batches: usize,
    checks: usize,
    checks_after: usize,
    /// The most batches that were taken after the one that crossed, and what the most usage beyond a cap was.
    most_after: usize,
    most_beyond: i64,
}

/// Asks at one service after another, and runs until it may no longer.
async fn asks_and_runs(suite: &Suite, app: &str, number: usize) -> Seen {
    let (runtime, who) = (runtime(suite), metering(suite));
    let (mut seen, mut denied) = (Seen::default(), 0);
    for turn in number.. {
        let check = asks(&runtime, Service::ALL[turn % Service::ALL.len()], app).await;
        seen.checks.push(check);
        if check.1 {
            seen.batches.push(reports(suite, &who, app, turn).await);
            continue;
        }
        denied += 1;
        if denied > CHECKS_AFTER {
            break;
        }
    }
    seen
}

async fn asks(runtime: &Persona, port: Service, app: &str) -> (Instant, bool) {
    let check = settled(async || {
        let began = Instant::now();
        Ok((began, runtime.checks_at(port, "app.run", app).await?.allowed))
    });
    check.await.expect("an answer")
}

async fn reports(suite: &Suite, who: &Persona, app: &str, turn: usize) -> Batch {
    let quantities = &[1, 2, 3, 1][..=turn % 4];
    let quantity = |halves: &i64| format!("{}.{}", halves / 2, halves % 2 * 5);
    let events: Vec<_> =
        quantities.iter().map(|halves| new_usage_event(suite, app, LOGS_GB, &quantity(halves))).collect();
    settled(async || reports_usage(who, &events).await).await.expect("reported");
    let ids = events.into_iter().map(|event| event.id).collect();
    Batch { ids, halves: quantities.iter().sum(), answered: Instant::now() }
}

/// The entry of the journal by which each event was taken.
async fn entries(pool: &Pool) -> BTreeMap<String, i64> {
    let entries = pairs(pool, "SELECT id, CAST(sequence AS TEXT) FROM usage_event").await;
    entries.into_iter().map(|(id, entry)| (id, entry.parse().expect("a number"))).collect()
}

/// The entries by which a cap was reached.
async fn crossings(pool: &Pool) -> Vec<i64> {
    let reached = "SELECT CAST(sequence AS TEXT) FROM journal WHERE content LIKE '%caps_reached%'";
    texts(pool, reached).await.into_iter().map(|entry| entry.parse().expect("a number")).collect()
}

// R-E4, R-P9: when a cap is crossed only what the batch that crosses it has reported is beyond, and what is taken later was
// allowed to run before that batch was answered. The cap is raised then, and all go on.
async fn what_is_used_beyond_a_cap_is_what_crossed_it_and_what_ran_already(suite: Suite) {
    let it = customer(&suite).await;
    let apps = [it.app.clone(), it.admin.creates_app(&it.space).await];
    for app in &apps {
        uses_logs(&suite, app, "1").await;
    }
    let pool = suite.pool(Service::Billing).await;
    let until = Instant::now() + Duration::from_secs(rounds_of_trial(LASTS));
    let (mut figures, mut all) = (Figures::default(), Vec::<Batch>::new());
    while Instant::now() < until {
        figures.rounds += 1;
        let fours = (all.iter().map(|batch| batch.halves).sum::<i64>() + FURTHER) / 4;
        let (cap, cents) = (fours * 4, fours * 201);
        caps(&it.admin, &it.space, "", cents.try_into().expect("an amount")).await;
        assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
        let callers = (0..rounds(CALLERS)).map(|number| asks_and_runs(&suite, &apps[number % 2], number));
        let (batches, checks): (Vec<_>, Vec<_>) =
            join_all(callers).await.into_iter().map(|seen| (seen.batches, seen.checks)).unzip();
        all.extend(batches.into_iter().flatten());
        let (entries, crossings) = (entries(&pool).await, crossings(&pool).await);
        assert_eq!(crossings.len(), figures.rounds, "it is crossed once");
        let crossing = crossings.into_iter().max().expect("a crossing");
        let answered = bounded_by(&all, &entries, crossing, cap, &mut figures);
        let after = |(began, _): &&(Instant, bool)| *began > answered;
        let after: Vec<_> = checks.iter().flatten().filter(after).collect();
        assert!(after.iter().all(|(_, allowed)| !allowed), "R-P9");
        figures.checks += checks.iter().map(Vec::len).sum::<usize>();
        figures.checks_after += after.len();
        let billed = all.iter().map(|batch| batch.halves).sum::<i64>() * 201;
        let costs = costs(&it.admin, &it.space).await * 4;
        assert!((costs - billed).abs() <= 2, "{costs} {billed}: in quarters of a cent");
        for app in &apps {
            assert_eq!(runs(&suite, &it.admin, app).await, STANDS);
        }
    }
    figures.batches = all.len();
    println!("{figures:?}, in halves of a GB");
}

/// Sees to it that a cap was kept up to the entry that crossed it, and tells when that batch was answered.
fn bounded_by(
    all: &[Batch],
    entries: &BTreeMap<String, i64>,
    crossing: i64,
    cap: i64,
    figures: &mut Figures,
) -> Instant {
    let entry = |batch: &Batch| entries[&batch.ids[0]];
    let before: i64 = all.iter().filter(|it| entry(it) < crossing).map(|it| it.halves).sum();
    let crosses = all.iter().find(|it| entry(it) == crossing).expect("the batch that crosses it");
    assert!(before < cap && before + crosses.halves >= cap, "{before} + {} of {cap}", crosses.halves);
    let after: Vec<_> = all.iter().filter(|it| entry(it) > crossing).collect();
    assert!(after.len() < rounds(CALLERS), "each had one under way");
    let beyond = before + crosses.halves + after.iter().map(|it| it.halves).sum::<i64>() - cap;
    figures.most_after = figures.most_after.max(after.len());
    figures.most_beyond = figures.most_beyond.max(beyond);
    crosses.answered
}
