//! Apps across the shipped binary's processes: a removal that reaches them at once, and that survives kills half-way.
use std::sync::Arc;

use devspaces::Service;
use devspaces_ledger::journal;
use devspaces_proto::{authz::v1::CheckPermissionRequest, membership::v1::RemoveMemberRequest};
use devspaces_tests::{
    Engine, Persona,
    process::{Processes, Way},
    sql::{EFFECTS, count},
    suite::eventually,
};

use crate::{
    acts::{
        checks::{Checkers, Seen, more_allowed, more_checks, too_late},
        contributors::{DEPLOYER, OWNER, adds_contributors, listed_contributors, transfers_ownership},
        members::{ADMIN, adds_members, leaves_space, removes_member},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        no_check_that_starts_after_a_removal_is_allowed_on_any_app,
        a_removal_reaches_the_apps_though_its_service_is_killed_half_way,
        killed_before_the_drop_is_acknowledged(Service::Membership)
            as a_drop_that_is_sent_again_by_a_new_sender_changes_nothing,
        killed_before_the_drop_is_acknowledged(Service::Space)
            as a_drop_that_is_sent_again_to_a_new_receiver_changes_nothing;
    two replicas:
        no_check_that_starts_after_a_removal_is_allowed_on_any_app;
}

/// How often the roles are given and taken away while checks run.
const ROUNDS: u16 = 25;

/// One app of which bob is OWNER while he is in the space, one that he deploys, one that he only sees.
struct Apps {
    space: String,
    owned: String,
    deployed: String,
    viewed: String,
}

impl Apps {
    async fn new(alice: &Persona) -> Self {
        let space = alice.creates_space("Team").await;
        let owned = alice.creates_app(&space).await;
        let deployed = alice.creates_app(&space).await;
        let viewed = alice.creates_app(&space).await;
        Self { space, owned, deployed, viewed }
    }

    fn permissions(&self) -> [(&'static str, &str); 4] {
        [
            ("app.delete", &self.owned),
            ("app.deploy", &self.deployed),
            ("app.get", &self.viewed),
            ("apps.list", &self.space),
        ]
    }

    async fn take_in(&self, alice: &Persona, bob: &Persona) {
        adds_members(alice, &self.space, &[(bob, ADMIN)]).await.expect("added");
        transfers_ownership(alice, &self.owned, bob).await.expect("passed on");
        adds_contributors(alice, &self.deployed, &[(bob, DEPLOYER)]).await.expect("added");
    }
}

/// R-M5, R-P4, R-A4: contributor, owner and derived access, and all at once.
async fn no_check_that_starts_after_a_removal_is_allowed_on_any_app(suite: Processes) {
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let apps = Apps::new(&alice).await;
    let (mut checkers, mut seen) = (Checkers::new(too_late), Vec::new());
    for (permission, resource) in apps.permissions() {
        for authz in [bob.authz(), bob.authz_of(Service::Membership)] {
            let (permission, resource) = (permission.to_owned(), resource.to_owned());
            let request = CheckPermissionRequest { permission, resource, ..Default::default() };
            let of_this = Arc::new(Seen::default());
            checkers.start(authz, request, of_this.clone());
            seen.push(of_this);
        }
    }
    for round in 0..rounds(ROUNDS) {
        apps.take_in(&alice, &bob).await;
        more_allowed(&seen, 1).await;
        if round % 2 == 0 {
            removes_member(&alice, &apps.space, &bob).await.expect("removed");
        } else {
            leaves_space(&bob, &apps.space).await.expect("left");
        }
        checkers.turn();
        more_checks(&seen, 2).await;
        checkers.turn();
    }
    checkers.end().await;
    let stale: Vec<u64> = seen.iter().map(|seen| seen.stale()).collect();
    assert_eq!(stale, [0; 8]);
    assert!(seen.iter().all(|seen| seen.allowed() >= rounds(ROUNDS)));
}

fn removal(space: &str, whom: &Persona) -> RemoveMemberRequest {
    RemoveMemberRequest {
        name: whom.member_of(space),
        request_id: "0190a8d0-7b1c-7def-8000-00000000000a".into(),
        ..RemoveMemberRequest::default()
    }
}

const BOBS: &str = "SELECT COUNT(*) FROM contributor WHERE person = 'bob'";

/// The removal has been made, once and to the end.
async fn removed_once(suite: &Processes, apps: &Apps) {
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let again = async || alice.members().remove_member(removal(&apps.space, &bob)).await.ok();
    let reply = eventually(again).await.into_inner();
    assert_eq!(reply.removed_app_roles.len(), 2, "the first result: {reply:?}");
    for (permission, resource) in apps.permissions() {
        assert!(!bob.may(permission, resource).await, "{permission}");
    }
    for app in [&apps.owned, &apps.deployed] {
        let owners = listed_contributors(&alice, app).await.into_iter().filter(|(_, role, _)| *role == OWNER);
        assert_eq!(owners.map(|(id, ..)| id).collect::<Vec<_>>(), ["alice"], "R-A3");
    }
    let spaces = suite.pool(Service::Space).await;
    let drops = "SELECT COUNT(*) FROM journal WHERE content LIKE '%RemoveMember%'";
    assert_eq!(count(&spaces, drops).await, 3, "an entry for each app and one for the space, once");
    for service in Service::ALL {
        let pool = suite.pool(service).await;
        assert_eq!(count(&pool, EFFECTS).await, 0, "{service}");
        assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, []);
    }
}

/// R-M5: membership dies after its commit and before it has told anyone.
async fn a_removal_reaches_the_apps_though_its_service_is_killed_half_way(engine: Engine) {
    let mut suite = Processes::start(engine).await;
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let apps = Apps::new(&alice).await;
    apps.take_in(&alice, &bob).await;
    let (members, spaces) = (suite.pool(Service::Membership).await, suite.pool(Service::Space).await);
    // Questions about apps are answered, and so the reply can tell what goes; then nothing gets through any more.
    let lock = devspaces_tests::sql::WriteLock::take(&spaces).await;
    let (acting, request) = (alice.clone(), removal(&apps.space, &bob));
    let call = tokio::spawn(async move { acting.members().remove_member(request).await });
    eventually(async || (count(&members, EFFECTS).await > 0).then_some(())).await;
    suite.kill(Service::Membership).await;
    suite.kill(Service::Space).await;
    call.await.expect("no panic").expect_err("no answer from the dead");
    lock.release().await;
    assert_eq!(count(&spaces, BOBS).await, 2, "nothing was acknowledged, and nothing dropped yet");

    suite.run(Service::Space).await;
    suite.run(Service::Membership).await;
    eventually(async || (count(&spaces, BOBS).await == 0).then_some(())).await;
    removed_once(&suite, &apps).await;
}

/// R-M5: either dies after the drop and before membership knows: it comes again and changes nothing.
async fn killed_before_the_drop_is_acknowledged(engine: Engine, victim: Service) {
    let mut suite = Processes::start(engine).await;
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let apps = Apps::new(&alice).await;
    apps.take_in(&alice, &bob).await;
    let (members, spaces) = (suite.pool(Service::Membership).await, suite.pool(Service::Space).await);
    let lock = devspaces_tests::sql::WriteLock::take(&spaces).await;
    let (acting, request) = (alice.clone(), removal(&apps.space, &bob));
    let call = tokio::spawn(async move { acting.members().remove_member(request).await });
    eventually(async || (count(&members, EFFECTS).await > 0).then_some(())).await;
    suite.network_to(Service::Space).set(Way::AnswersLost);
    lock.release().await;
    eventually(async || (count(&spaces, BOBS).await == 0).then_some(())).await;
    suite.kill(victim).await;
    suite.network_to(Service::Space).set(Way::Open);
    suite.run(victim).await;
    drop(call);
    removed_once(&suite, &apps).await;
}
