//! Somebody who goes on with their work, and measures each call.
use std::time::Duration;

use devspaces_kit::name::Principal;
use devspaces_proto::space::v1::{CreateSpaceRequest, GetSpaceRequest, Space, UpdateSpaceRequest};
use devspaces_tests::Persona;
use tokio::time::{Instant, sleep, timeout};
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

use crate::{Outcome, target::Target};

/// What an answer is waited for at most.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Each read of so many is made by a new connection.
const RECONNECTING: u32 = 25;
/// How long the description is that is refused, in bytes: with it a message takes two frames of HTTP/2.
const TOO_LONG: usize = 20 * 1024;

/// What the victim does.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    Reads,
    Writes,
    /// Calls whose message comes in pieces, and waits for room.
    Pieces,
}

impl Work {
    pub(crate) const ALL: [Self; 3] = [Self::Reads, Self::Writes, Self::Pieces];

    /// What is waited between two of them.
    fn pause(self) -> Duration {
        Duration::from_millis(match self {
            Self::Reads => 4,
            Self::Writes | Self::Pieces => 20,
        })
    }
}

/// What was seen in a while.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// How long calls took that were not refused, by kind of work. One that is late took as long as it was waited for.
    times: [Vec<Duration>; 3],
    pub(crate) refused: usize,
    /// How many calls were given up.
    pub(crate) late: usize,
}

impl Seen {
    pub(crate) fn calls(&self) -> usize {
        self.times.iter().map(Vec::len).sum::<usize>() + self.refused
    }

    pub(crate) fn answered(&self) -> usize {
        self.calls() - self.refused - self.late
    }

    /// The 99th percentile; nothing of nothing.
    pub(crate) fn p99(&self, work: Work) -> Option<Duration> {
        let mut times = self.times[work as usize].clone();
        times.sort_unstable();
        times.get(times.len() * 99 / 100).copied()
    }
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
    pub(crate) async fn watch(&self, lasting: Duration) -> Seen {
        let end = Instant::now() + lasting;
        let [reads, writes, pieces] = Work::ALL.map(|work| self.work(end, work));
        let (reads, writes, pieces) = tokio::join!(reads, writes, pieces);
        let (refused, late) = (reads.1 + writes.1 + pieces.1, reads.2 + writes.2 + pieces.2);
        Seen { times: [reads.0, writes.0, pieces.0], refused, late }
    }

    /// How long calls took, how many were refused, and how many given up.
    async fn work(&self, end: Instant, work: Work) -> (Vec<Duration>, usize, usize) {
        let (mut times, mut refused, mut late) = (Vec::new(), 0, 0);
        for number in 0.. {
            let began = Instant::now();
            if began >= end {
                break;
            }
            match timeout(PATIENCE, self.call(work, number)).await {
                Ok(Ok(())) => times.push(began.elapsed()),
                Ok(Err(error)) => {
                    if refused == 0 {
                        println!("  the victim's first refusal: {error}");
                    }
                    refused += 1;
                }
                Err(_) => {
                    times.push(PATIENCE);
                    late += 1;
                }
            }
            sleep(work.pause()).await;
        }
        (times, refused, late)
    }

    async fn call(&self, work: Work, number: u32) -> Outcome {
        match work {
            Work::Reads if number.is_multiple_of(RECONNECTING) => {
                let channel: Channel = self.endpoint.connect().await.map_err(|error| error.to_string())?;
                self.reads(&Persona::at_one_port(&self.principal, Some(&self.token), &channel)).await
            }
            Work::Reads => self.reads(&self.who).await,
            Work::Writes => self.writes(number).await,
            Work::Pieces => self.sends_pieces().await,
        }
    }

    async fn reads(&self, who: &Persona) -> Outcome {
        let request = GetSpaceRequest { name: self.space.clone() };
        who.spaces().get_space(request).await.map(drop).map_err(|status| status.to_string())?;
        who.check("members.add", &self.space).await.map(drop).map_err(|status| status.to_string())
    }

    async fn writes(&self, number: u32) -> Outcome {
        let display_name = format!("Team {}", number % 2);
        let space = Space { name: self.space.clone(), display_name, ..Space::default() };
        let request = UpdateSpaceRequest { space: Some(space), ..UpdateSpaceRequest::default() };
        self.who.spaces().update_space(request).await.map(drop).map_err(|status| status.to_string())
    }

    /// What is sent is read and found to be too long, which is an answer.
    async fn sends_pieces(&self) -> Outcome {
        let (display_name, description) = ("Another".to_owned(), "x".repeat(TOO_LONG));
        let space = Space { display_name, description, ..Space::default() };
        let request = CreateSpaceRequest { space: Some(space), ..CreateSpaceRequest::default() };
        match self.who.spaces().create_space(request).await {
            Err(status) if status.code() == Code::InvalidArgument => Ok(()),
            Err(status) => Err(status.to_string()),
            Ok(_) => Err("a description that is too long was taken".to_owned()),
        }
    }
}
