//! Every command of the README and of docs/ is accounted for: a test runs it, or it is said here why none does. A block
//! that is added to a page and not here fails the test below.
use std::{collections::BTreeSet, env, fs, path::Path};

use devspaces::metrics;
use devspaces_kit::metrics::Kind;
use devspaces_tests::{engine::temporary_folder, listen::listen, process::binary};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Who runs a block.
#[derive(Clone, Copy)]
enum Run {
    /// This test, as the block stands, but for addresses and names that are a test's own.
    Test(&'static str),
    /// A part of `cargo xtask ci` or `nightly`, whose script or program names this.
    Script(&'static str),
    /// Nobody, for this reason.
    Nobody(&'static str),
}

const BOOK: &str = "the_readme_is_true";
const SERVICES: &str = "the_readme_runs_separate_services";
const BACKUP: &str = "a_backup_beside_running_services_is_restored_over_what_a_kill_left";
const ERASURE: &str = "a_person_is_erased_from_first_results_too";
const INSPECTION: &str = "the_commands_of_the_page_answer_as_it_says";

/// Each block by its page and the first line, or the page alone if one test runs all of it.
const BLOCKS: &[(&str, &str, Run)] = &[
    ("README.md", "cargo run --release -- dev", Run::Test(BOOK)),
    ("README.md", r#"alice="authorization: Bearer "#, Run::Test(BOOK)),
    ("README.md", r#"grpcurl -plaintext -H "$alice""#, Run::Test(BOOK)),
    ("README.md", "target/release/devspaces check users/bob", Run::Test(BOOK)),
    ("README.md", r#"curl -sS -H "$bob""#, Run::Test(BOOK)),
    ("README.md", r"app=$(grpcurl", Run::Test(BOOK)),
    ("README.md", r"terms=$(grpcurl", Run::Test(BOOK)),
    ("README.md", "cargo xtask test", Run::Nobody("it is what runs this test")),
    ("README.md", "deploy/make-secrets.sh", Run::Script("deploy/make-secrets.sh")),
    ("README.md", "psql --dbname postgres", Run::Test(SERVICES)),
    ("README.md", "PATH=$PATH:$PWD/target/release", Run::Test(SERVICES)),
    ("README.md", "until devspaces health", Run::Test(SERVICES)),
    ("README.md", "kill $(jobs -p)", Run::Test(SERVICES)),
    ("docs/clients.md", "", Run::Script("docs/clients.md")),
    ("docs/inspection.md", "", Run::Test(INSPECTION)),
    ("docs/operations.md", "deploy/make-secrets.sh", Run::Script("deploy/make-secrets.sh")),
    ("docs/operations.md", "export COMPOSE_FILE=", Run::Nobody("it is for the commands after it")),
    ("docs/operations.md", "devspaces() {", Run::Script("docs/operations.md")),
    (
        "docs/operations.md",
        "docker compose -f deploy/compose.yaml ps",
        Run::Nobody("it shows, and does nothing"),
    ),
    (
        "docs/operations.md",
        "docker compose -f deploy/compose.yaml -f deploy/compose.replicas.yaml up",
        Run::Script("-f deploy/compose.replicas.yaml"),
    ),
    ("docs/operations.md", "devspaces health --address", Run::Script("devspaces health --address")),
    (
        "docs/operations.md",
        "docker compose exec postgres sh -c 'install",
        Run::Nobody("it was tried by hand: a server takes another certificate"),
    ),
    ("docs/operations.md", "devspaces token users/alice", Run::Script("devspaces token users/alice")),
    (
        "docs/operations.md",
        r#"grpcurl -plaintext -H "authorization: Bearer $TOKEN""#,
        Run::Nobody(
            "it was tried by hand: the time in it passes; scenarios of emergencies and suspensions make the calls",
        ),
    ),
    (
        "docs/operations.md",
        r#"grpcurl -plaintext -H "authorization: Bearer $RUNTIME_TOKEN""#,
        Run::Nobody("scenarios of suspensions make the call"),
    ),
    (
        "docs/operations.md",
        "rm -f deploy/secrets/postgres/billing.password",
        Run::Nobody("it was tried by hand: a password is changed under a suite that runs"),
    ),
    (
        "docs/operations.md",
        "docker compose exec -T postgres pg_basebackup",
        Run::Nobody("it was tried by hand: a server is emptied and restored"),
    ),
    ("docs/operations.md", "docker compose down", Run::Nobody("as above")),
    ("docs/operations.md", "for service in space", Run::Nobody("dump.sh does the same, and is tried")),
    ("docs/operations.md", "deploy/dump.sh", Run::Script("deploy/dump.sh")),
    (
        "docs/operations.md",
        "docker compose run --rm -T -v",
        Run::Nobody("restore.sh does the same, and is tried"),
    ),
    (
        "docs/billing.md",
        "devspaces invoice export",
        Run::Test("every_invoice_of_a_space_that_had_everything_holds"),
    ),
    ("docs/operations.md", "devspaces backup", Run::Test(BACKUP)),
    ("docs/operations.md", "rm -f .devspaces/", Run::Test(BACKUP)),
    ("docs/operations.md", "docker compose run --rm migrate journal erase", Run::Test(ERASURE)),
    (
        "docs/operations.md",
        "docker compose -f deploy/compose.yaml -f deploy/compose.prometheus.yaml up",
        Run::Script("-f deploy/compose.prometheus.yaml"),
    ),
    ("docs/performance.md", "benches/peers.sh", Run::Nobody("it takes up to half an hour, and measures")),
    ("docs/reliability.md", "cargo xtask attack", Run::Nobody("ci and nightly do, as commands of their own")),
    ("docs/reliability.md", "cargo xtask faults", Run::Nobody("it takes up to 15 minutes and root")),
];

/// The command blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(ROOT).join(page)).expect(page);
    let blocks = text.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("an end").to_owned()).collect()
}

/// The README and every page below docs/.
fn pages() -> BTreeSet<String> {
    let mut pages = BTreeSet::from(["README.md".to_owned()]);
    let mut folders = vec!["docs".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(ROOT).join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(path);
            } else if Path::new(&path).extension().is_some_and(|extension| extension == "md") {
                pages.insert(path);
            }
        }
    }
    pages
}

/// The text of all files of a folder, and of the folders in it.
fn sources(folder: &str) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(Path::new(ROOT).join(folder)).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            text += &sources(path.to_str().expect("a path of letters"));
        } else {
            text += &fs::read_to_string(path).unwrap_or_default();
        }
    }
    text
}

#[test]
fn every_command_of_the_documentation_is_accounted_for() {
    let script = sources("deploy/ci") + &sources("xtask/src");
    let tests = sources("tests/tests/scenarios");
    for (page, line, run) in BLOCKS {
        let there = blocks(page).iter().any(|block| block.starts_with(line));
        assert!(there, "{page} has no block any more that begins with: {line}");
        match run {
            Run::Test(name) => assert!(tests.contains(&format!("fn {name}(")), "there is no test {name}"),
            Run::Script(command) => assert!(script.contains(command), "no script has: {command}"),
            Run::Nobody(why) => assert!(!why.is_empty()),
        }
    }
    for page in pages() {
        for block in blocks(&page) {
            let listed = BLOCKS.iter().any(|(on, line, _)| *on == page && block.starts_with(line));
            assert!(listed, "nothing is said of who runs this block of {page}:\n{block}");
        }
    }
}

/// A server as its URL names it.
struct Server {
    user: String,
    password: String,
    host: String,
    port: String,
}

impl Server {
    fn of(url: &str) -> Self {
        let rest = url.split_once("://").expect("a URL").1;
        let (who, place) = rest.split_once('@').expect("a user");
        let (user, password) = who.split_once(':').unwrap_or((who, ""));
        let address = place.split('/').next().expect("an address");
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "5432"));
        Self { user: user.into(), password: password.into(), host: host.into(), port: port.into() }
    }
}

/// The README's section with names and addresses of the test's own.
async fn section(own: &str, server: &Server) -> String {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).expect("the README");
    let section = readme.split("\n## ").find(|it| it.starts_with("Run it as separate services"));
    let shell = section.expect("the section").split("```sh\n").skip(1);
    let mut commands: String = shell.map(|block| block.split("```").next().expect("an end")).collect();
    for (from, to) in [
        ("ROLE devspaces ", format!("ROLE {own} ")),
        ("--owner=devspaces ", format!("--owner={own} ")),
        ("template0 $service", format!("template0 {own}_$service")),
        (
            "devspaces:change-me@localhost/{service}",
            format!("{own}:change-me@{}:{}/{own}_{{service}}", server.host, server.port),
        ),
    ] {
        assert!(commands.contains(from), "{from} is not in: {commands}");
        commands = commands.replace(from, &to);
    }
    for port in 7001..=7004 {
        let own = listen().await.local_addr().expect("an address");
        commands = commands.replace(&format!("127.0.0.1:{port}"), &own.to_string());
    }
    commands
}

/// The section runs from its first command to its last on a PostgreSQL as it comes, and each of its services ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readme_runs_separate_services() {
    let url = env::var("DEVSPACES_TEST_POSTGRES_URL").expect("DEVSPACES_TEST_POSTGRES_URL");
    let server = Server::of(&url);
    let own = format!("readme_{}", std::process::id());
    let commands = section(&own, &server).await;
    let script =
        format!("set -e\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{commands}\necho 'all ended'");
    let folder = temporary_folder();
    let programs = [binary(), env!("CARGO_BIN_EXE_grpcurl").into()];
    let programs = programs.map(|program| program.parent().expect("a folder").display().to_string());
    let mut shell = Command::new("timeout");
    // Debian keeps createdb beside the server alone where nothing else is installed.
    let path =
        format!("{}:{}:/usr/lib/postgresql/15/bin", programs.join(":"), env::var("PATH").expect("a path"));
    shell
        .args(["--kill-after=10", "180", "bash", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .envs([("PGHOST", &server.host), ("PGPORT", &server.port), ("PGUSER", &server.user)])
        .env("PGPASSWORD", &server.password);
    let output = shell.output().await.expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let mut connection = PgConnection::connect(&url).await.expect("the server");
    for service in ["space", "membership", "billing", "marketplace"] {
        let drop = format!("DROP DATABASE IF EXISTS {own}_{service} WITH (FORCE)");
        connection.execute(AssertSqlSafe(drop)).await.expect("dropped");
    }
    connection.execute(AssertSqlSafe(format!("DROP ROLE IF EXISTS {own}"))).await.expect("dropped");
    assert!(output.status.success(), "{said}{complained}");
    assert!(
        said.contains("\"displayName\": \"My team\"") && said.contains("all ended"),
        "{said}{complained}"
    );
    assert_eq!(said.matches("devspaces listens on 127.0.0.1:").count(), 4, "{said}{complained}");
    assert_eq!(complained.matches("\"message\":\"stopping\"").count(), 4, "{complained}");
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

// Whoever is woken by an alert is led to what to do.
#[test]
fn every_alert_has_its_place_in_the_operators_page() {
    let read = |path: &str| fs::read_to_string(Path::new(ROOT).join(path)).expect(path);
    let (alerts, page) = (read("deploy/prometheus/alerts.yaml"), read("docs/operations.md"));
    let anchors: BTreeSet<_> = page
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| format!("docs/operations.md#{}", anchor(line)))
        .collect();
    let rules: Vec<_> = alerts.split("- alert: ").skip(1).collect();
    assert!(rules.len() > 5, "the alerts");
    for rule in rules {
        let name = rule.lines().next().expect("a name");
        let runbook = rule.lines().find_map(|line| line.trim().strip_prefix("runbook_url: "));
        let runbook = runbook.unwrap_or_else(|| panic!("{name} leads nowhere"));
        assert!(anchors.contains(runbook), "{name} leads to {runbook}, which is not there");
        assert!(runbook.ends_with(&name.to_lowercase()), "{name} leads to {runbook}");
    }
}

// What a chart or an alert asks for is there, or it would stay empty and say nothing.
#[test]
fn charts_and_alerts_ask_for_metrics_that_there_are() {
    let known: BTreeSet<_> = metrics()
        .iter()
        .flat_map(|metric| match metric.kind {
            Kind::Histogram => {
                ["bucket", "sum", "count"].map(|part| format!("{}_{part}", metric.name)).to_vec()
            }
            Kind::Counter | Kind::Gauge => vec![metric.name.to_owned()],
        })
        .collect();
    for page in ["deploy/grafana/devspaces.json", "deploy/prometheus/alerts.yaml"] {
        let text = fs::read_to_string(Path::new(ROOT).join(page)).expect(page);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let asked: BTreeSet<_> =
            words.filter(|word| word.starts_with("devspaces_") || word.starts_with("process_")).collect();
        assert!(asked.len() > 5, "{page}");
        for metric in asked {
            assert!(known.contains(metric), "{page} asks for {metric}, which is told by nobody");
        }
    }
}
