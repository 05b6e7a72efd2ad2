//! Dumps of PostgreSQL by the scripts of the installation: what is restored is what was dumped, or is said to be not.
use std::{
    fs,
    path::Path,
    process::{Output, Stdio},
};

use devspaces::{Service, keys};
use devspaces_ledger::db::Pool;
use devspaces_tests::{
    Engine,
    engine::{Databases, temporary_folder},
    process::{Processes, binary},
    sql::{count, execute},
};
use tokio::process::Command;

const EMPTYING: &str = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
const TABLES: &str = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";

/// Where Debian keeps PostgreSQL's programs, beside what is on the path.
fn path() -> String {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin").display().to_string());
    [std::env::var("PATH").expect("a path")].into_iter().chain(folders).collect::<Vec<_>>().join(":")
}

/// Runs a script of the installation on these databases.
async fn script(name: &str, arguments: &[&Path], keys: &Path, url: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name);
    Command::new(script)
        .args(arguments)
        .env("PATH", path())
        .env("DEVSPACES_BIN", binary())
        .env("DEVSPACES_DATABASE_URL", url)
        .env("DEVSPACES_SERVICE_KEY_FILE", keys.join("{service}.pem"))
        .env("DEVSPACES_SUITE_JWKS", keys.join(keys::SUITE_JWKS))
        .env("DEVSPACES_PATIENCE", "5")
        .stdin(Stdio::null())
        .output()
        .await
        .expect("a shell")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_is_restored_whole_or_it_is_said_that_it_is_not() {
    let mut suite = Processes::start(Engine::Postgres).await;
    suite.user("alice").creates_space("Team").await;
    for service in Service::ALL {
        suite.end(service).await;
    }
    let folder = temporary_folder();
    let [early, late, broken] = ["early", "late", "broken"].map(|name| folder.path().join(name));
    // A replica that was forgotten.
    let replica =
        Pool::open(&suite.database_url().replace("{service}", "membership")).await.expect("a database");
    let output = script("dump.sh", &[&early], suite.keys(), &suite.database_url()).await;
    let reason = "FAILED: the database of membership has";
    assert!(
        !output.status.success() && told(&output).contains(reason) && !early.exists(),
        "{}",
        told(&output)
    );
    replica.close().await;
    let dumped = script("dump.sh", &[&early], suite.keys(), &suite.database_url()).await;
    assert!(dumped.status.success(), "{}", told(&dumped));

    let restored = Databases::empty(Engine::Postgres).await;
    let url = restored.url(None);
    let restore = async |arguments: &[&Path]| script("restore.sh", arguments, suite.keys(), &url).await;
    let refused = async |arguments: &[&Path], reason: &str| {
        let output = restore(arguments).await;
        let told = told(&output);
        assert!(!output.status.success() && told.contains("FAILED: ") && told.contains(reason), "{told}");
    };
    // One is missing: nothing is begun.
    fs::create_dir(&broken).expect("a folder");
    for name in ["space.dump", "membership.dump", "billing.dump", "checkpoint"] {
        fs::copy(early.join(name), broken.join(name)).expect("a copy");
    }
    refused(&[&broken], "marketplace.dump is missing or empty").await;
    assert_eq!(count(&restored.open(Service::Space).await, TABLES).await, 0);
    // One can't be read, when others have been restored: what empties them for the next try is told.
    fs::write(broken.join("marketplace.dump"), "not a dump").expect("written");
    refused(&[&broken], EMPTYING).await;
    for service in Service::ALL {
        execute(&restored.open(service).await, EMPTYING).await;
    }
    // What an extension has put there is no data.
    let extended =
        "CREATE VIEW of_an_extension AS SELECT 1; ALTER EXTENSION plpgsql ADD VIEW of_an_extension";
    execute(&restored.open(Service::Space).await, extended).await;

    let whole = restore(&[&early]).await;
    assert!(whole.status.success(), "{}", told(&whole));
    assert!(
        told(&whole).contains("membership: 1 entries of 1 scopes read, 0 wrong; compared with 1 checkpoints"),
        "{}",
        told(&whole)
    );
    assert_eq!(count(&restored.open(Service::Membership).await, "SELECT count(*) FROM member").await, 1);
    refused(&[&early], "is not empty").await;

    // The databases of before, held against a checkpoint of after.
    for service in Service::ALL {
        suite.run(service).await;
    }
    suite.user("alice").creates_space("Later").await;
    for service in Service::ALL {
        suite.end(service).await;
    }
    let dumped = script("dump.sh", &[&late], suite.keys(), &suite.database_url()).await;
    assert!(dumped.status.success(), "{}", told(&dumped));
    let other = Databases::empty(Engine::Postgres).await;
    let url = other.url(None);
    let output = script("restore.sh", &[&early, &late.join("checkpoint")], suite.keys(), &url).await;
    assert!(
        !output.status.success() && told(&output).contains("it and all after it are missing"),
        "{}",
        told(&output)
    );
}
