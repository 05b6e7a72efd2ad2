use std::time::Duration;

use devspaces_proto::health::v1::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    sync::{mpsc, oneshot},
};
use tokio_stream::StreamExt as _;
use tonic::Code;

use super::{
    super::{Limits, ServerError, Tasks},
    probe::{ASK, Probe, Running, of, start, start_with, told},
    wire::{Wire, framed},
};

#[tokio::test]
async fn a_stopping_server_finishes_what_it_has_begun() {
    let (entered, mut inside) = mpsc::unbounded_channel();
    let (worked, work) = oneshot::channel();
    let running = start(Probe::new(move |_| {
        let (release, gate) = oneshot::channel::<()>();
        entered.send(release).expect("a listener");
        async move {
            drop(gate.await);
            Ok("finished".to_owned())
        }
    }))
    .await;
    let mut health = HealthClient::new(running.channel.clone());
    let mut watch = health.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
    assert_eq!(watch.next().await.expect("a state").expect("a state").status(), ServingStatus::Serving);

    let tasks = running.tasks.clone();
    let stopping = running.tasks.stopping();
    tasks.spawn(async move {
        stopping.await;
        worked.send("worked").expect("a listener");
    });
    let Running { stop, server, address, channel, token, peer, .. } = running;
    let (spare, _) = oneshot::channel();
    let caller = Running {
        address,
        channel,
        token,
        peer,
        tasks: Tasks::new(),
        stop: spare,
        server: tokio::spawn(async { Ok(()) }),
    };
    let call = tokio::spawn(async move { caller.ask("").await });
    let release = inside.recv().await.expect("the call");

    stop.send(()).expect("a server");
    assert_eq!(watch.next().await.expect("a state").expect("a state").status(), ServingStatus::NotServing);
    let ended = watch.next().await.expect("an end").expect_err("an end");
    assert_eq!(told(Err(ended)), of(Code::Unavailable, "SHUTTING_DOWN"));
    assert_eq!(work.await, Ok("worked"));
    assert!(!server.is_finished());
    release.send(()).expect("the call waits");
    assert_eq!(call.await.expect("a task").expect("an answer"), "finished");
    server.await.expect("a task").expect("an orderly end");
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_server_does_not_wait_for_ever() {
    let limits = Limits { drain: Duration::from_millis(1), ..Limits::default() };
    let running = start_with(Probe::says(Ok("")), limits).await;
    running.tasks.spawn(std::future::pending());
    running.stop.send(()).expect("a server");
    assert!(matches!(running.server.await.expect("a task"), Err(ServerError::Undrained(_))));
}

// A stop waits for calls: neither for connections that have none nor for clients that take nothing.
#[tokio::test]
async fn a_stop_does_not_wait_for_idle_and_half_open_connections_and_answers_that_nobody_reads() {
    let running = start(Probe::new(|_| async { Ok("x".repeat(1024 * 1024)) })).await;
    let silent = TcpStream::connect(running.address).await.expect("a connection");
    let mut half_open = TcpStream::connect(running.address).await.expect("a connection");
    half_open.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sent");
    let mut wire = Wire::to(&running).await;
    let unread = wire.begin(ASK, &[], framed(0, b"")).await.expect("a response");
    running.stop.send(()).expect("a server");
    running.server.await.expect("a task").expect("an orderly end");
    drop((silent, half_open, unread));
}

#[tokio::test]
async fn before_it_drains_a_server_says_that_it_will_and_serves_on() {
    let limits = Limits { drain_delay: Duration::from_mins(1), ..Limits::default() };
    let running = start_with(Probe::says(Ok("served")), limits).await;
    let mut health = HealthClient::new(running.channel.clone());
    let mut watch = health.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
    assert_eq!(watch.next().await.expect("a state").expect("a state").status(), ServingStatus::Serving);
    let mut wire = Wire::to(&running).await;
    running.stop.send(()).expect("a server");
    assert_eq!(watch.next().await.expect("a state").expect("a state").status(), ServingStatus::NotServing);
    assert_eq!(wire.ask(ASK, &[], framed(0, b"")).await.code(), "0");
    drop(TcpStream::connect(running.address).await.expect("who comes late is let in"));
    running.server.abort();
}
