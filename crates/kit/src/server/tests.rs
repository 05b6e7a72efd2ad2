//! A server on a loopback port, asked by real clients.
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use prost::bytes::{Buf as _, BufMut as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_stream::StreamExt as _;
use tonic::{
    Code, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, UnaryService},
    transport::Channel,
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus as Serving, health_client::HealthClient,
};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::{
    v1::{
        self, server_reflection_client::ServerReflectionClient, server_reflection_response::MessageResponse,
    },
    v1alpha,
};
use tonic_types::StatusExt as _;

use super::*;
use crate::{
    clock::SystemClock,
    identity::{BearerToken, Caller, DevIssuer, SigningKey, Suite},
    name::Principal,
    status::Fault,
};

const ASK: &str = "/devspaces.test.v1.Probe/Ask";

/// A service with one method, `Ask`, which takes and gives a text.
#[derive(Clone)]
struct Probe(Arc<dyn Fn(tonic::Request<String>) -> BoxFuture<'static, Result<String, Status>> + Send + Sync>);

impl Probe {
    fn new<F>(answer: impl Fn(tonic::Request<String>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, Status>> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(answer(request))))
    }

    fn says(answer: Result<&'static str, Status>) -> Self {
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

struct Running {
    address: SocketAddr,
    channel: Channel,
    token: BearerToken,
    tasks: Tasks,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), ServerError>>,
}

async fn start(probe: Probe) -> Running {
    start_with(probe, Limits::default()).await
}

async fn start_with(probe: Probe, limits: Limits) -> Running {
    let clock = SystemClock::shared();
    let dev = DevIssuer::new(SigningKey::generate().expect("randomness"), clock.clone());
    let token = dev.token(&Principal::user("alice"), None, Duration::from_secs(600));
    let authenticator =
        Authenticator::new(clock, dev.issuers().expect("issuers"), Suite::default()).expect("configuration");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let tasks = Tasks::new();
    let server = Server::new(listener, Arc::new(authenticator), tasks.clone()).limits(limits).service(probe);
    let address = server.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(server.run(async { drop(stopped.await) }));
    let channel = Channel::from_shared(format!("http://{address}")).expect("an address").connect_lazy();
    Running { address, channel, token, tasks, stop, server }
}

impl Running {
    async fn ask(&self, text: &str) -> Result<String, Status> {
        self.send(ASK, prost::Message::encode_to_vec(&text.to_owned()), true).await
    }

    /// Sends a message, and reads the answer as a text.
    async fn send(&self, path: &'static str, message: Vec<u8>, signed: bool) -> Result<String, Status> {
        let mut request = tonic::Request::new(message);
        if signed {
            self.token.authorize(request.metadata_mut());
        }
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.expect("a connection");
        let answer = client.unary(request, PathAndQuery::from_static(path), Raw).await?;
        Ok(prost::Message::decode(answer.into_inner().as_slice()).expect("a text"))
    }
}

/// The code and reason of an error, which must be whole: a reason, our domain, and a time to try again where due.
fn told(answer: Result<String, Status>) -> (Code, String) {
    let status = answer.expect_err("an error");
    let details = status.get_error_details();
    let info = details.error_info().expect("an ErrorInfo");
    assert_eq!(info.domain, "devspaces.dev");
    let again = matches!(status.code(), Code::Unavailable | Code::ResourceExhausted);
    assert_eq!(details.retry_info().is_some(), again);
    (status.code(), info.reason.clone())
}

fn of(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

#[tokio::test]
async fn a_handler_learns_who_calls_and_never_sees_the_token() {
    let running = start(Probe::new(|request: tonic::Request<String>| async move {
        assert!(!request.metadata().contains_key("authorization"));
        let caller = request.extensions().get::<Caller>().expect("a caller").clone();
        Ok(format!("{} says {}", caller.principal, request.into_inner()))
    }))
    .await;
    assert_eq!(running.ask("hello").await.expect("an answer"), "users/alice says hello");
}

#[tokio::test]
async fn without_credentials_nothing_else_is_told() {
    let running = start(Probe::says(Ok("unheard"))).await;
    let missing = of(Code::Unauthenticated, "CREDENTIALS_MISSING");
    assert_eq!(told(running.send(ASK, Vec::new(), false).await), missing);
    assert_eq!(told(running.send("/devspaces.test.v1.Probe/None", Vec::new(), false).await), missing);
    assert_eq!(told(running.send(ASK, vec![0; MESSAGE_LIMIT + 1], false).await), missing);
    assert_eq!(told(running.send(ASK, vec![0xff], false).await), missing);
}

#[tokio::test]
async fn an_unknown_method_or_service_is_unimplemented() {
    let unanswered = Probe::new(|_| async { Err(Status::unimplemented("")) });
    let running = start(unanswered).await;
    let unknown = of(Code::Unimplemented, "METHOD_UNKNOWN");
    assert_eq!(told(running.ask("").await), unknown);
    assert_eq!(told(running.send("/devspaces.test.v1.None/Ask", Vec::new(), true).await), unknown);
    assert_eq!(told(running.send("/", Vec::new(), true).await), unknown);
}

#[tokio::test]
async fn a_message_may_be_as_large_as_the_limit_and_no_larger() {
    let running = start(Probe::new(|request: tonic::Request<String>| async move {
        Ok(request.into_inner().len().to_string())
    }))
    .await;
    // One byte of tag and three of length precede so long a text.
    let fits = MESSAGE_LIMIT - 4;
    assert_eq!(running.ask(&"x".repeat(fits)).await.expect("an answer"), fits.to_string());
    let too_large = of(Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    assert_eq!(told(running.ask(&"x".repeat(fits + 1)).await), too_large);
    // Above 4 MiB tonic refuses by itself, in words of its own.
    assert_eq!(told(running.ask(&"x".repeat(5 * MESSAGE_LIMIT)).await), too_large);
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_is_malformed() {
    let running = start(Probe::says(Ok("unheard"))).await;
    let malformed = of(Code::InvalidArgument, "MESSAGE_MALFORMED");
    for message in [vec![0xff], vec![0x0a, 2, 0xff, 0xff], vec![0x08, 1]] {
        assert_eq!(told(running.send(ASK, message, true).await), malformed);
    }
    // No message; half of one; a flag that there is not; a compressed one.
    for (body, encoding) in [
        ("", "identity"),
        ("AAAAAAk=", "identity"),
        ("BwAAAAA=", "identity"),
        ("AQAAAAA=", "identity"),
        ("AQAAAAA=", "gzip"),
    ] {
        let answer = over_http1(&running, body, &format!("grpc-encoding: {encoding}\r\n")).await;
        assert!(
            answer.contains("grpc-status: 3\r\n") && answer.contains("grpc-status-details-bin: "),
            "{body} {answer}"
        );
    }
}

#[tokio::test]
async fn a_handlers_failure_tells_the_caller_nothing() {
    let internal = of(Code::Internal, "INTERNAL");
    let running = start(Probe::new(|_| async { panic!("secret") })).await;
    let answer = running.ask("").await;
    assert!(!format!("{answer:?}").contains("secret"));
    assert_eq!(told(answer), internal);
    assert_eq!(told(running.ask("").await), internal, "the connection goes on");
    for bare in [Status::unknown("secret"), Status::not_found("secret"), Status::internal("secret")] {
        let answer = start(Probe::says(Err(bare))).await.ask("").await;
        assert!(!format!("{answer:?}").contains("secret"));
        assert_eq!(told(answer), internal);
    }
}

#[tokio::test]
async fn a_handlers_fault_arrives_as_it_was_said() {
    let running = start(Probe::says(Err(Fault::permission_denied("p", "r").into()))).await;
    let status = running.ask("").await.expect_err("a denial");
    assert_eq!(status.message(), "Permission 'p' denied on 'r' (or it might not exist)");
    assert_eq!(told(Err(status)), of(Code::PermissionDenied, "PERMISSION_DENIED"));
}

#[tokio::test]
async fn a_call_ends_at_the_servers_deadline_or_the_clients() {
    let late = of(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    let limits = Limits { deadline: Duration::from_millis(1), ..Limits::default() };
    let running = start_with(Probe::new(|_| std::future::pending()), limits).await;
    assert_eq!(told(running.ask("").await), late);

    let running = start(Probe::new(|_| std::future::pending())).await;
    let answer = over_http1(&running, "AAAAAAA=", "grpc-timeout: 1m\r\n").await;
    assert!(
        answer.contains("grpc-status: 4\r\n") && answer.contains("grpc-status-details-bin: "),
        "{answer}"
    );
}

#[tokio::test]
async fn one_call_more_than_the_limit_is_refused_at_once() {
    let (entered, mut inside) = mpsc::unbounded_channel();
    let calls = AtomicUsize::new(0);
    let probe = Probe::new(move |_| {
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        let (release, gate) = oneshot::channel::<()>();
        entered.send(release).expect("a listener");
        async move {
            if first {
                drop(gate.await);
            }
            Ok(String::new())
        }
    });
    let running = Arc::new(start_with(probe, Limits { calls: 1, ..Limits::default() }).await);
    let first = tokio::spawn({
        let running = running.clone();
        async move { running.ask("").await }
    });
    let release = inside.recv().await.expect("the first call");
    assert_eq!(told(running.ask("").await), of(Code::ResourceExhausted, "OVERLOADED"));
    let health = HealthClient::new(running.channel.clone()).check(HealthCheckRequest::default()).await;
    assert!(health.is_ok(), "a busy server is healthy");
    release.send(()).expect("the first call waits");
    first.await.expect("a task").expect("an answer");
    running.ask("").await.expect("room again");
}

#[tokio::test]
async fn anyone_may_ask_for_health_of_the_port_and_of_each_service() {
    let running = start(Probe::says(Ok(""))).await;
    let mut health = HealthClient::new(running.channel.clone());
    for service in ["", Probe::NAME] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.expect("an answer");
        assert_eq!(answer.into_inner().status(), Serving::Serving);
    }
    let unknown = health.check(HealthCheckRequest { service: "x".into() }).await.expect_err("an error");
    assert_eq!(told(Err(unknown)), of(Code::NotFound, "RESOURCE_NOT_FOUND"));
}

#[tokio::test]
async fn anyone_may_read_what_the_port_serves_in_both_versions_of_reflection() {
    let running = start(Probe::says(Ok(""))).await;
    let list = v1::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = v1::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut client = ServerReflectionClient::new(running.channel.clone());
    let mut answers =
        client.server_reflection_info(tokio_stream::once(request)).await.expect("a stream").into_inner();
    let answer = answers.message().await.expect("an answer").and_then(|answer| answer.message_response);
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("a list") };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&Probe::NAME) && names.contains(&"grpc.health.v1.Health"), "{names:?}");
    assert!(!names.contains(&"devspaces.space.v1.SpaceService"), "only what is served here");

    let symbol = "devspaces.space.v1.SpaceService".to_owned();
    let symbol = v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(symbol);
    let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(symbol) };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(running.channel.clone());
    let mut answers =
        client.server_reflection_info(tokio_stream::once(request)).await.expect("a stream").into_inner();
    assert!(answers.message().await.expect("an answer").is_some());
}

/// A call in gRPC-Web's text form, as a browser makes it; `body` is base64. Answers the whole response, in text and
/// with the trailers decoded.
async fn over_http1(running: &Running, body: &str, headers: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    let token = running.token.as_str();
    let request = format!(
        "POST {ASK} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/grpc-web-text\r\n\
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

#[tokio::test]
async fn a_browser_can_call_by_grpc_web() {
    let running = start(Probe::says(Ok("hello"))).await;
    let answer = over_http1(&running, "AAAAAAA=", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("hello") && answer.contains("grpc-status:0"),
        "{answer}"
    );
}

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
    assert_eq!(watch.next().await.expect("a state").expect("a state").status(), Serving::Serving);

    let tasks = running.tasks.clone();
    let stopping = running.tasks.stopping();
    tasks.spawn(async move {
        stopping.await;
        worked.send("worked").expect("a listener");
    });
    let Running { stop, server, address, channel, token, .. } = running;
    let (spare, _) = oneshot::channel();
    let caller = Running {
        address,
        channel,
        token,
        tasks: Tasks::new(),
        stop: spare,
        server: tokio::spawn(async { Ok(()) }),
    };
    let call = tokio::spawn(async move { caller.ask("").await });
    let release = inside.recv().await.expect("the call");

    stop.send(()).expect("a server");
    assert_eq!(watch.next().await.expect("a state").expect("a state").status(), Serving::NotServing);
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
