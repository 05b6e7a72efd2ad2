//! A call by HTTP, as it is on the wire.
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What the port answers, whole.
pub(crate) async fn http_answer(port: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(port).await.expect("the port for metrics");
    let request = format!("{request} HTTP/1.1\r\nHost: metrics\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

/// What the port answers to these requests, as they are, until it closes the connection.
pub(crate) async fn http_answers(port: SocketAddr, requests: &str) -> String {
    let mut stream = TcpStream::connect(port).await.expect("the port");
    stream.write_all(requests.as_bytes()).await.expect("sent");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.expect("answers");
    answers
}
