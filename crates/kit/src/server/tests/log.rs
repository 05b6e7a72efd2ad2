//! What the log says of calls. Logging is set up once in a process, so the calls are made in one of their own.
use std::{env, process::Command};

use super::probe::{ASK, Probe, start};
use crate::telemetry;

#[tokio::test]
#[ignore = "the process that is started by the test below"]
async fn calls_to_be_logged() {
    telemetry::init("trace").expect("a filter");
    let running = start(Probe::says(Ok(""))).await;
    running.ask("").await.expect("an answer");
    running.send(ASK, Vec::new(), false).await.expect_err("no credentials");
    println!("token={}", running.token.as_str());
}

#[test]
fn each_call_has_a_line_in_which_there_is_neither_token_nor_caller() {
    let (_, child) = concat!(module_path!(), "::calls_to_be_logged").split_once("::").expect("a crate");
    let mut command = Command::new(env::current_exe().expect("this program"));
    let output = command.args([child, "--exact", "--ignored", "--nocapture"]).output().expect("a process");
    let (out, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let token = out.split("token=").nth(1).and_then(|rest| rest.lines().next()).expect("a token");
    let calls: Vec<serde_json::Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &serde_json::Value| line["message"] == "answered")
        .collect();
    let codes: Vec<_> = calls.iter().map(|call| call["code"].as_str().unwrap_or_default()).collect();
    assert_eq!(codes, ["Ok", "Unauthenticated"], "{log}");
    assert_eq!(calls[0]["span"]["method"], "devspaces.test.v1.Probe/Ask");
    assert_eq!(calls[0]["span"]["trace_id"].as_str().map(str::len), Some(32));
    assert!(!log.contains(token) && !log.contains("alice"), "{log}");
}
