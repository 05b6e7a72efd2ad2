//! What the operator requires consent to app invoicing for: overage, deploying as well, or nothing (R-E3).
use devspaces::Service;
use devspaces_gate::ConsentRequiredFor::{Deploy, Never, Overage};
use devspaces_proto::space::v1::{ContributorRole, standing::Reason};
use devspaces_tests::{
    Persona, Suite,
    sql::{count, tamper},
    suite::eventually,
};

use crate::{
    acts::{
        accounts::{consents_to_invoicing, invoicing_terms},
        apps::gets_app,
        contributors::adds_contributors,
        spaces::{creates_space_with_consent, creation_with_consent, settings_of},
        suspensions::{RUNS, STANDS, runs, runtime, suspended_for},
        usage::{LOGS_GB, begins_mid_month, new_usage_event, reports_accepted},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        where_deploying_takes_consent_nobody_deploys_without_an_account,
        that_deploying_takes_consent_is_told_to_those_who_see_the_app,
        deploying_goes_on_as_it_stood_while_billing_is_down,
        no_check_that_begins_after_the_consent_denies,
        where_deploying_takes_consent_overage_does_too,
        what_consent_is_required_for_follows_from_the_restart,
        where_nothing_takes_consent_nothing_is_suspended_for_want_of_it,
        accounts_that_were_there_before_the_upgrade_are_told_of;
    two replicas:
        no_check_that_begins_after_the_consent_denies;
}

/// Nobody deploys, and what is there runs.
const RUNS_AS_IT_IS: [bool; 2] = [true, false];

/// A space without an account, and an app in it.
async fn unpaid(who: &Persona) -> (String, String) {
    let space = who.creates_space("Team").await;
    let app = who.creates_app(&space).await;
    (space, app)
}

/// The sentences that a check of app.deploy is answered with.
async fn told(who: &Persona, app: &str) -> String {
    let answer = who.check("app.deploy", app).await.expect("an answer");
    answer.explanation.expect("reasons").unmet_conditions.concat()
}

// R-E3, R-A12
async fn where_deploying_takes_consent_nobody_deploys_without_an_account(suite: Suite) {
    let mut suite = suite;
    suite.requires_consent_for(Deploy).await;
    let alice = suite.user("alice");
    let (space, app) = unpaid(&alice).await;
    assert_eq!(runs(&suite, &alice, &app).await, RUNS_AS_IT_IS);
    assert!(settings_of(&alice, &space).await.deploying_wants_consent);
    assert_eq!(gets_app(&alice, &app).await.expect("an app").standing, Some(suspended_for(&[])));
    consents_to_invoicing(&alice, &space).await.expect("an account");
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
    assert!(!settings_of(&alice, &space).await.deploying_wants_consent);
    let creation = creation_with_consent(&invoicing_terms(&alice).await, "");
    let paying = creates_space_with_consent(&alice, creation).await.expect("a space").name;
    let app = alice.creates_app(&paying).await;
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
    assert!(!settings_of(&alice, &paying).await.deploying_wants_consent);
}

// R-E6, R-A5
async fn that_deploying_takes_consent_is_told_to_those_who_see_the_app(suite: Suite) {
    let mut suite = suite;
    suite.requires_consent_for(Deploy).await;
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let (_, app) = unpaid(&alice).await;
    adds_contributors(&alice, &app, &[(&bob, ContributorRole::Viewer)]).await.expect("added");
    for who in [&alice, &bob] {
        let told = told(who, &app).await;
        assert!(told.contains("(CONSENT)") && told.contains("consent of a console Admin"), "{told}");
    }
    assert_eq!(told(&mallory, &app).await, "");
}

// R-E1
async fn deploying_goes_on_as_it_stood_while_billing_is_down(suite: Suite) {
    let mut suite = suite;
    suite.requires_consent_for(Deploy).await;
    let alice = suite.user("alice");
    let ((paying, one), (_, other)) = (unpaid(&alice).await, unpaid(&alice).await);
    consents_to_invoicing(&alice, &paying).await.expect("an account");
    suite.stop(Service::Billing).await;
    let deploys = async |app: &String| {
        alice.checks_at(Service::Space, "app.deploy", app).await.expect("an answer").allowed
    };
    assert!(deploys(&one).await && !deploys(&other).await);
}

// R-E3: at every port, whatever was known there before.
async fn no_check_that_begins_after_the_consent_denies(suite: Suite) {
    let mut suite = suite;
    suite.requires_consent_for(Deploy).await;
    let alice = suite.user("alice");
    for round in 0..rounds(10) {
        let (space, app) = unpaid(&alice).await;
        assert_eq!(runs(&suite, &alice, &app).await, RUNS_AS_IT_IS, "round {round}");
        consents_to_invoicing(&alice, &space).await.expect("an account");
        assert_eq!(runs(&suite, &alice, &app).await, RUNS, "round {round}");
    }
}

// R-E3: so that nobody uses the platform free for ever by what was deployed before.
async fn where_deploying_takes_consent_overage_does_too(suite: Suite) {
    let mut suite = suite;
    suite.requires_consent_for(Deploy).await;
    let alice = suite.user("alice");
    begins_mid_month(&suite);
    let (space, app) = unpaid(&alice).await;
    reports_accepted(&suite, new_usage_event(&suite, &app, LOGS_GB, "1")).await;
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
    assert_eq!(
        gets_app(&alice, &app).await.expect("an app").standing,
        Some(suspended_for(&[Reason::Consent]))
    );
    consents_to_invoicing(&alice, &space).await.expect("an account");
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
}

// R-E3: no check that begins after the restart follows what was required before.
async fn what_consent_is_required_for_follows_from_the_restart(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let ((_, app), (paying, other)) = (unpaid(&alice).await, unpaid(&alice).await);
    consents_to_invoicing(&alice, &paying).await.expect("an account");
    for (what, expected) in [(Overage, RUNS), (Deploy, RUNS_AS_IT_IS), (Never, RUNS), (Deploy, RUNS_AS_IT_IS)]
    {
        suite.requires_consent_for(what).await;
        assert_eq!(runs(&suite, &alice, &app).await, expected, "{what:?}");
        assert_eq!(runs(&suite, &alice, &other).await, RUNS, "{what:?}");
    }
}

// R-E3
async fn where_nothing_takes_consent_nothing_is_suspended_for_want_of_it(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    begins_mid_month(&suite);
    let (space, app) = unpaid(&alice).await;
    let other = alice.creates_app(&space).await;
    reports_accepted(&suite, new_usage_event(&suite, &app, LOGS_GB, "1")).await;
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
    suite.requires_consent_for(Never).await;
    // What was suspended before is let run by a round of the service.
    eventually(async || runtime(&suite).may("app.run", &app).await.then_some(())).await;
    for app in [&app, &other] {
        reports_accepted(&suite, new_usage_event(&suite, app, LOGS_GB, "30")).await;
        assert_eq!(runs(&suite, &alice, app).await, RUNS);
    }
    assert!(!settings_of(&alice, &space).await.deploying_wants_consent);
}

// R-E3: once, by one entry.
async fn accounts_that_were_there_before_the_upgrade_are_told_of(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let (space, app) = unpaid(&alice).await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    suite.stop(Service::Billing).await;
    suite.stop(Service::Space).await;
    tamper(&suite.pool(Service::Space).await, "UPDATE space SET has_account = FALSE").await;
    let pool = suite.pool(Service::Billing).await;
    tamper(&pool, "UPDATE account SET told = FALSE").await;
    suite.restart(Service::Space).await;
    suite.restart(Service::Billing).await;
    suite.requires_consent_for(Deploy).await;
    eventually(async || alice.may("app.deploy", &app).await.then_some(())).await;
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
    let entries = "SELECT COUNT(*) FROM journal WHERE content LIKE '%devspaces.billing/tell%'";
    assert_eq!(count(&pool, entries).await, 1);
}
