//! Facts over the wire: who may ask, and what is answered.
use std::{sync::Arc, time::Duration};

use devspaces_authz::{ConsoleRole, Service};
use devspaces_kit::{
    identity::{Caller, SuiteCaller},
    name::Principal,
    server::Tasks,
};
use devspaces_ledger::db::{Conn, Pool};
use devspaces_proto::facts::v1::{
    self as proto, ApplyEffectsRequest, RevalidateRequest, RevalidateResponse,
    facts_service_server::FactsService as _,
};
use futures::future::try_join_all;
use tokio::time::timeout;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::{
    FactsServer, Held, Hosted, OwnFacts, Source,
    testing::{Database, Memory, TestClock, at, caller, member, question, server_of, space, user, version},
    wire,
};

/// The membership service at 100 seconds past, with alice as Admin of the first space.
fn server(database: &Database) -> (FactsServer, Arc<Memory>, Arc<TestClock>) {
    let (members, clock) = (Memory::of(Service::Membership), TestClock::at(100));
    members.set(question(space(1), "alice"), 1, member(Some(ConsoleRole::Admin)));
    (server_of(&members, database, &clock, Tasks::new()), members, clock)
}

fn peer(audience: &str) -> Caller {
    let suite = Some(SuiteCaller { name: "space".to_owned(), audience: audience.to_owned() });
    Caller { suite, ..caller(Principal::service("space")) }
}

fn asks(subjects: &[&str], known: Option<&proto::Version>) -> RevalidateRequest {
    let question = |subject: &&str| proto::Question {
        scope: space(1).to_string(),
        subject: user(subject).to_string(),
        known: known.cloned(),
    };
    let questions = subjects.iter().map(question).collect();
    RevalidateRequest { owner: proto::Owner::Membership.into(), questions }
}

async fn ask(
    server: &FactsServer,
    caller: Caller,
    request: RevalidateRequest,
) -> Result<RevalidateResponse, Status> {
    let mut request = Request::new(request);
    request.extensions_mut().insert(caller);
    server.revalidate(request).await.map(tonic::Response::into_inner)
}

// Owner
#[tokio::test]
async fn a_call_is_one_read_whatever_it_asks() {
    let database = Database::new().await;
    let (server, members, _) = server(&database);
    let response = ask(&server, peer("membership"), asks(&["alice", "bob", "carol"], None)).await.unwrap();
    assert_eq!((response.answers.len(), members.calls()), (3, 1));
    let roles =
        response.answers.into_iter().map(|answer| wire::facts_from_wire(answer.facts.unwrap()).unwrap());
    let nothing = OwnFacts::nothing(Service::Membership);
    assert_eq!(roles.collect::<Vec<_>>(), [member(Some(ConsoleRole::Admin)), nothing.clone(), nothing]);
}

// Version
#[tokio::test]
async fn facts_are_left_out_only_if_the_asker_knows_this_very_version() {
    let database = Database::new().await;
    let (server, ..) = server(&database);
    let digest = version(1).digest;
    for (sequence, digest, left_out) in [
        (1, digest.clone(), true),
        (2, digest.clone(), false),
        (0, digest, false),
        (1, version(2).digest, false),
    ] {
        let known = proto::Version { sequence, digest };
        let response = ask(&server, peer("membership"), asks(&["alice"], Some(&known))).await.unwrap();
        assert_eq!(response.answers[0].facts.is_none(), left_out);
        assert_eq!(response.answers[0].version.clone().map(Into::into), Some(version(1)));
    }
}

// Expiry
#[tokio::test]
async fn the_time_of_reading_is_never_before_the_last_change() {
    let database = Database::new().await;
    let (server, members, _) = server(&database);
    members.set_at(question(space(1), "bob"), 1, member(None), Some(at(107)));
    members.set_at(question(space(1), "carol"), 1, member(None), Some(at(93)));
    let response = ask(&server, peer("membership"), asks(&["alice", "bob", "carol"], None)).await.unwrap();
    assert_eq!(response.read_time, Some(at(100).into()));
    let own = response.answers.iter().map(|answer| answer.read_time).collect::<Vec<_>>();
    assert_eq!(own, [None, Some(at(107).into()), None]);
}

// R-P7
#[tokio::test]
async fn only_services_of_the_suite_ask_and_only_whom_their_token_is_for() {
    let database = Database::new().await;
    let (server, members, _) = server(&database);
    for caller in [caller(user("alice")), caller(Principal::service("space")), peer("space")] {
        let status = ask(&server, caller, asks(&["alice"], None)).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
    let elsewhere = RevalidateRequest { owner: proto::Owner::Billing.into(), ..asks(&["alice"], None) };
    let status = ask(&server, peer("billing"), elsewhere).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(members.calls(), 0);
}

#[tokio::test]
async fn bad_fields_are_named_and_nothing_is_read() {
    let database = Database::new().await;
    let (server, members, _) = server(&database);
    let mut malformed = asks(&["alice", "bob"], None);
    malformed.questions[1].scope = "bob".to_owned();
    let unknown = RevalidateRequest { owner: 99, ..asks(&["alice"], None) };
    let many = asks(&["alice"; 257], None);
    for (request, field) in [(malformed, "questions[1].scope"), (unknown, "owner"), (many, "questions")] {
        let status = ask(&server, peer("membership"), request).await.unwrap_err();
        let details = status.get_error_details();
        let fields: Vec<_> =
            details.bad_request().unwrap().field_violations.iter().map(|bad| bad.field.as_str()).collect();
        assert_eq!((status.code(), fields), (Code::InvalidArgument, vec![field]));
    }
    assert_eq!(members.calls(), 0);
}

// A sender that waits no longer hangs up. What it sent is applied all the same.
fn bad(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    details.bad_request().unwrap().field_violations.iter().map(|bad| bad.field.clone()).collect()
}

fn by_peer<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(peer("membership"));
    request
}

#[tokio::test]
async fn bad_fields_of_what_is_listed_are_named() {
    let database = Database::new().await;
    let (server, ..) = server(&database);
    let owner = proto::Owner::Membership.into();
    let holders = proto::ListRoleHoldersRequest { owner, after: "x".into(), ..Default::default() };
    let status = server.list_role_holders(by_peer(holders)).await.unwrap_err();
    assert_eq!(bad(&status), ["scope", "after", "limit"]);
    let after = Some(proto::PlacedApp::default());
    let apps = proto::ListContributedAppsRequest { owner, after, limit: 1002, ..Default::default() };
    let status = server.list_contributed_apps(by_peer(apps)).await.unwrap_err();
    assert_eq!(bad(&status), ["user", "after", "limit"]);
    for (spaces, fields) in [
        (vec![], vec!["spaces", "limit"]),
        (vec!["x".to_owned()], vec!["spaces[0]", "limit"]),
        (vec![space(1).to_string(); 101], vec!["spaces", "limit"]),
    ] {
        let apps = proto::ListAppsOfSpacesRequest { owner, spaces, ..Default::default() };
        assert_eq!(bad(&server.list_apps_of_spaces(by_peer(apps)).await.unwrap_err()), fields);
    }
    let holders = proto::ListRoleHoldersRequest {
        owner,
        scope: space(1).to_string(),
        // That only a newer peer knows.
        console_roles: vec![99],
        limit: 1,
        ..Default::default()
    };
    let people = server.list_role_holders(by_peer(holders)).await.unwrap().into_inner().users;
    assert_eq!(people, ["users/alice"]);
}

#[tokio::test]
async fn effects_are_applied_to_the_end_although_their_sender_hangs_up() {
    let database = Database::new().await;
    let (server, members, _) = server(&database);
    let locked = members.applying.lock().await;
    let owner = proto::Owner::Membership.into();
    let mut request = Request::new(ApplyEffectsRequest { owner, ..ApplyEffectsRequest::default() });
    request.extensions_mut().insert(peer("membership"));
    let mut call = server.apply_effects(request);
    assert!(futures::poll!(&mut call).is_pending());
    drop(call);
    drop(locked);
    tokio::time::pause();
    timeout(Duration::from_secs(1), members.applied.notified()).await.unwrap();
}

/// Every connection for handlers' reads, or every one for facts.
async fn all_connections(pool: &Pool, facts: bool) -> Vec<Conn> {
    let Pool::Sqlite { read, facts: own, .. } = pool else { panic!("not a file") };
    let count = if facts { own } else { read }.options().get_max_connections();
    let acquire = |_| async move { if facts { pool.facts().await } else { pool.read().await } };
    try_join_all((0..count).map(acquire)).await.unwrap()
}

// Owner
#[tokio::test]
async fn no_handler_and_no_list_keeps_a_check_waiting() {
    let database = Database::new().await;
    let (members, clock) = (Memory::of(Service::Membership), TestClock::at(100));
    let hosted = Hosted::new(members.clone(), database.pool.clone(), clock.clone());
    let source = Source::hosted(hosted, clock.clone());
    let busy = all_connections(&database.pool, false).await;
    assert!(source.ask(question(space(1), "alice"), Duration::ZERO).unwrap().answer().await.is_some());
    drop(busy);
    let _busy = all_connections(&database.pool, true).await;
    assert!(source.subject_spaces(&user("alice"), Held::InEffect, None, 10).await.is_some());
}

// The same rules hold before an owner in this process.
#[tokio::test]
async fn an_owner_in_this_process_is_asked_as_a_peer_is() {
    let database = Database::new().await;
    let (members, clock) = (Memory::of(Service::Membership), TestClock::at(100));
    members.set_at(question(space(1), "alice"), 1, member(None), Some(at(107)));
    let hosted = Hosted::new(members.clone(), database.pool.clone(), clock.clone());
    let source = Source::hosted(hosted, clock.clone());
    for calls in 1..=2 {
        let asking = source.ask(question(space(1), "alice"), Duration::ZERO).unwrap();
        let confirmed = asking.answer().await.unwrap();
        assert_eq!((confirmed.read_time, members.calls()), (at(107), calls));
    }
}
