//! What becomes of requests that are answered before all of them has come, and of those that are left unread.
use futures::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    super::{Limit, Limits, MESSAGE_LIMIT},
    frames::{
        DATA, END_HEADERS, END_STREAM, GOAWAY, GREETING, HEADERS, PING, RST_STREAM, call, flagged, frame,
        frames,
    },
    probe::{ASK, Probe, start, start_with},
    wire::{Wire, framed},
};
use crate::metrics;

/// How many calls are begun at a time.
const AT_ONCE: u32 = 200;

// Behind a proxy's connection there are many clients. Without its token each call is refused by its headers, while its
// message is on the way: the library under the port ends a connection after 1,024 messages that come too late.
#[tokio::test]
async fn messages_that_meet_their_refusal_do_not_end_the_connection() {
    let running = start(Probe::says(Ok(""))).await;
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    stream.write_all(GREETING).await.expect("sent");
    let mut heard = Vec::new();
    for round in 0..7 {
        let ids = (0..AT_ONCE).map(|call| 2 * (round * AT_ONCE + call) + 1);
        let headers: Vec<_> =
            ids.clone().flat_map(|id| frame(HEADERS, END_HEADERS, id, &call(ASK))).collect();
        stream.write_all(&headers).await.expect("sent");
        hear(&mut stream, &mut heard, HEADERS, ((round + 1) * AT_ONCE) as usize).await;
        let messages: Vec<_> = ids.flat_map(|id| frame(DATA, END_STREAM, id, &[0; 5])).collect();
        stream.write_all(&messages).await.expect("sent");
    }
    stream.write_all(&frame(PING, 0, 0, b"as ever.")).await.expect("sent");
    hear(&mut stream, &mut heard, PING, 1).await;
    assert!(metrics::times_limited(Limit::Pace) > 0, "so many refusals have to wait");
    let heard = frames(&heard);
    assert!(
        !heard.contains(&GOAWAY) && !heard.contains(&RST_STREAM),
        "no call was cut off, which is counted"
    );
}

/// Reads until so many frames of a type have come.
async fn hear(stream: &mut TcpStream, heard: &mut Vec<u8>, kind: u8, count: usize) {
    while frames(heard).into_iter().filter(|it| *it == kind).count() < count {
        assert_ne!(
            stream.read_buf(heard).await.expect("an open connection"),
            0,
            "{:?}",
            frames(heard).last()
        );
    }
}

// A message that waits for room is not read, and fills its connection's window: those that have room must go on, and who
// has a small one beside them.
#[tokio::test]
async fn messages_that_wait_for_room_hold_up_nothing_else_on_their_connection() {
    let limits = Limits { arriving_bytes: 2 * MESSAGE_LIMIT, ..Limits::default() };
    let running = start_with(Probe::says(Ok("hello")), limits).await;
    let mut wire = Wire::to(&running).await;
    let large = framed(0, &prost::Message::encode_to_vec(&"x".repeat(200 * 1024)));
    let calls: Vec<_> = (0..40).map(|_| wire.begin(ASK, &[], large.clone())).collect();
    let small = wire.begin(ASK, &[], framed(0, b""));
    let (responses, small) = tokio::join!(join_all(calls), small);
    assert!(
        !small.expect("a response").headers().contains_key("grpc-status"),
        "refusals alone have it there"
    );
    let refused = |response: &hyper::Result<http::Response<_>>| {
        let response = response.as_ref().expect("a response");
        response.headers().get("grpc-status").map(|code| code.to_str().expect("a code").to_owned())
    };
    let refused: Vec<_> = responses.iter().filter_map(refused).collect();
    assert!(refused.iter().all(|code| code == "8"), "none is late: {refused:?}");
    assert!(refused.len() < 40 - 15, "as many as wait are answered: {}", refused.len());
}

#[tokio::test]
async fn questions_that_are_left_unread_are_fewer_than_fill_their_connection() {
    const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let running = start(Probe::says(Ok(""))).await;
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    let calls = (0..16).flat_map(|number| frame(HEADERS, END_HEADERS, 2 * number + 1, &call(REFLECTION)));
    stream.write_all(&[GREETING, &calls.collect::<Vec<_>>()].concat()).await.expect("sent");
    let mut heard = Vec::new();
    hear(&mut stream, &mut heard, HEADERS, 16).await;
    let ended = |(kind, flags): &(u8, u8)| *kind == HEADERS && flags & END_STREAM != 0;
    assert_eq!(flagged(&heard).iter().filter(|it| ended(it)).count(), 1, "the sixteenth is refused");
}
