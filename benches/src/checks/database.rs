//! The server of the suite's PostgreSQL databases, seen from outside.
use std::{env, time::Duration};

use devspaces::Service;
use devspaces_tests::process::Processes;
use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, sleep};

use super::{
    call::Question,
    h2load::{Shape, float, load},
    processor::parent,
    target::Target,
};

/// A connection that has nothing to do tells the server's statistics after ten seconds what it has done.
const SETTLING: Duration = Duration::from_secs(11);
/// How long the load lasts whose transactions are counted.
const SECONDS: u32 = 4;

pub(super) struct Database {
    url: String,
    names: Vec<String>,
    /// The process that has started all others, if it is on this machine.
    pub(super) server: Option<u32>,
}

impl Database {
    /// Of these processes.
    pub(super) async fn of(processes: &Processes) -> Self {
        let url = env::var("DEVSPACES_TEST_POSTGRES_URL").expect("the harness has one");
        let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL");
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut connection)
            .await
            .expect("a process id");
        let server = u32::try_from(backend).ok().and_then(|backend| parent(backend, "postgres"));
        let pattern = processes.database_url();
        let name = pattern.rsplit('/').next().and_then(|end| end.split('?').next()).expect("a database");
        let names = Service::ALL.map(|service| name.replace("{service}", service.name())).into();
        Self { url, names, server }
    }

    /// How many transactions the databases have committed so far.
    async fn commits(&self) -> u64 {
        let mut connection = PgConnection::connect(&self.url).await.expect("PostgreSQL");
        let sum: i64 = sqlx::query_scalar(
            "SELECT sum(xact_commit)::bigint FROM pg_stat_database WHERE datname = ANY($1)",
        )
        .bind(&self.names)
        .fetch_one(&mut connection)
        .await
        .expect("statistics");
        u64::try_from(sum).expect("a count")
    }

    /// Transactions for a thousand of these calls, without those that the services make without being asked.
    pub(super) async fn per_thousand(&self, target: &Target, question: &Question, shape: Shape) -> f64 {
        sleep(SETTLING).await;
        let (idle_since, first) = (Instant::now(), self.commits().await);
        sleep(SETTLING).await;
        let (begin, second) = (Instant::now(), self.commits().await);
        let calls = load(target, question, shape, SECONDS).await.calls;
        sleep(SETTLING).await;
        let third = self.commits().await;
        let unasked = float(second - first) / (begin - idle_since).as_secs_f64();
        let asked = float(third - second) - unasked * begin.elapsed().as_secs_f64();
        1000.0 * asked.max(0.0) / float(calls)
    }
}
