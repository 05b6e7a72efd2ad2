//! Suspension of apps and spaces by the operator (R-A12): what is suspended does not run, and everything else goes on.
mod input;
mod races;
mod reach;

use devspaces::Service;
use devspaces_proto::{
    authz::v1::Explanation,
    space::v1::{GetSpaceSettingsRequest, standing::Reason},
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::Code;

use crate::acts::{
    apps::{creates_app, deletes_app, gets_app, imported_app, links_app, lists_apps, undeletes_app},
    contributors::{APP_VIEWER, DEPLOYER, adds_contributors},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members},
    spaces::{gets_space, lists_spaces},
    suspensions::{
        RUNS, STANDS, lifts, operator, runs, runtime, suspended_for, suspends_app, suspends_space,
    },
    transfers::{TwoSpaces, initiates_transfer},
};

scenarios! {
    both engines:
        from_the_reply_on_nobody_deploys_and_nothing_runs,
        a_spaces_suspension_is_that_of_all_its_apps_and_of_no_other,
        each_reason_is_lifted_by_itself,
        an_app_takes_its_own_suspension_along_and_leaves_that_of_its_space,
        a_suspension_outlives_the_service,
        apps_run_and_are_suspended_while_all_other_services_are_down,
        why_is_told_to_those_who_see_the_app_alone;
}

pub(super) const ABUSE: Reason = Reason::Abuse;
pub(super) const LEGAL: Reason = Reason::Legal;

/// Alice is Admin of both spaces: then apps move at once.
pub(super) async fn joins_both(it: &TwoSpaces) {
    adds_members(&it.dan, &it.destination, &[(&it.alice, ADMIN)]).await.expect("added");
}

// R-A12, R-P7, R-P9
async fn from_the_reply_on_nobody_deploys_and_nothing_runs(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let [app, other] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    adds_contributors(&alice, &app, &[(&bob, DEPLOYER)]).await.expect("added");
    assert_eq!(runs(&suite, &bob, &app).await, RUNS);
    let standing = suspends_app(&operator(&suite), &app, ABUSE).await.expect("suspended");
    assert_eq!(standing, suspended_for(&[ABUSE]));
    assert_eq!(runs(&suite, &bob, &app).await, STANDS);
    assert_eq!(runs(&suite, &alice, &other).await, RUNS, "another app");
    // So that people can repair it.
    for permission in ["app.get", "app.update", "app.develop", "app.contributors.update", "app.delete"] {
        assert!(alice.may(permission, &app).await, "{permission}");
    }
    adds_contributors(&alice, &app, &[(&suite.user("carol"), DEPLOYER)]).await.expect("added");
    let standing = lifts(&operator(&suite), &app, ABUSE).await.expect("lifted");
    assert_eq!(standing, suspended_for(&[]));
    assert_eq!(runs(&suite, &bob, &app).await, RUNS);
    // Of a service, too, which is given nothing else.
    assert!(
        !runtime(&suite).may("app.get", &app).await && !runtime(&suite).may("platform.suspend", "").await
    );
    let nobody = imported_app(&suite, &alice).await;
    assert!(!runtime(&suite).may("app.run", &nobody).await, "an app in no space does not run");
    deletes_app(&alice, &other).await.expect("deleted");
    assert_eq!(runs(&suite, &alice, &other).await, STANDS);
}

// R-A12, R-S5
async fn a_spaces_suspension_is_that_of_all_its_apps_and_of_no_other(suite: Suite) {
    let alice = suite.user("alice");
    let [space, elsewhere] = [alice.creates_space("Team").await, alice.creates_space("Other").await];
    let [app, other] = [alice.creates_app(&space).await, alice.creates_app(&elsewhere).await];
    let standing = suspends_space(&operator(&suite), &space, LEGAL).await.expect("suspended");
    assert_eq!(standing, suspended_for(&[LEGAL]));
    // Everything else stays open, and what comes into it is suspended with it.
    let made = creates_app(&alice, &space).await.expect("an app");
    let imported = imported_app(&suite, &alice).await;
    let linked = links_app(&alice, &imported, &space).await.expect("linked");
    for shown in [&made, &linked] {
        assert_eq!(shown.standing, Some(suspended_for(&[LEGAL])));
    }
    adds_members(&alice, &space, &[(&suite.user("bob"), VIEWER)]).await.expect("added");
    for name in [&app, &made.name, &linked.name] {
        assert_eq!(runs(&suite, &alice, name).await, STANDS);
        assert_eq!(gets_app(&alice, name).await.expect("an app").standing, Some(suspended_for(&[LEGAL])));
    }
    assert_eq!(runs(&suite, &alice, &other).await, RUNS);
    let listed = lists_apps(&alice, &space, 10).await.expect("a list");
    assert!(listed.len() == 3 && listed.iter().all(|it| it.standing == Some(suspended_for(&[LEGAL]))));
    let seen = gets_space(&alice, &space).await.expect("a space");
    assert_eq!(seen.standing, Some(suspended_for(&[LEGAL])));
    let request = GetSpaceSettingsRequest { name: space.clone() };
    let settings = alice.spaces().get_space_settings(request).await.expect("settings").into_inner();
    assert_eq!(settings.space.expect("a space").standing, Some(suspended_for(&[LEGAL])));
    let switched = lists_spaces(&alice).await.into_iter().filter_map(|access| access.space);
    let standings: Vec<_> = switched.map(|space| (space.name, space.standing)).collect();
    assert!(standings.contains(&(space.clone(), Some(suspended_for(&[LEGAL])))));
    assert!(standings.contains(&(elsewhere, Some(suspended_for(&[])))));
    lifts(&operator(&suite), &space, LEGAL).await.expect("lifted");
    for name in [&app, &made.name, &linked.name] {
        assert_eq!(runs(&suite, &alice, name).await, RUNS);
    }
}

// R-A12
async fn each_reason_is_lifted_by_itself(suite: Suite) {
    let (alice, operator) = (suite.user("alice"), operator(&suite));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    suspends_app(&operator, &app, LEGAL).await.expect("suspended");
    let both = suspends_app(&operator, &app, ABUSE).await.expect("suspended");
    assert_eq!(both, suspended_for(&[ABUSE, LEGAL]));
    assert_eq!(suspends_app(&operator, &app, ABUSE).await.expect("it is so already"), both);
    suspends_space(&operator, &space, Reason::Security).await.expect("suspended");
    let shown = gets_app(&alice, &app).await.expect("an app").standing;
    assert_eq!(shown, Some(suspended_for(&[ABUSE, Reason::Security, LEGAL])));
    for reason in [ABUSE, LEGAL] {
        lifts(&operator, &app, reason).await.expect("lifted");
        assert_eq!(runs(&suite, &alice, &app).await, STANDS);
    }
    for (name, reason) in [(&app, ABUSE), (&app, Reason::Security), (&space, ABUSE)] {
        let refusal = refused(lifts(&operator, name, reason).await);
        assert_eq!(
            refusal.blocked(),
            (Code::FailedPrecondition, "NOT_SUSPENDED", vec!["NOT_SUSPENDED"]),
            "{name} for {reason:?}"
        );
    }
    lifts(&operator, &space, Reason::Security).await.expect("lifted");
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
}

// R-A12, R-A7, R-A10
async fn an_app_takes_its_own_suspension_along_and_leaves_that_of_its_space(suite: Suite) {
    let (it, operator) = (TwoSpaces::new(&suite).await, operator(&suite));
    suspends_app(&operator, &it.app, ABUSE).await.expect("suspended");
    suspends_space(&operator, &it.source, LEGAL).await.expect("suspended");
    joins_both(&it).await;
    initiates_transfer(&it.alice, &it.app, &it.destination).await.expect("moved");
    let shown = gets_app(&it.alice, &it.app).await.expect("an app").standing;
    assert_eq!(shown, Some(suspended_for(&[ABUSE])));
    assert_eq!(runs(&suite, &it.bob, &it.app).await, STANDS);
    deletes_app(&it.bob, &it.app).await.expect("deleted");
    suspends_app(&operator, &it.app, LEGAL).await.expect("suspended while it is deleted");
    let back = undeletes_app(&it.bob, &it.app).await.expect("undeleted");
    assert_eq!(back.standing, Some(suspended_for(&[ABUSE, LEGAL])));
    assert_eq!(runs(&suite, &it.bob, &it.app).await, STANDS);
    for reason in [ABUSE, LEGAL] {
        lifts(&operator, &it.app, reason).await.expect("lifted");
    }
    assert_eq!(runs(&suite, &it.bob, &it.app).await, RUNS);
}

// R-A12
async fn a_suspension_outlives_the_service(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let [app, of_space] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    suspends_app(&operator(&suite), &app, ABUSE).await.expect("suspended");
    suite.stop(Service::Space).await;
    suite.restart(Service::Space).await;
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
    assert_eq!(runs(&suite, &alice, &of_space).await, RUNS);
    suspends_space(&operator(&suite), &space, ABUSE).await.expect("suspended");
    suite.stop(Service::Space).await;
    // Whoever can't know does not let it run.
    let unknown = refused(runtime(&suite).checks_at(Service::Billing, "app.run", &of_space).await);
    assert_eq!(unknown.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
    suite.restart(Service::Space).await;
    assert_eq!(runs(&suite, &alice, &of_space).await, STANDS);
}

// R-A12: the platform runs on, and stops what must stop.
async fn apps_run_and_are_suspended_while_all_other_services_are_down(suite: Suite) {
    let mut suite = suite;
    let (alice, operator) = (suite.user("alice"), operator(&suite));
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    for peer in [Service::Membership, Service::Billing, Service::Marketplace] {
        suite.stop(peer).await;
    }
    let runs = async || {
        let answer = runtime(&suite).checks_at(Service::Space, "app.run", &app).await;
        answer.expect("an answer").allowed
    };
    assert!(runs().await);
    suspends_app(&operator, &app, ABUSE).await.expect("suspended");
    assert!(!runs().await);
    lifts(&operator, &app, ABUSE).await.expect("lifted");
    assert!(runs().await);
}

// R-E6, R-P2, R-A5
async fn why_is_told_to_those_who_see_the_app_alone(suite: Suite) {
    let [alice, bob, dora, victor, della] =
        ["alice", "bob", "dora", "victor", "della"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&victor, VIEWER), (&della, DEVELOPER)]).await.expect("added");
    let app = alice.creates_app(&space).await;
    adds_contributors(&alice, &app, &[(&bob, DEPLOYER), (&dora, APP_VIEWER)]).await.expect("added");
    suspends_app(&operator(&suite), &app, ABUSE).await.expect("suspended");
    suspends_space(&operator(&suite), &space, LEGAL).await.expect("suspended");
    let why = async |who: &Persona, permission: &str| -> Explanation {
        let answer = who.check(permission, &app).await.expect("an answer");
        assert!(!answer.allowed);
        answer.explanation.expect("reasons")
    };
    // Those who see it: whether or not their roles would grant the permission.
    for (who, permission) in
        [(&bob, "app.deploy"), (&runtime(&suite), "app.run"), (&dora, "app.deploy"), (&victor, "app.deploy")]
    {
        let told = why(who, permission).await.unmet_conditions;
        assert!(told.len() == 2 && told[0].contains("(ABUSE)") && told[1].contains("(LEGAL)"), "{told:?}");
        assert!(told.iter().all(|reason| reason.contains("operator can lift it")));
    }
    let nobody = [
        (&dora, "app.delete"),
        (&della, "app.deploy"),
        (&suite.user("mallory"), "app.deploy"),
        (&suite.persona("services/other"), "app.run"),
    ];
    for (who, permission) in nobody {
        assert!(why(who, permission).await.unmet_conditions.is_empty(), "{}", who.name);
    }
}
