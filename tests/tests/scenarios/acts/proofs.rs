//! What invoices are made of, and how they are verified.
use std::{fs, process::Output};

use devspaces::Service;
use devspaces_proto::billing::v1::{LineEvent, ListLineEventsRequest};
use devspaces_tests::{Persona, Suite, process::binary};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tonic::Status;

/// The request for what an invoice is made of, or a line of it, in small pages.
pub(crate) fn line_events_of(invoice: &str, line: &str) -> ListLineEventsRequest {
    ListLineEventsRequest {
        parent: invoice.to_owned(),
        line: line.to_owned(),
        page_size: 2,
        page_token: String::new(),
    }
}

/// What an invoice is made of, or a line of it, page by page.
pub(crate) async fn lists_line_events(
    who: &Persona,
    invoice: &str,
    line: &str,
) -> Result<Vec<LineEvent>, Status> {
    let (mut events, mut request) = (Vec::new(), line_events_of(invoice, line));
    loop {
        let page = who.usage().list_line_events(request.clone()).await?.into_inner();
        assert!(page.events.len() <= 2);
        events.extend(page.events);
        if page.next_page_token.is_empty() {
            return Ok(events);
        }
        request.page_token = page.next_page_token;
    }
}

/// An invoice as `devspaces invoice export` prints it for somebody, with more arguments.
pub(crate) async fn exports_proof(suite: &Suite, who: &Persona, invoice: &str, more: &[&str]) -> Output {
    let address = suite.addresses(Service::Billing)[0].to_string();
    let token = who.authorization().strip_prefix("Bearer ").expect("a token");
    let mut command = Command::new(binary());
    command.args(["invoice", "export", "--invoice", invoice, "--address", &address]).args(more);
    command.env("DEVSPACES_TOKEN", token).output().await.expect("it ends")
}

/// The same, which must succeed.
pub(crate) async fn exported(suite: &Suite, who: &Persona, invoice: &str, more: &[&str]) -> Vec<Value> {
    let output = exports_proof(suite, who, invoice, more).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What `devspaces invoice verify` makes of records: its exit code, and what it says.
pub(crate) async fn verifies(records: &[Value], more: &[&str]) -> (i32, String) {
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    verifies_text(&lines.join("\n"), more).await
}

/// The same of any text.
pub(crate) async fn verifies_text(text: &str, more: &[&str]) -> (i32, String) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("invoice.jsonl");
    fs::write(&file, text).expect("written");
    let mut command = Command::new(binary());
    let output = command.args(["invoice", "verify"]).arg(&file).args(more).output().await.expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().expect("an exit code"), String::from_utf8(said).expect("UTF-8"))
}
