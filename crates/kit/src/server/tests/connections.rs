//! What a port does with connections: bounded, closed when they say nothing, and not ended by cancelled calls.
use std::{env, future::pending, process::Command, time::Duration};

use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{mpsc, oneshot},
};
use tonic::transport::{Channel, Uri};

use super::{
    super::{Limits, NO_ENTRANCES, health::answers, starting},
    frames::{END_HEADERS, END_STREAM, GOAWAY, GREETING, HEADERS, PING, RST_STREAM, frame, frames},
    probe::{ASK, Probe, start, start_with},
    wire::{Wire, framed},
};
use crate::metrics::accept_failures;

/// Everything that comes until the other side closes.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut heard).await;
    heard
}

#[tokio::test]
async fn one_connection_more_than_an_address_may_have_is_closed_at_once() {
    let limits = Limits { connections_per_address: 1, ..Limits::default() };
    let running = start_with(Probe::says(Ok("hello")), limits).await;
    assert_eq!(running.ask("").await.expect("an answer"), "hello");
    let second = TcpStream::connect(running.address).await.expect("a connection");
    assert_eq!(rest(second).await, b"");
    assert_eq!(running.ask("").await.expect("an answer"), "hello", "the first goes on");
}

#[tokio::test]
async fn a_connection_that_does_not_say_what_it_wants_is_closed() {
    let limits = Limits { handshake: Duration::from_millis(1), ..Limits::default() };
    let running = start_with(Probe::says(Ok("")), limits).await;
    let silent = TcpStream::connect(running.address).await.expect("a connection");
    assert_eq!(rest(silent).await, b"");
    let mut halting = TcpStream::connect(running.address).await.expect("a connection");
    let _ = halting.write_all(&GREETING[..3]).await;
    assert_eq!(rest(halting).await, b"");
}

#[tokio::test]
async fn an_idle_connection_is_told_before_it_is_closed_and_calls_keep_it_open() {
    let limits =
        Limits { idle: Duration::from_millis(1), handshake: Duration::from_millis(1), ..Limits::default() };
    let (entered, mut inside) = mpsc::unbounded_channel();
    let running = start_with(
        Probe::new(move |_| {
            entered.send(()).expect("a listener");
            pending()
        }),
        limits,
    )
    .await;
    let mut busy = Wire::to(&running).await;
    let call = tokio::spawn(busy.begin(ASK, &[], framed(0, b"")));
    inside.recv().await.expect("the call");
    let mut idle = TcpStream::connect(running.address).await.expect("a connection");
    idle.write_all(GREETING).await.expect("sent");
    // It is closed for good only after a while if its client does not hang up; this one does.
    let mut heard = Vec::new();
    while !frames(&heard).contains(&GOAWAY) {
        assert_ne!(idle.read_buf(&mut heard).await.expect("an open connection"), 0, "{heard:?}");
    }
    assert!(!call.is_finished() && !busy.connection.is_finished(), "the call goes on");
}

#[tokio::test]
async fn an_old_connection_takes_no_new_calls_and_finishes_those_that_it_has() {
    let limits = Limits { age: Some(Duration::from_millis(50)), ..Limits::default() };
    let (entered, mut inside) = mpsc::unbounded_channel();
    let running = start_with(
        Probe::new(move |_| {
            let (release, released) = oneshot::channel();
            entered.send(release).expect("a listener");
            async move { Ok(released.await.expect("an answer")) }
        }),
        limits,
    )
    .await;
    let (mut wire, call, release) = loop {
        let mut wire = Wire::to(&running).await;
        let mut call = tokio::spawn(wire.begin(ASK, &[], framed(0, b"")));
        tokio::select! {
            Some(release) = inside.recv() => break (wire, call, release),
            // It was old before the call came.
            _ = &mut call => {}
        }
    };
    while wire.begin("/grpc.health.v1.Health/Check", &[], framed(0, b"")).await.is_ok() {}
    release.send("hello".to_owned()).expect("the call goes on");
    let answer =
        call.await.expect("a task").expect("a response").into_body().collect().await.expect("a body");
    assert_eq!(answer.to_bytes(), framed(0, b"\x0a\x05hello"));
    wire.connection.await.expect("a task").expect("an orderly end");
}

// A proxy's connection carries many clients: when some of them leave at once, the others must not notice. Each call and its
// end arrive together, which is when the library under the port counts them.
#[tokio::test]
async fn hundreds_of_calls_cancelled_at_once_do_not_end_their_connection() {
    let running = start(Probe::says(Ok(""))).await;
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    let mut sent = GREETING.to_vec();
    for call in 0..400 {
        let id = 2 * call + 1;
        // Headers that are all of the request: POST, http and "/" by their numbers (RFC 7541, A).
        sent.extend(frame(HEADERS, END_HEADERS | END_STREAM, id, &[0x83, 0x86, 0x84]));
        sent.extend(frame(RST_STREAM, 0, id, &u32::to_be_bytes(8)));
    }
    sent.extend(frame(PING, 0, 0, b"as ever."));
    stream.write_all(&sent).await.expect("sent");
    let mut heard = Vec::new();
    while !frames(&heard).contains(&PING) {
        assert_ne!(stream.read_buf(&mut heard).await.expect("an open connection"), 0, "{:?}", frames(&heard));
    }
    assert!(!frames(&heard).contains(&GOAWAY), "{:?}", frames(&heard));
}

#[tokio::test]
async fn a_port_that_waits_says_so_at_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let running = start(Probe::says(Ok(""))).await;
    let running = super::probe::Running { address: listener.local_addr().expect("an address"), ..running };
    let asked = starting(&listener, (Limits::default(), None), &[], NO_ENTRANCES, "a test", async {
        let mut wire = Wire::to(&running).await;
        let call = wire.ask(ASK, &[], framed(0, b"")).await;
        let health = wire.ask("/grpc.health.v1.Health/Check", &[], framed(0, b"\x0a\x01x")).await;
        let mut watch =
            wire.begin("/grpc.health.v1.Health/Watch", &[], framed(0, b"")).await.expect("a stream");
        let first = watch.frame().await.expect("a frame").expect("a frame").into_data().expect("data");
        let address = format!("http://{}", running.address).parse::<Uri>().expect("an address");
        let there = answers(Channel::builder(address).connect_lazy()).await;
        (call, health, first, watch, there)
    });
    let (call, health, watched, mut watch, there) = asked.await;
    assert!(!there.expect("an answer"), "whoever needs its services is to wait");
    let server = start(Probe::says(Ok(""))).await;
    assert!(answers(server.channel).await.expect("an answer"));
    assert_eq!(
        (call.code(), &call.headers["grpc-retry-pushback-ms"]),
        ("14", &"1000".parse().expect("a header"))
    );
    let not_serving = framed(0, b"\x08\x02");
    assert_eq!((health.code(), &health.body[..], &watched[..]), ("0", &not_serving[..], &not_serving[..]));
    let end = watch.frame().await.expect("an end").expect("an end").into_trailers().expect("trailers");
    assert_eq!(end["grpc-status"], "14", "told that it is over, and not cut off");
    // Whoever has the listener next is asked next.
    drop(TcpStream::connect(running.address).await.expect("a connection"));
    listener.accept().await.expect("a connection");
}

#[tokio::test]
#[ignore = "the process that is started by the test below, with few files"]
async fn without_files() {
    let running = start(Probe::says(Ok("hello"))).await;
    let mut wire = Wire::to(&running).await;
    let before = accept_failures();
    let mut connections = Vec::new();
    // The client is in the same process and runs out of files as well.
    while let Ok(connection) = TcpStream::connect(running.address).await {
        connections.push(connection);
    }
    while accept_failures() == before {
        tokio::task::yield_now().await;
    }
    let ask = framed(0, b"");
    assert_eq!(wire.ask(ASK, &[], ask.clone()).await.code(), "0", "who is connected goes on");
    drop(connections);
    let mut again = Wire::to(&running).await;
    assert_eq!(again.ask(ASK, &[], ask).await.code(), "0", "others connect again");
}

#[test]
fn a_process_without_files_goes_on_and_says_so() {
    let (_, child) = concat!(module_path!(), "::without_files").split_once("::").expect("a crate");
    let program = env::current_exe().expect("this program");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""]).arg(program);
    let output = command.args([child, "--exact", "--ignored"]).output().expect("a process");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}
