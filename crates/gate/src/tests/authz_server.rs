//! Permission checks over the wire.
use std::sync::Arc;

use devspaces_authz::{ConsoleRole, Permission, PermissionSet, Service, SpaceFacts, SpaceState};
use devspaces_kit::{clock::Timestamp, identity::Caller, name::Principal};
use devspaces_proto::authz::v1::{
    CheckPermissionRequest, CheckPermissionResponse, ListRolesRequest, Role,
    authz_service_server::AuthzService as _,
};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::{
    AuthzServer, NamedPermissions, OwnFacts,
    testing::{Memory, TestClock, at, caller, down, gate_of, member, question, scripted, space, user},
};

const ADMIN: Option<ConsoleRole> = Some(ConsoleRole::Admin);

fn server(members: &Arc<Memory>, clock: &Arc<TestClock>) -> AuthzServer {
    let checks_others = PermissionSet::EMPTY.with(Permission::AuthzCheckOthers).unwrap();
    let services = NamedPermissions::default().with(Principal::service("portal"), checks_others);
    AuthzServer::new(gate_of(members.clone(), [members.source(clock)], services, clock))
}

async fn ask(
    server: &AuthzServer,
    caller: Caller,
    request: CheckPermissionRequest,
) -> Result<CheckPermissionResponse, Status> {
    let mut request = Request::new(request);
    request.extensions_mut().insert(caller);
    server.check_permission(request).await.map(tonic::Response::into_inner)
}

fn about(subject: &str, permission: &str, resource: &str) -> CheckPermissionRequest {
    let (subject, permission) = (subject.to_owned(), permission.to_owned());
    CheckPermissionRequest { subject, permission, resource: resource.to_owned(), max_staleness: None }
}

fn said(status: &Status) -> (Code, String, Vec<String>) {
    let details = status.get_error_details();
    let fields = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
    (status.code(), reason, fields.into_iter().map(|field| field.field).collect())
}

// R-P2
#[tokio::test(start_paused = true)]
async fn an_answer_explains_itself_and_says_as_of_when() {
    let clock = TestClock::at(42);
    let members = Memory::of(Service::Membership);
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    let server = server(&members, &clock);
    let name = space(1).to_string();
    let answer = ask(&server, caller(user("alice")), about("", "members.update", &name)).await.unwrap();
    assert!(answer.allowed);
    assert_eq!(answer.as_of.and_then(|time| Timestamp::try_from(time).ok()), Some(at(42)));
    let explanation = answer.explanation.unwrap();
    assert_eq!(explanation.granted_by[0].role(), Role::ConsoleAdmin);
    let answer =
        ask(&server, caller(user("bob")), about("users/bob", "members.update", &name)).await.unwrap();
    assert!(!answer.allowed);
    let explanation = answer.explanation.unwrap();
    assert_eq!(explanation.would_be_granted_by[0].role(), Role::ConsoleAdmin);
    assert!(explanation.granted_by.is_empty() && explanation.unmet_conditions.is_empty());
}

// R-P6
#[tokio::test(start_paused = true)]
async fn only_administrators_of_the_plane_and_permitted_services_ask_about_others() {
    let clock = TestClock::at(0);
    let members = Memory::of(Service::Membership);
    members.set(question(space(1), "alice"), 1, member(ADMIN));
    members.set(question(space(1), "bob"), 1, member(Some(ConsoleRole::Developer)));
    let server = server(&members, &clock);
    let name = space(1).to_string();
    let question = || about("users/bob", "members.list", &name);
    for asker in [user("alice"), user("bob"), Principal::service("portal")] {
        assert!(ask(&server, caller(asker), question()).await.unwrap().allowed);
    }
    for (asker, question) in [
        (user("carol"), question()),
        (Principal::service("other"), question()),
        (user("bob"), about("users/alice", "members.list", &name)),
        // Another plane, another space, no plane that anyone administers.
        (user("alice"), about("users/bob", "billing.invoices.get", &name)),
        (user("alice"), about("users/bob", "members.list", &space(2).to_string())),
        (user("alice"), about("users/bob", "space.create", "")),
    ] {
        let status = ask(&server, caller(asker), question).await.unwrap_err();
        assert_eq!(said(&status), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned(), vec![]));
        assert!(status.message().starts_with("Permission 'authz.check_others' denied on "));
    }
}

// R-P1, and the order of answers: names come first, a denial before the other fields.
#[tokio::test(start_paused = true)]
async fn bad_fields_are_named() {
    let clock = TestClock::at(0);
    let server = server(&Memory::of(Service::Membership), &clock);
    let name = space(1).to_string();
    let app = format!("apps/{}", space(1).0);
    for (request, reason, fields) in [
        (about("", "no.such", &name), "PERMISSION_UNKNOWN", vec!["permission"]),
        (about("bob", "no.such", &name), "INVALID_FIELD", vec!["subject", "permission"]),
        (about("bob", "members.list", &app), "INVALID_FIELD", vec!["subject", "resource"]),
        (about("", "app.get", &name), "INVALID_FIELD", vec!["resource"]),
        (about("", "space.create", &name), "INVALID_FIELD", vec!["resource"]),
        (about("", "members.list", ""), "INVALID_FIELD", vec!["resource"]),
    ] {
        let status = ask(&server, caller(user("alice")), request).await.unwrap_err();
        let fields = fields.into_iter().map(str::to_owned).collect();
        assert_eq!(said(&status), (Code::InvalidArgument, reason.to_owned(), fields));
    }
    let aged = |subject, seconds| CheckPermissionRequest {
        max_staleness: Some(prost_types::Duration { seconds, nanos: 0 }),
        ..about(subject, "members.list", &name)
    };
    let status = ask(&server, caller(user("alice")), aged("", -1)).await.unwrap_err();
    assert_eq!(said(&status).2, ["max_staleness"]);
    let status = ask(&server, caller(user("alice")), aged("users/bob", -1)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(!ask(&server, caller(user("alice")), aged("", 1)).await.unwrap().allowed);
}

// R-P2
#[tokio::test(start_paused = true)]
async fn what_can_not_be_decided_is_unavailable() {
    let clock = TestClock::at(0);
    let (source, unreachable) = scripted(Service::Membership, &clock);
    drop(unreachable);
    let gate = gate_of(Memory::of(Service::Membership), [source], NamedPermissions::default(), &clock);
    let server = AuthzServer::new(gate);
    for subject in ["", "users/bob"] {
        let question = about(subject, "members.list", &space(1).to_string());
        let status = ask(&server, caller(user("alice")), question).await.unwrap_err();
        assert_eq!(said(&status), (Code::Unavailable, "FACTS_UNAVAILABLE".to_owned(), vec![]));
        assert_eq!(status.get_error_details().error_info().unwrap().metadata["missing"], "membership");
    }
}

// R-P3: whoever asks, about whomever.
#[tokio::test(start_paused = true)]
async fn strangers_learn_nothing_from_what_can_not_be_decided() {
    let clock = TestClock::at(0);
    let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
    for (id, published) in [(1, true), (2, false)] {
        let facts =
            OwnFacts::from(SpaceFacts { state: SpaceState::Active, published, ..SpaceFacts::default() });
        spaces.set(question(space(id), "bob"), 1, facts);
    }
    let sources = [spaces.source(&clock), members.source(&clock), down(Service::Marketplace, &clock)];
    let portal = PermissionSet::EMPTY.with(Permission::AuthzCheckOthers).unwrap();
    let services = NamedPermissions::default().with(Principal::service("portal"), portal);
    let server = AuthzServer::new(gate_of(members, sources, services, &clock));
    for asker in [user("bob"), Principal::service("portal")] {
        for id in [1, 2, 3] {
            let question = about("users/bob", "space.update", &space(id).to_string());
            let status = ask(&server, caller(asker.clone()), question).await.unwrap_err();
            assert_eq!(said(&status), (Code::Unavailable, "FACTS_UNAVAILABLE".to_owned(), vec![]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_catalogue_is_whole() {
    let server = server(&Memory::of(Service::Membership), &TestClock::at(0));
    let mut request = Request::new(ListRolesRequest {});
    request.extensions_mut().insert(caller(user("alice")));
    let catalogue = server.list_roles(request).await.unwrap().into_inner();
    let names: Vec<_> = catalogue.permissions.iter().map(|one| one.permission.as_str()).collect();
    assert_eq!(names, Permission::ALL.map(Permission::name));
    assert_eq!(catalogue.roles.len(), devspaces_authz::Role::ALL.len());
    let admin = catalogue.roles.iter().find(|role| role.role() == Role::ConsoleAdmin).unwrap();
    assert!(
        admin.grants.iter().any(|grant| grant.permission == "members.update" && grant.condition.is_empty())
    );
    assert!(server.list_roles(Request::new(ListRolesRequest {})).await.is_err(), "nobody is signed in");
}
