//! Deactivations against what the person, and others, do at the same time.
use devspaces::Service;
use devspaces_tests::{
    Persona, Suite, refused,
    sql::{WriteLock, count},
    suite::eventually,
};
use futures::future::{join, join_all};
use tonic::Code;

use crate::{
    acts::{
        accounts::{adds_billing_admins, consents_to_invoicing, lists_billing_admins},
        apps::creates_app,
        contributors::{DEPLOYER, adds_contributors},
        marketplace::{accepts_terms, adds_marketplace_admins},
        members::{ADMIN, VIEWER, adds_members, demotes_member, leaves_space, lists_members, removes_member},
        people::{deactivates, reactivates},
        spaces::gets_space,
    },
    rounds::rounds,
};

scenarios! {
    everywhere:
        nothing_that_a_person_began_is_made_once_the_deactivation_is_told,
        a_deactivation_against_grants_to_the_person_on_every_plane,
        a_deactivation_against_the_removal_of_the_other_admin,
        a_deactivation_of_the_last_admin_against_a_promotion,
        deactivations_and_reactivations_of_one_person_at_once;
    two replicas:
        a_deactivation_waits_for_what_the_person_is_in_the_midst_of;
}

// R-M12: whatever was under way when the deactivation came is made before its reply, or not at all.
async fn nothing_that_a_person_began_is_made_once_the_deactivation_is_told(suite: Suite) {
    for round in 0..rounds(20) {
        let [alice, bob] = ["alice", "bob"].map(|id| suite.user(&format!("{id}{round}")));
        let space = alice.creates_space("Team").await;
        consents_to_invoicing(&alice, &space).await.expect("an account");
        adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let people: Vec<Persona> = (0..12).map(|n| suite.user(&format!("p{round}-{n}"))).collect();
        let begun: Vec<_> = people
            .iter()
            .map(|person| {
                let (bob, space, person) = (bob.clone(), space.clone(), person.clone());
                tokio::spawn(async move {
                    let member = adds_members(&bob, &space, &[(&person, VIEWER)]).await;
                    let admin = adds_billing_admins(&bob, &space, &[&person]).await;
                    (member.is_ok(), admin.is_ok())
                })
            })
            .collect();
        deactivates(&suite, &bob).await.expect("deactivated");
        let seen = async || {
            let members = lists_members(&alice, &space).await.expect("a list");
            (members, lists_billing_admins(&alice, &space).await.expect("a list"))
        };
        let told = seen().await;
        join_all(begun).await;
        assert_eq!(seen().await, told, "round {round}");
    }
}

/// Transactions of the billing service that wait for a lock in a statement of theirs: adding an admin, or changing somebody's
/// standing.
const ADDING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
    AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO billing_admin%'";
const DEACTIVATING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
    AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO standing (person, active, stamp)%'";

// R-M12: however long that takes, and at whichever replica it is.
async fn a_deactivation_waits_for_what_the_person_is_in_the_midst_of(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    let pool = suite.pool(Service::Billing).await;
    let waits = async |what| eventually(async || (count(&pool, what).await > 0).then_some(())).await;
    let lock = WriteLock::of_billing_admins(&pool).await;
    let added = [&carol];
    let adding = adds_billing_admins(&bob, &space, &added);
    let told = async {
        waits(ADDING).await;
        let (deactivated, ()) = join(deactivates(&suite, &bob), async {
            waits(DEACTIVATING).await;
            lock.release().await;
        })
        .await;
        deactivated.expect("deactivated");
        lists_billing_admins(&alice, &space).await.expect("a list")
    };
    let (added, told) = join(adding, told).await;
    added.expect("it was begun before");
    assert_eq!(told, ["alice", "bob", "carol"], "and is there when the deactivation is told");
}

// R-M12: whichever comes first, the person may do nothing, and holds the role afterwards.
async fn a_deactivation_against_grants_to_the_person_on_every_plane(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    let profile = accepts_terms(&alice, &space).await.expect("a profile").name;
    let app = creates_app(&alice, &space).await.expect("an app").name;
    for round in 0..rounds(20) {
        let bob = suite.user(&format!("bob{round}"));
        let grants = async {
            let (member, billing) = (&[(&bob, ADMIN)], &[&bob]);
            let console = adds_members(&alice, &space, member);
            let accounts = adds_billing_admins(&alice, &space, billing);
            let (console, accounts) = join(console, accounts).await;
            let (runners, deployers) = (&[&bob], &[(&bob, DEPLOYER)]);
            let market = adds_marketplace_admins(&alice, &profile, runners);
            let (market, contributors) = join(market, adds_contributors(&alice, &app, deployers)).await;
            (console.is_ok(), accounts.is_ok(), market.is_ok(), contributors.is_ok())
        };
        let (granted, deactivated) = join(grants, deactivates(&suite, &bob)).await;
        deactivated.expect("deactivated");
        assert_eq!(granted, (true, true, true, true), "round {round}");
        assert_eq!(refused(gets_space(&bob, &space).await).code, Code::PermissionDenied);
        reactivates(&suite, &bob).await.expect("reactivated");
        for (permission, on) in [
            ("members.add", &space),
            ("billing.invoices.get", &space),
            ("marketplace.profile.get", &space),
            ("app.deploy", &app),
        ] {
            assert!(bob.may(permission, on).await, "round {round}: {permission}");
        }
    }
}

// R-M4, R-M12: a removal that comes after the deactivation finds no other Admin. One that comes before leaves a space to
// whoever is deactivated then, which nothing can keep.
async fn a_deactivation_against_the_removal_of_the_other_admin(suite: Suite) {
    for round in 0..rounds(20) {
        let [alice, bob] = ["alice", "bob"].map(|id| suite.user(&format!("{id}{round}")));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let (left, deactivated) = join(leaves_space(&alice, &space), deactivates(&suite, &bob)).await;
        deactivated.expect("deactivated");
        match left {
            Ok(()) => {
                reactivates(&suite, &bob).await.expect("reactivated");
                let members = lists_members(&bob, &space).await.expect("a list");
                assert_eq!(members, [(bob.name.clone(), ADMIN)], "round {round}");
            }
            left => {
                assert_eq!(refused(left).reason, "LAST_ADMIN", "round {round}");
                assert_eq!(lists_members(&alice, &space).await.expect("a list").len(), 2);
            }
        }
    }
}

// R-M4, R-M12: whoever is promoted is Admin, and the last who is active: nobody can be taken from the space any more.
async fn a_deactivation_of_the_last_admin_against_a_promotion(suite: Suite) {
    for round in 0..rounds(20) {
        let [alice, bob] = ["alice", "bob"].map(|id| suite.user(&format!("{id}{round}")));
        let space = alice.creates_space("Team").await;
        let (promoted, deactivated) =
            join(adds_members(&alice, &space, &[(&bob, ADMIN)]), deactivates(&suite, &alice)).await;
        deactivated.expect("deactivated");
        if promoted.is_err() {
            assert_eq!(refused(promoted).code, Code::PermissionDenied, "round {round}");
            continue;
        }
        for refusal in [
            refused(leaves_space(&bob, &space).await),
            refused(demotes_member(&bob, &space, &bob).await),
            refused(removes_member(&bob, &space, &bob).await),
        ] {
            assert_eq!(refusal.reason, "LAST_ADMIN", "round {round}");
        }
    }
}

// R-M12: one after the other, at every service in the same order.
async fn deactivations_and_reactivations_of_one_person_at_once(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    for round in 0..rounds(10) {
        let changes =
            (0..8).map(|n| {
                let (suite, bob) = (&suite, &bob);
                async move {
                    if n % 2 == 0 { deactivates(suite, bob).await } else { reactivates(suite, bob).await }
                }
            });
        for change in join_all(changes).await {
            change.expect("a change");
        }
        deactivates(&suite, &bob).await.expect("deactivated");
        for port in Service::ALL {
            let answer = bob.checks_at(port, "space.get", &space).await.expect("an answer");
            assert!(!answer.allowed, "round {round} at {port}");
        }
        reactivates(&suite, &bob).await.expect("reactivated");
        for port in Service::ALL {
            assert!(bob.checks_at(port, "space.get", &space).await.expect("an answer").allowed, "{port}");
        }
    }
}
