use std::time::Duration;

use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
};
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{
    super::{Limits, ServerError, Tasks},
    probe::{Probe, Running, of, start, start_with, told},
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
