//! The commands by which an operator works on databases, keys and journals: each run as a person would.
use std::{collections::BTreeMap, fs, path::Path};

use devspaces::Service;
use devspaces_authz::Permission;
use devspaces_tests::{
    Engine, Suite,
    engine::{Databases, temporary_folder},
    process::binary,
    sql::{tamper, texts},
};
use serde_json::Value;
use tokio::process::Command;

use crate::acts::{
    commands::{complaint, on_all_services, runs, says},
    journal::history_of_members,
    members::{VIEWER, adds_members},
};

scenarios! {
    both engines:
        migrate_applies_each_step_once,
        journal_verify_names_what_is_wrong,
        what_was_rewritten_between_two_checkpoints_is_found_by_the_first,
        journal_erase_takes_a_person_out_and_leaves_the_chain_whole;
}

const PERMISSIONS: &str = include_str!("../../../../docs/permissions.md");

/// What a command says that must find something wrong: it ends with 1 and gives no error of its own.
async fn found(arguments: &[&str]) -> String {
    let output = runs(arguments).await;
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}{complained}");
    assert_eq!(complained, "", "a finding is no failure");
    said.into_owned()
}

/// How many steps `migrate` says that it applied, by service.
fn steps(said: &str) -> BTreeMap<&str, u32> {
    let of_line = |line| -> Option<(&str, u32)> {
        let (service, rest) = str::split_once(line, ':')?;
        Some((service, rest.split_whitespace().find_map(|word| word.parse().ok())?))
    };
    said.lines()
        .map(|line| of_line(line).unwrap_or_else(|| panic!("no number of steps in: {line}")))
        .collect()
}

async fn migrate_applies_each_step_once(engine: Engine) {
    let databases = Databases::empty(engine).await;
    let url = databases.url(None);
    let migrate = on_all_services(&["migrate"], &url);
    let first = says(&migrate).await;
    assert!(steps(&first).values().all(|steps| *steps > 0), "{first}");
    let second = says(&migrate).await;
    assert_eq!(steps(&second), BTreeMap::from(Service::ALL.map(|service| (service.name(), 0))));
    let entries = texts(&databases.open(Service::Space).await, "SELECT content FROM journal").await;
    assert!(entries.is_empty(), "the tables are there");
}

#[test]
fn every_setting_and_metric_is_documented() {
    let page = include_str!("../../../../docs/configuration.md");
    assert_eq!(
        page,
        devspaces::cli::reference(),
        "docs/configuration.md is out of date; run: cargo xtask docs"
    );
}

#[tokio::test]
async fn policy_prints_the_permission_table() {
    let table = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect()
    };
    let markdown = says(&["policy"]).await;
    assert_eq!(table(&markdown).len(), Permission::ALL.len());
    assert_eq!(table(&markdown), table(PERMISSIONS), "docs/permissions.md is out of date");

    let json: Value = serde_json::from_str(&says(&["policy", "--format", "json"]).await).expect("JSON");
    let names: Vec<_> = json.as_array().expect("a list").iter().map(|row| &row["permission"]).collect();
    assert_eq!(names, Permission::ALL.map(Permission::name));
}

/// The files of a folder and what is in them.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file"));
    files
        .map(|file| {
            (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).expect("a file's bytes"))
        })
        .collect()
}

#[tokio::test]
async fn keys_that_are_there_stay() {
    let folder = temporary_folder();
    let keys = folder.path().join("keys");
    let make = ["keys", keys.to_str().expect("a path")];
    says(&make).await;
    let first = files(&keys);
    let private = first.keys().filter(|name| Path::new(name).extension().is_some_and(|end| end == "pem"));
    assert_eq!(private.count(), 1 + 4, "an issuer's and each service's: {:?}", first.keys());
    says(&make).await;
    assert_eq!(files(&keys), first);
    // What is missing is made, and nothing else.
    fs::remove_file(keys.join("billing.pem")).expect("removed");
    says(&make).await;
    let third = files(&keys);
    for (name, bytes) in &first {
        let is_other = ["billing.pem", "suite.jwks.json"].contains(&name.as_str());
        assert_eq!(third[name] != *bytes, is_other, "{name}");
    }
}

// R-J2
async fn journal_verify_names_what_is_wrong(suite: Suite) {
    let space = history_of_members(&suite).await;
    let url = suite.database_url();
    let verify = on_all_services(&["journal", "verify"], &url);
    let whole = says(&verify).await;
    assert!(!whole.contains(&space), "nothing to name: {whole}");
    tamper(
        &suite.pool(Service::Membership).await,
        "UPDATE journal SET content = replace(content, 'DEVELOPER', 'ADMIN') WHERE sequence = 3",
    )
    .await;
    let broken = found(&verify).await;
    let named = format!("membership: {space} entry 3:");
    assert_eq!(broken.lines().filter(|line| line.starts_with(&named)).count(), 1, "{broken}");
}

// R-J2: each checkpoint counts, also where a later one knows more.
async fn what_was_rewritten_between_two_checkpoints_is_found_by_the_first(suite: Suite) {
    let space = history_of_members(&suite).await;
    let alice = suite.user("alice");
    let url = suite.database_url();
    let folder = temporary_folder();
    let path = |name: &str| folder.path().join(name).display().to_string();
    says(&["keys", &path("")]).await;
    let (key, jwks) = (path("{service}.pem"), path("suite.jwks.json"));
    let checkpoint =
        [&on_all_services(&["journal", "checkpoint"], &url)[..], &["--service-key-file", &key]].concat();

    let first = says(&checkpoint).await;
    assert_eq!(first.lines().count(), 4, "one for each service");
    let pool = suite.pool(Service::Membership).await;
    tamper(&pool, "DELETE FROM journal WHERE sequence > 4").await;
    tamper(&pool, "UPDATE head SET sequence = 4, hash = (SELECT hash FROM journal WHERE sequence = 4)").await;
    for eve in ["eve", "mallory"] {
        adds_members(&alice, &space, &[(&suite.user(eve), VIEWER)]).await.expect("added");
    }
    let second = says(&checkpoint).await;

    let file = path("checkpoints");
    let verify = on_all_services(&["journal", "verify", "--suite-jwks", &jwks, "--checkpoint", &file], &url);
    fs::write(&file, &second).expect("written");
    says(&verify).await;
    for lines in [format!("{first}{second}"), format!("{second}{first}")] {
        fs::write(&file, lines).expect("written");
        let broken = found(&verify).await;
        let named = format!("membership: {space} entry 5:");
        assert_eq!(broken.lines().filter(|line| line.starts_with(&named)).count(), 1, "{broken}");
    }
    // A line that none of the keys has signed is no checkpoint.
    fs::write(&file, format!("{first}{}", second.replace('.', "A."))).expect("written");
    let forged = runs(&verify).await;
    assert!(!forged.status.success() && String::from_utf8_lossy(&forged.stderr).contains("--checkpoint"));
}

// R-J1
async fn journal_erase_takes_a_person_out_and_leaves_the_chain_whole(suite: Suite) {
    history_of_members(&suite).await;
    let url = suite.database_url();
    let pool = suite.pool(Service::Membership).await;
    let entries = async || texts(&pool, "SELECT content || personal FROM journal").await.concat();
    assert!(entries().await.contains("users/carol"));
    let preview = says(&on_all_services(&["journal", "erase", "users/carol"], &url)).await;
    for line in [
        "membership: 3 entries of the journal: would be erased",
        "space: 1 departures from spaces: would be erased",
    ] {
        assert!(preview.lines().any(|it| it == line), "{preview}");
    }
    assert!(preview.ends_with("nothing was changed; with --yes it is erased for good\n"), "{preview}");
    assert!(entries().await.contains("users/carol"));
    says(&on_all_services(&["journal", "erase", "users/carol", "--yes"], &url)).await;
    let left = entries().await;
    assert!(!left.contains("carol") && left.contains("users/bob"), "{left}");
    says(&on_all_services(&["journal", "verify"], &url)).await;
    let nobody = complaint(&on_all_services(&["journal", "erase", "carol"], &url)).await;
    assert!(nobody.contains("users/{id}"), "{nobody}");
}

#[tokio::test]
async fn a_mistyped_database_is_told_and_not_made() {
    let folder = temporary_folder();
    let file = folder.path().join("spcae.db");
    let url = format!("sqlite:{}", file.display());
    for command in ["verify", "checkpoint"] {
        let key = if command == "checkpoint" { &["--service-key-file", "x.pem"][..] } else { &[] };
        let arguments = ["journal", command, "--services", "space", "--database-url", &url];
        let complaint = complaint(&[&arguments[..], key].concat()).await;
        assert!(complaint.contains("--database-url") && complaint.contains("spcae.db"), "{complaint}");
        assert_eq!(files(folder.path()), BTreeMap::new(), "nothing is made");
    }
}

#[tokio::test]
async fn a_log_filter_that_is_not_valid_is_told_by_its_flag() {
    let folder = temporary_folder();
    let data = folder.path().join("data").display().to_string();
    let dev = ["dev", "--listen", "127.0.0.1:0", "--data-dir", &data, "--log", "info,devspaces=loud"];
    let complaint = complaint(&dev).await;
    assert!(complaint.contains("--log"), "{complaint}");
    assert_eq!(files(folder.path()), BTreeMap::new(), "nothing is made");
}

// Behind `head`, and in scripts that look no further, a reader that leaves is no failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_leaves_early_is_no_failure() {
    let folder = temporary_folder();
    let keys = folder.path().display().to_string();
    says(&["keys", &keys]).await;
    let program = binary().display().to_string();
    for command in [
        format!("'{program}' policy --format json | head -n 1"),
        format!("'{program}' policy | true"),
        format!("'{program}' token users/alice --data-dir '{keys}' | true"),
        format!("'{program}' keys '{keys}' | true"),
    ] {
        let script = format!("set -o pipefail; {command}");
        let output = Command::new("bash").args(["-c", &script]).output().await.expect("a shell");
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complained.is_empty(), "{command}: {complained}");
    }
}

// A probe that fails says what is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_says_why_there_is_no_answer() {
    let nobody = devspaces_tests::listen::listen().await.local_addr().expect("an address");
    let address = format!("http://{nobody}");
    let why = complaint(&["health", "--address", &address]).await;
    assert!(why.contains(&address) && why.contains("Connection refused"), "{why}");
}
