//! Asking another port for its health (`grpc.health.v1`).
use std::time::Duration;

use devspaces_proto::health::v1::{
    HealthCheckRequest, HealthListRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Status, transport::Channel};

use super::WAITS_FOR;

/// How long a port may take to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long to wait before asking again: doubled each time, from the first to the last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What a port says of its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It serves.
    Serving,
    /// It does not, and may say what it waits for.
    Waiting(Option<String>),
}

/// Asks a port for its health.
///
/// # Errors
/// If it does not answer within 2 s.
pub async fn health(port: Channel) -> Result<Told, Status> {
    let mut client = HealthClient::new(port);
    let asking = client.check(HealthCheckRequest::default());
    let answer = timeout(DEADLINE, asking).await.map_err(|_| Status::deadline_exceeded("no answer"))??;
    if answer.get_ref().status() == ServingStatus::Serving {
        return Ok(Told::Serving);
    }
    let what = answer.metadata().get(WAITS_FOR).and_then(|what| what.to_str().ok());
    Ok(Told::Waiting(what.map(str::to_owned)))
}

/// Whether a port answers for services, of whatever health. One that still waits for its database names none.
///
/// # Errors
/// If it does not answer within 2 s.
pub(in crate::server) async fn answers(port: Channel) -> Result<bool, Status> {
    let mut client = HealthClient::new(port);
    let asking = client.list(HealthListRequest {});
    let answer = timeout(DEADLINE, asking).await.map_err(|_| Status::deadline_exceeded("no answer"))??;
    Ok(answer.get_ref().statuses.keys().any(|service| !service.is_empty()))
}

/// How long a port may answer without its services before it counts as there all the same.
const STARTING: Duration = Duration::from_secs(30);

/// Waits until a port answers for its services, whatever it says of its health: two that wait for each other both get an
/// answer. One that answers and still waits for its database is waited for no longer than 30 s, so that a database that is
/// down keeps no other service from its start. Each time that port is asked which `port` gives.
pub async fn until_answering(name: &str, port: impl Fn() -> Channel) {
    until(name, || answers(port())).await;
}

async fn until<F: Future<Output = Result<bool, Status>>>(name: &str, asked: impl Fn() -> F) {
    let mut pause = PAUSE.0;
    let mut starting: Option<Instant> = None;
    loop {
        let code = match asked().await {
            Ok(true) => return,
            Ok(false) if starting.get_or_insert_with(Instant::now).elapsed() >= STARTING => return,
            Ok(false) => Code::Ok,
            // Of a version that can't tell: it answers.
            Err(status) if status.code() == Code::Unimplemented => return,
            Err(status) => status.code(),
        };
        if pause == PAUSE.1 {
            tracing::warn!(peer = name, ?code, "waiting for a peer that does not answer for its services");
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it is waited for a port that answers this.
    async fn waited(answer: impl Fn() -> Result<bool, Status>) -> Duration {
        let begun = Instant::now();
        until("a test", || async { answer() }).await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_waits_for_its_database_keeps_nobody_for_ever() {
        assert_eq!(waited(|| Ok(true)).await, Duration::ZERO);
        assert_eq!(waited(|| Err(Status::unimplemented("before its time"))).await, Duration::ZERO);
        let starting = waited(|| Ok(false)).await;
        assert!((STARTING..STARTING + 2 * PAUSE.1).contains(&starting), "{starting:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_does_not_answer_is_waited_for() {
        let begun = Instant::now();
        let there =
            || if begun.elapsed() < 4 * STARTING { Err(Status::unavailable("gone")) } else { Ok(true) };
        assert!(waited(there).await >= 4 * STARTING);
    }
}
