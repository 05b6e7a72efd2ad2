//! Processes that are killed again and again while money goes through them: what was answered is there once, and nothing runs that
//! is not to (R-B5, R-B7, R-B10, R-B15, R-E1, R-E5, R-J5).
mod load;

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use devspaces::Service;
use devspaces_kit::clock::{Clock as _, SystemClock};
use devspaces_ledger::{db::Pool, journal};
use devspaces_proto::billing::v1::ListCreditsRequest;
use devspaces_tests::{
    process::Processes,
    sql::{self, EFFECTS, count, pairs, texts},
    suite::eventually,
};
use futures::future::{join, join_all};
use tokio::time::sleep;
use uuid::Uuid;

use self::load::{Load, People};
use crate::{
    acts::accounts::{account_of, consents_to_invoicing},
    rounds::rounds_of_trial,
};

scenarios! {
    both engines:
        what_was_answered_of_money_is_there_once_however_often_processes_are_killed;
}

const KILLS: u16 = 100;
const CUSTOMERS: usize = 4;
/// Months of which the invoices are due when it begins.
const MONTHS: usize = 6;

/// A customer for half a year, whose app was used in each month. Nothing is billed yet.
async fn customer<'a>(people: &'a People, pool: &'a Pool, answers: &'a AtomicUsize) -> Load<'a> {
    let space = people.admin.creates_space("Team").await;
    consents_to_invoicing(&people.admin, &space).await.expect("an account");
    let app = people.admin.creates_app(&space).await;
    Load {
        people,
        pool,
        answers,
        space,
        app,
        events: BTreeSet::new(),
        voided: BTreeSet::new(),
        credits: 0,
        attempts: BTreeSet::new(),
        quarters: 0,
    }
}

/// The months before this one, the earliest first.
fn months_behind() -> Vec<String> {
    let now = SystemClock.now().to_string();
    let number = |digits: &str| digits.parse::<usize>().expect("a number");
    let this = number(&now[..4]) * 12 + number(&now[5..7]) - 1;
    let months = (this - MONTHS..this).map(|month| format!("{:04}-{:02}", month / 12, month % 12 + 1));
    months.collect()
}

/// Has the customers have been there for half a year. The service does not run.
async fn were_here(pool: &Pool, customers: &[Load<'_>]) {
    let months = months_behind();
    let born = format!("'{}-01T00:00:00.000000Z'", months[0]);
    let id = |name: &str| {
        let id = name.rsplit('/').next().and_then(|id| id.parse::<Uuid>().ok());
        sql::uuid(pool, id.expect("an id"))
    };
    for it in customers {
        let (space, app) = (id(&it.space), id(&it.app));
        sql::tamper(
            pool,
            &format!(
                "UPDATE account SET create_time = {born}, next_billing = '1970-01-01T00:00:00.000000Z'
                 WHERE space = {space}"
            ),
        )
        .await;
        let used = |month: &String| {
            format!(r#"{space}, '{month}', {app}, '{month}', {born}, TRUE, '{{"logs.gb":["11",1]}}'"#)
        };
        let table = "usage_sums (space, billed_month, app, usage_month, held_from, billable, sums)";
        sql::insert(pool, table, &months.iter().map(used).collect::<Vec<_>>()).await;
    }
}

/// Kills one of them, mostly that of billing, after some more answers and some moments, neither of which follows from what it is
/// at then.
async fn kills(suite: &mut Processes, answers: &AtomicUsize) {
    for kill in 0..rounds_of_trial::<usize>(KILLS) {
        let goal = answers.load(SeqCst) + kill * 11 % 7;
        eventually(async || (answers.load(SeqCst) >= goal).then_some(())).await;
        sleep(Duration::from_millis((kill * 37 % 53).try_into().expect("few"))).await;
        let victim = if kill % 4 == 3 { Service::Space } else { Service::Billing };
        suite.kill(victim).await;
        suite.run(victim).await;
    }
}

async fn what_was_answered_of_money_is_there_once_however_often_processes_are_killed(suite: Processes) {
    let mut suite = suite;
    let (people, answers, over) = (People::of(&suite), AtomicUsize::new(0), AtomicBool::new(false));
    let pool = suite.pool(Service::Billing).await;
    let mut customers = join_all((0..CUSTOMERS).map(|_| customer(&people, &pool, &answers))).await;
    for it in &mut customers {
        it.uses(&[4], "").await;
    }
    suite.kill(Service::Billing).await;
    were_here(&pool, &customers).await;
    suite.run(Service::Billing).await;
    let load = join_all(customers.iter_mut().map(async |it| {
        while !over.load(SeqCst) {
            it.turn().await;
        }
    }));
    let killing = async {
        kills(&mut suite, &answers).await;
        over.store(true, SeqCst);
    };
    join(load, killing).await;
    let made: usize = customers.iter().map(|it| it.events.len()).sum();
    println!("{} kills, {} answers, {made} events", rounds_of_trial::<u16>(KILLS), answers.load(SeqCst));
    is_there_once(&pool, &customers).await;
    for service in [Service::Space, Service::Billing] {
        let pool = suite.pool(service).await;
        eventually(async || (count(&pool, EFFECTS).await == 0).then_some(())).await;
        assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, [], "{service}");
    }
    for it in &customers {
        assert!(it.runs().await);
    }
}

/// Everything that was acknowledged, and nothing else.
async fn is_there_once(pool: &Pool, customers: &[Load<'_>]) {
    let all = |of: for<'a> fn(&'a Load<'_>) -> &'a BTreeSet<String>| {
        customers.iter().flat_map(of).cloned().collect::<BTreeSet<_>>()
    };
    let stored = async |query| texts(pool, query).await.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(stored("SELECT id FROM usage_event").await, all(|it| &it.events), "R-B5");
    assert_eq!(stored("SELECT event FROM usage_void").await, all(|it| &it.voided), "R-B15");
    assert_eq!(count(pool, "SELECT COUNT(*) FROM reservation WHERE remaining <> '0'").await, 0, "R-E5");
    let attempts = "SELECT id, CAST(succeeded AS TEXT) FROM payment_attempt";
    let attempts: BTreeSet<_> = pairs(pool, attempts).await.into_iter().map(|(id, _)| id).collect();
    let reported = customers.iter().flat_map(|it| it.attempts.iter().map(|(_, id)| id.clone()));
    assert_eq!(attempts, reported.collect(), "R-B10");
    for it in customers {
        let request = ListCreditsRequest { parent: account_of(&it.space), ..Default::default() };
        let given =
            it.answered(async || it.people.admin.invoices().list_credits(request.clone()).await).await;
        assert_eq!(i64::try_from(given.credits.len()).expect("few"), it.credits, "R-B10");
        assert_eq!(it.used().await, it.quarters, "the sums are those of the events");
    }
    // The last of these months is a draft on the 1st and 2nd.
    let misplaced = "SELECT COUNT(*) FROM issued_invoice s JOIN invoice i ON i.id = s.invoice
                     WHERE s.number <> (SELECT COUNT(*) FROM invoice o JOIN issued_invoice n ON n.invoice = o.id
                                        WHERE o.space = i.space AND o.month <= i.month)";
    assert_eq!(count(pool, misplaced).await, 0, "R-B7");
    let months = i64::try_from(CUSTOMERS * MONTHS).expect("few");
    let issued = count(pool, "SELECT COUNT(*) FROM issued_invoice").await;
    let drafts = count(pool, "SELECT COUNT(*) FROM invoice WHERE state = 'DRAFT'").await;
    assert_eq!(issued + drafts, months, "R-B7");
}
