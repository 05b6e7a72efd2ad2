//! `devspaces check`: what a person is told about a permission, and what a script sees.
use std::fs;

use devspaces_kit::name::Principal;
use devspaces_tests::process::binary;
use tokio::process::Command;

use crate::acts::{
    dev::{Dev, outcome},
    members::{DEVELOPER, adds_members},
    spaces::NOWHERE,
};

/// What is said, without the last line, which says as of when.
fn without_time(said: &str) -> Vec<&str> {
    let mut lines: Vec<_> = said.lines().collect();
    let last = lines.pop().expect("a line");
    assert!(last.starts_with("As of 2") && last.ends_with('Z'), "{last}");
    lines
}

// R-P2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_is_told_with_what_granted_it_or_would() {
    let dev = Dev::start().await;
    let (alice, bob) = (dev.persona("users/alice"), dev.persona("users/bob"));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");

    let (code, said, complained) = dev.check(&["users/alice", "members.add", &space]).await;
    assert_eq!((code, complained.as_str()), (Some(0), ""));
    assert_eq!(
        without_time(&said),
        [
            format!("users/alice has members.add on {space}").as_str(),
            "Granted by:",
            "  console Admin, on the plane console",
            "The call itself also checks that:",
            "  a Marketplace admin adds one to five people in one request, all as ADMIN",
        ]
    );

    let (code, said, complained) = dev.check(&["users/bob", "apps.list", &space]).await;
    assert_eq!((code, complained.as_str()), (Some(3), ""));
    let lines = without_time(&said);
    assert_eq!(
        lines[..2],
        [format!("users/bob does not have apps.list on {space}").as_str(), "It would be granted by:"]
    );
    assert!(lines.contains(&"  console Admin, on the plane console"), "{said}");
    assert!(
        lines.contains(&"  console Developer, on the plane console, if the view-all-apps add-on is on"),
        "{said}"
    );
    let unmet = lines.iter().position(|line| *line == "Not met:").expect("a condition");
    assert!(lines[unmet + 1].starts_with("  A Developer has this permission only with"), "{said}");

    let (code, said, _) = dev.check(&["users/carol", "space.create"]).await;
    assert_eq!((code, without_time(&said)[0]), (Some(0), "users/carol has space.create"));
    let (code, stranger, _) = dev.check(&["users/carol", "space.get", &space]).await;
    let (_, nowhere, _) = dev.check(&["users/carol", "space.get", NOWHERE]).await;
    assert_eq!(code, Some(3));
    let nowhere = nowhere.replace(NOWHERE, &space);
    assert_eq!(without_time(&stranger), without_time(&nowhere), "R-P3: a stranger learns nothing of a space");
}

// R-P6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn about_others_asks_whoever_may_with_a_token_of_their_own() {
    let dev = Dev::start().await;
    let (alice, bob) = (dev.persona("users/alice"), dev.persona("users/bob"));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let question = ["users/bob", "space.get", space.as_str()];
    let (alices, mallorys) = (dev.token(&Principal::user("alice")), dev.token(&Principal::user("mallory")));

    let by_environment = dev.command(&question).env("DEVSPACES_TOKEN", &alices).output().await;
    let (code, said, _) = outcome(by_environment.expect("it ends"));
    assert_eq!(
        (code, without_time(&said)[0]),
        (Some(0), format!("users/bob has space.get on {space}").as_str())
    );

    let file = dev.folder.path().join("token");
    fs::write(&file, format!("{mallorys}\n")).expect("written");
    let by_file = [&question[..], &["--token-file", file.to_str().expect("a path")]].concat();
    // The file goes before the environment.
    let denied = dev.command(&by_file).env("DEVSPACES_TOKEN", &alices).output().await.expect("it ends");
    let (code, said, complained) = outcome(denied);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert_eq!(
        complained,
        format!(
            "devspaces: Permission 'authz.check_others' denied on '{space}' (or it might not exist) \
             (PermissionDenied, PERMISSION_DENIED)\n"
        )
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_answered_is_told_in_one_line_and_without_the_token() {
    let dev = Dev::start().await;
    let one_line = |(code, said, complained): (Option<i32>, String, String)| {
        assert_eq!((code, said.as_str(), complained.lines().count()), (Some(1), "", 1), "{complained}");
        complained
    };
    // R-P1
    let unknown = one_line(dev.check(&["users/alice", "members.ad", NOWHERE]).await);
    assert!(unknown.ends_with("(InvalidArgument, PERMISSION_UNKNOWN)\n"), "{unknown}");
    let malformed = one_line(dev.check(&["users/alice", "members.add", "spaces/1"]).await);
    assert!(malformed.contains("resource") && malformed.contains("INVALID_FIELD"), "{malformed}");
    let missing = one_line(dev.check(&["users/alice", "members.add"]).await);
    assert!(missing.contains("resource"), "{missing}");
    let subject = one_line(dev.check(&["alice", "members.add", NOWHERE]).await);
    assert!(subject.contains("users/{id}"), "{subject}");

    let question = ["users/alice", "members.add", NOWHERE];
    for token in ["not-a-token", "bad\u{7}token"] {
        let refused = dev.command(&question).env("DEVSPACES_TOKEN", token).output().await.expect("it ends");
        let refused = one_line(outcome(refused));
        assert!(!refused.contains(token) && refused.contains("token"), "{refused}");
    }
    let no_key = dev.folder.path().join("nowhere").display().to_string();
    let elsewhere =
        Command::new(binary()).arg("check").args(question).args(["--data-dir", &no_key]).output().await;
    assert!(one_line(outcome(elsewhere.expect("it ends"))).contains("issuer.pem"));
    for (address, told) in
        [("http://127.0.0.1:1", "http://127.0.0.1:1"), ("https://127.0.0.1:1", "https://127.0.0.1:1")]
    {
        let mut command = Command::new(binary());
        command.arg("check").args(question).args(["--address", address, "--data-dir", &dev.data_dir()]);
        let nobody = one_line(outcome(command.output().await.expect("it ends")));
        assert!(nobody.contains("--address") && nobody.contains(told), "{nobody}");
    }
}
