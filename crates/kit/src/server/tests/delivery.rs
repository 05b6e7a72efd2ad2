//! What a caller keeps who asks and does not read.
use std::time::Duration;

use http_body_util::BodyExt as _;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};
use tonic::Status;

use super::{
    super::{CallerLimits, Limits},
    frames::{END_HEADERS, GREETING, HEADERS, call, frame},
    probe::{ASK, Probe, Running, start_with},
    wire::{Wire, framed},
};

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// A service whose answers are larger than what a client takes in before it reads.
async fn large(limits: Limits) -> Running {
    start_with(Probe::new(|_| async { Ok("x".repeat(1024 * 1024)) }), limits).await
}

fn of_callers(callers: CallerLimits) -> Limits {
    Limits { callers, ..Limits::default() }
}

// The fifth answer has been handed to the library under the port as a whole, and the client has no room for it.
#[tokio::test]
async fn a_call_has_its_place_until_its_answer_is_taken() {
    let callers = CallerLimits { user_calls: 1, ..CallerLimits::default() };
    let running = start_with(Probe::new(|_| async { Ok("x".repeat(15 * 1024)) }), of_callers(callers)).await;
    let (mut wire, mut other) = (Wire::to(&running).await, Wire::to(&running).await);
    let ask = framed(0, b"");
    let mut responses = Vec::new();
    for _ in 0..5 {
        responses.push(wire.begin(ASK, &[], ask.clone()).await.expect("a response"));
    }
    let refused = other.ask(ASK, &[], ask.clone()).await;
    let status = Status::from_header_map(&refused.headers).expect("a status");
    assert!(status.message().contains("as much in progress as one caller may have"), "{status}");
    for response in responses {
        response.into_body().collect().await.expect("a body");
    }
    assert_eq!(other.ask(ASK, &[], ask).await.code(), "0");
}

// Answers that are made and not read are memory: as many as the caller has turns, and the other calls wait.
#[tokio::test]
async fn a_call_has_its_turn_until_its_answer_is_read() {
    let running = large(of_callers(CallerLimits { user_turns: 1, ..CallerLimits::default() })).await;
    let mut wires = [Wire::to(&running).await, Wire::to(&running).await];
    let ask = framed(0, b"");
    let first = wires[0].begin(ASK, &[], ask.clone()).await.expect("a response");
    let late = wires[1].ask(ASK, &[("grpc-timeout", "50m")], ask.clone()).await;
    assert_eq!(late.code(), "4");
    let (waiting, read) = tokio::join!(wires[1].ask(ASK, &[], ask), first.into_body().collect());
    assert_eq!((waiting.code(), read.is_ok()), ("0", true));
}

#[tokio::test]
async fn a_connection_whose_client_reads_nothing_is_closed() {
    let callers = CallerLimits { unread: Duration::from_millis(5), ..CallerLimits::default() };
    let limits = Limits { callers, handshake: Duration::from_millis(5), ..Limits::default() };
    let running = large(limits).await;
    let mut wire = Wire::to(&running).await;
    let unread = wire.begin(ASK, &[], framed(0, b"")).await.expect("a response");
    drop((&mut wire.connection).await.expect("a task"));
    drop(unread);
}

// The library's reflection reads questions in a task of its own, which does not end with the answers.
#[tokio::test]
async fn a_stream_of_questions_gives_its_place_back_when_its_answers_end() {
    let limits = Limits { open_calls: 1, ..Limits::default() };
    let running = start_with(Probe::says(Ok("")), limits).await;
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    let deadline = [&[0x00, 12][..], b"grpc-timeout", &[3], b"20m"].concat();
    let headers = [call(REFLECTION), deadline].concat();
    stream.write_all(&[GREETING, &frame(HEADERS, END_HEADERS, 1, &headers)].concat()).await.expect("sent");
    // Its side of the stream stays open.
    let mut wire = Wire::to(&running).await;
    let again = async { while wire.ask(REFLECTION, &[], framed(0, b"")).await.code() == "8" {} };
    // Long before the connection is closed, whose client does not even answer pings.
    timeout(Duration::from_secs(15), again).await.expect("a place");
    drop(stream);
}
