//! A suite whose connections all have TLS, and whose services show one another certificates.
use devspaces::{Service, certificates::AUTHORITY, keys};
use devspaces_kit::{
    clock::SystemClock,
    identity::{ServiceSigner, SigningKey},
    name::Principal,
    tls::connect_lazy,
};
use devspaces_proto::facts::v1::{Owner, RevalidateRequest, facts_service_client::FactsServiceClient};
use devspaces_tests::{
    Engine, Persona, engine::Databases, process::Processes, process::binary, refused, suite::eventually,
};
use tokio::process::Command;
use tonic::{Code, Status, transport::Endpoint};

use crate::acts::{
    commands::runs,
    members::{DEVELOPER, adds_members, lists_members},
};

scenarios! {
    both engines:
        services_and_people_meet_over_tls,
        a_services_token_is_taken_with_its_certificate_only,
        a_port_may_require_a_certificate_of_everybody;
}

/// The suite, running.
pub(super) async fn running(engine: Engine) -> Processes {
    let mut processes = Processes::encrypted(Databases::create(engine).await).await;
    for service in Service::ALL {
        processes.run(service).await;
    }
    processes
}

async fn services_and_people_meet_over_tls(engine: Engine) {
    let mut processes = running(engine).await;
    let (alice, bob) = (processes.user("alice"), processes.user("bob"));
    // Both calls need another service.
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    assert_eq!(lists_members(&bob, &space).await.expect("a list").len(), 2);

    let address = processes.address(Service::Space);
    let authority = processes.certificates().path(AUTHORITY).display().to_string();
    eventually(async || {
        let health = runs(&["health", "--address", &address, "--ca", &authority]).await;
        health.status.success().then_some(())
    })
    .await;
    let mut check = Command::new(binary());
    check.args(["check", "users/alice", "members.add", &space, "--address", &address, "--ca", &authority]);
    check.arg("--data-dir").arg(processes.keys());
    let checked = check.output().await.expect("it ends");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// A command fails, and says this, unless its end of the connection broke before it could read why.
async fn says_at_last(command: &[&str], what: &str) {
    eventually(async || {
        let output = runs(command).await;
        assert!(!output.status.success(), "{command:?} succeeded");
        String::from_utf8_lossy(&output.stderr).contains(what).then_some(())
    })
    .await;
}

/// What comes of a call by the space service's token, over a connection that shows this.
async fn calls(processes: &mut Processes, shown: Option<&str>) -> Result<(), Status> {
    let key = SigningKey::load(&processes.keys().join(keys::of_service("space"))).expect("its key");
    let token = ServiceSigner::new("space", key, SystemClock::shared()).token_for("membership");
    let url = processes.address(Service::Membership);
    let certificates = processes.certificates();
    let tls = certificates.client(&certificates.path(AUTHORITY), shown);
    let channel = connect_lazy(&Endpoint::from_shared(url).expect("an address"), &tls);
    let peer = Persona::at_one_port(&Principal::service("space"), Some(token.as_str()), &channel);
    let request = RevalidateRequest { owner: Owner::Membership.into(), questions: Vec::new() };
    FactsServiceClient::new(peer.authorized(Service::Membership)).revalidate(request).await.map(drop)
}

// R-P7: also who has stolen its key is not the service.
async fn a_services_token_is_taken_with_its_certificate_only(engine: Engine) {
    let mut processes = Processes::encrypted(Databases::create(engine).await).await;
    processes.run(Service::Membership).await;
    for shown in [None, Some("billing")] {
        let refusal = refused(calls(&mut processes, shown).await);
        assert_eq!(refusal.kind(), (Code::Unauthenticated, "CREDENTIALS_INVALID"), "{shown:?}");
        assert!(refusal.metadata.contains(&("cause".to_owned(), "certificate".to_owned())), "{refusal:?}");
    }
    calls(&mut processes, Some("space")).await.expect("an answer");
    // A certificate by somebody else's authority ends the connection.
    let stranger = devspaces_tests::encrypted::Certificates::new();
    let url = processes.address(Service::Membership);
    let address = ["health", "--address", &url];
    let authority = processes.certificates().path(AUTHORITY).display().to_string();
    let [cert, key] =
        ["space-cert.pem", "space-key.pem"].map(|name| stranger.path(name).display().to_string());
    let shown = ["--ca", &authority, "--client-cert", &cert, "--client-key", &key];
    says_at_last(
        &[&address[..], &shown].concat(),
        "does not take the client certificate that --client-cert gives",
    )
    .await;
}

async fn a_port_may_require_a_certificate_of_everybody(engine: Engine) {
    let mut processes = Processes::encrypted(Databases::create(engine).await).await;
    let mut command = processes.command(Service::Space);
    command.arg("--tls-require-client-cert");
    let (child, _) = devspaces_tests::process::start(&mut command).await;
    processes.started(Service::Space, child);
    let url = processes.address(Service::Space);
    let certificates = processes.certificates();
    let [authority, cert, key] = [AUTHORITY, "billing-cert.pem", "billing-key.pem"]
        .map(|name| certificates.path(name).display().to_string());
    let health = ["health", "--address", &url, "--ca", &authority];
    says_at_last(&health, "asks for a client certificate: give one by --client-cert").await;
    let shown = [&health[..], &["--client-cert", &cert, "--client-key", &key]].concat();
    let said = String::from_utf8_lossy(&runs(&shown).await.stderr).into_owned();
    assert!(said.contains("is not ready: it waits for"), "its peers are not there: {said}");
}
