//! What must hold of groups however calls interleave: each race is run many times.
use devspaces::Service;
use devspaces_ledger::journal;
use devspaces_tests::{Suite, refused};
use futures::future::join;
use tonic::Code;

use crate::{
    acts::{
        app_groups::{adds_apps, creates_app_group, grant, grants_app_group_role, lists_app_group_roles},
        contributors::DEPLOYER,
        groups::{
            adds_to_group, creates_group, deletes_group, grants_app_role, group_of, lists_group_members,
            lists_group_roles, removes_from_group,
        },
        members::ADMIN,
        members::{VIEWER, adds_members, removes_member},
        transfers::{TwoSpaces, initiates_transfer},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_removal_from_a_group_against_a_grant,
        a_deletion_of_a_group_against_a_grant,
        a_deletion_of_a_group_against_a_role_on_an_app_group,
        a_move_of_an_app_against_a_grant,
        an_addition_against_the_removal_of_the_member;
}

const ROUNDS: u16 = 15;

/// Every chain of both services holds.
async fn verified(suite: &Suite) {
    for service in [Service::Space, Service::Membership] {
        let pool = suite.pool(service).await;
        assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, []);
    }
}

// R-M11: whoever is out of the group has nothing of it, whenever it is given.
async fn a_removal_from_a_group_against_a_grant(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = group_of(&alice, &space, "Mobile", &[&bob]).await;
    for _ in 0..rounds::<usize>(ROUNDS) {
        let removal = removes_from_group(&alice, &group, &bob);
        let (removed, given) = join(removal, grants_app_role(&alice, &group, &app, DEPLOYER)).await;
        removed.expect("removed");
        given.expect("given");
        assert!(!bob.may("app.deploy", &app).await);
        adds_to_group(&alice, &group, &[&bob]).await.expect("added anew");
        assert!(bob.may("app.deploy", &app).await);
    }
    verified(&suite).await;
}

// R-M11: a group that is gone has nothing.
async fn a_deletion_of_a_group_against_a_grant(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    for _ in 0..rounds::<usize>(ROUNDS) {
        let group = creates_group(&alice, &space, "Mobile").await.expect("a group").name;
        adds_to_group(&alice, &group, &[&bob]).await.expect("added");
        let deletion = deletes_group(&alice, &group);
        let (deleted, given) = join(deletion, grants_app_role(&alice, &group, &app, DEPLOYER)).await;
        deleted.expect("deleted");
        if let Err(status) = given {
            assert!([Code::NotFound, Code::Unavailable].contains(&status.code()), "{status:?}");
        }
        assert!(!bob.may("app.deploy", &app).await);
    }
    let pool = suite.pool(Service::Space).await;
    assert_eq!(devspaces_tests::sql::count(&pool, "SELECT count(*) FROM group_role").await, 0);
    verified(&suite).await;
}

// R-M11, R-A11
async fn a_deletion_of_a_group_against_a_role_on_an_app_group(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let apps = creates_app_group(&alice, &space, "Payments").await.expect("an app group").name;
    adds_apps(&alice, &apps, &[&app]).await.expect("added");
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    for _ in 0..rounds::<usize>(ROUNDS) {
        let group = creates_group(&alice, &space, "Mobile").await.expect("a group").name;
        adds_to_group(&alice, &group, &[&bob]).await.expect("added");
        let given = grants_app_group_role(&alice, grant(&apps, &group, DEPLOYER));
        let (deleted, given) = join(deletes_group(&alice, &group), given).await;
        deleted.expect("deleted");
        if let Err(status) = given {
            assert!([Code::NotFound, Code::Unavailable].contains(&status.code()), "{status:?}");
        }
        assert!(!bob.may("app.deploy", &app).await);
        assert_eq!(lists_app_group_roles(&alice, &apps).await.expect("a list"), []);
    }
    verified(&suite).await;
}

// R-M11, R-A7: what was given before the move is gone with it, and nothing is given after it.
async fn a_move_of_an_app_against_a_grant(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let carol = suite.user("carol");
    adds_members(&it.dan, &it.destination, &[(&it.alice, ADMIN)]).await.expect("added");
    let group = group_of(&it.alice, &it.source, "Mobile", &[&carol]).await;
    for _ in 0..rounds::<usize>(ROUNDS) {
        let given = grants_app_role(&it.alice, &group, &it.app, DEPLOYER);
        let (moved, given) = join(initiates_transfer(&it.alice, &it.app, &it.destination), given).await;
        moved.expect("moved");
        if given.is_err() {
            let refusal = refused(given);
            let kinds =
                [(Code::FailedPrecondition, "APP_NOT_IN_SPACE"), (Code::Unavailable, "FACTS_UNAVAILABLE")];
            assert!(kinds.contains(&refusal.kind()), "{refusal:?}");
        }
        assert!(!carol.may("app.deploy", &it.app).await);
        assert_eq!(lists_group_roles(&it.alice, &group).await.expect("a list"), []);
        initiates_transfer(&it.alice, &it.app, &it.source).await.expect("moved back");
        assert!(!carol.may("app.deploy", &it.app).await);
    }
    verified(&suite).await;
}

// R-M11, R-M5: nobody is in a group of a space that they were removed from.
async fn an_addition_against_the_removal_of_the_member(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let group = creates_group(&alice, &space, "Mobile").await.expect("a group").name;
    grants_app_role(&alice, &group, &app, DEPLOYER).await.expect("given");
    for _ in 0..rounds::<usize>(ROUNDS) {
        adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        let people = [&bob];
        let (removed, added) =
            join(removes_member(&alice, &space, &bob), adds_to_group(&alice, &group, &people)).await;
        removed.expect("removed");
        if added.is_err() {
            assert_eq!(refused(added).kind().1, "NOT_A_MEMBER");
        }
        assert!(!bob.may("app.deploy", &app).await);
        assert_eq!(lists_group_members(&alice, &group).await.expect("a list"), Vec::<String>::new());
    }
    verified(&suite).await;
}
