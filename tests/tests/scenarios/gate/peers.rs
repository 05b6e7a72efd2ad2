//! R-P7: the services of the suite have no power by being services: each calls only what is its own.
use devspaces::{Service, keys};
use devspaces_kit::{clock::SystemClock, identity::{ServiceSigner, SigningKey}, name::Principal};
use devspaces_ledger::journal;
use devspaces_proto::facts::v1::{
    ApplyEffectsRequest, Effect, GrantCreatorAdmin, Owner, effect, facts_service_client::FactsServiceClient,
};
use devspaces_tests::{
    Persona, Suite,
    engine::temporary_folder,
    process::{binary, start},
    refused,
    sql::count,
};
use tokio::process::Command;
use tonic::{Code, Status, transport::Endpoint};

use crate::acts::members::{ADMIN, lists_members};

scenarios! {
    both engines:
        a_service_of_the_suite_brings_about_only_what_is_its_own,
        a_token_for_one_service_is_of_no_use_with_another,
        the_space_service_makes_an_admin_of_a_new_space_only;
}

/// A space that the space service knows nothing of.
const NEW: &str = "spaces/0190a8d0-7b1c-7def-8000-000000000001";
const MEMBERS: &str = "SELECT COUNT(*) FROM member";

/// The effect of a new space, as the space service would send it.
fn grant(space: &str, user: &Persona, sequence: i64) -> ApplyEffectsRequest {
    let grant = GrantCreatorAdmin { space: space.to_owned(), user: user.name.clone() };
    ApplyEffectsRequest {
        owner: Owner::Membership.into(),
        scope: space.to_owned(),
        sequence,
        effects: vec![Effect { effect: Some(effect::Effect::GrantCreatorAdmin(grant)) }],
        actor: user.name.clone(),
        method: "devspaces.space.v1.SpaceService/CreateSpace".to_owned(),
        digest: vec![7; 32],
    }
}

/// Sends it to the membership service.
async fn sends(peer: &Persona, request: ApplyEffectsRequest) -> Result<(), Status> {
    let mut client = FactsServiceClient::new(peer.authorized(Service::Membership));
    client.apply_effects(request).await.map(drop)
}

/// Everything that the membership service knows: how many members, and its journals' ends.
async fn state(suite: &Suite) -> (i64, journal::Checkpoint) {
    let pool = suite.pool(Service::Membership).await;
    let heads = journal::heads(&mut pool.read().await.expect("a connection")).await.expect("the heads");
    (count(&pool, MEMBERS).await, heads)
}

// R-P7
async fn a_service_of_the_suite_brings_about_only_what_is_its_own(suite: Suite) {
    let (alice, mallory) = (suite.user("alice"), suite.user("mallory"));
    let space = alice.creates_space("Team").await;
    let before = state(&suite).await;
    for name in ["billing", "marketplace", "membership"] {
        let peer = suite.peer(name, "membership");
        for (space, sequence) in [(NEW, 1), (space.as_str(), 1), (space.as_str(), 2)] {
            let refusal = refused(sends(&peer, grant(space, &mallory, sequence)).await);
            assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "{name}");
        }
        assert_eq!(state(&suite).await, before, "{name} changed something");
    }
    assert!(!mallory.may("space.get", &space).await);
    // What is asked is not amiss: from the service whose it is it is taken.
    sends(&suite.peer("space", "membership"), grant(NEW, &mallory, 1)).await.expect("applied");
    assert_eq!(state(&suite).await.0, before.0 + 1);
}

// R-P7
async fn a_token_for_one_service_is_of_no_use_with_another(suite: Suite) {
    let mallory = suite.user("mallory");
    let before = state(&suite).await;
    for audience in ["space", "billing", "devspaces"] {
        let refusal = refused(sends(&suite.peer("space", audience), grant(NEW, &mallory, 1)).await);
        assert_eq!(refusal.kind(), (Code::Unauthenticated, "CREDENTIALS_INVALID"), "{audience}");
    }
    assert_eq!(state(&suite).await, before);
}

// R-P7, R-M2: a space that has members has had its first Admin; nobody comes in by this way any more.
async fn the_space_service_makes_an_admin_of_a_new_space_only(suite: Suite) {
    let (alice, mallory) = (suite.user("alice"), suite.user("mallory"));
    let space = alice.creates_space("Team").await;
    let peer = suite.peer("space", "membership");
    for sequence in [0, 1, 2, 1000] {
        // Whether it is refused or taken without effect is all the same.
        let _ = sends(&peer, grant(&space, &mallory, sequence)).await;
        assert_eq!(lists_members(&alice, &space).await.expect("a list"), [(alice.name.clone(), ADMIN)]);
    }
    assert!(!mallory.may("space.get", &space).await);
    assert_eq!(state(&suite).await.0, 1);
}

// R-P7: also where both services live at one address, so that the token is good there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_one_address_a_token_is_good_for_its_audience_only() {
    let folder = temporary_folder();
    let data = folder.path().display().to_string();
    let (_dev, address) =
        start(Command::new(binary()).args(["dev", "--listen", "127.0.0.1:0", "--data-dir", &data])).await;
    let channel = Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy();
    let as_peer = |name: &str, audience: &str| {
        let key = SigningKey::load(&folder.path().join(keys::of_service(name))).expect("the service's key");
        let token = ServiceSigner::new(name, key, SystemClock::shared()).token_for(audience);
        Persona::at_one_port(&Principal::service(name), Some(token.as_str()), &channel)
    };
    let mallory = Persona::at_one_port(&Principal::user("mallory"), None, &channel);
    for (name, audience) in [("space", "space"), ("membership", "space"), ("billing", "membership")] {
        let refusal = refused(sends(&as_peer(name, audience), grant(NEW, &mallory, 1)).await);
        assert_eq!(
            refusal.kind(),
            (Code::PermissionDenied, "PERMISSION_DENIED"),
            "{name} with a token for {audience}"
        );
    }
    sends(&as_peer("space", "membership"), grant(NEW, &mallory, 1)).await.expect("applied");
}
