//! Another protocol on the port: its requests are answered as the calls that they stand for, by the same token, behind the
//! same limits, and what comes of it is told in HTTP.
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use prost::{Message as _, bytes::Bytes};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{
    super::{Call, Entrance, Limits, MESSAGE_LIMIT, Reply, Translation, starting},
    probe::{ASK, Probe, Running, start_translated},
};
use crate::{identity::Caller, status::Fault};

/// A body is the text to ask with, and the answer the text that comes back.
struct Texts;
struct Answer;

impl Translation for Texts {
    fn method(&self) -> &'static str {
        ASK.trim_start_matches('/')
    }

    fn read(&self, body: &[u8]) -> Result<Call, Fault> {
        let text = str::from_utf8(body).map_err(|_| Fault::bad_field("text", "must be a text"))?;
        Ok(Call { message: text.to_owned().encode_to_vec(), reply: Box::new(Answer) })
    }

    fn retold(&self, field: &str, sentence: &str) -> (String, String) {
        (field.to_uppercase(), sentence.to_owned())
    }
}

impl Reply for Answer {
    fn write(&self, response: Bytes) -> Result<Vec<u8>, Fault> {
        Ok(String::decode(response).expect("a text").into_bytes())
    }
}

fn at(path: &str) -> Option<Entrance> {
    match path {
        "/texts" => Some(Entrance::Call(&Texts)),
        "/about" => Some(Entrance::Document(|base| format!("{{\"at\":\"{base}\"}}"))),
        _ => None,
    }
}

async fn start(probe: Probe, limits: Limits) -> Running {
    start_translated(probe, limits, at).await
}

/// Says what it was asked, and by whom.
fn echo() -> Probe {
    Probe::new(|request: tonic::Request<String>| async move {
        let caller = request.extensions().get::<Caller>().expect("a caller").principal.clone();
        Ok(format!("{caller} says {}", request.into_inner()))
    })
}

/// What the port answers to these bytes until it closes the connection.
async fn answered(running: &Running, request: &[u8]) -> String {
    answered_at(running.address, request).await
}

async fn answered_at(port: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(port).await.expect("a connection");
    stream.write_all(request).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8(answer).expect("text")
}

fn post(token: Option<&str>, headers: &str, body: &str) -> Vec<u8> {
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    format!(
        "POST /texts HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: Application/JSON; charset=utf-8\r\n\
         {token}{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_request_is_answered_as_the_call_that_it_stands_for() {
    let running = start(echo(), Limits::default()).await;
    let token = running.token.as_str();
    // What gRPC says in headers is nothing that this protocol says.
    let headers = "grpc-accept-encoding: gzip\r\ngrpc-timeout: 1n\r\ngrpc-encoding: br\r\n\
                   x-request-id: abc \"1\"\r\n";
    let answer = answered(&running, &post(Some(token), headers, "hello")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert!(answer.contains("x-request-id: abc \"1\"\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nusers/alice says hello"), "{answer}");
    assert!(!answer.contains("grpc"), "{answer}");
}

#[tokio::test]
async fn errors_are_told_in_http_with_the_fields_of_the_request() {
    let probe = Probe::says(Err(Fault::bad_field("name", "must be so").into()));
    let running = start(probe, Limits::default()).await;
    let token = running.token.as_str();
    let answer = answered(&running, &post(Some(token), "", "x")).await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    let body = r#"{"error":{"status":400,"reason":"INVALID_FIELD","message":"The field NAME must be so","field_violations":[{"field":"NAME","description":"must be so"}]}}"#;
    assert!(answer.ends_with(body), "{answer}");
    let busy = start(Probe::says(Err(Fault::overloaded().into())), Limits::default()).await;
    let answer = answered(&busy, &post(Some(busy.token.as_str()), "", "x")).await;
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
    // A reading that fails is an error of the request as well.
    let mut unreadable = post(Some(token), "", "??");
    let length = unreadable.len();
    unreadable[length - 2..].copy_from_slice(&[0xff, 0xff]);
    assert!(answered(&running, &unreadable).await.contains("The field TEXT must be a text"));
}

#[tokio::test]
async fn a_port_that_waits_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address");
    let request = post(Some("x"), "", "hello");
    let asked = answered_at(port, &request);
    let answer = starting(&listener, (Limits::default(), None), &[], at, "a test", asked).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("\"reason\":\"STARTING\""), "{answer}");
}

#[tokio::test]
async fn without_a_token_nothing_of_a_body_is_awaited() {
    let running = start(echo(), Limits::default()).await;
    for (token, wanted) in [(None, "Bearer\r\n"), (Some("x"), "Bearer error=\"invalid_token\"\r\n")] {
        let mut request = post(token, "", &"x".repeat(1000));
        request.truncate(request.len() - 1000);
        let answer = answered(&running, &request).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(answer.contains(&format!("www-authenticate: {wanted}")), "{answer}");
    }
}

#[tokio::test]
async fn a_body_may_be_as_large_as_a_message_and_no_larger() {
    let running = start(
        Probe::new(
            |request: tonic::Request<String>| async move { Ok(request.into_inner().len().to_string()) },
        ),
        Limits::default(),
    )
    .await;
    let token = running.token.as_str();
    let fits = "x".repeat(MESSAGE_LIMIT);
    let answer = answered(&running, &post(Some(token), "", &fits)).await;
    assert!(answer.ends_with(&format!("\r\n\r\n{MESSAGE_LIMIT}")), "{answer}");
    // Which is told by its length alone.
    let mut larger = post(Some(token), "", &format!("{fits}x"));
    larger.truncate(larger.len() - fits.len());
    let answer = answered(&running, &larger).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("MESSAGE_TOO_LARGE"), "{answer}");
    // Or, of a body that does not say it, when so much has come.
    let head = String::from_utf8(post(Some(token), "transfer-encoding: chunked\r\n", "")).expect("text");
    let head = head.replace("content-length: 0\r\n", "");
    let chunked = format!("{head}{:x}\r\n{fits}x\r\n", MESSAGE_LIMIT + 1);
    let answer = answered(&running, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let limits = Limits { arrival: Duration::from_millis(50), ..Limits::default() };
    let running = start(echo(), limits).await;
    let mut request = post(Some(running.token.as_str()), "", "hello");
    request.truncate(request.len() - 2);
    let answer = answered(&running, &request).await;
    assert!(answer.starts_with("HTTP/1.1 504 ") && answer.contains("did not arrive in time"), "{answer}");
}

#[tokio::test]
async fn several_requests_go_over_one_connection() {
    let running = start(echo(), Limits::default()).await;
    let token = running.token.as_str();
    let mut requests = Vec::new();
    for text in ["one", "two"] {
        let request = String::from_utf8(post(Some(token), "", text)).expect("text");
        requests.extend(request.replace("connection: close\r\n", "").into_bytes());
    }
    // One that is refused is no end of the connection either.
    let refused = String::from_utf8(post(None, "", "three")).expect("text");
    requests.extend(refused.replace("connection: close\r\n", "").into_bytes());
    requests.extend(post(Some(token), "", "four"));
    let answer = answered(&running, &requests).await;
    let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|it| &it[..3]).collect();
    assert_eq!(statuses, ["200", "200", "401", "200"], "{answer}");
    assert!(answer.contains("says one") && answer.ends_with("says four"), "{answer}");
}

#[tokio::test]
async fn what_stands_for_no_call_asks_nobody() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let probe = Probe::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(String::new()) }
    });
    let running = start(probe, Limits::default()).await;
    let token = running.token.as_str();
    let asks = |method: &str, path: &str, headers: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: pdp.example:7000\r\nconnection: close\r\nx-request-id: 7\r\n\
             authorization: Bearer {token}\r\n{headers}content-length: 0\r\n\r\n"
        )
    };
    let json = "content-type: application/json\r\n";
    for (request, status, has) in [
        (asks("GET", "/texts", ""), "405", "allow: POST\r\n"),
        (asks("PUT", "/texts", json), "405", "allow: POST\r\n"),
        (asks("OPTIONS", "/texts", ""), "405", "allow: POST\r\n"),
        (asks("POST", "/texts", ""), "415", ""),
        (asks("POST", "/texts", "content-type: application/jsonx\r\n"), "415", ""),
        (asks("POST", "/texts", "content-type: text/plain\r\n"), "415", ""),
        (asks("POST", "/texts", "content-type: application/grpc\r\n"), "415", ""),
        (asks("POST", "/texts", &format!("{json}content-encoding: gzip\r\n")), "415", ""),
        (asks("POST", "/about", json), "405", "allow: GET\r\n"),
        (asks("GET", "/about", ""), "200", "{\"at\":\"http://pdp.example:7000\"}"),
        // Elsewhere nothing is different.
        (asks("GET", "/", ""), "405", "allow: POST\r\n"),
        (asks("POST", "/other", json), "415", ""),
    ] {
        let answer = answered(&running, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(has), "{answer}");
        let ours = request.contains("/texts") || request.contains("/about");
        assert_eq!(answer.contains("x-request-id: 7\r\n"), ours, "{answer}");
    }
    let long = format!("x-request-id: {}\r\n", "7".repeat(513));
    let answer = answered(&running, &post(Some(token), &long, "x")).await;
    assert!(answer.starts_with("HTTP/1.1 431 ") && !answer.contains("7777"), "{answer}");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}
