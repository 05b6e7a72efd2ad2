//! What the log says of calls. Logging is set up once in a process, so the calls are made in one of their own.
use std::{env, process::Command};

use serde_json::Value;
use tonic::Status;

use super::probe::{ASK, Probe, start};
use crate::{
    status::Fault,
    telemetry::{self, DEFAULT_FILTER, Format, Log},
};

fn log(filter: &str) {
    let log = Log { filter: filter.to_owned(), format: Format::Auto, services: "probe".to_owned() };
    telemetry::init(&log).expect("a log");
}

async fn calls(filter: &str) {
    log(filter);
    let running = start(Probe::new(|request| async move {
        match request.into_inner().as_str() {
            "panic" => panic!("a defect"),
            "refuse" => Err(Status::from(Fault::permission_denied("space.get", "spaces/alice"))),
            _ => Ok(String::new()),
        }
    }))
    .await;
    running.ask("").await.expect("an answer");
    running.ask("refuse").await.expect_err("refused");
    running.ask("panic").await.expect_err("a defect");
    running.send(ASK, Vec::new(), false).await.expect_err("no credentials");
    println!("token={}", running.token.as_str());
    telemetry::flush();
}

#[tokio::test]
#[ignore = "the process that is started by a test below"]
async fn calls_to_be_logged() {
    calls("trace").await;
}

#[tokio::test]
#[ignore = "the process that is started by a test below"]
async fn calls_to_be_logged_by_default() {
    calls(DEFAULT_FILTER).await;
}

/// The lines that such a process logs. Each is a JSON object, and none has the token or the caller.
fn lines(child: &str) -> Vec<Value> {
    let child = format!("{}::{child}", module_path!().split_once("::").expect("a crate").1);
    let mut command = Command::new(env::current_exe().expect("this program"));
    let output = command.args([&child, "--exact", "--ignored", "--nocapture"]).output().expect("a process");
    let (out, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let token = out.split("token=").nth(1).and_then(|rest| rest.lines().next()).expect("a token");
    assert!(!log.contains(token) && !log.contains("alice"), "{log}");
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

fn texts<'a>(lines: &'a [Value], field: &str) -> Vec<&'a str> {
    lines.iter().map(|line| line[field].as_str().unwrap_or_default()).collect()
}

#[test]
fn each_call_has_a_line_in_which_there_is_neither_token_nor_caller() {
    let mut calls = lines("calls_to_be_logged");
    calls.retain(|line| ["answered", "refused", "failed"].iter().any(|end| line["message"] == *end));
    assert_eq!(texts(&calls, "code"), ["OK", "PERMISSION_DENIED", "INTERNAL", "UNAUTHENTICATED"]);
    assert_eq!(texts(&calls, "level"), ["DEBUG", "INFO", "ERROR", "INFO"]);
    for call in &calls {
        assert_eq!(
            call["asked"], "devspaces.test.v1.Probe/Ask",
            "what it was asked for, which is no method of the API"
        );
        assert_eq!(call["trace_id"].as_str().map(str::len), Some(32), "{call}");
        let digits = call["ms"].to_string();
        assert!(digits.split('.').nth(1).is_none_or(|decimals| decimals.len() <= 3), "{digits}");
    }
}

// Operators read why a call was refused, by whom it was made, and nothing of calls that went well.
#[test]
fn by_default_only_calls_that_did_not_go_well_are_told_of_and_why() {
    let lines = lines("calls_to_be_logged_by_default");
    assert!(lines.iter().all(|line| line["message"] != "answered"), "{lines:#?}");
    let refused: Vec<_> = lines.iter().filter(|line| line["message"] == "refused").collect();
    let [denied, unknown] = refused.as_slice() else { panic!("two refusals: {lines:#?}") };
    assert_eq!((&denied["reason"], &denied["caller"]), (&"PERMISSION_DENIED".into(), &"user".into()));
    assert!(denied.get("why").is_none(), "its message names what was called for: {denied}");
    assert_eq!((&unknown["reason"], &unknown["level"]), (&"CREDENTIALS_MISSING".into(), &"INFO".into()));
    assert!(unknown["why"].as_str().is_some_and(|why| why.contains("credentials")), "{unknown}");
    assert!(unknown.get("caller").is_none(), "nobody is known");
    let failed: Vec<_> = lines.iter().filter(|line| line["message"] == "failed").collect();
    assert!(
        failed.iter().all(|line| line["caller"] == "user" && line["reason"] == "INTERNAL"),
        "{failed:#?}"
    );
}

#[test]
fn a_panic_is_a_line_like_any_other() {
    let lines = lines("calls_to_be_logged_by_default");
    let panic = lines.iter().find(|line| line["message"] == "panicked").expect("the panic");
    assert_eq!((&panic["level"], &panic["panic"]), (&"ERROR".into(), &"a defect".into()));
    assert!(panic["at"].as_str().is_some_and(|at| at.contains("server/tests/log.rs")), "{panic}");
    assert_eq!(panic["trace_id"].as_str().map(str::len), Some(32), "the call that it happened in: {panic}");
}
