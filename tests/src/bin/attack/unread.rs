//! Attacks of those who ask and do not read what they are told.
use std::time::Duration;

use devspaces_proto::journal::v1::{ListEntriesRequest, WatchEntriesRequest};
use prost::bytes::Bytes;
use tokio::{io::AsyncWriteExt as _, time::sleep};
use tonic::{Response, body::Body};
use tonic_reflection::pb::v1::{ServerReflectionRequest, server_reflection_request::MessageRequest};

use crate::{
    attacker::{Attack, Briefing, Counts},
    case::Case,
    data::{mallory, observer},
    wire::{
        GREETING, REFLECTION, connect_narrowly, endless_body, framed, is_refusal, narrow, refused_calls,
        send, whole_body,
    },
};

const LIST: &str = "/devspaces.journal.v1.JournalService/ListEntries";
/// The symbol that is asked for: the service whose files are the largest.
const SYMBOL: &str = "devspaces.billing.v1.BillingAccountService";

/// Between two attempts of one who is refused.
const AGAIN: Duration = Duration::from_millis(200);
/// How many questions are sent at a time: a connection with many small frames is ended by the library under the port.
const QUESTIONS: usize = 200;
/// How long an answer is kept, and not read: longer than a run.
const EVER: Duration = Duration::from_hours(1);
/// How many calls are sent at a time by one who reads no refusal.
const BURST: u32 = 100;

/// What the suite allows unless it is told otherwise: open streams of one caller, calls of one person that are worked on,
/// and calls without a token from one address.
const STREAMS: u64 = 8;
const TURNS: u64 = 8;
const OPEN_CALLS: u64 = 256;

pub(crate) const CASES: &[Case] = &[
    Case::new("streams that nobody reads", streams).holding(STREAMS),
    Case::new("large answers that nobody reads", answers).holding(TURNS),
    Case::new("reflection that nobody reads", reflection).holding(OPEN_CALLS),
    Case::new("refusals that nobody reads", refusals),
];

/// Followers that begin with the first entry and take nothing.
fn streams(briefing: &Briefing, counts: &Counts) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..6 {
        let who = briefing.persona(&observer(), &narrow(briefing.address));
        for _ in 0..100 {
            let (who, counts) = (who.clone(), counts.clone());
            attack.spawn(async move {
                loop {
                    let mut journal = who.journal(devspaces::Service::Space);
                    let stream = journal.watch_entries(WatchEntriesRequest::default()).await;
                    counts.count(stream.is_err());
                    let open = stream.map(Response::into_inner);
                    sleep(if open.is_ok() { EVER } else { AGAIN }).await;
                    drop(open);
                }
            });
        }
    }
    attack
}

/// Pages of entries of 1 MiB: far more of them at once than there is memory for.
fn answers(briefing: &Briefing, counts: &Counts) -> Attack {
    let request = ListEntriesRequest {
        parent: briefing.large_entries.clone(),
        page_size: 1000,
        ..ListEntriesRequest::default()
    };
    let request = framed(&request);
    let body = move || whole_body(request.clone());
    unread(briefing, (LIST, Some(briefing.token(&mallory()))), 100, counts, body)
}

/// Questions without an end, whose answers are the files of a service.
fn reflection(briefing: &Briefing, counts: &Counts) -> Attack {
    let question = MessageRequest::FileContainingSymbol(SYMBOL.to_owned());
    let question = ServerReflectionRequest { message_request: Some(question), ..Default::default() };
    let questions = Bytes::from(framed(&question).repeat(QUESTIONS));
    unread(briefing, (REFLECTION, None), 40, counts, move || endless_body(questions.clone()))
}

/// Calls whose answers are kept and not read, so many on each of ten connections.
fn unread(
    briefing: &Briefing,
    (path, token): (&'static str, Option<&str>),
    at_once: usize,
    counts: &Counts,
    body: impl Fn() -> Body + Clone + Send + 'static,
) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..10 {
        let shared = narrow(briefing.address);
        for _ in 0..at_once {
            let (mut channel, counts, body) = (shared.clone(), counts.clone(), body.clone());
            let token = token.map(str::to_owned);
            attack.spawn(async move {
                loop {
                    let response = send(&mut channel, path, token.as_deref(), body()).await;
                    let refused = is_refusal(&response);
                    counts.count(refused);
                    sleep(if refused { AGAIN } else { EVER }).await;
                    drop(response);
                }
            });
        }
    }
    attack
}

/// Calls without a token, one after another, by connections from which no answer is ever read.
fn refusals(briefing: &Briefing, counts: &Counts) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..briefing.floods {
        let (address, pause, counts) = (briefing.address, briefing.pause, counts.clone());
        attack.spawn(async move {
            loop {
                if let Ok(mut connection) = connect_narrowly(address).await {
                    let mut sent = connection.write_all(GREETING).await;
                    let mut first = 0;
                    while sent.is_ok() {
                        sent = connection.write_all(&refused_calls(first..first + BURST)).await;
                        first += BURST;
                        (0..BURST).for_each(|_| counts.count(true));
                        // At least a moment, or a few connections have the attacker's processors for themselves.
                        sleep(pause).await;
                    }
                }
                sleep(AGAIN).await;
            }
        });
    }
    attack
}
