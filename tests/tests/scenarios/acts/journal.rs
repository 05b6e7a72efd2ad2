//! The journal: read in pages, followed as a stream, and with a person erased from it.
use std::time::Duration;

use devspaces::Service;
use devspaces_ledger::{
    db::Pool,
    erasure::{self, Found},
    personal::Subject,
};
use devspaces_proto::journal::v1::{
    Entry, ListEntriesRequest, ListEntriesResponse, WatchEntriesRequest, WatchEntriesResponse,
};
use devspaces_tests::{Persona, Suite};
use futures::StreamExt as _;
use prost_types::{Value as Wire, value::Kind};
use serde_json::{Value, json};
use tokio::time::timeout;
use tonic::{Status, Streaming};

use crate::acts::members::{ADMIN, DEVELOPER, adds_members, demotes_member, removes_member};

pub(crate) async fn page_of_entries(
    who: &Persona,
    port: Service,
    request: ListEntriesRequest,
) -> Result<ListEntriesResponse, Status> {
    who.journal(port).list_entries(request).await.map(tonic::Response::into_inner)
}

/// All entries that meet a request, page by page.
pub(crate) async fn lists_entries(who: &Persona, port: Service, request: ListEntriesRequest) -> Vec<Entry> {
    let (mut request, mut entries) = (request, Vec::new());
    loop {
        let page = page_of_entries(who, port, request.clone()).await.expect("a page");
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            return entries;
        }
        request.page_token = page.next_page_token;
    }
}

/// The request for what a scope's journal has.
pub(crate) fn entries_of(parent: &str) -> ListEntriesRequest {
    ListEntriesRequest { parent: parent.to_owned(), ..ListEntriesRequest::default() }
}

/// What an entry says is before or after it, as JSON.
pub(crate) fn json_of(value: &Wire) -> Value {
    match value.kind.as_ref().expect("a kind") {
        Kind::NullValue(_) => Value::Null,
        Kind::BoolValue(bool) => json!(bool),
        Kind::NumberValue(number) => json!(number),
        Kind::StringValue(text) => json!(text),
        Kind::ListValue(list) => list.values.iter().map(json_of).collect(),
        Kind::StructValue(fields) => {
            fields.fields.iter().map(|(name, value)| (name.clone(), json_of(value))).collect()
        }
    }
}

/// Erases a person from the journal, and from what else every service has.
pub(crate) async fn erases_person(pool: &Pool, id: &str) -> Vec<Found> {
    let person = format!("users/{id}").parse().expect("a name");
    erasure::erase(pool, &[], &Subject { person, email: None }, false).await.expect("erased")
}

/// A space with a few changes of its members; its journal in the membership service has five entries.
pub(crate) async fn history_of_members(suite: &Suite) -> String {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    adds_members(&bob, &space, &[(&carol, DEVELOPER)]).await.expect("added");
    demotes_member(&alice, &space, &carol).await.expect("demoted");
    removes_member(&bob, &space, &carol).await.expect("removed");
    space
}

/// The request for what comes after a cursor.
pub(crate) fn after_cursor(cursor: &str) -> WatchEntriesRequest {
    WatchEntriesRequest { cursor: cursor.to_owned(), ..WatchEntriesRequest::default() }
}

pub(crate) async fn watches_entries(
    who: &Persona,
    port: Service,
    request: WatchEntriesRequest,
) -> Result<Streaming<WatchEntriesResponse>, Status> {
    who.journal(port).watch_entries(request).await.map(tonic::Response::into_inner)
}

/// The next entry of a stream, and its cursor. One that never comes fails the test.
pub(crate) async fn next_entry(stream: &mut Streaming<WatchEntriesResponse>) -> (Entry, String) {
    let message = timeout(Duration::from_secs(30), stream.next()).await.expect("a message within 30 s");
    let message = message.expect("no end").expect("a message");
    (message.entry.expect("an entry"), message.cursor)
}

/// So many entries of a stream, with their cursors.
pub(crate) async fn takes_entries(
    stream: &mut Streaming<WatchEntriesResponse>,
    count: usize,
) -> Vec<(Entry, String)> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.push(next_entry(stream).await);
    }
    taken
}

/// The places of entries in their scope.
pub(crate) fn sequences(entries: &[Entry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.sequence).collect()
}
