//! What an operator is told who has given wrong files or wrong addresses: one line each, which says what to do.
#![expect(clippy::float_cmp, reason = "what is counted is whole numbers")]
use std::{fs, io::ErrorKind, net::SocketAddr, time::Duration};

use devspaces::{Service, certificates::AUTHORITY};
use devspaces_tests::{
    Engine,
    encrypted::Certificates,
    engine::Databases,
    process::{Processes, start_until},
    suite::eventually,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};

use crate::acts::{
    commands::{complaint, ended, runs},
    http::http_answer,
};

/// The one line by which a command ends that must not succeed.
async fn line(mut command: Command) -> String {
    let output = ended(command.env("DEVSPACES_LOG", "error")).await;
    assert!(!output.status.success(), "{command:?} succeeded");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.trim_end().lines().count(), 1, "one clear line: {text}");
    text
}

async fn health(url: &str, authority: &str) -> String {
    String::from_utf8_lossy(&runs(&["health", "--address", url, "--ca", authority]).await.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_beyond_this_machine_is_refused_unless_it_is_allowed() {
    let processes = Processes::with(Databases::create(Engine::Sqlite).await).await;
    let token = processes.keys().join("token").display().to_string();
    fs::write(&token, "a token that stays here").expect("written");
    let serve = |more: &[&str]| {
        let mut command = processes.command(Service::Space);
        command.args(more);
        line(command)
    };
    let said = serve(&["--peer", "billing=http://billing.internal:7000"]).await;
    assert!(
        said.contains("give an address that begins with https://, or allow it by --plaintext peers"),
        "{said}"
    );
    let said = serve(&["--otlp-endpoint", "http://collector.internal:4317"]).await;
    assert!(said.contains("--otlp-endpoint") && said.contains("--plaintext otlp"), "{said}");
    let said = serve(&["--metrics-listen", "0.0.0.0:0"]).await;
    assert!(said.contains("--metrics-listen") && said.contains("--plaintext metrics"), "{said}");
    let said = complaint(&["dev", "--listen", "0.0.0.0:0", "--data-dir", "/nowhere"]).await;
    assert!(said.contains("--plaintext listen"), "{said}");
    for command in [
        &["check", "users/alice", "space.create"][..],
        &[
            "invoice",
            "export",
            "--invoice",
            "spaces/018f0000-0000-7000-8000-000000000000/billingAccount/invoices/018f0000-0000-7000-8000-000000000001",
        ],
    ] {
        let elsewhere = ["--address", "http://space.internal:7000", "--token-file", &token];
        let said = complaint(&[command, &elsewhere].concat()).await;
        assert!(said.contains("--address") && said.contains("--plaintext calls"), "{said}");
    }
    for mode in ["", "?sslmode=prefer", "?sslmode=disable"] {
        let url = format!("postgres://space@db.internal/space{mode}");
        let said = complaint(&["migrate", "--services", "space", "--database-url", &url]).await;
        assert!(said.contains("db.internal") && said.contains("sslmode=verify-full"), "{said}");
        assert!(said.contains("--plaintext database"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_not_what_they_should_be_are_named() {
    let mut processes = Processes::encrypted(Databases::create(Engine::Sqlite).await).await;
    let files = processes.certificates();
    let key = |name: &str| fs::read_to_string(files.path(name)).expect("a file");
    let (cert, mine, other) = (key("space-cert.pem"), key("space-key.pem"), key("billing-key.pem"));
    let cases = [
        (cert.as_str(), other.as_str(), "--tls-key is not the key of the certificate of --tls-cert"),
        ("", &mine, "--tls-cert has no certificate in PEM"),
        (&cert[..cert.len() / 2], &mine, "--tls-cert: its PEM is not whole"),
        (&cert, "", "--tls-key has no private key in PEM"),
    ];
    for (cert, key, expected) in cases {
        let files = processes.certificates();
        fs::write(files.path("space-cert.pem"), cert).expect("written");
        fs::write(files.path("space-key.pem"), key).expect("written");
        let said = line(processes.command(Service::Space)).await;
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_is_told_what_is_wrong_with_a_certificate_or_an_address() {
    let mut processes = Processes::encrypted(Databases::create(Engine::Sqlite).await).await;
    let files = processes.certificates();
    // For another number of this machine.
    files.certify("space", "127.0.0.99", Duration::from_hours(1));
    let authority = files.path(AUTHORITY).display().to_string();
    processes.run(Service::Space).await;
    let url = processes.address(Service::Space);
    let said = health(&url, &authority).await;
    assert!(said.contains("is not valid for the name 127.0.0.10, but for 127.0.0.99"), "{said}");

    processes.certificates().certify("space", "127.0.0.10", Duration::from_secs(20));
    let strangers = Certificates::new();
    let other = strangers.path(AUTHORITY).display().to_string();
    let untrusted =
        "is signed by an authority that is not trusted: give that authority's certificate by --ca";
    let said = health(&url, &other).await;
    assert!(said.contains(untrusted), "{said}");
    let said = String::from_utf8_lossy(&runs(&["health", "--address", &url]).await.stderr).into_owned();
    assert!(said.contains(untrusted), "the web's authorities don't know it: {said}");
    let plain = url.replace("https", "http");
    // Unless the connection is gone before the answer of TLS was read.
    let told = async || {
        Some(health(&plain, &authority).await).filter(|said| said.contains("with TLS begins with https://"))
    };
    eventually(told).await;
    let ended = async || Some(health(&url, &authority).await).filter(|said| said.contains(" ended on "));
    eventually(ended).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_tls_is_told_of_a_port_without() {
    let mut processes = Processes::with(Databases::create(Engine::Sqlite).await).await;
    processes.run(Service::Space).await;
    let url = processes.address(Service::Space).replace("http", "https");
    let authority = Certificates::new();
    let said = health(&url, &authority.path(AUTHORITY).display().to_string()).await;
    assert!(said.contains("does not speak TLS there; an address without TLS begins with http://"), "{said}");
}

// The case of an attack: connections that begin TLS, or nothing, and go no further.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sets_up_no_tls_is_closed_and_counted_and_keeps_nobody_waiting() {
    let mut processes = Processes::encrypted(Databases::create(Engine::Sqlite).await).await;
    let mut command = processes.command(Service::Space);
    command.args(["--handshake-timeout", "2", "--metrics-listen", "127.0.0.1:0", "--plaintext", "metrics"]);
    let (child, address, said) = start_until(&mut command, "/metrics").await;
    processes.started(Service::Space, child);
    let metrics = said.split("http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
    let metrics: SocketAddr = metrics.expect("a port for metrics");
    let counted = async |name: &str| {
        let text = http_answer(metrics, "GET /metrics").await;
        let value =
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<f64>().ok());
        value.unwrap_or_default()
    };

    let mut silent = Vec::new();
    for number in 0..64 {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        if number % 2 == 0 {
            // The head of a record with a client's greeting, which is to be 512 bytes long.
            stream.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]).await.expect("sent");
        }
        silent.push(stream);
    }
    let authority = processes.certificates().path(AUTHORITY).display().to_string();
    let said = health(&processes.address(Service::Space), &authority).await;
    assert!(said.contains("is not ready: it waits for"), "it answers: {said}");
    for stream in &mut silent {
        // A reset is an end as well.
        let ended = stream.read_to_end(&mut Vec::new()).await;
        assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    }
    assert_eq!(counted("devspaces_limited_total{limit=\"handshake-timeout\"}").await, 64.0);

    let mut plain = TcpStream::connect(address).await.expect("a connection");
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
    let _ = plain.read_to_end(&mut Vec::new()).await;
    assert_eq!(counted("devspaces_tls_handshake_failures_total{cause=\"plain_text\"}").await, 1.0);
}
