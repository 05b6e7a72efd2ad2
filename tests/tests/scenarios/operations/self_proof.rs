//! What a service finds out of itself and its peers before it is ready, and what `devspaces doctor` finds.
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use devspaces::{
    Service,
    keys::{self, Step},
};
use devspaces_kit::identity::SigningKey;
use devspaces_tests::{
    Engine, Provider, Suite,
    engine::{Databases, temporary_folder},
    process::{LOG, Processes, binary, start},
    suite::eventually,
};
use tokio::process::{Child, Command};

use crate::acts::commands::{ended, runs};

scenarios! {
    both engines:
        beside_a_peer_of_another_suite_a_service_is_never_ready_and_says_why,
        beside_peers_that_go_by_another_time_a_service_is_never_ready_and_says_why,
        under_load_new_keys_of_the_services_refuse_no_call,
        a_key_that_the_others_would_not_know_is_not_signed_by,
        the_doctor_finds_what_is_wrong_and_tells_no_secret;
}

/// The same command with other arguments in the place of some: each flag with its value is asked for.
fn changed(command: &Command, other: impl Fn(&str, &str) -> Option<String>) -> Command {
    let arguments: Vec<_> = command.as_std().get_args().map(|it| it.to_string_lossy().into_owned()).collect();
    let mut changed = Command::new(binary());
    changed.arg(&arguments[0]);
    for pair in arguments[1..].chunks(2) {
        changed.arg(&pair[0]).arg(other(&pair[0], &pair[1]).unwrap_or_else(|| pair[1].clone()));
    }
    changed
}

/// Starts a service whose log goes to a file.
async fn started(mut command: Command, log: &Path) -> Child {
    command.env(LOG, "info").stderr(Stdio::from(File::create(log).expect("a file")));
    start(&mut command).await.0
}

async fn health(address: &str) -> (bool, String) {
    let output = runs(&["health", "--address", address]).await;
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The lines of a log that say this.
fn lines(log: &Path, what: &str) -> Vec<String> {
    let text = fs::read_to_string(log).expect("a log");
    text.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
}

async fn is_ready(processes: &Processes, service: Service) {
    eventually(async || health(&processes.address(service)).await.0.then_some(())).await;
}

/// It is not ready, its health says this of it, and its log does in one line.
async fn is_never_ready(address: &str, log: &Path, health_says: &str, log_says: &str) {
    let said = async || health(address).await.1.contains(health_says).then_some(());
    eventually(said).await;
    let told = async || (!lines(log, "not ready").is_empty()).then_some(());
    eventually(told).await;
    assert!(!health(address).await.0);
    let lines = lines(log, "not ready");
    let fitting = lines.iter().filter(|line| line.contains(log_says)).count();
    assert_eq!(fitting, 1, "{log_says}: {lines:?}");
}

async fn beside_a_peer_of_another_suite_a_service_is_never_ready_and_says_why(engine: Engine) {
    let folder = temporary_folder();
    let mut processes = Processes::with(Databases::create(engine).await).await;
    let others = Processes::with(Databases::create(engine).await).await;
    for service in [Service::Membership, Service::Marketplace] {
        processes.run(service).await;
    }
    let at = processes.address(Service::Billing).replace("http://", "");
    let stranger =
        changed(&others.command(Service::Billing), |flag, _| (flag == "--listen").then(|| at.clone()));
    let _stranger = started(stranger, &folder.path().join("billing.log")).await;
    let log = folder.path().join("space.log");
    let _space = started(processes.command(Service::Space), &log).await;
    let address = processes.address(Service::Space);
    is_never_ready(
        &address,
        &log,
        "it waits for billing (which refuses its token: key)",
        "billing refuses the token of space (cause key): its --suite-jwks has no such key",
    )
    .await;
    // The stranger's log has the reason, and never a token.
    let refusals = lines(&folder.path().join("billing.log"), "token refused");
    assert!(
        refusals.iter().any(|line| line.contains("devspaces:space") && line.contains("\"kid\":\"space\"")),
        "{refusals:?}"
    );
    assert!(!fs::read_to_string(folder.path().join("billing.log")).expect("a log").contains("eyJ"));
}

async fn beside_peers_that_go_by_another_time_a_service_is_never_ready_and_says_why(engine: Engine) {
    let folder = temporary_folder();
    let processes = Processes::with(Databases::create(engine).await).await;
    let says = ("billing (whose clock differs)", "s ahead: keep the clocks in time (NTP)");
    // By so much a token of the service is still taken, and by so much it is not.
    for ahead in [Duration::from_mins(1), Duration::from_hours(1)] {
        let peers = Suite::start_ahead(engine, processes.keys(), ahead).await;
        let command = changed(&processes.command(Service::Space), |flag, value| {
            let peer: Service = value.split_once('=').filter(|_| flag == "--peer")?.0.parse().ok()?;
            Some(format!("{peer}={}", peers.addresses(peer)[0].to_string().trim_end_matches('/')))
        });
        let log = folder.path().join("space.log");
        let mut space = started(command, &log).await;
        let told = async || (lines(&log, "not ready").len() == 3).then_some(());
        eventually(told).await;
        let address = processes.address(Service::Space);
        let said = health(&address).await;
        assert!(!said.0 && said.1.contains(says.0), "{}", said.1);
        let of_billing = lines(&log, "\"peer\":\"billing\"");
        assert_eq!(of_billing.iter().filter(|line| line.contains(says.1)).count(), 1, "{of_billing:?}");
        space.kill().await.expect("killed");
    }
}

// R-P7
async fn under_load_new_keys_of_the_services_refuse_no_call(engine: Engine) {
    let folder = temporary_folder();
    let mut processes = Processes::with(Databases::create(engine).await).await;
    let log = |service: Service| folder.path().join(service.name());
    for service in Service::ALL {
        let child = started(processes.command(service), &log(service)).await;
        processes.started(service, child);
    }
    for service in Service::ALL {
        is_ready(&processes, service).await;
    }
    let user = processes.user("alice");
    let keys = processes.keys().to_owned();
    let rotation = async {
        for step in [Step::Begin, Step::Switch] {
            keys::rotate(&keys, step).expect("a step");
            is_ready(&processes, Service::Space).await;
        }
        for service in Service::ALL {
            let signs =
                async || (!lines(&log(service), "the service signs by the key").is_empty()).then_some(());
            eventually(signs).await;
        }
        keys::rotate(&keys, Step::End).expect("the last step");
        // The set that a process has read last has one key of each service.
        for service in Service::ALL {
            let last = async || {
                lines(&log(service), "keys of an issuer").pop().filter(|line| !line.contains("previous"))
            };
            eventually(async || last().await.filter(|line| line.contains("\"suite\""))).await;
        }
    };
    let space = user.creates_space("Before").await;
    // A new space takes effect in the membership service before it is answered, and a check asks others for facts.
    let load = async {
        for number in 0.. {
            if number % 50 == 0 && number < 2000 {
                user.creates_space(&format!("Space {number}")).await;
            }
            assert!(user.may("members.list", &space).await);
        }
    };
    tokio::select! {
        () = rotation => {}
        () = load => {}
    }
    user.creates_space("By the new keys").await;
    for service in Service::ALL {
        assert_eq!(lines(&log(service), "token refused"), Vec::<String>::new(), "{service}");
        assert_eq!(lines(&log(service), "ERROR"), Vec::<String>::new(), "{service}");
    }
}

async fn a_key_that_the_others_would_not_know_is_not_signed_by(engine: Engine) {
    let folder = temporary_folder();
    let mut processes = Processes::with(Databases::create(engine).await).await;
    let log = folder.path().join("space.log");
    for service in [Service::Membership, Service::Billing, Service::Marketplace] {
        processes.run(service).await;
    }
    let child = started(processes.command(Service::Space), &log).await;
    processes.started(Service::Space, child);
    is_ready(&processes, Service::Space).await;
    let file = processes.keys().join(keys::of_service("space"));
    fs::remove_file(&file).expect("removed");
    SigningKey::generate_to(&file).expect("a key");
    let told = async || (!lines(&log, "the one of before is used on").is_empty()).then_some(());
    eventually(told).await;
    processes.user("alice").creates_space("By the key of before").await;
}

/// What the doctor says, and whether all is well.
async fn doctor(serve: &Command, more: &[&str]) -> (bool, String) {
    let arguments = serve.as_std().get_args().skip(1);
    let output = ended(Command::new(binary()).arg("doctor").args(arguments).args(more)).await;
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.success(), said)
}

async fn the_doctor_finds_what_is_wrong_and_tells_no_secret(engine: Engine) {
    let mut processes = Processes::start(engine).await;
    let provider = Provider::start().await;
    let issuer = provider.setting();
    let more = ["--issuer", issuer.as_str()];
    let (well, said) = doctor(&processes.command(Service::Space), &more).await;
    assert!(well, "{said}");
    for good in
        ["keys of http://127.0.0.1", "k1 (EdDSA)", "key of space", "database of space", "peer billing at"]
    {
        assert!(said.lines().any(|line| line.starts_with("ok") && line.contains(good)), "{good}: {said}");
    }
    let secret = fs::read_to_string(processes.keys().join("space.pem")).expect("a key");
    assert!(!said.contains(secret.lines().nth(1).expect("its text")), "{said}");
    let password = processes
        .database_url()
        .split('@')
        .next()
        .and_then(|url| url.rsplit_once(':'))
        .map(|it| it.1.to_owned());
    assert!(password.is_none_or(|password| password.len() < 8 || !said.contains(&password)), "{said}");

    provider.answers(devspaces_tests::Manner::Status(500));
    processes.kill(Service::Billing).await;
    let missing: PathBuf = processes.keys().join("none.db");
    let broken = changed(&processes.command(Service::Space), |flag, _| {
        (flag == "--database-url").then(|| format!("sqlite:{}", missing.display()))
    });
    let (well, said) = doctor(&broken, &more).await;
    assert!(!well, "{said}");
    for wrong in ["answers 500", "peer billing at", "database of space"] {
        assert!(
            said.lines().any(|line| line.starts_with("wrong") && line.contains(wrong)),
            "{wrong}: {said}"
        );
    }
    assert!(said.contains("ok     peer membership at"), "{said}");
    assert!(!missing.exists(), "the doctor makes nothing");

    fs::copy(processes.keys().join("billing.pem"), processes.keys().join("space.pem")).expect("copied");
    let (well, said) = doctor(&processes.command(Service::Space), &[]).await;
    assert!(
        !well && said.contains("wrong  settings: --service-key-file: the key of space is that of billing"),
        "{said}"
    );
}
