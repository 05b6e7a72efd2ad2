//! Asking another port for its health (`grpc.health.v1`).
use std::time::Duration;

use devspaces_proto::health::v1::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tokio::time::{sleep, timeout};
use tonic::{Status, transport::Channel};

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

/// Waits until a port answers, whatever it says of its health: two that wait for each other both get an answer. Each
/// time that port is asked which `port` gives.
pub async fn until_answering(name: &str, port: impl Fn() -> Channel) {
    let mut pause = PAUSE.0;
    while let Err(status) = health(port()).await {
        if pause == PAUSE.1 {
            tracing::warn!(peer = name, code = ?status.code(), "waiting for a peer that does not answer");
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}
