//! Connections to a peer with several replicas: real ones, to replicas that come and go.
use std::{sync::Arc, time::Duration};

use devspaces_authz::Service;
use devspaces_kit::{
    connections::Connections,
    identity::{Authenticator, Jwks, ServiceSigner, SigningKey, Trust},
    server::{Server, Tasks},
    tls::ClientTls,
};
use devspaces_proto::facts::v1::facts_service_server::FactsServiceServer;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::transport::Uri;

use crate::{
    Source,
    testing::{Database, Memory, TestClock, question, server_of, space},
};

/// A replica of the membership service.
struct Replica {
    members: Arc<Memory>,
    address: Uri,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Replica {
    async fn at(listen: &str, database: &Database, clock: &Arc<TestClock>, key: &SigningKey) -> Self {
        let members = Memory::of(Service::Membership);
        let suite = Trust {
            names: vec!["space".to_owned(), "membership".to_owned()],
            hosted: vec!["membership".to_owned()],
            peers: Jwks::parse(&key.public_jwks("space")).unwrap().into(),
        };
        let authenticator = Arc::new(Authenticator::new(clock.clone(), Vec::new(), suite).unwrap());
        let listener = TcpListener::bind(listen).await.unwrap();
        let tasks = Tasks::new();
        let server = Server::new(listener, authenticator, tasks.clone());
        let server = server.service(FactsServiceServer::new(server_of(&members, database, clock, tasks)));
        let address = format!("http://{}", server.local_addr().unwrap()).parse().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let running = tokio::spawn(async { server.run(stopped).await.unwrap() });
        Self { members, address, stop, running }
    }

    async fn stops(self) {
        drop(self.stop);
        self.running.await.unwrap();
    }
}

/// Asks so often and counts the answers.
async fn ask(source: &Source, times: usize) -> usize {
    let mut answers = 0;
    for _ in 0..times {
        let asking = source.ask(question(space(1), "alice"), Duration::ZERO).unwrap();
        answers += usize::from(asking.answer().await.is_some());
    }
    answers
}

#[tokio::test]
async fn calls_go_to_each_replica_in_turn_and_to_those_that_are_there() {
    let (database, clock) = (Database::new().await, TestClock::at(100));
    let key = SigningKey::generate().unwrap();
    let one = Replica::at("127.0.0.1:0", &database, &clock, &key).await;
    let other = Replica::at("127.0.0.1:0", &database, &clock, &key).await;
    let addresses = [one.address.clone(), other.address.clone()];
    let signer = Arc::new(ServiceSigner::new("space", key.clone(), clock.clone()));
    let source = Source::remote(
        Service::Membership,
        Connections::new(addresses, &ClientTls::of_the_web().unwrap()),
        signer,
        clock.clone(),
    );

    assert_eq!(ask(&source, 10).await, 10);
    assert_eq!((one.members.calls(), other.members.calls()), (5, 5));

    let listen = other.address.authority().unwrap().to_string();
    other.stops().await;
    assert_eq!(ask(&source, 10).await, 10, "the one that is left answers all");
    assert_eq!(one.members.calls(), 15);

    let other = Replica::at(&listen, &database, &clock, &key).await;
    // The connections that there are go on where they lead to; those after them find who has come back.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    assert_eq!(ask(&source, 10).await, 10);
    assert_eq!((one.members.calls(), other.members.calls()), (20, 5));
}

/// An address where calls are taken and nothing is said: of a process that is frozen.
async fn silent() -> Uri {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            taken.push(connection);
        }
    });
    address
}

#[tokio::test]
async fn a_replica_that_says_nothing_is_left_for_another() {
    let (database, clock) = (Database::new().await, TestClock::at(100));
    let key = SigningKey::generate().unwrap();
    let replica = Replica::at("127.0.0.1:0", &database, &clock, &key).await;
    let signer = Arc::new(ServiceSigner::new("space", key, clock.clone()));
    let addresses = [silent().await, replica.address.clone()];
    let source = Source::remote(
        Service::Membership,
        Connections::new(addresses, &ClientTls::of_the_web().unwrap()),
        signer,
        clock,
    );
    assert_eq!(ask(&source, 6).await, 5, "one waits in vain");
    assert_eq!(ask(&source, 6).await, 6);
    // After a while it is tried again, as it may have recovered.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    assert_eq!(ask(&source, 6).await, 5);
}

#[tokio::test]
async fn what_a_replica_cannot_answer_another_is_asked() {
    let (database, clock) = (Database::new().await, TestClock::at(100));
    let key = SigningKey::generate().unwrap();
    let replica = Replica::at("127.0.0.1:0", &database, &clock, &key).await;
    let gone = Database::new().await;
    let other = Replica::at("127.0.0.1:0", &gone, &clock, &key).await;
    gone.pool.close().await;
    let signer = Arc::new(ServiceSigner::new("space", key, clock.clone()));
    let addresses = [other.address.clone(), replica.address.clone()];
    let source = Source::remote(
        Service::Membership,
        Connections::new(addresses, &ClientTls::of_the_web().unwrap()),
        signer,
        clock,
    );
    assert_eq!(ask(&source, 6).await, 6);
    assert_eq!((replica.members.calls(), other.members.calls()), (6, 0));
}

#[tokio::test]
async fn a_name_is_asked_for_all_that_it_stands_for() {
    let (database, clock) = (Database::new().await, TestClock::at(100));
    let key = SigningKey::generate().unwrap();
    let replica = Replica::at("127.0.0.1:0", &database, &clock, &key).await;
    let signer = Arc::new(ServiceSigner::new("space", key, clock.clone()));
    // On most machines it stands for an address of IPv6 too, where nobody listens.
    let name = format!("http://localhost:{}", replica.address.port_u16().unwrap()).parse().unwrap();
    let source = Source::remote(
        Service::Membership,
        Connections::new([name], &ClientTls::of_the_web().unwrap()),
        signer.clone(),
        clock.clone(),
    );
    assert_eq!(ask(&source, 4).await, 4);
    let nobody =
        Connections::new(["http://nobody.invalid:1".parse().unwrap()], &ClientTls::of_the_web().unwrap());
    assert_eq!(ask(&Source::remote(Service::Membership, nobody, signer, clock), 1).await, 0);
}
