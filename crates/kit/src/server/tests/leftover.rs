//! What becomes of requests that are answered before all of them has come.
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    frames::{
        DATA, END_HEADERS, END_STREAM, GOAWAY, GREETING, HEADERS, PING, RST_STREAM, call, frame, frames,
    },
    probe::{ASK, Probe, start},
};

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
