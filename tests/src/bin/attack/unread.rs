//! Attacks of those who ask and do not read what they are told.
use std::time::Duration;

use devspaces_proto::journal::v1::WatchEntriesRequest;
use tokio::time::sleep;
use tonic::Response;

use crate::{
    attacker::{Attack, Briefing, Counts},
    case::Case,
    data::observer,
    wire::narrow,
};

/// Between two attempts of one who is refused.
const AGAIN: Duration = Duration::from_millis(200);
/// How long an answer is kept, and not read: longer than a run.
const EVER: Duration = Duration::from_hours(1);
/// Open streams that the suite allows one caller unless it is told otherwise.
const STREAMS: u64 = 8;

pub(crate) const CASES: &[Case] = &[Case::new("streams that nobody reads", streams).holding(STREAMS)];

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
