//! A server with one small service on a loopback port, and clients for it.
use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use http::{Request, Response, uri::PathAndQuery};
use prost::bytes::{Buf as _, BufMut as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use tonic::{
    Code, Status,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, NamedService, UnaryService},
    transport::Channel,
};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;
use tower::Service;

use super::super::{Entrances, Limits, NO_ENTRANCES, Server, ServerError, Tasks};
use crate::{
    clock::SystemClock,
    identity::{Authenticator, BearerToken, DevIssuer, Jwks, ServiceSigner, SigningKey, Trust},
    name::Principal,
};

pub(super) const ASK: &str = "/devspaces.test.v1.Probe/Ask";

/// A service with one method, `Ask`, which takes and gives a text.
#[derive(Clone)]
pub(super) struct Probe(Arc<Answer>);

type Answer = dyn Fn(tonic::Request<String>) -> BoxFuture<'static, Result<String, Status>> + Send + Sync;

impl Probe {
    pub(super) fn new<F>(answer: impl Fn(tonic::Request<String>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, Status>> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(answer(request))))
    }

    pub(super) fn says(answer: Result<&'static str, Status>) -> Self {
        Self::new(move |_| std::future::ready(answer.clone().map(str::to_owned)))
    }
}

impl NamedService for Probe {
    const NAME: &'static str = "devspaces.test.v1.Probe";
}

impl Service<Request<Body>> for Probe {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let probe = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(probe, request).await) })
    }
}

impl UnaryService<String> for Probe {
    type Response = String;
    type Future = BoxFuture<'static, Result<tonic::Response<String>, Status>>;

    fn call(&mut self, request: tonic::Request<String>) -> Self::Future {
        let answer = (self.0)(request);
        Box::pin(async move { answer.await.map(tonic::Response::new) })
    }
}

/// Sends and receives bytes as they are, well-formed or not.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&bytes);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) channel: Channel,
    /// Alice's.
    pub(super) token: BearerToken,
    /// Another service's of the suite.
    pub(super) peer: BearerToken,
    pub(super) tasks: Tasks,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) server: JoinHandle<Result<(), ServerError>>,
}

pub(super) async fn start(probe: Probe) -> Running {
    start_with(probe, Limits::default()).await
}

pub(super) async fn start_with(probe: Probe, limits: Limits) -> Running {
    start_translated(probe, limits, NO_ENTRANCES).await
}

/// The same with another protocol on the port.
pub(super) async fn start_translated(probe: Probe, limits: Limits, entrances: Entrances) -> Running {
    let clock = SystemClock::shared();
    let dev = DevIssuer::new(SigningKey::generate().expect("randomness"), clock.clone());
    let token = dev.token(&Principal::user("alice"), None, Duration::from_mins(10));
    let key = SigningKey::generate().expect("randomness");
    let suite = Trust {
        names: vec!["probe".to_owned(), "peer".to_owned()],
        hosted: vec!["probe".to_owned()],
        peers: Jwks::parse(&key.public_jwks("peer")).expect("a key").into(),
    };
    let peer = ServiceSigner::new("peer", key, clock.clone()).token_for("probe");
    let authenticator =
        Authenticator::new(clock, dev.issuers().expect("issuers"), suite).expect("configuration");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let tasks = Tasks::new();
    let server = Server::new(listener, Arc::new(authenticator), tasks.clone());
    let server = server.limits(limits).entrances(entrances).service(probe);
    let address = server.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(server.run(async { drop(stopped.await) }));
    let channel = Channel::from_shared(format!("http://{address}")).expect("an address").connect_lazy();
    Running { address, channel, token, peer, tasks, stop, server }
}

impl Running {
    pub(super) async fn ask(&self, text: &str) -> Result<String, Status> {
        self.ask_as(&self.token, text).await
    }

    pub(super) async fn ask_as(&self, token: &BearerToken, text: &str) -> Result<String, Status> {
        self.send_as(ASK, prost::Message::encode_to_vec(&text.to_owned()), Some(token)).await
    }

    /// Sends a message, and reads the answer as a text.
    pub(super) async fn send(
        &self,
        path: &'static str,
        message: Vec<u8>,
        signed: bool,
    ) -> Result<String, Status> {
        self.send_as(path, message, signed.then_some(&self.token)).await
    }

    async fn send_as(
        &self,
        path: &'static str,
        message: Vec<u8>,
        token: Option<&BearerToken>,
    ) -> Result<String, Status> {
        let mut request = tonic::Request::new(message);
        if let Some(token) = token {
            token.authorize(request.metadata_mut());
        }
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.expect("a connection");
        let answer = client.unary(request, PathAndQuery::from_static(path), Raw).await?;
        Ok(prost::Message::decode(answer.into_inner().as_slice()).expect("a text"))
    }
}

/// The code and reason of an error, which must be whole: a reason and our domain.
pub(super) fn told(answer: Result<String, Status>) -> (Code, String) {
    let status = answer.expect_err("an error");
    let details = status.get_error_details();
    let info = details.error_info().expect("an ErrorInfo");
    assert_eq!(info.domain, "devspaces.dev");
    let pushback = status.metadata().contains_key("grpc-retry-pushback-ms");
    assert_eq!(details.retry_info().is_some(), pushback);
    (status.code(), info.reason.clone())
}

pub(super) fn of(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// A call in gRPC-Web's text form, as a browser makes it; `body` is base64. Answers the whole response, in text and
/// with the trailers decoded.
pub(super) async fn over_http1(running: &Running, body: &str, headers: &str) -> String {
    over_http1_to(running, ASK, body, headers).await
}

/// The same to another method.
pub(super) async fn over_http1_to(running: &Running, path: &str, body: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    let token = running.token.as_str();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/grpc-web-text\r\n\
         accept: application/grpc-web-text\r\nauthorization: Bearer {token}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let chunks =
        body.split("\r\n").filter_map(|chunk| STANDARD.decode(chunk).ok()).flatten().collect::<Vec<_>>();
    format!("{head}\r\n{}", String::from_utf8_lossy(&chunks))
}
