//! Files of SQLite after an orderly end, backed up and restored: what an operator copies is all there is.
use std::{collections::BTreeSet, fs, path::Path};

use devspaces::Service;
use devspaces_tests::{
    Engine,
    engine::temporary_folder,
    process::{Processes, binary, start, terminate},
};
use tokio::process::Command;

use crate::acts::{
    commands::{on_all_services, runs, says},
    spaces::space_names,
};

/// The names of the files in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries.map(|entry| entry.file_name().into_string().expect("a name")).collect()
}

/// The folder of a service's file, and the file.
fn file_of(suite: &Processes, service: Service) -> String {
    suite.database_url().replace("sqlite:", "").replace("{service}", service.name())
}

/// A call of the suite that `dev` runs, by the stand-in for grpcurl.
async fn calls(data: &str, address: &str, method: &str, message: &str) -> String {
    let token = says(&["token", "users/alice", "--data-dir", data]).await;
    let header = format!("authorization: Bearer {}", token.trim());
    let output = Command::new(env!("CARGO_BIN_EXE_grpcurl"))
        .args(["-H", &header, "-d", message, address, method])
        .output()
        .await
        .expect("an answer");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_dev_are_whole_after_an_orderly_end() {
    let folder = temporary_folder();
    let [data, copy] = ["data", "copy"].map(|name| folder.path().join(name));
    let (of_data, of_copy) = (data.display().to_string(), copy.display().to_string());
    let (dev, address) =
        start(Command::new(binary()).args(["dev", "--listen", "127.0.0.1:0", "--data-dir", &of_data])).await;
    let create = "devspaces.space.v1.SpaceService/CreateSpace";
    calls(&of_data, &address.to_string(), create, r#"{"space": {"displayName": "Kept"}}"#).await;
    terminate(dev).await;
    let left = names(&data);
    assert!(!left.iter().any(|name| name.ends_with("-wal") || name.ends_with("-shm")), "{left:?}");

    fs::create_dir(&copy).expect("a folder");
    for name in left.iter().filter(|name| !name.ends_with("lock")) {
        fs::copy(data.join(name), copy.join(name)).expect("a copy");
    }
    let (dev, address) =
        start(Command::new(binary()).args(["dev", "--listen", "127.0.0.1:0", "--data-dir", &of_copy])).await;
    let list = "devspaces.space.v1.SpaceService/ListSpaces";
    assert!(calls(&of_copy, &address.to_string(), list, "{}").await.contains("Kept"));
    terminate(dev).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_services_and_of_commands_are_whole_after_an_orderly_end() {
    let mut suite = Processes::start(Engine::Sqlite).await;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let url = suite.database_url();
    // Beside the services, and by themselves.
    says(&on_all_services(&["journal", "verify"], &url)).await;
    for service in Service::ALL {
        suite.end(service).await;
    }
    let left_alone = |suite: &Processes| {
        for service in Service::ALL {
            let file = file_of(suite, service);
            let left = names(Path::new(&file).parent().expect("a folder"));
            assert_eq!(left, BTreeSet::from(["data.db".to_owned(), "lock".to_owned()]), "{service}");
        }
    };
    left_alone(&suite);
    assert!(says(&on_all_services(&["journal", "export"], &url)).await.contains(&space));
    left_alone(&suite);
    says(&on_all_services(&["migrate"], &url)).await;
    left_alone(&suite);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_beside_running_services_is_restored_over_what_a_kill_left() {
    let mut suite = Processes::start(Engine::Sqlite).await;
    let alice = suite.user("alice");
    let kept = alice.creates_space("Kept").await;
    let folder = temporary_folder();
    let backup = folder.path().join("backup");
    let to = backup.display().to_string();
    let url = suite.database_url();
    let taken = [&on_all_services(&["backup"], &url)[..], &["--to", &to]].concat();
    says(&taken).await;
    let lost = alice.creates_space("Lost").await;
    assert_eq!(space_names(&alice).await.len(), 2);
    // A copy is never overwritten.
    let again = runs(&taken).await;
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("is there already"));

    for service in Service::ALL {
        suite.kill(service).await;
    }
    for service in Service::ALL {
        let file = file_of(&suite, service);
        for beside in ["-wal", "-shm"] {
            drop(fs::remove_file(format!("{file}{beside}")));
        }
        fs::copy(backup.join(format!("{service}.db")), file).expect("put back");
    }
    for service in Service::ALL {
        suite.run(service).await;
    }
    assert_eq!(space_names(&alice).await, [kept], "{lost} was made later");
    says(&on_all_services(&["journal", "verify"], &url)).await;
}
