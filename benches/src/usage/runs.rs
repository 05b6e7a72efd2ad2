//! A billing run over many accounts: how long it takes, and whether it keeps more in memory for more of them.
use std::{
    fs,
    time::{Duration, Instant},
};

use devspaces::Service;
use devspaces_kit::{
    clock::{Clock as _, Timestamp},
    name::Principal,
};
use devspaces_ledger::{
    Act, Tx,
    db::{Conn, Pool},
    on,
};
use devspaces_proto::billing::v1::RunBillingRequest;
use devspaces_tests::{Engine, Suite};
use tokio::time::sleep;
use uuid::Uuid;

/// More and more spaces.
const SIZES: [usize; 3] = [100, 1_000, 10_000];
const APPS: usize = 10;
/// What the apps of a space were used, in events. Of these a run reads the sums.
const EVENTS: usize = 1_000;
/// How long it rests between two counts of what is issued.
const COUNTED: Duration = Duration::from_millis(50);

const METERS: [&str; 7] = [
    "function.gb_seconds",
    "kvs.read_gb",
    "kvs.write_gb",
    "logs.gb",
    "sql.compute_hours",
    "sql.requests",
    "sql.storage_gb_hours",
];

pub(crate) async fn run(engine: Engine) {
    for spaces in SIZES {
        let suite = Suite::start(engine).await;
        let pool = suite.pool(Service::Billing).await;
        let month = month_before(suite.clock.now());
        fill(&pool, spaces, &month).await;
        forget_peak();
        let before = memory("VmRSS");
        let began = Instant::now();
        let mut db = begin(&pool).await;
        on!(db, |c| sqlx::query("UPDATE account SET next_billing = $1")
            .bind(Timestamp::EPOCH)
            .execute(c)
            .await
            .map(drop))
        .expect("due");
        db.commit().await.expect("due");
        let billing = suite.persona("services/billing-run");
        let answer = billing.invoices().run_billing(RunBillingRequest::default()).await.expect("a run");
        // RunBilling answers when half of its time is over, and the scheduler goes on. To count them takes time from it.
        while issued(&pool).await < spaces {
            sleep(COUNTED).await;
        }
        println!(
            "  a run over {spaces} spaces with {APPS} apps each and {} events: {:.1?}; RunBilling issued {}; memory {} KiB \
             before, {} KiB at most",
            spaces * EVENTS,
            began.elapsed(),
            answer.into_inner().issued,
            before,
            memory("VmHWM"),
        );
    }
}

/// The month before this one: "2026-10".
fn month_before(now: Timestamp) -> String {
    let text = now.to_string();
    let (year, month): (i32, i32) =
        (text[..4].parse().expect("a year"), text[5..7].parse().expect("a month"));
    let (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
    format!("{year:04}-{month:02}")
}

/// Accounts from the beginning of a month, of which all apps were used in it: above each allowance.
async fn fill(pool: &Pool, spaces: usize, month: &str) {
    let since: Timestamp = format!("{month}-01T00:00:00Z").parse().expect("a time");
    let never: Timestamp = "9999-01-01T00:00:00Z".parse().expect("a time");
    let events = i64::try_from(EVENTS / APPS / METERS.len()).expect("a number");
    let mut db = begin(pool).await;
    for space in 1..=spaces {
        let space = Uuid::from_u128(space as u128);
        on!(db, |c| {
            sqlx::query(
                "INSERT INTO account (space, terms_version, consented_by, create_time, update_time, revision, next_billing, told)
                 VALUES ($1, '2026-11-30', 'alice', $2, $2, 0, $3, TRUE)",
            )
            .bind(space)
            .bind(since)
            .bind(never)
            .execute(c)
            .await
            .map(drop)
        })
        .expect("an account");
        for app in 0..APPS {
            use_app(
                &mut db,
                (space, Uuid::from_u128(space.as_u128() << 32 | app as u128)),
                month,
                since,
                events,
            )
            .await;
        }
    }
    db.commit().await.expect("filled");
}

async fn use_app(db: &mut Conn, (space, app): (Uuid, Uuid), month: &str, since: Timestamp, events: i64) {
    let sums: Vec<String> =
        METERS.iter().map(|meter| format!(r#""{meter}":["123456.789012",{events}]"#)).collect();
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO usage_sums (space, billed_month, app, usage_month, held_from, billable, sums)
             VALUES ($1, $2, $3, $2, $4, TRUE, $5)",
        )
        .bind(space)
        .bind(month)
        .bind(app)
        .bind(since)
        .bind(format!("{{{}}}", sums.join(",")))
        .execute(c)
        .await
        .map(drop)
    })
    .expect("usage");
}

/// A transaction of nobody's, in no scope.
async fn begin(pool: &Pool) -> Tx {
    let act = Act {
        actor: Principal::service("bench"),
        on_behalf_of: None,
        method: String::new(),
        time: Timestamp::EPOCH,
    };
    pool.begin(&[], act).await.expect("a transaction")
}

async fn issued(pool: &Pool) -> usize {
    let mut db = pool.read().await.expect("a connection");
    let count = "SELECT COUNT(*) FROM issued_invoice";
    let count: i64 = on!(db, |c| sqlx::query_scalar(count).fetch_one(c).await).expect("a number");
    usize::try_from(count).expect("a number")
}

/// From now on the peak of memory is counted anew, where the system does that.
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// What this process keeps, in KiB; 0 where the system does not tell.
fn memory(what: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
