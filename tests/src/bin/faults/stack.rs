//! What faults are tried on: the suite, wherever it runs.
use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use devspaces::Service;
use tokio::{process::Command, time::sleep};

use crate::{Outcome, trial::Times};

/// What is done to a suite. Each fault is mended after a while.
pub(crate) trait Fault: fmt::Display {
    /// Whether calls that a service had taken on may end without an answer: not where it ends in order.
    fn breaks_calls(&self) -> bool;

    /// The services whose addresses may be another's after it.
    fn goes(&self) -> Vec<Service>;
}

/// A suite to which faults can happen.
pub(crate) trait Stack {
    /// What can happen to it.
    type Fault: Fault;

    /// Where each service's replicas are. Not behind a proxy, which takes connections for a service that takes none.
    async fn addresses(&self) -> Outcome<BTreeMap<Service, Vec<SocketAddr>>>;

    /// The file with the authority of the services' certificates; none where they speak plain text.
    fn authority(&self) -> Option<PathBuf> {
        None
    }

    /// The result of a query on a service's database, as its administrator sees it.
    async fn query(&self, service: Service, sql: &str) -> Outcome<String>;

    /// `devspaces journal verify` of every service, beside the running ones.
    async fn verify_journals(&self) -> Outcome;

    /// On what it runs.
    async fn size(&self) -> Outcome<String>;

    /// Brings the fault about, waits, and mends it.
    async fn happen(&self, fault: &Self::Fault, times: Times) -> Outcome;

    /// A number that a query has as its result.
    async fn number(&self, service: Service, sql: &str) -> Outcome<u64> {
        let result = self.query(service, sql).await?;
        result.parse().map_err(|_| format!("no number from the database of {service}: {result}"))
    }

    /// Waits until PostgreSQL takes queries.
    async fn until_queried(&self) -> Outcome {
        let mut answer = Ok(0);
        for _ in 0..300 {
            answer = self.number(Service::Space, "SELECT 1").await;
            if answer.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(100)).await;
        }
        answer.map(drop)
    }
}

/// Runs a program to its end and gives what it printed, without the white space around it.
pub(crate) async fn output(program: &str, args: &[&str]) -> Outcome<String> {
    let command = || format!("{program} {}", args.join(" "));
    let done = Command::new(program).args(args).stdin(Stdio::null()).output().await;
    let done = done.map_err(|error| format!("{}: {error}", command()))?;
    if !done.status.success() {
        let complaint = String::from_utf8_lossy(&done.stderr);
        return Err(format!("{} ended with {}: {}", command(), done.status, complaint.trim()));
    }
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
