//! Somebody who goes on with their work, and measures each call.
use std::time::Duration;

use devspaces_kit::name::Principal;
use devspaces_proto::space::v1::{GetSpaceRequest, Space, UpdateSpaceRequest};
use devspaces_tests::Persona;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::{Channel, Endpoint};

use crate::{Outcome, target::Target};

/// What the victim waits for an answer at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two reads, and between two writes.
const PAUSES: [Duration; 2] = [Duration::from_millis(4), Duration::from_millis(20)];
/// Each read of so many is made by a new connection.
const RECONNECTING: usize = 25;

/// What was seen in a while.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// How long reads took that were answered.
    pub(crate) reads: Vec<Duration>,
    /// How long writes took that were answered.
    pub(crate) writes: Vec<Duration>,
    /// How many calls were refused or not answered.
    pub(crate) refused: usize,
}

impl Seen {
    pub(crate) fn calls(&self) -> usize {
        self.reads.len() + self.writes.len() + self.refused
    }
}

/// The 99th percentile; nothing of nothing.
pub(crate) fn p99(times: &[Duration]) -> Option<Duration> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied()
}

pub(crate) struct Victim {
    who: Persona,
    principal: Principal,
    endpoint: Endpoint,
    space: String,
    token: String,
}

impl Victim {
    pub(crate) async fn new(target: &Target) -> Outcome<Self> {
        let principal = Principal::user("victim");
        let endpoint =
            Endpoint::from_shared(format!("http://{}", target.address)).map_err(|error| error.to_string())?;
        let who = target.persona(&principal, &endpoint.connect_lazy());
        let space = who.creates_space("Team").await;
        let token = target.token(&principal);
        Ok(Self { who, principal, endpoint, space, token })
    }

    /// Works for a while.
    pub(crate) async fn watch(&mut self, lasting: Duration) -> Seen {
        let end = Instant::now() + lasting;
        let ((reads, unread), (writes, unwritten)) =
            tokio::join!(self.work(end, PAUSES[0], true), self.work(end, PAUSES[1], false));
        Seen { reads, writes, refused: unread + unwritten }
    }

    async fn work(&self, end: Instant, pause: Duration, reading: bool) -> (Vec<Duration>, usize) {
        let (mut times, mut refused) = (Vec::new(), 0);
        for number in 0.. {
            let began = Instant::now();
            if began >= end {
                break;
            }
            let answer = async {
                if !reading {
                    return self.writes(number).await;
                }
                if number % RECONNECTING == 0 {
                    let channel: Channel =
                        self.endpoint.connect().await.map_err(|error| error.to_string())?;
                    return self
                        .reads(&Persona::at_one_port(&self.principal, Some(&self.token), &channel))
                        .await;
                }
                self.reads(&self.who).await
            };
            let answer = timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err("no answer".to_owned()));
            match answer {
                Ok(()) => times.push(began.elapsed()),
                Err(error) => {
                    if refused == 0 {
                        println!("  the victim's first failure: {error}");
                    }
                    refused += 1;
                }
            }
            sleep(pause).await;
        }
        (times, refused)
    }

    async fn reads(&self, who: &Persona) -> Outcome {
        let request = GetSpaceRequest { name: self.space.clone() };
        who.spaces().get_space(request).await.map(drop).map_err(|status| status.to_string())?;
        who.check("members.add", &self.space).await.map(drop).map_err(|status| status.to_string())
    }

    async fn writes(&self, number: usize) -> Outcome {
        let display_name = format!("Team {}", number % 2);
        let space = Space { name: self.space.clone(), display_name, ..Space::default() };
        let request = UpdateSpaceRequest { space: Some(space), ..UpdateSpaceRequest::default() };
        self.who.spaces().update_space(request).await.map(drop).map_err(|status| status.to_string())
    }
}
