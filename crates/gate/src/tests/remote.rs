//! An owner at another address: a real connection, tokens and all.
use std::{sync::Arc, time::Duration};

use devspaces_authz::{ConsoleRole, Service};
use devspaces_kit::{
    connections::Connections,
    identity::{Authenticator, Jwks, ServiceSigner, SigningKey, Trust},
    server::{Server, Tasks},
    tls::ClientTls,
};
use devspaces_ledger::{
    delivery::{self, Delivery},
    outbox::Deliver as _,
};
use devspaces_proto::facts::v1::{
    self as proto, ApplyEffectsRequest, facts_service_server::FactsServiceServer,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};

use crate::{
    Held, OwnFacts, Source,
    remote::Remote,
    testing::{Database, Memory, TestClock, at, member, question, server_of, space, user},
};

struct Peer {
    members: Arc<Memory>,
    source: Source,
    remote: Remote,
    delivery: Delivery,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
    _database: Database,
}

/// The membership service behind a port, and the space service's source for it.
async fn peer() -> Peer {
    peer_of(&TestClock::at(100)).await
}

/// The same, with a clock of the space service's own.
async fn peer_of(ours: &Arc<TestClock>) -> Peer {
    let database = Database::new().await;
    let (members, clock) = (Memory::of(Service::Membership), TestClock::at(100));
    let key = SigningKey::generate().unwrap();
    let suite = Trust {
        names: vec!["space".to_owned(), "membership".to_owned()],
        hosted: vec!["membership".to_owned()],
        peers: Jwks::parse(&key.public_jwks("space")).unwrap().into(),
    };
    let authenticator = Arc::new(Authenticator::new(clock.clone(), Vec::new(), suite).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tasks = Tasks::new();
    let server = Server::new(listener, authenticator, tasks.clone());
    let server = server.service(FactsServiceServer::new(server_of(&members, &database, &clock, tasks)));
    let address = format!("http://{}", server.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    let running = tokio::spawn(async { server.run(stopped).await.unwrap() });
    let connections = Connections::new([address.parse().unwrap()], &ClientTls::of_the_web().unwrap());
    let signer = Arc::new(ServiceSigner::new("space", key, ours.clone()));
    let remote = Remote::new(Service::Membership, connections.clone(), signer.clone(), ours.clone());
    let to = delivery::Peer {
        name: "membership",
        owner: proto::Owner::Membership,
        connections: connections.clone(),
    };
    let delivery = Delivery::new(vec![to], signer.clone(), ours.clone());
    let source = Source::remote(Service::Membership, connections, signer, ours.clone());
    Peer { members, source, remote, delivery, stop, running, _database: database }
}

#[tokio::test]
async fn a_peer_is_asked_as_an_owner_in_this_process_is() {
    let Peer { members, source, delivery, stop, running, _database, .. } = peer().await;
    let told = async |subject| {
        let asking = source.ask(question(space(1), subject), Duration::ZERO).unwrap();
        asking.answer().await.map(|confirmed| (confirmed.entry.facts.clone(), confirmed.read_time))
    };
    let admin = member(Some(ConsoleRole::Admin));
    members.set_at(question(space(1), "alice"), 1, admin.clone(), Some(at(107)));
    assert_eq!(told("alice").await, Some((admin.clone(), at(107))));
    assert_eq!(told("alice").await, Some((admin.clone(), at(107))), "unchanged");
    members.set(question(space(1), "alice"), 2, member(None));
    assert_eq!(told("alice").await, Some((member(None), at(100))));
    members.set(question(space(1), "bob"), 1, OwnFacts::nothing(Service::Billing));
    assert_eq!(told("bob").await, None, "another owner's facts count for nothing");
    members.set(question(space(2), "alice"), 1, admin.clone());
    let spaces = source.subject_spaces(&user("alice"), Held::InEffect, Some(space(1)), 10).await;
    assert_eq!(spaces, Some(vec![(space(2), admin)]));
    delivery.deliver("membership", ApplyEffectsRequest::default()).await.unwrap();
    assert!(timeout(Duration::ZERO, members.applied.notified()).await.is_ok());
    assert!(delivery.deliver("billing", ApplyEffectsRequest::default()).await.is_err(), "no such peer");
    drop(stop);
    running.await.unwrap();
    assert_eq!(told("alice").await, None, "the peer is gone");
    assert!(source.subject_spaces(&user("alice"), Held::InEffect, None, 10).await.is_none());
}

// Whoever has to see to it is told, although there is no answer.
#[tokio::test]
async fn a_peer_that_refuses_for_its_clock_shows_what_time_it_has() {
    for (ours, differs) in [(100, false), (270, true), (1000, true)] {
        let it = peer_of(&TestClock::at(ours)).await;
        it.members.set(question(space(1), "alice"), 1, member(None));
        let answer = it.remote.revalidate(&[question(space(1), "alice")], vec![None]).await;
        assert_eq!(
            (answer.is_err(), it.remote.clock_there.has_warned()),
            (ours == 1000, differs),
            "at {ours} s"
        );
    }
}
