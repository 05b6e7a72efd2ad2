#!/usr/bin/env bash
# hyper 1.12.0 with h2 0.4.20, as a server, with nothing set but what is the default.
#
# Expected: a request that is answered by its headers alone (401, say) costs its own stream and nothing else. That its body
# was on its way when it was refused is nobody's mistake: clients send headers and body one right after the other.
#
# Seen: each body that comes after such an answer counts against the connection, for as long as it lives, and is never
# counted off. After 1,024 of them the next ends the connection with GOAWAY, ENHANCE_YOUR_CALM, and all other calls on it. Behind a proxy,
# whose connection carries many clients, those without a token end it for those with one. The count is
# `max_local_error_reset_streams` of hyper's builder. A server is safe from it if it reads what is left of a request that it
# has refused.
#
# Needs cargo and a registry of crates. Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "late-bodies"
version = "0.0.0"
edition = "2021"

[dependencies]
bytes = "=1.12.1"
h2 = "=0.4.20"
http = "=1.5.0"
http-body-util = "=0.1.5"
hyper = { version = "=1.12.0", features = ["http2", "server"] }
hyper-util = { version = "=0.1.21", features = ["tokio"] }
tokio = { version = "1", features = ["io-util", "macros", "net", "rt"] }
TOML
cat > src/main.rs <<'RUST'
use std::{convert::Infallible, error::Error};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Refuses every request by its headers.
async fn refuse(_: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = http::StatusCode::UNAUTHORIZED;
    Ok(response)
}

/// A frame (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), content].concat()
}

/// The frames that came: their types, and their contents.
fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while bytes.len() >= 9 {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let Some(content) = bytes.get(9..9 + length) else { break };
        frames.push((bytes[3], content));
        bytes = &bytes[9 + length..];
    }
    frames
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let builder = http2::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(TokioIo::new(stream), service_fn(refuse)).await;
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
    stream.write_all(&frame(4, 0, 0, b"")).await?;
    let mut heard = Vec::new();
    // A hundred requests at a time, as a proxy has them: POST, http and "/" by their numbers (RFC 7541, A). Their bodies
    // leave before the client can know of the answers, which are read here only to go step by step.
    for round in 0..30 {
        let ids = (0..100).map(|call| 2 * (100 * round + call) + 1);
        let headers: Vec<u8> = ids.clone().flat_map(|id| frame(1, 4, id, &[0x83, 0x86, 0x84])).collect();
        stream.write_all(&headers).await?;
        while frames(&heard).iter().filter(|(kind, _)| *kind == 1).count() < 100 * (round as usize + 1) {
            if stream.read_buf(&mut heard).await? == 0 {
                let (_, last) = frames(&heard).into_iter().find(|(kind, _)| *kind == 7).ok_or("no GOAWAY")?;
                let code = u32::from_be_bytes(last[4..8].try_into()?);
                println!("between {} and {} bodies, then GOAWAY {code}", 100 * (round - 1), 100 * round);
                return Ok(());
            }
        }
        let bodies: Vec<u8> = ids.flat_map(|id| frame(0, 1, id, b"hello")).collect();
        let _ = stream.write_all(&bodies).await;
    }
    println!("all 3000 requests were answered");
    Ok(())
}
RUST
cargo run --quiet > seen.txt
cat seen.txt
# 11 is ENHANCE_YOUR_CALM (RFC 9113, 7).
grep -qx "between 1000 and 1100 bodies, then GOAWAY 11" seen.txt
