//! A log that nobody reads: a full pipe stops nothing.
use std::{
    io::{BufRead as _, BufReader, PipeReader, pipe},
    net::SocketAddr,
    time::Duration,
};

use devspaces::Service;
use devspaces_kit::{name::Principal, server::health};
use devspaces_proto::space::v1::ListSpacesRequest;
use devspaces_tests::{
    Persona, Port,
    engine::temporary_folder,
    process::{binary, start_until},
    suite::eventually,
};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    task::spawn_blocking,
    time::timeout,
};
use tonic::{Code, transport::Endpoint};

use super::Observed;
use crate::acts::http::http_answer;

/// Far longer than an end in order takes, and far shorter than forever.
const SOON: Duration = Duration::from_secs(10);

/// The suite, whose log goes to a pipe that nobody reads yet.
struct Unread {
    _folder: TempDir,
    child: Child,
    address: SocketAddr,
    metrics: SocketAddr,
    log: PipeReader,
}

impl Unread {
    async fn start() -> Self {
        let folder = temporary_folder();
        let (log, to) = pipe().expect("a pipe");
        let mut command = Command::new(binary());
        command
            .args(["dev", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--log", "debug"])
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .stderr(to);
        let (child, address, said) = start_until(&mut command, "Ctrl-C").await;
        // What this process holds of the pipe's writing end must not keep it open.
        drop(command);
        let metrics = said.split("http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
        let metrics = metrics.unwrap_or_else(|| panic!("no port in: {said}"));
        Self { _folder: folder, child, address, metrics, log }
    }

    /// More calls than any pipe has room for lines of: each is answered.
    async fn is_called(&self) {
        let uri = format!("http://{}", self.address);
        let port = Port::at(&[uri.parse().expect("an address")]);
        let ports = Service::ALL.map(|service| (service, port.clone())).into();
        let nobody = Persona::new(&Principal::user("nobody"), Some("no-token"), ports);
        let channel = Endpoint::from_shared(uri).expect("an address").connect().await.expect("a connection");
        for _ in 0..2_500 {
            let answer = nobody.spaces().list_spaces(ListSpacesRequest::default()).await;
            assert_eq!(answer.expect_err("refused").code(), Code::Unauthenticated);
            for _ in 0..3 {
                health(channel.clone()).await.expect("an answer");
            }
        }
    }

    async fn dropped(&self) -> u64 {
        let text = http_answer(self.metrics, "GET /metrics").await;
        let line = text.lines().find(|line| line.starts_with("devspaces_log_lines_dropped_total "));
        line.and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("the number")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_keeps_no_call_waiting_and_no_process_from_its_end() {
    let mut suite = Unread::start().await;
    suite.is_called().await;
    assert!(suite.dropped().await > 0, "more was said than anything has room for");
    Observed::ask_to_end(&suite.child).await;
    let end = timeout(SOON, suite.child.wait()).await.expect("it ends by itself").expect("an end");
    assert!(end.success(), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_the_log_late_is_told_how_much_is_missing() {
    let suite = Unread::start().await;
    suite.is_called().await;
    let dropped = suite.dropped().await;
    let mut lines = BufReader::new(suite.log.try_clone().expect("a pipe")).lines();
    let told = spawn_blocking(move || {
        lines
            .by_ref()
            .map(|line| line.expect("a line"))
            .find(|line| line.contains("nobody read the log in time"))
    });
    let told = timeout(SOON, told).await.expect("it goes on").expect("read").expect("a line");
    let told: serde_json::Value = serde_json::from_str(&told).expect("an object");
    let lines = told["lines"].as_u64().expect("a number");
    assert!(lines > 0 && lines <= suite.dropped().await, "{told}");
    assert!(dropped > 0, "and they are counted");
    // Lines flow again.
    let channel = Endpoint::from_shared(format!("http://{}", suite.address)).expect("an address");
    let channel = channel.connect().await.expect("a connection");
    eventually(async || health(channel.clone()).await.ok()).await;
}
