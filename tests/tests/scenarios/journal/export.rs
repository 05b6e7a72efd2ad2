//! `devspaces journal export`: the journal as lines of JSON, beside a running suite.
use std::{process::Stdio, time::Duration};

use devspaces::Service;
use devspaces_kit::clock::Timestamp;
use devspaces_proto::journal::v1::Entry;
use devspaces_tests::{CONSOLE, Suite, process::binary, sql::tamper};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::acts::{
    commands::{complaint, on_all_services, runs, says},
    journal::{entries_of, erases_person, history_of_members, json_of, lists_entries},
    members::{VIEWER, adds_members},
    spaces::renames_space,
};

scenarios! {
    both engines:
        the_lines_are_what_a_list_says,
        an_export_is_of_a_scope_and_of_a_time,
        who_stops_reading_gets_no_complaint,
        a_database_that_is_not_there_is_told_and_not_made;
}

fn lines(said: &str) -> Vec<Value> {
    said.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The line that an entry of a list must be.
fn line(entry: &Entry) -> Value {
    let time = Timestamp::try_from(entry.time.expect("a time")).expect("a time");
    json!({
        "service": entry.service,
        "scope": entry.scope,
        "sequence": entry.sequence,
        "time": time.to_string(),
        "actor": entry.actor,
        "on_behalf_of": Some(&entry.on_behalf_of).filter(|text| !text.is_empty()),
        "method": entry.method,
        "resources": entry.resources,
        "before": json_of(entry.before.as_ref().expect("a value")),
        "after": json_of(entry.after.as_ref().expect("a value")),
        "facts": entry.facts,
        "hash": hex::encode(&entry.hash),
    })
}

// R-J3
async fn the_lines_are_what_a_list_says(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let other = alice.creates_space("Other").await;
    renames_space(&alice, &other, "Renamed").await;
    let pool = suite.pool(Service::Membership).await;
    erases_person(&pool, "carol").await;
    let url = suite.database_url();
    let exported = says(&on_all_services(&["journal", "export"], &url)).await;
    let mut expected = Vec::new();
    for port in CONSOLE {
        // Ids are made in the order of time, and scopes are printed in that of their names.
        for scope in [&space, &other] {
            expected.extend(lists_entries(&alice, port, entries_of(scope)).await.iter().map(line));
        }
    }
    assert_eq!(lines(&exported), expected);
    assert!(exported.contains("(erased)") && !exported.contains("carol"));
    assert!(exported.starts_with(r#"{"service":"space","scope":"spaces/"#), "{exported}");
}

// R-J3
async fn an_export_is_of_a_scope_and_of_a_time(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let other = alice.creates_space("Other").await;
    suite.clock.advance(Duration::from_hours(1));
    let start = Timestamp::try_from(suite.clock_in(0)).expect("a time").to_string();
    adds_members(&alice, &space, &[(&suite.user("dave"), VIEWER)]).await.expect("added");
    suite.clock.advance(Duration::from_hours(1));
    let end = Timestamp::try_from(suite.clock_in(0)).expect("a time").to_string();
    renames_space(&alice, &space, "Renamed").await;
    renames_space(&alice, &other, "Renamed").await;
    let url = suite.database_url();
    let exported = async |flags: &[&str]| {
        let said = says(&[&on_all_services(&["journal", "export"], &url)[..], flags].concat()).await;
        let entry = |line: &Value| {
            (
                line["service"].as_str().expect("a service").to_owned(),
                line["scope"].as_str().expect("a scope").to_owned(),
                line["sequence"].as_i64().expect("a sequence"),
            )
        };
        lines(&said).iter().map(entry).collect::<Vec<_>>()
    };
    let (in_space, in_members) = (
        |scope: &String, n| ("space".to_owned(), scope.clone(), n),
        ("membership".to_owned(), space.clone(), 6),
    );
    assert_eq!(exported(&["--start", &start, "--end", &end]).await, std::slice::from_ref(&in_members));
    assert_eq!(exported(&["--start", &end]).await, [in_space(&space, 2), in_space(&other, 2)]);
    assert_eq!(exported(&["--scope", &space, "--start", &start]).await, [in_space(&space, 2), in_members]);
    assert_eq!(exported(&["--scope", &other, "--end", &start]).await.len(), 2);
    for (flag, value) in [("--scope", "spaces/1"), ("--start", "yesterday"), ("--end", "2026-01-01")] {
        let arguments = on_all_services(&["journal", "export", flag, value], &url);
        let output = runs(&arguments).await;
        assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(flag));
    }
}

// R-J3: `devspaces journal export … | head -n 1`
async fn who_stops_reading_gets_no_complaint(suite: Suite) {
    history_of_members(&suite).await;
    let pool = suite.pool(Service::Membership).await;
    // More than a pipe takes.
    tamper(
        &pool,
        "WITH RECURSIVE number (n) AS (SELECT 6 UNION ALL SELECT n + 1 FROM number WHERE n < 3000)
             INSERT INTO journal (scope, sequence, time, content, personal, hash)
             SELECT scope, n, time, content, personal, hash FROM journal, number WHERE sequence = 4",
    )
    .await;
    let url = suite.database_url();
    let mut child = Command::new(binary())
        .args(on_all_services(&["journal", "export"], &url))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert!(lines.next_line().await.expect("output").is_some());
    drop(lines);
    let output = child.wait_with_output().await.expect("it ends");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complained.is_empty(), "{:?}: {complained}", output.status);
}

async fn a_database_that_is_not_there_is_told_and_not_made(suite: Suite) {
    let url = suite.database_url().replace("data.db", "missing.db").replace("devspaces_test", "missing");
    let complaint = complaint(&on_all_services(&["journal", "export"], &url)).await;
    assert!(complaint.contains("--database-url"), "{complaint}");
}
