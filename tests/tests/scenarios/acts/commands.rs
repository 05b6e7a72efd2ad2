//! The command line, as an operator types it.
use std::{process::Output, time::Duration};

use devspaces_tests::process::binary;
use tokio::{process::Command, time::timeout};

/// Far more than any command takes that ends by itself.
const PATIENCE: Duration = Duration::from_mins(3);

/// Waits for the end of a command. One that serves, although it was to be refused, is not waited for without end.
pub(crate) async fn ended(command: &mut Command) -> Output {
    let output = command.kill_on_drop(true).output();
    let ended = timeout(PATIENCE, output).await;
    ended.unwrap_or_else(|_| panic!("it does not end: {:?}", command.as_std())).expect("it starts")
}

/// Runs a command to its end.
pub(crate) async fn runs(arguments: &[&str]) -> Output {
    ended(Command::new(binary()).args(arguments)).await
}

/// What a command says that must succeed.
pub(crate) async fn says(arguments: &[&str]) -> String {
    let output = runs(arguments).await;
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}{complained}");
    said.into_owned()
}

/// The arguments of a command on every service's database.
pub(crate) fn on_all_services<'a>(command: &[&'a str], url: &'a str) -> Vec<&'a str> {
    [command, &["--services", "space,membership,billing,marketplace", "--database-url", url]].concat()
}

/// What a failing start says: one line, and not an exit code of success.
pub(crate) async fn complaint(arguments: &[&str]) -> String {
    let output = ended(Command::new(binary()).args(arguments).env("DEVSPACES_LOG", "warn")).await;
    assert!(!output.status.success(), "{arguments:?} succeeded");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(text.trim_end().lines().count(), 1, "one clear line: {text}");
    text
}
