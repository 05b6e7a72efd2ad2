//! Attacks with one caller's token.
use std::time::Duration;

use devspaces_kit::name::Principal;
use devspaces_proto::{
    journal::v1::{VerifyScopeRequest, WatchEntriesRequest},
    space::v1::{CreateSpaceRequest, GetSpaceRequest, ListAppsRequest, Space, UpdateSpaceRequest},
};
use devspaces_tests::Persona;
use futures::{StreamExt as _, stream};
use tokio::time::sleep;
use tonic::{Request, Response, Status};

use crate::{
    Attack, Counts, Outcome, Size,
    target::Target,
    wire::{channel, is_refusal, narrow, no_body, send},
};

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(1);

/// An attack that goes on while the victim is watched.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) begin: fn(&Target, Size, &Counts) -> Attack,
}

impl Case {
    #[expect(clippy::unused_async, reason = "what an attack spawns needs a runtime")]
    pub(crate) async fn start(&self, target: &Target, size: Size, counts: &Counts) -> Outcome<Attack> {
        Ok((self.begin)(target, size, counts))
    }
}

pub(crate) const CASES: &[Case] = &[
    Case { name: "reads without a pause", begin: |target, _, counts| reads(target, counts) },
    Case { name: "headers without a body", begin: |target, _, counts| headers(target, counts) },
    Case { name: "changes with a deadline of 1 ms", begin: |target, _, counts| changes(target, counts) },
    Case { name: "verification of a long journal", begin: |target, _, counts| verification(target, counts) },
    Case { name: "lists of apps of many spaces", begin: |target, _, counts| lists(target, counts) },
    Case { name: "streams that nobody reads", begin: |target, _, counts| unread(target, counts) },
];

fn mallory() -> Principal {
    Principal::user("mallory")
}

fn creation() -> CreateSpaceRequest {
    let space = Space { display_name: "Mine".to_owned(), ..Space::default() };
    CreateSpaceRequest { space: Some(space), ..CreateSpaceRequest::default() }
}

/// The attacker's first space: the one with the long journal.
async fn first_space(who: &Persona) -> Outcome<String> {
    let spaces = who.spaces().list_spaces(devspaces_proto::space::v1::ListSpacesRequest::default()).await;
    let spaces = spaces.map_err(|status| status.to_string())?.into_inner().spaces;
    spaces.into_iter().find_map(|access| Some(access.space?.name)).ok_or_else(|| "no space".to_owned())
}

/// Makes what the attacker owns.
pub(crate) async fn prepare(target: &Target, size: Size) -> Outcome {
    let who = &target.persona(&mallory(), &channel(target.address));
    let failed = |status: Status| format!("the attacker's data: {status}");
    let first = &who.creates_space("Mine").await;
    let spaces = stream::iter(0..size.spaces)
        .map(|_| async { who.spaces().create_space(creation()).await.map(drop) })
        .buffer_unordered(16);
    let entries = stream::iter(0..size.entries)
        .map(|number| async move {
            let display_name = format!("Mine {number}");
            let space = Space { name: first.clone(), display_name, ..Space::default() };
            let request = UpdateSpaceRequest { space: Some(space), ..UpdateSpaceRequest::default() };
            who.spaces().update_space(request).await.map(drop)
        })
        .buffer_unordered(8);
    let (spaces, entries) = tokio::join!(spaces.collect::<Vec<_>>(), entries.collect::<Vec<_>>());
    spaces.into_iter().chain(entries).collect::<Result<(), Status>>().map_err(failed)
}

/// Calls over and over, so many at once by a few connections.
fn flood<R: 'static, F: Future<Output = Result<R, Status>> + Send + 'static>(
    target: &Target,
    who: &Principal,
    at_once: usize,
    counts: &Counts,
    call: impl Fn(Persona) -> F + Clone + Send + 'static,
) -> Attack {
    let mut attack = Attack::new();
    let people: Vec<_> = (0..4).map(|_| target.persona(who, &channel(target.address))).collect();
    for number in 0..at_once {
        let (person, call, counts) = (people[number % people.len()].clone(), call.clone(), counts.clone());
        attack.spawn(async move {
            loop {
                counts.count(call(person.clone()).await.is_err());
                sleep(AGAIN).await;
            }
        });
    }
    attack
}

fn reads(target: &Target, counts: &Counts) -> Attack {
    flood(target, &mallory(), 64, counts, |who| async move {
        let name = "spaces/0190a8d0-7b1c-7def-8000-000000000001".to_owned();
        who.spaces().get_space(GetSpaceRequest { name }).await
    })
}

fn headers(target: &Target, counts: &Counts) -> Attack {
    let mut attack = Attack::new();
    let token = target.token(&mallory());
    for _ in 0..6 {
        let shared = channel(target.address);
        for _ in 0..200 {
            let (mut channel, token, counts) = (shared.clone(), token.clone(), counts.clone());
            attack.spawn(async move {
                loop {
                    let path = "/devspaces.space.v1.SpaceService/CreateSpace";
                    let response = send(&mut channel, path, Some(&token), no_body()).await;
                    counts.count(is_refusal(&response));
                    sleep(Duration::from_millis(200)).await;
                }
            });
        }
    }
    attack
}

fn changes(target: &Target, counts: &Counts) -> Attack {
    flood(target, &mallory(), 256, counts, |who| async move {
        let mut request = Request::new(creation());
        request.set_timeout(Duration::from_millis(1));
        who.spaces().create_space(request).await
    })
}

fn verification(target: &Target, counts: &Counts) -> Attack {
    flood(target, &mallory(), 16, counts, |who| async move {
        let scope = first_space(&who).await.map_err(Status::unavailable)?;
        let journal = who.journal(devspaces::Service::Space);
        journal.clone().verify_scope(VerifyScopeRequest { scope }).await
    })
}

fn lists(target: &Target, counts: &Counts) -> Attack {
    flood(target, &mallory(), 32, counts, |who| async move {
        who.apps().list_apps(ListAppsRequest { page_size: 1000, ..ListAppsRequest::default() }).await
    })
}

/// Followers that begin with the first entry and take nothing.
fn unread(target: &Target, counts: &Counts) -> Attack {
    let mut attack = Attack::new();
    let observer = Principal::service("observer");
    for _ in 0..6 {
        let who = target.persona(&observer, &narrow(target.address));
        for _ in 0..100 {
            let (who, counts) = (who.clone(), counts.clone());
            attack.spawn(async move {
                loop {
                    let mut journal = who.journal(devspaces::Service::Space);
                    let stream = journal.watch_entries(WatchEntriesRequest::default()).await;
                    counts.count(stream.is_err());
                    let open = stream.map(Response::into_inner);
                    sleep(if open.is_ok() { Duration::from_hours(1) } else { Duration::from_millis(200) })
                        .await;
                    drop(open);
                }
            });
        }
    }
    attack
}
