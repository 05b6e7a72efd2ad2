//! What must hold of billing accounts however calls interleave: each race is run many times.
use devspaces::Service;
use devspaces_ledger::journal;
use devspaces_proto::billing::v1::AddBillingAdminsRequest;
use devspaces_tests::{Persona, Suite, refused};
use futures::future::{join, join_all};
use tonic::Code;
use uuid::Uuid;

use crate::{
    acts::{
        accounts::{
            account_of, adds_billing_admins, consents_to_invoicing, gets_account, lists_billing_admins,
            payment_method, removes_billing_admin, sets_payment_method,
        },
        journal::{entries_of, lists_entries},
        members::{ADMIN, adds_members},
        spaces::{archives_space, restores_space},
    },
    rounds::rounds,
};

scenarios! {
    everywhere:
        several_consents_at_once,
        two_removals_of_the_last_two_billing_admins,
        a_removal_against_changes_by_who_is_removed,
        the_same_addition_many_times_at_once,
        archival_against_additions;
    two replicas:
        // R-B1, R-B2
        several_consents_at_once,
        two_removals_of_the_last_two_billing_admins,
        // R-J5
        the_same_addition_many_times_at_once,
        // R-S5
        archival_against_additions;
}

const ROUNDS: u16 = 30;

// R-B1: one winner, who alone is billing admin.
async fn several_consents_at_once(suite: Suite) {
    for round in 0..rounds(ROUNDS) {
        let admins: Vec<Persona> = (0..4).map(|n| suite.user(&format!("r{round}n{n}"))).collect();
        let space = admins[0].creates_space("Team").await;
        let others: Vec<_> = admins[1..].iter().map(|admin| (admin, ADMIN)).collect();
        adds_members(&admins[0], &space, &others).await.expect("added");
        let answers = join_all(admins.iter().map(|admin| consents_to_invoicing(admin, &space))).await;
        let mut winners = Vec::new();
        for (admin, answer) in admins.iter().zip(answers) {
            match answer {
                Ok(account) => {
                    assert_eq!(account.consented_by, admin.name);
                    winners.push(admin);
                }
                Err(status) => {
                    let refusal = refused(Err::<(), _>(status));
                    assert_eq!(
                        refusal.kind(),
                        (Code::FailedPrecondition, "BILLING_ACCOUNT_EXISTS"),
                        "round {round}"
                    );
                }
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(
            lists_billing_admins(winners[0], &space).await.expect("a list"),
            [winners[0].id()],
            "round {round}"
        );
        assert_eq!(
            gets_account(winners[0], &space).await.expect("the account").consented_by,
            winners[0].name
        );
    }
    if let Some(pool) = suite.inside(Service::Billing).await {
        let report = journal::verify(&pool, &[]).await.expect("a report");
        assert_eq!(
            (report.entries, report.findings),
            (rounds(ROUNDS), vec![]),
            "R-J1: whoever lost wrote nothing"
        );
    }
}

// R-B2: of the last two billing admins one stays, whether each removes the other or themselves.
async fn two_removals_of_the_last_two_billing_admins(suite: Suite) {
    for round in 0..rounds(ROUNDS) {
        let (alice, bob) = (suite.user(&format!("alice{round}")), suite.user(&format!("bob{round}")));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        consents_to_invoicing(&alice, &space).await.expect("an account");
        adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
        let (first, second) = if round % 2 == 0 { (&bob, &alice) } else { (&alice, &bob) };
        let (one, other) =
            join(removes_billing_admin(&alice, &space, first), removes_billing_admin(&bob, &space, second))
                .await;
        assert!(one.is_ok() != other.is_ok(), "round {round}: {one:?} {other:?}");
        let removed = if one.is_ok() { first } else { second };
        let left = if removed.id() == alice.id() { &bob } else { &alice };
        // Whoever lost was no billing admin any more, or would have been the last one to go.
        let lost = refused(if one.is_err() { one } else { other });
        assert!(["LAST_BILLING_ADMIN", "PERMISSION_DENIED"].contains(&lost.reason.as_str()), "{lost:?}");
        assert_eq!(lists_billing_admins(&alice, &space).await.expect("a list"), [left.id()], "round {round}");
        assert!(
            left.may("billing.invoices.get", &space).await
                && !removed.may("billing.invoices.get", &space).await
        );
    }
}

// R-B2, Acting: whoever was removed changes nothing afterwards, however early the call began.
async fn a_removal_against_changes_by_who_is_removed(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let mut late = 0;
    for round in 0..rounds(ROUNDS) {
        let space = alice.creates_space("Team").await;
        consents_to_invoicing(&alice, &space).await.expect("an account");
        adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
        let carol = suite.user(&format!("carol{round}"));
        let changes = async {
            let (added, set) = join(
                adds_billing_admins(&bob, &space, &[&carol]),
                sets_payment_method(&bob, &space, payment_method()),
            )
            .await;
            [added.map(drop), set.map(drop)]
        };
        let (removed, changes) = join(removes_billing_admin(&alice, &space, &bob), changes).await;
        removed.expect("removed");
        for change in changes.into_iter().filter(Result::is_err) {
            assert_eq!(refused(change).code, Code::PermissionDenied, "round {round}");
            late += 1;
        }
        let all = lists_entries(&alice, Service::Billing, entries_of(&space)).await;
        let removal =
            all.iter().position(|entry| entry.method.ends_with("RemoveBillingAdmin")).expect("the removal");
        let afterwards: Vec<_> = all[removal..].iter().filter(|entry| entry.actor == bob.name).collect();
        assert!(afterwards.is_empty(), "round {round}: {}", afterwards[0].method);
    }
    assert!(late > 0, "the calls have met");
}

// R-B2, R-J5
async fn the_same_addition_many_times_at_once(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    for round in 1..=rounds(15) {
        let request = AddBillingAdminsRequest {
            parent: account_of(&space),
            users: vec![format!("users/p{round}")],
            request_id: Uuid::from_u128(round).to_string(),
        };
        let calls = (0..6).map(|_| {
            let (mut accounts, request) = (alice.accounts(), request.clone());
            async move { accounts.add_billing_admins(request).await.expect("a result").into_inner() }
        });
        let results = join_all(calls).await;
        assert!(results.iter().all(|reply| *reply == results[0]), "{results:?}");
    }
    assert_eq!(lists_billing_admins(&alice, &space).await.expect("a list").len(), 1 + rounds::<usize>(15));
}

// R-S5: no billing admin is added by a call that begins after the archival was acknowledged.
async fn archival_against_additions(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    for round in 0..rounds(15) {
        let people: Vec<_> = (0..3).map(|n| suite.user(&format!("r{round}n{n}"))).collect();
        let additions = join_all(
            people.iter().map(|person| async { adds_billing_admins(&alice, &space, &[person]).await }),
        );
        let archived = async {
            archives_space(&alice, &space).await.expect("archived");
            refused(adds_billing_admins(&alice, &space, &[&suite.user(&format!("late{round}"))]).await)
        };
        let (additions, late) = join(additions, archived).await;
        assert_eq!(late.kind(), (Code::FailedPrecondition, "SPACE_ARCHIVED"));
        for addition in additions.into_iter().filter(Result::is_err) {
            assert_eq!(refused(addition).reason, "SPACE_ARCHIVED");
        }
        restores_space(&alice, &space).await.expect("restored");
    }
}
