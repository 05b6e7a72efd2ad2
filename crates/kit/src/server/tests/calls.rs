use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use devspaces_proto::health::v1::{HealthCheckRequest, health_client::HealthClient};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{mpsc, oneshot},
};
use tonic::{Code, Status};

use super::{
    super::{Limits, MESSAGE_LIMIT},
    probe::{ASK, Probe, of, over_http1, start, start_with, told},
};
use crate::{identity::Caller, status::Fault};

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
    // Above 4 MiB tonic would refuse by itself, in words of its own.
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
        ("AAAAAAlB", "identity"),
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

// Headers and a message that does not come must not hold what others need.
#[tokio::test]
async fn a_message_that_does_not_arrive_is_not_waited_for() {
    let limits = Limits { arrival: Duration::from_millis(20), calls: 1, ..Limits::default() };
    let running = start_with(Probe::says(Ok("hello")), limits).await;
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    let token = running.token.as_str();
    let request = format!(
        "POST {ASK} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/grpc-web\r\n\
         authorization: Bearer {token}\r\ncontent-length: 1000\r\n\r\n\0\0\0"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut answer).await.expect("an answer"), 0);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.contains("grpc-status: 4\r\n") && answer.contains("did%20not%20arrive"), "{answer}");
    assert_eq!(running.ask("").await.expect("an answer"), "hello", "its place is free again");
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

// Clients' calls wait for calls between services: those must find room on a port that is full of them.
#[tokio::test]
async fn clients_take_no_room_from_the_services_of_the_suite() {
    let (entered, mut inside) = mpsc::unbounded_channel();
    let probe = Probe::new(move |_| {
        let (release, gate) = oneshot::channel::<()>();
        entered.send(release).expect("a listener");
        async move {
            drop(gate.await);
            Ok(String::new())
        }
    });
    let running = start_with(probe, Limits { calls: 1, ..Limits::default() }).await;
    let overloaded = of(Code::ResourceExhausted, "OVERLOADED");
    let script = async {
        let client = inside.recv().await.expect("a client's call");
        assert_eq!(told(running.ask("").await), overloaded);
        let mut call = pin!(running.ask_as(&running.peer, ""));
        let service = tokio::select! {
            entered = inside.recv() => entered.expect("a service's call"),
            answer = &mut call => panic!("{answer:?}"),
        };
        assert_eq!(told(running.ask_as(&running.peer, "").await), overloaded);
        service.send(()).expect("the service's call waits");
        call.await.expect("an answer");
        client.send(()).expect("the client's call waits");
    };
    let (answer, ()) = tokio::join!(running.ask(""), script);
    answer.expect("an answer");
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
