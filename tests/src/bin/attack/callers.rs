//! Attacks with one caller's token.
use std::time::Duration;

use devspaces_kit::name::Principal;
use devspaces_proto::{
    journal::v1::VerifyScopeRequest,
    space::v1::{GetSpaceRequest, ListAppsRequest},
};
use devspaces_tests::Persona;
use tokio::time::sleep;
use tonic::{Request, Status, body::Body, transport::Channel};

use crate::{
    attacker::{Attack, Briefing, Counts},
    case::Case,
    data::{accomplices, creation, mallory},
    wire::{begun_body, channel, is_refusal, no_body, send},
};

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(1);

/// Between two attempts of one who is refused.
const LATER: Duration = Duration::from_millis(200);

const CREATE: &str = "/devspaces.space.v1.SpaceService/CreateSpace";
/// The largest message that a caller may send, in bytes.
const MESSAGE: u32 = 1024 * 1024;

pub(crate) const CASES: &[Case] = &[
    Case::new("reads without a pause", reads),
    Case::new("headers without a body", headers),
    Case::new("messages that are announced and do not come", announced),
    Case::new("changes with a deadline of 1 ms", changes),
    Case::new("verification of a long journal", verification),
    Case::new("lists of apps of many spaces", lists),
];

/// Calls over and over, so many at once by a few connections.
fn flood<R: 'static, F: Future<Output = Result<R, Status>> + Send + 'static>(
    briefing: &Briefing,
    who: &Principal,
    at_once: usize,
    counts: &Counts,
    call: impl Fn(Persona) -> F + Clone + Send + 'static,
) -> Attack {
    let mut attack = Attack::new();
    let people: Vec<_> = (0..4).map(|_| briefing.persona(who, &channel(briefing.address))).collect();
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

fn reads(briefing: &Briefing, counts: &Counts) -> Attack {
    flood(briefing, &mallory(), 64, counts, |who| async move {
        let name = "spaces/0190a8d0-7b1c-7def-8000-000000000001".to_owned();
        who.spaces().get_space(GetSpaceRequest { name }).await
    })
}

fn headers(briefing: &Briefing, counts: &Counts) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..6 {
        let shared = channel(briefing.address);
        for _ in 0..200 {
            begin_over_and_over(&mut attack, &shared, briefing.token(&mallory()), no_body, counts);
        }
    }
    attack
}

/// Of each person more than they may have at once.
fn announced(briefing: &Briefing, counts: &Counts) -> Attack {
    let mut attack = Attack::new();
    for person in accomplices() {
        let shared = channel(briefing.address);
        for _ in 0..80 {
            let body = || begun_body(MESSAGE, MESSAGE / 16);
            begin_over_and_over(&mut attack, &shared, briefing.token(&person), body, counts);
        }
    }
    attack
}

/// Begins one call after another whose message never ends.
fn begin_over_and_over(
    attack: &mut Attack,
    channel: &Channel,
    token: &str,
    body: impl Fn() -> Body + Send + 'static,
    counts: &Counts,
) {
    let (mut channel, token, counts) = (channel.clone(), token.to_owned(), counts.clone());
    attack.spawn(async move {
        loop {
            let response = send(&mut channel, CREATE, Some(&token), body()).await;
            counts.count(is_refusal(&response));
            sleep(LATER).await;
        }
    });
}

fn changes(briefing: &Briefing, counts: &Counts) -> Attack {
    flood(briefing, &mallory(), 256, counts, |who| async move {
        let mut request = Request::new(creation());
        request.set_timeout(Duration::from_millis(1));
        who.spaces().create_space(request).await
    })
}

fn verification(briefing: &Briefing, counts: &Counts) -> Attack {
    let scope = briefing.long_journal.clone();
    flood(briefing, &mallory(), 16, counts, move |who| {
        let request = VerifyScopeRequest { scope: scope.clone() };
        async move { who.journal(devspaces::Service::Space).verify_scope(request).await }
    })
}

fn lists(briefing: &Briefing, counts: &Counts) -> Attack {
    flood(briefing, &mallory(), 32, counts, |who| async move {
        who.apps().list_apps(ListAppsRequest { page_size: 1000, ..ListAppsRequest::default() }).await
    })
}
