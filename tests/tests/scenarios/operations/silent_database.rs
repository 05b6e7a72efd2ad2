//! A database that is gone without a word, with its machine or behind a network that is cut: it is not waited for without
//! an end, and its connections do not keep the places of those that will work again.
use std::time::Duration;

use devspaces::Service;
use devspaces_kit::{
    clock::{Clock as _, SystemClock},
    name::{Principal, Scope, SpaceName},
};
use devspaces_ledger::{
    Act,
    db::{Conn, Error, Pool},
    on,
};
use devspaces_tests::{
    Engine,
    engine::Databases,
    process::{Network, Way},
};
use futures::future::{join_all, try_join_all};
use sqlx::Row as _;
use tokio::time::{pause, resume, sleep, timeout};

/// As many connections as handlers have.
const CONNECTIONS: usize = 15;
/// Longer than anything may wait.
const LONG: Duration = Duration::from_mins(1);

/// The URL of the same database by way of a network that can fail.
async fn by_network(url: &str) -> (String, Network) {
    let (before, rest) = url.split_once('@').expect("a URL with a user");
    let (address, database) = rest.split_once('/').expect("a URL with a database");
    let network = Network::to(address.parse().expect("an address")).await;
    (format!("{before}@{}/{database}", network.address()), network)
}

async fn select(conn: &mut Conn) -> Result<i32, sqlx::Error> {
    on!(conn, |c| sqlx::query_scalar("SELECT 1").fetch_one(c).await)
}

async fn connections(pool: &Pool) -> Result<Vec<Conn>, Error> {
    try_join_all((0..CONNECTIONS).map(|_| pool.read())).await
}

fn unavailable<T>(answer: Result<T, impl Into<Error>>) -> bool {
    answer.is_err_and(|error| matches!(error.into(), Error::Unavailable(_)))
}

// On one thread, whose clock can be made to run ahead: nobody waits for the time limits.
#[tokio::test]
async fn a_database_that_says_nothing_is_given_up_and_found_again() {
    let databases = Databases::create(Engine::Postgres).await;
    let (url, network) = by_network(&databases.url(Some(Service::Space))).await;
    let pool = Pool::open(&url).await.expect("the database");
    let mut held = connections(&pool).await.expect("connections");
    for conn in &mut held {
        assert_eq!(select(conn).await.expect("an answer"), 1);
    }
    network.set(Way::Silent);
    pause();
    let answers = timeout(LONG, join_all(held.iter_mut().map(select))).await.expect("a time limit");
    assert!(answers.into_iter().all(unavailable), "what was carried out is not known");
    drop(held);
    // Those that are given back are tried, and have a limit as well.
    sleep(LONG).await;
    resume();
    network.set(Way::Open);
    let found = timeout(LONG, connections(&pool)).await.expect("in time").expect("connections");
    for mut conn in found {
        assert_eq!(select(&mut conn).await.expect("an answer"), 1);
    }
}

#[tokio::test]
async fn a_transaction_that_was_given_up_while_it_began_is_not_handed_on() {
    let databases = Databases::create(Engine::Postgres).await;
    let pool = Pool::open(&databases.url(Some(Service::Space))).await.expect("the database");
    let run = async |conn: &mut Conn, sql: &'static str| -> bool {
        let answer = on!(conn, |c| {
            sqlx::raw_sql(sql).fetch_optional(c).await.map(|row| row.is_some_and(|row| row.get(0)))
        });
        answer.expect("carried out")
    };
    let mut held = connections(&pool).await.expect("connections");
    for conn in &mut held {
        // As if nobody had waited for the answer: the pool knows of no transaction.
        run(conn, "BEGIN").await;
    }
    drop(held);
    for mut conn in connections(&pool).await.expect("connections") {
        assert!(run(&mut conn, "SELECT now() = statement_timestamp()").await, "no transaction is open");
    }
}

#[tokio::test]
async fn a_commit_without_an_answer_is_unavailable() {
    let databases = Databases::create(Engine::Postgres).await;
    let (url, network) = by_network(&databases.url(Some(Service::Space))).await;
    let pool = Pool::open(&url).await.expect("the database");
    let scope: Scope = SpaceName(SystemClock.new_id()).into();
    let act = Act {
        actor: Principal::service("space"),
        on_behalf_of: None,
        method: "a test".to_owned(),
        time: SystemClock.now(),
    };
    let tx = pool.begin(&[scope], act).await.expect("a transaction");
    network.set(Way::Silent);
    pause();
    assert!(unavailable(timeout(LONG, tx.commit()).await.expect("a time limit")));
}
