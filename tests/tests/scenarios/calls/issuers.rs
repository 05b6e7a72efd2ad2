//! Identity providers as an operator sets them up: as the documentation says, and wrongly.
use std::{fs, process::Output};

use devspaces::Service;
use devspaces_kit::{
    clock::{Clock as _, SystemClock},
    identity::{MAX_TOKEN, SigningKey},
    name::Principal,
};
use devspaces_tests::{
    Engine, Persona,
    engine::Databases,
    process::{Processes, start},
    refused,
};
use serde_json::{Value, json};
use tonic::Code;

use crate::acts::{
    commands::ended,
    spaces::{NOWHERE, gets_space},
};

const OPERATIONS: &str = include_str!("../../../../docs/operations.md");
const COMPOSE: &str = include_str!("../../../../deploy/compose.yaml");

/// Where the documentation's examples have their keys.
const THERE: &str = "/run/issuers/users.json";

/// Every example of an issuer in a text.
fn examples(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| line.trim_start_matches(['#', ' ']));
    lines.filter(|line| line.starts_with("kind=") && line.ends_with(THERE)).collect()
}

/// A provider with a key of its own, in a file beside the services' keys.
struct Provider {
    key: SigningKey,
    file: String,
}

impl Provider {
    fn new(processes: &Processes, name: &str) -> Self {
        let key = SigningKey::generate().expect("a key");
        let file = processes.keys().join(name);
        fs::write(&file, key.public_jwks("k1")).expect("a file");
        Self { key, file: file.display().to_string() }
    }

    /// Somebody with a token of these claims, for a minute.
    fn persona(&self, processes: &Processes, claims: &Value) -> Persona {
        let mut claims = claims.clone();
        claims["exp"] = json!(SystemClock.now().seconds() + 60);
        processes.bearer(&Principal::user("alice"), &self.key.sign("k1", "JWT", &claims))
    }
}

/// The space service, whose start these settings end, or which they don't end.
async fn with_issuers(issuers: &[String]) -> Processes {
    let mut processes = Processes::with(Databases::create(Engine::Sqlite).await).await;
    let mut command = processes.command(Service::Space);
    command.env("DEVSPACES_ISSUERS", issuers.join(";"));
    let (child, _) = start(&mut command).await;
    processes.started(Service::Space, child);
    processes
}

// The installation's own issuer is trusted beside them, as in the compose file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_issuers_let_people_in_beside_the_installations_own() {
    let documented = [examples(OPERATIONS), examples(COMPOSE)].concat();
    assert_eq!(documented.len(), 3, "{documented:?}");
    for example in documented {
        let folder = devspaces_tests::engine::temporary_folder();
        let key = SigningKey::generate().expect("a key");
        let file = folder.path().join("users.json");
        fs::write(&file, key.public_jwks("k1")).expect("a file");
        let provider = Provider { key, file: file.display().to_string() };
        let processes = with_issuers(&[example.replace(THERE, &provider.file)]).await;
        let iss = example.split(',').find_map(|setting| setting.strip_prefix("iss=")).expect("an iss");
        let claims = json!({ "iss": iss, "sub": "alice", "aud": "devspaces" });
        assert!(provider.persona(&processes, &claims).may("space.create", "").await, "{example}");
        assert!(processes.user("bob").may("space.create", "").await, "by --jwks");
        if example.contains("services-if") {
            let machine =
                json!({ "iss": iss, "sub": "web", "aud": "devspaces", "gty": "client-credentials" });
            assert!(
                !provider.persona(&processes, &machine).may("space.create", "").await,
                "R-S1: a person's"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_sixteen_kilobytes_passes_and_a_longer_one_is_told_so() {
    let folder = devspaces_tests::engine::temporary_folder();
    let key = SigningKey::generate().expect("a key");
    let file = folder.path().join("users.json");
    fs::write(&file, key.public_jwks("k1")).expect("a file");
    let provider = Provider { key, file: file.display().to_string() };
    let issuer = format!("kind=users,iss=id,aud=a,prefix=corp:,jwks={}", provider.file);
    let processes = with_issuers(&[issuer]).await;
    let padded = |pad: usize| json!({ "iss": "id", "sub": "alice", "aud": "a", "pad": "x".repeat(pad) });
    // Base64 makes four bytes of three; the rest of the token has some 200.
    let long = provider.persona(&processes, &padded(12_000));
    assert!(long.authorization().len() > MAX_TOKEN - 300, "{}", long.authorization().len());
    assert!(long.may("space.create", "").await);
    let too_long = refused(gets_space(&provider.persona(&processes, &padded(12_500)), NOWHERE).await);
    assert_eq!(too_long.kind(), (Code::Unauthenticated, "CREDENTIALS_INVALID"));
    assert_eq!(too_long.metadata, [("cause".to_owned(), "too_long".to_owned())]);
    assert!(too_long.message.contains("16384"), "{}", too_long.message);
}

/// What a start says that is ended by its settings.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_let_nobody_in_or_grant_nothing_end_the_start_and_name_the_mistake() {
    let processes = Processes::with(Databases::create(Engine::Sqlite).await).await;
    let provider = Provider::new(&processes, "users.json");
    let good = format!("kind=services,iss=id,aud=a,prefix=corp:,jwks={}", provider.file);
    let one = |flag: &'static str, value: &str| (flag, value.to_owned());
    for ((flag, value), named) in [
        (one("--issuer", &good.replace("aud=a", "aud=")), "the setting aud is empty"),
        (one("--issuer", &good.replace("iss=id", "iss=")), "the setting iss is empty"),
        (one("--issuer", &good.replace("aud=a", "audience=a")), "did you mean \"aud\"?"),
        (
            one("--service-permission", "services/metering=usage.report"),
            "without 'services/' here: 'metering'",
        ),
        (one("--service-permission", "metering=usage.reprot"), "did you mean \"usage.report\"?"),
        (one("--service-permission", "metering=space.get"), "not a permission for services"),
        (one("--service-permission", "repo:a/b=usage.report"), "it is 'repo%3Aa%2Fb'"),
        (
            one("--service-permission", "lab:metering=usage.report"),
            "no issuer names a service services/lab:metering",
        ),
        (one("--journal-watcher", "users/x"), "'users/x' is a person's name"),
        (one("--journal-watcher", "services/observer"), "without 'services/' here: 'observer'"),
        (one("--peer", "billing=http://127.0.0.1:7000/billing"), "http://HOST:PORT"),
    ] {
        let mut command = processes.command(Service::Space);
        command.args(["--issuer", &good.replace("iss=id", "iss=other").replace("corp:", "other:")]);
        command.args([flag, &value]);
        let text = said(&ended(&mut command).await);
        assert!(text.contains(named) && text.contains(flag), "{flag} {value}: {text}");
    }
}

// R-P7: the others would refuse its every call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_anothers_key_does_not_start() {
    let processes = Processes::with(Databases::create(Engine::Sqlite).await).await;
    let key = |name: &str| processes.keys().join(name);
    fs::copy(key("billing.pem"), key("space.pem")).expect("copied");
    let anothers = said(&ended(&mut processes.command(Service::Space)).await);
    assert_eq!(anothers.lines().count(), 1, "{anothers}");
    assert!(anothers.contains("--service-key-file: the key of space is that of billing"), "{anothers}");
    fs::remove_file(key("space.pem")).expect("removed");
    SigningKey::generate_to(&key("space.pem")).expect("a key");
    let nobodys = said(&ended(&mut processes.command(Service::Space)).await);
    assert_eq!(nobodys.lines().count(), 1, "{nobodys}");
    assert!(nobodys.contains("--suite-jwks does not have the key of space"), "{nobodys}");
}
