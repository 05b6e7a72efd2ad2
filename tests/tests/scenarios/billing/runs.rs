//! Billing runs: repeated, at once, killed half-way, and over usage that shares an allowance.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use devspaces::Service;
use devspaces_kit::clock::{Clock as _, SystemClock};
use devspaces_ledger::{db::Pool, journal};
use devspaces_proto::billing::v1::{RunBillingRequest, RunBillingResponse, invoice::State};
use devspaces_tests::{
    Engine, Suite,
    process::Processes,
    refused,
    sql::{self, count, pairs, texts},
    suite::eventually,
};
use futures::future::join_all;
use tonic::Code;
use uuid::Uuid;

use crate::{
    acts::{
        invoices::{Customer, gets_invoice, runs_billing},
        usage::{KVS_WRITE_GB, LOGS_GB, begins_mid_month, month_ahead, new_usage_event, reports_accepted},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        no_month_closes_while_the_clock_is_doubted,
        no_month_closes_by_a_clock_that_is_put_forward_within_a_run,
        what_can_not_be_computed_keeps_no_other_account_back,
        a_run_without_the_time_for_all_says_how_many_are_left,
        a_run_repeated_changes_nothing,
        runs_at_once,
        the_journal_names_who_billed,
        an_allowance_is_given_once_to_spaces_billed_at_once,
        a_process_killed_while_it_bills;
    two replicas:
        // R-B7: two billing runs at once, and the schedulers of both replicas.
        runs_at_once,
        an_allowance_is_given_once_to_spaces_billed_at_once;
}

const ROUNDS: u16 = 12;

/// R-B7: one invoice for each space and month, numbers from 1 without gaps in the order of the months, and a journal that
/// tells each once.
async fn books_are_in_order(pool: &Pool) {
    assert_eq!(
        count(
            pool,
            "SELECT COUNT(*) FROM invoice i WHERE EXISTS
               (SELECT 1 FROM invoice o WHERE o.space = i.space AND o.month = i.month AND o.id <> i.id)"
        )
        .await,
        0
    );
    let sealed = "SELECT COUNT(*) FROM invoice i LEFT JOIN issued_invoice s ON s.invoice = i.id
                  WHERE (i.state = 'DRAFT') = (s.invoice IS NOT NULL)";
    assert_eq!(
        count(pool, sealed).await,
        0,
        "an invoice is issued if and only if it says something for good"
    );
    let misplaced = "SELECT COUNT(*) FROM issued_invoice s JOIN invoice i ON i.id = s.invoice
                     WHERE s.number <> (SELECT COUNT(*) FROM invoice o JOIN issued_invoice n ON n.invoice = o.id
                                        WHERE o.space = i.space AND o.month <= i.month)";
    assert_eq!(count(pool, misplaced).await, 0, "numbers");
    assert_eq!(journal::verify(pool, &[]).await.expect("a report").findings, []);
}

/// How many entries tell that an invoice was issued.
async fn told(pool: &Pool) -> usize {
    let entries = texts(pool, "SELECT content FROM journal").await;
    let after = |entry: &String| {
        let json: serde_json::Value = serde_json::from_str(entry).expect("JSON");
        json["after"]["number"].is_i64()
    };
    entries.iter().filter(|entry| after(entry)).count()
}

// R-B7: a clock that was put forward closes no month until it has stayed so.
async fn no_month_closes_while_the_clock_is_doubted(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    runs_billing(&suite).await;
    suite.clock.put_forward(Duration::from_hours(365 * 24));
    let run = suite.persona("services/billing-run");
    let refusal = refused(run.invoices().run_billing(RunBillingRequest::default()).await);
    assert_eq!(refusal.kind(), (Code::Unavailable, "CLOCK_STEPPED"));
    assert_eq!(it.invoices().await, []);
    suite.clock.put_right();
    runs_billing(&suite).await;
    assert_eq!(it.invoices().await, []);
    suite.clock.put_forward(Duration::from_hours(365 * 24));
    run.invoices().run_billing(RunBillingRequest::default()).await.expect_err("a doubt");
    suite.clock.advance(Duration::from_mins(10));
    runs_billing(&suite).await;
    assert!(it.invoices().await.len() >= 11, "believed by now");
}

// R-B7: nor when it is put forward in the midst of a run.
async fn no_month_closes_by_a_clock_that_is_put_forward_within_a_run(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let (run, mut doubted) = (suite.persona("services/billing-run"), 0);
    for readings in 0..40 {
        suite.clock.put_forward_after(readings, Duration::from_hours(365 * 24));
        let answer = run.invoices().run_billing(RunBillingRequest::default()).await;
        if answer.is_err() {
            assert_eq!(refused(answer).kind(), (Code::Unavailable, "CLOCK_STEPPED"));
            doubted += 1;
        }
        suite.clock.put_right();
        assert_eq!(it.invoices().await, [], "put forward after {readings} readings");
    }
    assert!(doubted > 0, "the clock was put forward in time");
}

// R-B7: what was accepted before it was bounded and can't be computed hides nothing else.
async fn what_can_not_be_computed_keeps_no_other_account_back(suite: Suite) {
    let (_, next) = begins_mid_month(&suite);
    let [one, other] = [Customer::new(&suite, "alice").await, Customer::new(&suite, "bob").await];
    for it in [&one, &other] {
        reports_accepted(&suite, new_usage_event(&suite, &it.app, KVS_WRITE_GB, "1000")).await;
    }
    let pool = suite.pool(Service::Billing).await;
    let huge = "UPDATE usage_sums SET sums = '{\"kvs.write_gb\":[\"9999999999999999999999999999\",1]}'";
    let app = one.app.strip_prefix("apps/").and_then(|id| id.parse().ok()).expect("an app");
    let place = sql::uuid(&pool, app);
    sql::tamper(&pool, &format!("{huge} WHERE app = {place}")).await;
    suite.clock.advance_to(&format!("{next}-01T00:00:00Z"));
    runs_billing(&suite).await;
    let drafts = one.invoices().await;
    assert_eq!((drafts.len(), drafts[0].amount_too_large, drafts[0].total.is_none()), (1, true, true));
    let status = gets_invoice(&one.admin, &drafts[0].name).await.expect_err("no amount");
    assert_eq!(status.code(), Code::FailedPrecondition);
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    let run = runs_billing(&suite).await;
    assert_eq!((run.failed, run.failures.len(), run.failures[0].reason.as_str()), (1, 1, "AMOUNT_TOO_LARGE"));
    assert_eq!(run.failures[0].account, format!("{}/billingAccount", one.space));
    assert_eq!(other.invoices().await[0].state(), State::Open);
    assert_eq!(one.invoices().await[0].state(), State::Draft);
}

/// A run with so little time.
async fn runs_billing_within(suite: &Suite, time: Duration) -> Option<RunBillingResponse> {
    let mut request = tonic::Request::new(RunBillingRequest::default());
    request.set_timeout(time);
    let answer = suite.persona("services/billing-run").invoices().run_billing(request).await;
    answer.ok().map(tonic::Response::into_inner)
}

// R-B7: and calling again comes to an end, at which nothing is lost and nothing is there twice.
async fn a_run_without_the_time_for_all_says_how_many_are_left(suite: Suite) {
    const ACCOUNTS: usize = 60;
    let (_, next) = begins_mid_month(&suite);
    for number in 0..ACCOUNTS {
        let it = Customer::new(&suite, &format!("customer{number}")).await;
        reports_accepted(&suite, new_usage_event(&suite, &it.app, KVS_WRITE_GB, "1000")).await;
    }
    // None can be issued, so that neither the service by itself nor a run makes them fewer.
    let pool = suite.pool(Service::Billing).await;
    let huge = "UPDATE usage_sums SET sums = '{\"kvs.write_gb\":[\"9999999999999999999999999999\",1]}'";
    sql::tamper(&pool, huge).await;
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    let mut time = Duration::from_millis(50);
    let part = loop {
        match runs_billing_within(&suite, time).await {
            Some(part) => break part,
            None => time *= 2,
        }
    };
    let seen = usize::try_from(part.failed).expect("a number");
    assert!((1..ACCOUNTS).contains(&seen) && part.failures.len() == seen, "{part:?}");
    assert_eq!(usize::try_from(part.remaining).expect("a number"), ACCOUNTS - seen);
    sql::tamper(&pool, "UPDATE usage_sums SET sums = '{\"kvs.write_gb\":[\"2\",1]}'").await;
    let ends = async || runs_billing_within(&suite, time).await.filter(|run| run.remaining == 0);
    assert_eq!(eventually(ends).await.failed, 0);
    let issued = "SELECT COUNT(*) FROM issued_invoice";
    assert_eq!(count(&pool, issued).await, 60);
    books_are_in_order(&pool).await;
}

// R-B7
async fn a_run_repeated_changes_nothing(suite: Suite) {
    let (_, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "11")).await;
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let (pool, first) = (suite.pool(Service::Billing).await, it.latest().await);
    let entries = count(&pool, "SELECT COUNT(*) FROM journal").await;
    for _ in 0..5 {
        let made = runs_billing(&suite).await;
        assert_eq!((made.drafted, made.issued), (0, 0));
    }
    assert_eq!((it.latest().await, it.invoices().await.len()), (first, 1));
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM journal").await, entries);
    books_are_in_order(&pool).await;
}

// R-B7: runs and the service's own scheduler, all at once, make each invoice once and say so once.
async fn runs_at_once(suite: Suite) {
    begins_mid_month(&suite);
    let mut customers = Vec::new();
    for n in 0..4 {
        customers.push(Customer::new(&suite, &format!("c{n}")).await);
    }
    let pool = suite.pool(Service::Billing).await;
    let (mut drafted, mut issued) = (0, 0);
    for round in 1..=rounds::<u32>(ROUNDS) {
        for it in &customers {
            reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "2")).await;
        }
        let next = month_ahead(&suite, 1);
        suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
        let run = suite.persona("services/billing-run");
        let runs = (0..4).map(|_| async {
            run.invoices().run_billing(RunBillingRequest::default()).await.expect("a run").into_inner()
        });
        for made in join_all(runs).await {
            drafted += made.drafted;
            issued += made.issued;
        }
        for it in &customers {
            let latest = it.latest().await;
            let number = i64::from(round);
            assert_eq!((latest.number, latest.state()), (number, State::Open), "round {round}");
        }
        books_are_in_order(&pool).await;
    }
    let all = customers.len() * rounds::<usize>(ROUNDS);
    assert_eq!(told(&pool).await, all, "R-J1");
    let all = i32::try_from(all).expect("a number");
    // What the scheduler made is counted by no run.
    assert!(drafted <= all && issued <= all, "{drafted} {issued} of {all}");
    println!("{issued} of {all} were issued by the runs that were called");
}

// R-B7, R-J1: whoever has it run is whom the journal names.
async fn the_journal_names_who_billed(suite: Suite) {
    let (_, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let name = it.latest().await.name;
    let entries = texts(&suite.pool(Service::Billing).await, "SELECT content FROM journal").await;
    let of_invoice: Vec<_> = entries.iter().filter(|entry| entry.contains(&name)).collect();
    assert!(!of_invoice.is_empty());
    for entry in of_invoice {
        let by_call = entry.contains("services/billing-run") && entry.contains("InvoiceService/RunBilling");
        assert!(by_call || entry.contains("devspaces.billing/bill"), "{entry}");
    }
}

// R-B6, R-B7: spaces that share an allowance are issued at once, and it is given once.
async fn an_allowance_is_given_once_to_spaces_billed_at_once(suite: Suite) {
    begins_mid_month(&suite);
    let one = Customer::new(&suite, "one").await;
    let other = Customer::new(&suite, "other").await;
    let pool = suite.pool(Service::Billing).await;
    for round in 0..rounds(ROUNDS) {
        let (this, next) = (month_ahead(&suite, 0), month_ahead(&suite, 1));
        let app = suite.clock.new_id();
        for (place, it) in [&one, &other].into_iter().enumerate() {
            let space: Uuid = it.space["spaces/".len()..].parse().expect("an id");
            let row = format!(
                r#"{}, '{this}', {}, '{this}', '{this}-0{}T00:00:00.000000Z', TRUE, '{{"logs.gb":["0.75",1]}}'"#,
                sql::uuid(&pool, space),
                sql::uuid(&pool, app),
                place + 1,
            );
            let table = "usage_sums (space, billed_month, app, usage_month, held_from, billable, sums)";
            sql::insert(&pool, table, &[row]).await;
        }
        suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
        join_all((0..3).map(|_| runs_billing(&suite))).await;
        let mut shares = Vec::new();
        for it in [&one, &other] {
            let invoice = gets_invoice(&it.admin, &it.latest().await.name).await.expect("the invoice");
            let line = &invoice.lines[0];
            assert_eq!((&line.quantity, invoice.lines.len()), (&"0.75".to_owned(), 1));
            shares.push((line.free_quantity.clone(), line.billed_quantity.clone()));
        }
        // Whichever was issued first: the allowance of 1 goes by time.
        let split = [("0.75".to_owned(), "0".to_owned()), ("0.25".to_owned(), "0.5".to_owned())];
        assert_eq!(shares, split, "round {round}");
    }
    books_are_in_order(&pool).await;
}

/// Months that the accounts of the killed run have behind them.
const MONTHS: u32 = 4;
const ACCOUNTS: usize = 80;

/// The months before this one, the earliest first.
fn months_behind() -> Vec<String> {
    let now = SystemClock.now().to_string();
    let number = |digits: &str| digits.parse::<u32>().expect("a number");
    let this = number(&now[..4]) * 12 + number(&now[5..7]) - 1;
    (1..=MONTHS)
        .rev()
        .map(|back| this - back)
        .map(|it| format!("{:04}-{:02}", it / 12, it % 12 + 1))
        .collect()
}

const ISSUED: &str = "SELECT COUNT(*) FROM issued_invoice";

/// R-B7: the process dies again and again while it bills, and in the end all is billed once.
async fn a_process_killed_while_it_bills(engine: Engine) {
    let mut suite = Processes::start(engine).await;
    suite.kill(Service::Billing).await;
    let pool = suite.pool(Service::Billing).await;
    let months = months_behind();
    let born = format!("'{}-05T00:00:00.000000Z'", months[0]);
    let spaces: Vec<Uuid> = (0..ACCOUNTS).map(|_| SystemClock.new_id()).collect();
    let (mut accounts, mut usage) = (Vec::new(), Vec::new());
    for space in &spaces {
        let space = sql::uuid(&pool, *space);
        accounts.push(format!("{space}, '1', 'alice', {born}, {born}, 0"));
        usage.extend(months.iter().map(|month| {
            format!(r#"{space}, '{month}', {space}, '{month}', {born}, TRUE, '{{"logs.gb":["3",1]}}'"#)
        }));
    }
    sql::insert(
        &pool,
        "account (space, terms_version, consented_by, create_time, update_time, revision)",
        &accounts,
    )
    .await;
    let table = "usage_sums (space, billed_month, app, usage_month, held_from, billable, sums)";
    sql::insert(&pool, table, &usage).await;
    // On the 1st and 2nd the last of them is a draft.
    let drafts = SystemClock.now().to_string()[8..10].parse::<u32>().expect("a day") < 3;
    let all = i64::from(MONTHS - u32::from(drafts)) * i64::try_from(ACCOUNTS).expect("a number");
    let mut kills = 0;
    loop {
        let before = count(&pool, ISSUED).await;
        if before == all {
            break;
        }
        suite.run(Service::Billing).await;
        eventually(async || (count(&pool, ISSUED).await >= (before + 40).min(all)).then_some(())).await;
        suite.kill(Service::Billing).await;
        books_are_in_order(&pool).await;
        kills += 1;
    }
    assert!(kills > 1, "it is to be killed half-way");
    suite.run(Service::Billing).await;
    eventually(async || (count(&pool, DUE).await == 0).then_some(())).await;
    books_are_in_order(&pool).await;
    assert_eq!(told(&pool).await, usize::try_from(all).expect("a number"), "R-J1");
    let mut by_month = BTreeMap::<String, BTreeSet<String>>::new();
    for (month, id) in pairs(
        &pool,
        "SELECT month, CAST(number AS TEXT) FROM invoice i JOIN issued_invoice s ON s.invoice = i.id",
    )
    .await
    {
        by_month.entry(month).or_default().insert(id);
    }
    let numbers: Vec<_> =
        by_month.into_values().map(|numbers| numbers.into_iter().collect::<Vec<_>>()).collect();
    let expected: Vec<_> = (1..=numbers.len()).map(|number| vec![number.to_string()]).collect();
    assert_eq!(numbers, expected, "each month has its number in every account");
    // 3 less 1 that is free, at 1.005.
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM issued_invoice WHERE total = '2.01'").await, all);
    println!("{kills} kills");
}

/// Accounts that nobody has looked after to the end.
const DUE: &str = "SELECT COUNT(*) FROM account WHERE next_billing = '1970-01-01T00:00:00.000000Z'";
