//! A deactivation while services are down, and from one start to the next.
use devspaces::Service;
use devspaces_proto::{
    authz::v1::ListRolesRequest,
    membership::v1::{DeactivateUserRequest, user_standing::State},
};
use devspaces_tests::{Persona, Suite, refused, suite::eventually};
use tonic::Code;

use crate::acts::{
    REQUEST_ID,
    accounts::consents_to_invoicing,
    authz::about,
    marketplace::{
        accepts_terms, adds_marketplace_admins, lists_listings, submits_listing, withdraws_listing,
    },
    members::{ADMIN, adds_members, lists_members},
    people::{deactivates, deactivation, offboarding, reactivates, standing_of},
    spaces::gets_space,
};

scenarios! {
    both engines:
        what_is_pending_at_one_service_holds_at_the_others_and_is_delivered_later,
        deactivated_reactivated_and_deactivated_again_while_a_service_is_down,
        a_deactivation_outlives_every_service,
        a_listing_submitted_before_a_deactivation_does_not_hang,
        a_person_of_whom_nobody_heard_is_deactivated_before_the_first_call;
}

async fn may_at(suite: &Suite, port: Service, whom: &Persona, permission: &str, on: &str) -> bool {
    let auditor = suite.persona("services/auditor");
    let answer = auditor.authz_of(port).check_permission(about(&whom.name, permission, on)).await;
    answer.expect("an answer").into_inner().allowed
}

// R-M12, R-J5: nothing is told to be done before it is done everywhere.
async fn what_is_pending_at_one_service_holds_at_the_others_and_is_delivered_later(suite: Suite) {
    let mut suite = suite;
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    consents_to_invoicing(&bob, &space).await.expect("an account");
    suite.stop(Service::Billing).await;
    let request = DeactivateUserRequest { request_id: REQUEST_ID.to_owned(), ..deactivation(&bob) };
    let mut people = offboarding(&suite).people();
    for _ in 0..2 {
        let pending = refused(people.deactivate_user(request.clone()).await);
        assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
        assert!(pending.retry);
    }
    let another = refused(deactivates(&suite, &bob).await);
    assert_eq!(
        another.kind(),
        (Code::Unavailable, "EFFECT_PENDING"),
        "no other call is told that it is done"
    );
    assert!(!may_at(&suite, Service::Space, &bob, "space.create", "").await);
    assert_eq!(refused(gets_space(&bob, &space).await).code, Code::PermissionDenied);
    suite.restart(Service::Billing).await;
    let done = eventually(async || people.clone().deactivate_user(request.clone()).await.ok()).await;
    assert_eq!(done.into_inner().state(), State::Deactivated);
    assert!(!may_at(&suite, Service::Billing, &bob, "billing.invoices.get", &space).await);
}

// R-M12: effects on people go in the order of the changes.
async fn deactivated_reactivated_and_deactivated_again_while_a_service_is_down(suite: Suite) {
    let mut suite = suite;
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    for stopped in [Service::Space, Service::Billing, Service::Marketplace] {
        suite.stop(stopped).await;
        assert_eq!(refused(deactivates(&suite, &bob).await).reason, "EFFECT_PENDING", "{stopped}");
        let earlier = refused(reactivates(&suite, &bob).await);
        assert_eq!(earlier.kind(), (Code::Unavailable, "EARLIER_EFFECT_PENDING"), "{stopped}");
        suite.restart(stopped).await;
        eventually(async || reactivates(&suite, &bob).await.ok()).await;
        assert!(bob.checks_at(stopped, "space.get", &space).await.expect("an answer").allowed);
        suite.stop(stopped).await;
        assert_eq!(refused(deactivates(&suite, &bob).await).reason, "EFFECT_PENDING", "{stopped}");
        suite.restart(stopped).await;
        eventually(async || deactivates(&suite, &bob).await.ok()).await;
        assert!(!bob.checks_at(stopped, "space.get", &space).await.expect("an answer").allowed, "{stopped}");
        reactivates(&suite, &bob).await.expect("reactivated");
    }
}

// R-M12
async fn a_deactivation_outlives_every_service(suite: Suite) {
    let mut suite = suite;
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    deactivates(&suite, &bob).await.expect("deactivated");
    for service in Service::ALL {
        suite.stop(service).await;
        suite.restart(service).await;
    }
    for port in Service::ALL {
        assert!(!bob.checks_at(port, "space.get", &space).await.expect("an answer").allowed, "{port}");
        let refusal = refused(bob.authz_of(port).list_roles(ListRolesRequest {}).await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERSON_DEACTIVATED"), "{port}");
    }
    assert_eq!(standing_of(&suite, &bob).await.expect("a standing").state(), State::Deactivated);
    eventually(async || reactivates(&suite, &bob).await.ok()).await;
    assert_eq!(lists_members(&bob, &space).await.expect("a list").len(), 2);
}

// R-K6, R-M12: what was committed before is concluded, whoever began it.
async fn a_listing_submitted_before_a_deactivation_does_not_hang(suite: Suite) {
    let mut suite = suite;
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let profile = accepts_terms(&alice, &space).await.expect("published").name;
    adds_marketplace_admins(&alice, &profile, &[&bob]).await.expect("added");
    suite.stop(Service::Space).await;
    assert_eq!(refused(submits_listing(&bob, &profile, &app).await).code, Code::Unavailable);
    assert_eq!(refused(deactivates(&suite, &bob).await).reason, "EFFECT_PENDING");
    suite.restart(Service::Space).await;
    eventually(async || deactivates(&suite, &bob).await.ok()).await;
    let withdrawn = eventually(async || {
        // Nothing is listed if the reservation was never made: then another submits.
        match lists_listings(&alice, &profile, 0).await.ok()?.pop() {
            Some(listing) => withdraws_listing(&alice, &listing.name).await.ok(),
            None => submits_listing(&alice, &profile, &app).await.ok(),
        }
    });
    withdrawn.await;
}

// R-M12: no service knows the person yet, and none of them lets the person begin.
async fn a_person_of_whom_nobody_heard_is_deactivated_before_the_first_call(suite: Suite) {
    let bob = suite.user("bob");
    deactivates(&suite, &bob).await.expect("deactivated");
    for port in Service::ALL {
        assert!(!may_at(&suite, port, &bob, "space.create", "").await, "{port}");
    }
    reactivates(&suite, &bob).await.expect("reactivated");
    bob.creates_space("Team").await;
}
