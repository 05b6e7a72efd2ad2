//! Spaces that begin with a billing account, since whoever creates them consents to app invoicing in the same call.
use devspaces::Service;
use devspaces_proto::space::v1::{CreateSpaceRequest, space_settings::BillingStatus};
use devspaces_tests::{
    Suite, refused,
    sql::{WriteLock, texts},
    suite::eventually,
};
use futures::future::join_all;
use tonic::Code;

use crate::{
    acts::{
        REQUEST_ID,
        accounts::{consents_to_invoicing, gets_account, invoicing_terms, lists_billing_admins},
        apps::creates_app,
        journal::{entries_of, lists_entries},
        refusals::NOT_FOUND,
        spaces::{creates_space_with_consent, creation_with_consent, settings_of, space_names},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        without_the_billing_service_nothing_is_made_and_a_repetition_makes_all,
        an_account_that_can_not_be_made_yet_comes_later_and_no_app_before_it,
        all_that_stands_in_the_way_of_a_creation_is_told_at_once;
    everywhere:
        a_space_created_with_consent_has_an_account_when_the_reply_arrives,
        other_terms_than_those_in_force_make_nothing,
        the_same_creation_with_consent_many_times_at_once;
    two replicas:
        the_same_creation_with_consent_many_times_at_once;
}

/// The method, as the journals of other services name it.
const CREATE: &str = "devspaces.space.v1.SpaceService/CreateSpace";

// R-S1, R-B1
async fn a_space_created_with_consent_has_an_account_when_the_reply_arrives(suite: Suite) {
    let alice = suite.user("alice");
    let terms = invoicing_terms(&alice).await;
    let space =
        creates_space_with_consent(&alice, creation_with_consent(&terms, "")).await.expect("a space").name;
    let account = gets_account(&alice, &space).await.expect("an account");
    assert_eq!((account.terms_version, account.consented_by), (terms, alice.name.clone()));
    assert_eq!(lists_billing_admins(&alice, &space).await.expect("a list"), [alice.id()]);
    assert!(alice.may("billing.invoices.get", &space).await && alice.may("members.update", &space).await);
    assert_eq!(settings_of(&alice, &space).await.billing_status(), BillingStatus::Active);
    let again = refused(consents_to_invoicing(&alice, &space).await);
    assert_eq!(again.kind(), (Code::FailedPrecondition, "BILLING_ACCOUNT_EXISTS"));
    let entries = lists_entries(&alice, Service::Billing, entries_of(&space)).await;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].method.as_str(), &entries[0].on_behalf_of), (CREATE, &alice.name));
    // Without consent there is no account, as ever.
    let other = alice.creates_space("Other").await;
    assert_eq!(refused(gets_account(&alice, &other).await).kind(), NOT_FOUND);
    assert_eq!(settings_of(&alice, &other).await.billing_status(), BillingStatus::NoAccount);
}

// R-B1
async fn other_terms_than_those_in_force_make_nothing(suite: Suite) {
    let alice = suite.user("alice");
    let outdated = refused(creates_space_with_consent(&alice, creation_with_consent("2020-01-01", "")).await);
    assert_eq!(outdated.blocked(), (Code::FailedPrecondition, "TERMS_OUTDATED", vec!["TERMS_OUTDATED"]));
    let unnamed = CreateSpaceRequest { space: None, ..creation_with_consent("", "") };
    let unnamed = refused(creates_space_with_consent(&alice, unnamed).await);
    let fields = vec!["space.display_name", "billing_consent.terms_version"];
    assert_eq!(unnamed.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", fields));
    assert_eq!(space_names(&alice).await, [""; 0]);
    // The same request with the terms in force is another, and so needs another id.
    assert_eq!(
        refused(creates_space_with_consent(&alice, creation_with_consent("2020-01-01", REQUEST_ID)).await)
            .kind()
            .1,
        "TERMS_OUTDATED"
    );
    let terms = invoicing_terms(&alice).await;
    creates_space_with_consent(&alice, creation_with_consent(&terms, REQUEST_ID))
        .await
        .expect("nothing was kept of a refusal");
}

// R-B1, R-S10
async fn all_that_stands_in_the_way_of_a_creation_is_told_at_once(suite: Suite) {
    let maker = suite.user("maker");
    for _ in 0..3 {
        maker.creates_space("Team").await;
    }
    let both = refused(creates_space_with_consent(&maker, creation_with_consent("2020-01-01", "")).await);
    assert_eq!(both.blockers, ["TOO_MANY_SPACES", "TERMS_OUTDATED"]);
}

// R-B1, R-J5: one space, with one account.
async fn the_same_creation_with_consent_many_times_at_once(suite: Suite) {
    let terms = invoicing_terms(&suite.user("anyone")).await;
    for round in 0..rounds(10) {
        let alice = suite.user(&format!("r{round}"));
        let request = creation_with_consent(&terms, &suite.request_id());
        let answers = join_all((0..4).map(|_| creates_space_with_consent(&alice, request.clone()))).await;
        let spaces: Vec<_> = answers.into_iter().map(|answer| answer.expect("the space").name).collect();
        assert!(spaces.iter().all(|space| *space == spaces[0]), "round {round}: {spaces:?}");
        assert_eq!(space_names(&alice).await, spaces[..1], "round {round}");
        assert_eq!(lists_billing_admins(&alice, &spaces[0]).await.expect("a list"), [alice.id()]);
    }
}

// R-B1, R-J5
async fn without_the_billing_service_nothing_is_made_and_a_repetition_makes_all(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let request = creation_with_consent(&invoicing_terms(&alice).await, REQUEST_ID);
    suite.stop(Service::Billing).await;
    let down = refused(creates_space_with_consent(&alice, request.clone()).await);
    assert_eq!(down.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
    assert!(down.retry);
    let pool = suite.pool(Service::Space).await;
    assert_eq!(texts(&pool, "SELECT display_name FROM space").await, [""; 0]);
    suite.restart(Service::Billing).await;
    let space =
        eventually(async || creates_space_with_consent(&alice, request.clone()).await.ok()).await.name;
    gets_account(&alice, &space).await.expect("an account");
}

// R-B1, R-J5, R-E3: also after a restart of the sender; meanwhile the space takes no app, so none is without an account.
async fn an_account_that_can_not_be_made_yet_comes_later_and_no_app_before_it(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let request = creation_with_consent(&invoicing_terms(&alice).await, REQUEST_ID);
    let lock = WriteLock::take(&suite.pool(Service::Billing).await).await;
    let pending = refused(creates_space_with_consent(&alice, request.clone()).await);
    assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    assert!(pending.retry);
    let space = eventually(async || space_names(&alice).await.pop()).await;
    let early = refused(creates_app(&alice, &space).await);
    assert_eq!(early.kind(), (Code::Unavailable, "EARLIER_EFFECT_PENDING"));
    suite.stop(Service::Space).await;
    suite.restart(Service::Space).await;
    lock.release().await;
    let again = eventually(async || creates_space_with_consent(&alice, request.clone()).await.ok()).await;
    assert_eq!(again.name, space, "the first result");
    gets_account(&alice, &space).await.expect("an account");
    alice.creates_app(&space).await;
}
