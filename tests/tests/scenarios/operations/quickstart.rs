//! The README's own commands, run as they stand there, so that they can't rot.
use std::{os::unix::fs::DirBuilderExt as _, path::Path};

use devspaces_tests::{
    engine::temporary_folder,
    process::{binary, start, start_until},
};
use tokio::process::Command;

use crate::acts::commands::complaint;

const README: &str = include_str!("../../../../README.md");

/// The shell blocks of a section.
fn shell(section: &str) -> String {
    let text = README.split("\n## ").find(|text| text.starts_with(section)).expect("the section");
    let blocks: Vec<_> =
        text.split("```sh\n").skip(1).map(|block| block.split("```").next().expect("an end")).collect();
    blocks.concat()
}

/// A shell that runs these commands, with the stand-in for grpcurl on its path.
fn bash(commands: &str) -> Command {
    let grpcurl = Path::new(env!("CARGO_BIN_EXE_grpcurl")).parent().expect("a folder").display().to_string();
    let path = format!("{grpcurl}:{}", std::env::var("PATH").expect("a path"));
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(commands).env("PATH", path);
    shell
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readme_is_true() {
    assert_eq!(shell("Start it").trim(), "cargo run --release -- dev");
    let folder = temporary_folder();
    let data = folder.path().join("data").display().to_string();
    let mut dev = Command::new(binary());
    let (_dev, address) = start(dev.args(["dev", "--listen", "127.0.0.1:0", "--data-dir", &data])).await;

    let commands = shell("Try it")
        .replace("target/release/devspaces", &binary().display().to_string())
        .replace("127.0.0.1:7000", &address.to_string());
    let mut shell = bash(&commands);
    shell.env("DEVSPACES_DATA_DIR", data).env("DEVSPACES_ADDRESS", format!("http://{address}"));
    let output = shell.output().await.expect("a shell");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for expected in [
        "\"displayName\": \"My team\"",
        "\"user\": \"users/bob\"",
        "\"user\": \"users/alice\"",
        "STATE_DRAFT",
    ] {
        assert!(said.contains(expected), "{expected} is not in: {said}{complained}");
    }
    // The check, which is denied and says who would be allowed.
    assert!(said.contains("wouldBeGrantedBy") && said.contains("ROLE_CONSOLE_ADMIN"), "{said}{complained}");
    assert!(said.contains("users/bob does not have members.add on spaces/"), "{said}{complained}");
    // The question in JSON, which is allowed and says by what.
    assert!(said.contains("{\"decision\":true,") && said.contains("\"granted_by\""), "{said}{complained}");
    // What the removal took away, and who has it now.
    assert!(
        said.contains("\"removedAppRoles\"") && said.contains("CONTRIBUTOR_ROLE_OWNER"),
        "{said}{complained}"
    );
    // The last command, and only it, is refused.
    assert!(!output.status.success());
    assert_eq!(complained.matches("Permission 'app.get' denied on 'apps/").count(), 1, "{complained}");
}

/// What `dev` prints is enough to go on: its commands run as they are printed, each of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_that_dev_prints_are_true() {
    let folder = temporary_folder();
    // A path that a shell takes apart where it is not quoted.
    let data = folder.path().join("my data").display().to_string();
    let mut dev = Command::new(binary());
    let dev = dev.args(["dev", "--listen", "127.0.0.1:0", "--data-dir", &data]);
    let (_dev, _, welcome) = start_until(dev, "Ctrl-C").await;
    let commands: Vec<_> = welcome.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(commands.len(), 1 + 3, "a token and three commands: {welcome}");

    let output =
        bash(&format!("set -e -o pipefail\n{}", commands.join("\n"))).output().await.expect("a shell");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && complained.is_empty(), "{said}{complained}");
    for expected in ["\"displayName\": \"My team\"", "\"allowed\": true", "ROLE_CONSOLE_ADMIN"] {
        assert!(said.contains(expected), "{expected} is not in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_finds_the_data_of_the_first() {
    let folder = temporary_folder();
    let data = folder.path().display().to_string();
    let mut names = Vec::new();
    for round in 0..2 {
        let (mut dev, address) =
            start(Command::new(binary()).args(["dev", "--listen", "127.0.0.1:0", "--data-dir", &data])).await;
        let token = Command::new(binary())
            .args(["token", "users/alice", "--data-dir", &data])
            .output()
            .await
            .expect("a token");
        let token = String::from_utf8(token.stdout).expect("a token");
        let call = |method: &str, message: &str| {
            let (method, message, token) = (method.to_owned(), message.to_owned(), token.trim().to_owned());
            async move {
                let header = format!("authorization: Bearer {token}");
                let output = Command::new(env!("CARGO_BIN_EXE_grpcurl"))
                    .args(["-H", &header, "-d", &message, &address.to_string(), &method])
                    .output()
                    .await
                    .expect("an answer");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                String::from_utf8(output.stdout).expect("text")
            }
        };
        if round == 0 {
            call("devspaces.space.v1.SpaceService/CreateSpace", r#"{"space": {"displayName": "Team"}}"#)
                .await;
        }
        names.push(call("devspaces.space.v1.SpaceService/ListSpaces", "{}").await);
        dev.kill().await.expect("killed");
    }
    assert!(names[0].contains("\"displayName\": \"Team\""));
    assert_eq!(names[0], names[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_it_from_starting_is_told_in_one_line() {
    let folder = temporary_folder();
    let in_folder = |name: &str| folder.path().join(name).display().to_string();
    let data = in_folder("data");
    let (_dev, address) =
        start(Command::new(binary()).args(["dev", "--listen", "127.0.0.1:0", "--data-dir", &data])).await;
    let taken = address.to_string();
    assert!(
        complaint(&["dev", "--listen", &taken, "--data-dir", &in_folder("x")])
            .await
            .contains(&format!("--listen {taken}"))
    );
    assert!(
        complaint(&["dev", "--listen", "127.0.0.1:0", "--data-dir", &data])
            .await
            .contains("in use by another process")
    );

    std::fs::write(in_folder("file"), "").expect("a file");
    let not_a_folder =
        complaint(&["dev", "--listen", "127.0.0.1:0", "--data-dir", &in_folder("file/x")]).await;
    assert!(not_a_folder.contains("can't be written"), "{not_a_folder}");

    let broken = in_folder("broken");
    std::fs::DirBuilder::new().mode(0o700).create(&broken).expect("a folder");
    std::fs::write(in_folder("broken/issuer.pem"), "not a key").expect("a file");
    let key = complaint(&["dev", "--listen", "127.0.0.1:0", "--data-dir", &broken]).await;
    assert!(key.contains("issuer.pem"), "{key}");
    assert!(complaint(&["token", "users/alice", "--data-dir", &broken]).await.contains("issuer.pem"));
    std::fs::remove_file(in_folder("broken/issuer.pem")).expect("removed");
    std::fs::write(in_folder("broken/space.db"), "x".repeat(10_000)).expect("a file");
    let database = complaint(&["dev", "--listen", "127.0.0.1:0", "--data-dir", &broken]).await;
    assert!(database.contains("space.db"), "{database}");

    let nobody = complaint(&["token", "alice", "--data-dir", &data]).await;
    assert!(nobody.contains("users/{id}"), "{nobody}");
}
