//! Databases that the suite can't be right on, and servers that can't be reached: each is told in one clear line, when
//! it is migrated and when a service starts.
use devspaces::Service;
use devspaces_tests::{
    Engine,
    engine::Databases,
    listen::listen,
    pooler::{ByTransaction, PgBouncer, Unasked},
    process::Processes,
    sql::execute,
};
use tokio::process::Command;

use crate::acts::commands::{complaint, ended, on_all_services, says};

scenarios! {
    both engines:
        that_a_database_is_not_migrated_is_said;
}

/// What `migrate`, and a service that starts, say of databases that they refuse.
async fn refusals(databases: Databases) -> [String; 2] {
    let url = databases.url(None);
    let migrating = complaint(&on_all_services(&["migrate"], &url)).await;
    let suite = Processes::with(databases).await;
    [migrating, start_of(&mut suite.command(Service::Space)).await]
}

/// What a service says that does not start.
async fn start_of(command: &mut Command) -> String {
    let output = ended(command.env("DEVSPACES_LOG", "error")).await;
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(said.trim_end().lines().count(), 1, "one clear line: {said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_names_do_not_sort_by_their_bytes_is_refused() {
    let options = "LOCALE 'C' ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'";
    for said in refusals(Databases::made_with(options).await).await {
        assert!(
            said.contains("its collation is en-US, and must be C") && said.contains("createdb"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_encoding_is_refused() {
    for said in refusals(Databases::made_with("LOCALE 'C' ENCODING 'LATIN1'").await).await {
        assert!(said.contains("its encoding is LATIN1, and must be UTF8"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_too_few_connections_is_refused() {
    let options = "LOCALE 'C' ENCODING 'UTF8' CONNECTION LIMIT 21";
    for said in refusals(Databases::made_with(options).await).await {
        assert!(
            said.contains("the database allows 21 connections, and each process needs up to 22"),
            "{said}"
        );
    }
}

// As PgBouncer does with `ignore_startup_parameters = options`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_a_pooler_drops_are_missed() {
    let databases = Databases::create(Engine::Postgres).await;
    let url = databases.url(Some(Service::Space));
    let pooler = Unasked::before(&url).await;
    let migrate = ["migrate", "--services", "space", "--database-url", &pooler.url];
    let said = complaint(&migrate).await;
    assert!(said.contains("although") && said.contains("a pooler drops what connections ask for"), "{said}");
}

// As PgBouncer does with `pool_mode = transaction`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_mixes_up_sessions_is_found_out() {
    let databases = Databases::create(Engine::Postgres).await;
    let url = databases.url(Some(Service::Space));
    let pooler = ByTransaction::before(&url).await;
    let migrate = ["migrate", "--services", "space", "--database-url", &pooler.url];
    let said = complaint(&migrate).await;
    assert!(said.contains("its connections are mixed up by a pooler") && said.contains("session"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pgbouncer_is_refused_in_one_line_unless_each_connection_has_a_session() {
    let databases = Databases::create(Engine::Postgres).await;
    let url = databases.url(Some(Service::Space));
    let [session, transaction] = ["session", "transaction"]
        .map(|mode| format!("pool_mode = {mode}\nignore_startup_parameters = options, extra_float_digits"));
    let refusals = [
        ("pool_mode = session", "a pooler does not pass on what connections ask for"),
        (&transaction, "a pooler drops what connections ask for"),
    ];
    for (settings, expected) in refusals {
        let Some(pooler) = PgBouncer::before(&url, settings).await else {
            println!("NOT TRIED: PGBOUNCER IS NOT INSTALLED");
            return;
        };
        let said = complaint(&migrating(&pooler.url)).await;
        assert!(said.contains(expected) && said.trim_end().lines().count() == 1, "{said}");
    }
    let database = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name");
    let set = SET.map(|setting| format!("ALTER DATABASE {database} SET {setting}"));
    execute(&databases.open(Service::Space).await, &set.join("; ")).await;
    let pooler = PgBouncer::before(&url, &transaction).await.expect("it is installed");
    let said = complaint(&migrating(&pooler.url)).await;
    assert!(said.contains("its connections are mixed up by a pooler") && said.contains("session"), "{said}");
    let pooler = PgBouncer::before(&url, &session).await.expect("it is installed");
    says(&migrating(&pooler.url)).await;
}

fn migrating(url: &str) -> [&str; 5] {
    ["migrate", "--services", "space", "--database-url", url]
}

/// What connections ask for and can't do without, as docs/operations.md has it for a role.
const SET: [&str; 9] = [
    "synchronous_commit = on",
    "default_transaction_isolation = 'read committed'",
    "statement_timeout = 0",
    "idle_in_transaction_session_timeout = '60s'",
    "plan_cache_mode = force_generic_plan",
    "jit = off",
    "enable_hashjoin = off",
    "enable_mergejoin = off",
    "enable_seqscan = off",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_hosts_the_one_that_takes_writes_is_used() {
    let databases = Databases::create(Engine::Postgres).await;
    let url = databases.url(Some(Service::Space));
    let nobody = listen().await.local_addr().expect("an address");
    let several = url.replacen('@', &format!("@{nobody},"), 1) + "&target_session_attrs=read-write";
    says(&migrating(&several)).await;
    let standby = url + "&target_session_attrs=standby";
    let said = complaint(&migrating(&standby)).await;
    assert!(said.contains("the database URL is malformed"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_says_is_told_as_it_is() {
    // Nobody listens there any more.
    let nobody = listen().await.local_addr().expect("an address");
    let migrate = |url: String| async move {
        complaint(&["migrate", "--services", "space", "--database-url", &url]).await
    };
    let said = migrate(format!("postgres://postgres@{nobody}/space")).await;
    assert!(said.contains("Connection refused") && !said.contains("pool timed out"), "{said}");

    let databases = Databases::create(Engine::Postgres).await;
    let url = databases.url(Some(Service::Space));
    let said = migrate(url.replacen('?', "_that_is_not_there?", 1)).await;
    assert!(said.contains("does not exist") && !said.contains("at line"), "{said}");
}

async fn that_a_database_is_not_migrated_is_said(engine: Engine) {
    let databases = Databases::empty(engine).await;
    let url = databases.url(Some(Service::Space));
    if engine == Engine::Sqlite {
        std::fs::write(url.trim_start_matches("sqlite:"), "").expect("a file");
    }
    for command in ["verify", "export"] {
        let said = complaint(&["journal", command, "--services", "space", "--database-url", &url]).await;
        assert!(said.contains("the database of space is not migrated: run `devspaces migrate`"), "{said}");
    }
    // There is nothing wrong with a journal without entries. It may be the wrong one.
    says(&["migrate", "--services", "space", "--database-url", &url]).await;
    let empty = says(&["journal", "verify", "--services", "space", "--database-url", &url]).await;
    assert!(empty.contains("WARNING: the journal has no entries"), "{empty}");
    assert!(empty.contains("compared with no checkpoint"), "{empty}");
}
