//! A deactivation whose services are killed in the midst of it.
use devspaces::Service;
use devspaces_kit::name::Principal;
use devspaces_ledger::journal;
use devspaces_proto::membership::v1::{DeactivateUserRequest, user_standing::State};
use devspaces_tests::{
    process::Processes,
    refused,
    sql::{EFFECTS, count},
    suite::eventually,
};
use tonic::Code;

use crate::acts::{
    REQUEST_ID,
    members::{ADMIN, adds_members},
    people::deactivation,
};

scenarios! {
    both engines:
        a_deactivation_survives_the_death_of_its_sender,
        a_deactivation_survives_the_death_of_its_receivers;
}

/// The services that are told of it by effects.
const TOLD: [Service; 3] = [Service::Space, Service::Billing, Service::Marketplace];

/// An Admin who is deactivated while nobody can be told of it. It is committed, and told to be pending.
async fn pending(suite: &mut Processes) -> (DeactivateUserRequest, String) {
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    for service in Service::ALL {
        assert!(bob.checks_at(service, "members.add", &space).await.expect("an answer").allowed);
    }
    for service in TOLD {
        suite.kill(service).await;
    }
    let request = DeactivateUserRequest { request_id: REQUEST_ID.to_owned(), ..deactivation(&bob) };
    let mut people = suite.persona(&Principal::service("offboarding")).people();
    let refusal = refused(people.deactivate_user(request.clone()).await);
    assert_eq!(refusal.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    assert_eq!(count(&suite.pool(Service::Membership).await, EFFECTS).await, 3);
    (request, space)
}

/// It is true everywhere, by what each service knows itself and by what it is told, and was made once.
async fn made_once(suite: &Processes, request: DeactivateUserRequest, space: &str) {
    let people = suite.persona(&Principal::service("offboarding"));
    let repeated = async || people.people().deactivate_user(request.clone()).await.ok();
    assert_eq!(eventually(repeated).await.into_inner().state(), State::Deactivated);
    let bob = suite.user("bob");
    for service in Service::ALL {
        for (permission, on) in [("members.add", space), ("space.create", "")] {
            let answer = eventually(async || bob.checks_at(service, permission, on).await.ok()).await;
            assert!(!answer.allowed, "{permission} at {service}");
        }
        let pool = suite.pool(service).await;
        assert_eq!(count(&pool, EFFECTS).await, 0, "{service}");
        let entries = "SELECT COUNT(*) FROM journal WHERE scope = 'people'";
        assert_eq!(count(&pool, entries).await, 1, "{service}");
        assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, [], "{service}");
    }
}

// R-M12: it is committed, and its effects are on no way yet when the membership service dies.
async fn a_deactivation_survives_the_death_of_its_sender(mut suite: Processes) {
    let (request, space) = pending(&mut suite).await;
    suite.kill(Service::Membership).await;
    for service in TOLD {
        suite.run(service).await;
    }
    suite.run(Service::Membership).await;
    made_once(&suite, request, &space).await;
}

// R-M12: one service after another comes back, hears of it, and dies again.
async fn a_deactivation_survives_the_death_of_its_receivers(mut suite: Processes) {
    let (request, space) = pending(&mut suite).await;
    for service in TOLD {
        suite.run(service).await;
        let told = "SELECT COUNT(*) FROM standing WHERE person = 'bob' AND NOT active";
        let pool = suite.pool(service).await;
        eventually(async || (count(&pool, told).await == 1).then_some(())).await;
        suite.kill(service).await;
        suite.run(service).await;
    }
    made_once(&suite, request, &space).await;
}
