//! A client that says just what a test wants it to say, over one HTTP/2 connection.
use std::net::SocketAddr;

use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http2::SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::bytes::{BufMut as _, Bytes};
use tokio::{net::TcpStream, task::JoinHandle};

pub(super) struct Wire {
    pub(super) requests: SendRequest<Full<Bytes>>,
    /// Ends with the connection.
    pub(super) connection: JoinHandle<hyper::Result<()>>,
    token: String,
    address: SocketAddr,
}

/// A whole response.
pub(super) struct Heard {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

impl Wire {
    pub(super) async fn to(running: &super::probe::Running) -> Self {
        let address = running.address;
        let stream = TcpStream::connect(address).await.expect("a connection");
        // Little is taken in before it is read.
        let (requests, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(65_535)
            .initial_connection_window_size(65_535)
            .handshake(TokioIo::new(stream))
            .await
            .expect("HTTP/2");
        Self {
            requests,
            connection: tokio::spawn(connection),
            token: running.token.as_str().to_owned(),
            address,
        }
    }

    /// Sends a request with these headers; answers as soon as the response begins.
    pub(super) fn begin<B: Into<Bytes>>(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: B,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<B> {
        let request = Request::post(format!("http://{}{path}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {}", self.token));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.requests.send_request(request.body(Full::new(body.into())).expect("a request"))
    }

    /// Sends a request and hears the whole response.
    pub(super) async fn ask(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Heard {
        let (parts, body) = self.begin(path, headers, body).await.expect("a response").into_parts();
        let collected = body.collect().await.expect("a body");
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Heard { headers: parts.headers, body: collected.to_bytes(), trailers }
    }
}

impl Heard {
    /// The code, from the trailers or, if there is nothing else, the headers.
    pub(super) fn code(&self) -> &str {
        let code = self.trailers.get("grpc-status").or_else(|| self.headers.get("grpc-status"));
        code.and_then(|code| code.to_str().ok()).unwrap_or("none")
    }
}

/// A message with its prefix.
pub(super) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut frame = vec![flag];
    frame.put_u32(u32::try_from(message.len()).expect("small"));
    frame.extend_from_slice(message);
    frame
}
