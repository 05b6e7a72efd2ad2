//! gRPC over HTTP/2, "Message-Encoding", and the same over gRPC-Web.
use std::io::{Read as _, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use prost::Message as _;
use tonic::Code;

use super::{
    super::MESSAGE_LIMIT,
    probe::{ASK, Probe, Running, over_http1, start},
    wire::{Wire, framed},
};
use crate::status::Fault;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

async fn echo() -> Running {
    start(Probe::new(|request: tonic::Request<String>| async move { Ok(request.into_inner()) })).await
}

#[tokio::test]
async fn a_compressed_request_is_understood_and_the_answer_compressed_where_it_is_asked_for() {
    let running = echo().await;
    let mut wire = Wire::to(&running).await;
    let text = "said again and again; ".repeat(1000);
    let request = framed(1, &gzip(&text.encode_to_vec()));
    let plain = wire.ask(ASK, &[("grpc-encoding", "gzip")], request.clone()).await;
    assert_eq!((plain.code(), &plain.body[..]), ("0", &framed(0, &text.encode_to_vec())[..]));
    assert!(!plain.headers.contains_key("grpc-encoding"), "nobody asked for it");
    assert_eq!(plain.headers["grpc-accept-encoding"], "identity,gzip");

    let asks = [("grpc-encoding", "gzip"), ("grpc-accept-encoding", "deflate, gzip")];
    let small = wire.ask(ASK, &asks, request).await;
    assert_eq!((small.code(), &small.headers["grpc-encoding"]), ("0", &"gzip".parse().expect("a header")));
    assert!(small.body[0] == 1 && small.body.len() < text.len() / 10);
    let mut back = Vec::new();
    GzDecoder::new(&small.body[5..]).read_to_end(&mut back).expect("gzip");
    assert_eq!(back, text.encode_to_vec());
    // One that is not compressed is understood beside the header.
    assert_eq!(wire.ask(ASK, &asks, framed(0, &"x".to_owned().encode_to_vec())).await.code(), "0");
}

#[tokio::test]
async fn a_compressed_message_may_come_to_the_limit_and_no_more() {
    let running = echo().await;
    let mut wire = Wire::to(&running).await;
    let mut ask = async |length: usize| {
        let message = framed(1, &gzip(&"x".repeat(length).encode_to_vec()));
        assert!(message.len() < MESSAGE_LIMIT / 100);
        wire.ask(ASK, &[("grpc-encoding", "gzip")], message).await
    };
    assert_eq!(ask(MESSAGE_LIMIT - 4).await.code(), "0");
    for length in [MESSAGE_LIMIT - 3, 10 * MESSAGE_LIMIT] {
        let refused = ask(length).await;
        let status = tonic::Status::from_header_map(&refused.headers).expect("a status");
        let fault = Fault::message_too_large(MESSAGE_LIMIT);
        assert_eq!((status.code(), status.message()), (fault.code(), fault.message()));
        assert!(!refused.headers.contains_key("grpc-retry-pushback-ms"), "it would be as large again");
    }
}

#[tokio::test]
async fn an_unknown_compression_is_named_and_told_what_there_is() {
    let running = echo().await;
    let mut wire = Wire::to(&running).await;
    for encoding in ["br", "deflate", "snappy", "gzip, gzip"] {
        let answer = wire.ask(ASK, &[("grpc-encoding", encoding)], framed(1, b"x")).await;
        let status = tonic::Status::from_header_map(&answer.headers).expect("a status");
        assert_eq!(status.code(), Code::Unimplemented, "{encoding}");
        assert_eq!(answer.headers["grpc-accept-encoding"], "identity,gzip");
    }
}

#[tokio::test]
async fn health_answers_compressed_questions_too() {
    let running = echo().await;
    let mut wire = Wire::to(&running).await;
    let path = "/grpc.health.v1.Health/Check";
    let answer = wire.ask(path, &[("grpc-encoding", "gzip")], framed(1, &gzip(b""))).await;
    assert_eq!((answer.code(), &answer.body[..]), ("0", &framed(0, b"\x08\x01")[..]));
    let bomb = framed(1, &gzip(&vec![0; 64 * 1024]));
    assert_eq!(wire.ask(path, &[("grpc-encoding", "gzip")], bomb).await.code(), "8");
}

#[tokio::test]
async fn grpc_web_can_be_compressed_as_well() {
    let running = echo().await;
    let body = STANDARD.encode(framed(1, &gzip(&"hello".to_owned().encode_to_vec())));
    let answer = over_http1(&running, &body, "grpc-encoding: gzip\r\n").await;
    assert!(answer.contains("hello") && answer.contains("grpc-status:0"), "{answer}");
}
