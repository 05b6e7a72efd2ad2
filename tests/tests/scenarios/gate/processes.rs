//! The shipped binary: services as separate processes that are killed, and revocation across them.
use std::sync::Arc;

use devspaces::Service;
use devspaces_ledger::{db::Pool, journal};
use devspaces_proto::{
    authz::v1::{CheckPermissionRequest, authz_service_client::AuthzServiceClient},
    space::v1::{CreateSpaceRequest, ListSpacesRequest, Space},
};
use devspaces_tests::{
    CONSOLE, Engine, Persona, Refusal,
    process::{Processes, Way},
    refused,
    sql::{EFFECTS, ENTRIES, count, texts},
    suite::eventually,
};
use tonic::{Code, Status};

use crate::{
    acts::{
        checks::{Checkers, Seen, more_allowed, more_checks, too_late},
        members::{ADMIN, VIEWER, adds_members, demotes_member, leaves_space, lists_members, removes_member},
        spaces::{NOWHERE, gets_space},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        no_check_that_starts_after_a_revocation_is_allowed_by_it,
        the_revocation_test_sees_stale_answers,
        an_effect_survives_the_death_of_its_sender,
        killed_before_the_answer_arrives(Service::Space)
            as an_effect_that_is_sent_again_by_a_new_sender_changes_nothing,
        killed_before_the_answer_arrives(Service::Membership)
            as an_effect_that_is_sent_again_to_a_new_receiver_changes_nothing,
        seen_by_nobody(Way::Cut) as a_space_without_its_admin_is_seen_by_nobody_while_connections_break,
        seen_by_nobody(Way::Silent) as a_space_without_its_admin_is_seen_by_nobody_while_nothing_arrives,
        acknowledged_changes_survive_a_kill;
    two replicas:
        no_check_that_starts_after_a_revocation_is_allowed_by_it;
}

/// How often a role is given and taken away while checks run.
const ROUNDS: u16 = 60;
/// How many checks run at once, without pause.
const CHECKERS: usize = 8;

/// Gives and takes a role many times, by removals and demotions in turn, while checks run against the other service.
async fn revoke_while_checking(suite: &Processes, max_staleness: i64) -> Arc<Seen> {
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let space = alice.creates_space("Team").await;
    let seen = [Arc::new(Seen::default())];
    let mut checkers = Checkers::new(too_late);
    let request = CheckPermissionRequest {
        permission: "members.add".to_owned(),
        resource: space.clone(),
        max_staleness: (max_staleness > 0)
            .then_some(prost_types::Duration { seconds: max_staleness, nanos: 0 }),
        ..Default::default()
    };
    for _ in 0..CHECKERS {
        checkers.start(bob.authz(), request.clone(), seen[0].clone());
    }
    for round in 0..rounds(ROUNDS) {
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        // A strict check, which also renews what checks that allow for age are answered from.
        assert!(bob.may("members.add", &space).await);
        if max_staleness == 0 {
            more_allowed(&seen, 1).await;
        }
        if round % 2 == 0 {
            removes_member(&alice, &space, &bob).await.expect("removed");
        } else {
            demotes_member(&alice, &space, &bob).await.expect("demoted");
        }
        checkers.turn();
        more_checks(&seen, 2 * CHECKERS as u64).await;
        checkers.turn();
        if round % 2 == 1 {
            removes_member(&alice, &space, &bob).await.expect("removed");
        }
    }
    checkers.end().await;
    let [seen] = seen;
    seen
}

/// R-P4, R-M5
async fn no_check_that_starts_after_a_revocation_is_allowed_by_it(suite: Processes) {
    let seen = revoke_while_checking(&suite, 0).await;
    assert!(seen.allowed() >= rounds(ROUNDS), "the checks see the role while it is held");
    assert_eq!(seen.stale(), 0);
}

// R-P4: what the test above would see if a check were answered from what is remembered.
async fn the_revocation_test_sees_stale_answers(engine: Engine) {
    let seen = revoke_while_checking(&Processes::start(engine).await, 60).await;
    assert!(seen.stale() > 0, "or the test could not see a stale answer");
}

fn create() -> CreateSpaceRequest {
    let space = Space { display_name: "Team".into(), ..Default::default() };
    CreateSpaceRequest {
        space: Some(space),
        request_id: "0190a8d0-7b1c-7def-8000-00000000000a".into(),
        ..CreateSpaceRequest::default()
    }
}

async fn has_rows(pool: &Pool, query: &'static str) {
    eventually(async || (count(pool, query).await > 0).then_some(())).await;
}

/// The space is there, has its Admin, and each was made once.
async fn made_once(suite: &Processes) {
    made(suite, 1).await;
}

/// Alice's space is there and has its Admin. There are so many spaces, and each was made once.
async fn made(suite: &Processes, spaces: i64) {
    let alice = suite.user("alice");
    let space = eventually(async || alice.spaces().create_space(create()).await.ok()).await.into_inner().name;
    // After a silence the other connection to a peer is still to be found broken.
    eventually(async || gets_space(&alice, &space).await.ok()).await;
    assert_eq!(lists_members(&alice, &space).await.expect("a list"), [(alice.name.clone(), ADMIN)]);
    for service in CONSOLE {
        let pool = suite.pool(service).await;
        assert_eq!((count(&pool, ENTRIES).await, count(&pool, EFFECTS).await), (spaces, 0), "{service}");
        let report = journal::verify(&pool, &[]).await.expect("a report");
        assert_eq!(report.findings, []);
    }
}

/// R-S1: the sender dies after its commit and before it has told anyone.
async fn an_effect_survives_the_death_of_its_sender(engine: Engine) {
    let mut suite = Processes::start(engine).await;
    let alice = suite.user("alice");
    suite.kill(Service::Membership).await;
    let call = tokio::spawn(async move { alice.spaces().create_space(create()).await });
    has_rows(&suite.pool(Service::Space).await, EFFECTS).await;
    suite.kill(Service::Space).await;
    call.await.expect("no panic").expect_err("no answer from the dead");

    suite.run(Service::Membership).await;
    let pool = suite.pool(Service::Membership).await;
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM member").await, 0, "nobody sees the space yet");
    suite.run(Service::Space).await;
    has_rows(&pool, "SELECT COUNT(*) FROM member").await;
    made_once(&suite).await;
}

/// R-S1: either dies after the receiver's commit and before the sender knows: the effect comes again and changes nothing.
async fn killed_before_the_answer_arrives(engine: Engine, victim: Service) {
    let mut suite = Processes::start(engine).await;
    let alice = suite.user("alice");
    suite.network_to(Service::Membership).set(Way::AnswersLost);
    let call = tokio::spawn(async move { alice.spaces().create_space(create()).await });
    has_rows(&suite.pool(Service::Membership).await, ENTRIES).await;
    suite.kill(victim).await;
    suite.network_to(Service::Membership).set(Way::Open);
    suite.run(victim).await;
    drop(call);
    made_once(&suite).await;
}

/// What someone is told of a space, by every method that could tell of it. The space's name is left out, and so is
/// when it was answered.
async fn told(who: &Persona, space: &str) -> Vec<Result<String, Refusal>> {
    fn plain<T: std::fmt::Debug>(answer: Result<T, Status>) -> Result<String, Refusal> {
        answer.map(|answer| format!("{answer:?}")).map_err(|status| Refusal::from(&status))
    }
    let mut told = vec![plain(gets_space(who, space).await), plain(lists_members(who, space).await)];
    for port in Service::ALL {
        let (permission, resource) = ("space.get".to_owned(), space.to_owned());
        let request = CheckPermissionRequest { permission, resource, ..Default::default() };
        let answer = AuthzServiceClient::new(who.authorized(port)).check_permission(request).await;
        told.push(plain(answer.map(|answer| (answer.get_ref().allowed, answer.into_inner().explanation))));
    }
    told.push(plain(leaves_space(who, space).await));
    let nameless = |text: &str| text.replace(space, "spaces/…");
    let refusal = |refusal: Refusal| Refusal {
        message: nameless(&refusal.message),
        metadata: refusal.metadata.into_iter().map(|(key, value)| (key, nameless(&value))).collect(),
        ..refusal
    };
    told.into_iter().map(|answer| answer.map(|text| nameless(&text)).map_err(refusal)).collect()
}

/// R-S1, R-P3: while the effect can't get through, the space looks to everybody, its creator included, like one that
/// does not exist.
async fn seen_by_nobody(engine: Engine, way: Way) {
    let suite = Processes::start(engine).await;
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let other = bob.creates_space("Other").await;
    suite.network_to(Service::Membership).set(way);
    let pending = refused(alice.spaces().create_space(create()).await);
    assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    let scopes = texts(&suite.pool(Service::Space).await, "SELECT scope FROM outbox").await;
    let [space] = scopes.as_slice() else { panic!("one space waits for its Admin: {scopes:?}") };
    assert_ne!(*space, other);

    for who in [&alice, &bob] {
        let missing = told(who, NOWHERE).await;
        assert_eq!(told(who, space).await, missing, "{}", who.name);
        // Membership is up: what its port answers rests on facts of its own and on those of the space service.
        let denied = [&missing[1], &missing[2 + Service::ALL.len()]]
            .map(|answer| answer.as_ref().expect_err("refused").kind());
        assert_eq!(denied, [(Code::PermissionDenied, "PERMISSION_DENIED"); 2]);
        assert!(missing[3].as_ref().expect("an answer").starts_with("(false, "), "{missing:?}");
    }
    for who in [&alice, &bob] {
        let list = refused(who.spaces().list_spaces(ListSpacesRequest::default()).await);
        assert_eq!(list.code, Code::Unavailable, "R-S2: never shortened in silence");
    }

    suite.network_to(Service::Membership).set(Way::Open);
    made(&suite, 2).await;
}

/// R-M5: a removal that was acknowledged stays one, whoever is killed right after it.
async fn acknowledged_changes_survive_a_kill(engine: Engine) {
    let mut suite = Processes::start(engine).await;
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let space = alice.creates_space("Team").await;
    for victim in [Service::Membership, Service::Space, Service::Membership] {
        adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        removes_member(&alice, &space, &bob).await.expect("removed");
        suite.kill(victim).await;
        suite.run(victim).await;
        let answer = eventually(async || bob.check("space.get", &space).await.ok()).await;
        assert!(!answer.allowed);
    }
}
