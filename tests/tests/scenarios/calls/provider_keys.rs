//! Keys of identity providers while they change, and while nobody can tell whether they do.
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use devspaces::Service;
use devspaces_kit::{identity::SigningKey, name::Principal};
use devspaces_proto::journal::v1::WatchEntriesRequest;
use devspaces_tests::{
    Engine, Manner, Persona, Provider,
    engine::Databases,
    process::{Processes, start},
    refused,
    suite::eventually,
};
use futures::future::join_all;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_stream::StreamExt as _;
use tonic::Code;

use crate::acts::{
    commands::runs,
    journal::{next_entry, watches_entries},
};

scenarios! {
    both engines:
        a_stream_ends_with_the_key_that_has_signed_its_token_and_goes_on_when_others_change,
        under_load_two_rotations_refuse_nobody_and_a_key_that_is_gone_opens_nothing,
        while_a_provider_is_down_its_keys_are_used_and_new_ones_waited_for,
        a_service_starts_without_its_provider_and_takes_its_tokens_once_it_is_there,
        what_is_no_key_set_of_the_issuer_leaves_the_keys_of_before,
        keys_that_are_too_old_for_the_operator_open_nothing,
        made_up_tokens_have_the_provider_asked_a_few_times,
        a_key_set_in_a_file_is_read_again_when_it_changes;
}

/// The space service, which trusts an issuer.
async fn trusting(engine: Engine, issuer: &str) -> Processes {
    serving(engine, &["--issuer", issuer]).await
}

/// The space service with these flags besides.
async fn serving(engine: Engine, flags: &[&str]) -> Processes {
    let mut processes = Processes::with(Databases::create(engine).await).await;
    let mut command = processes.command(Service::Space);
    command.args(flags);
    let (child, _) = start(&mut command).await;
    processes.started(Service::Space, child);
    processes
}

fn with(processes: &Processes, token: &str) -> Persona {
    processes.bearer(&Principal::user("alice"), token)
}

/// What a call with a token ends with: the code and the cause or reason, and nothing if the token is taken.
async fn outcome(processes: &Processes, token: &str) -> Option<(Code, String)> {
    let Err(status) = with(processes, token).check("space.create", "").await else { return None };
    let refusal = refused(Err::<(), _>(status));
    let cause = refusal.metadata.iter().find(|(name, _)| name == "cause").map(|(_, cause)| cause.clone());
    let (code, reason) = refusal.kind();
    Some((code, cause.unwrap_or_else(|| reason.to_owned())))
}

async fn is_taken(processes: &Processes, token: &str) -> bool {
    outcome(processes, token).await.is_none()
}

#[expect(clippy::unnecessary_wraps, reason = "it is what an outcome is compared with")]
fn unknown_key() -> Option<(Code, String)> {
    Some((Code::Unauthenticated, "key".to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "it is what an outcome is compared with")]
fn keys_missing() -> Option<(Code, String)> {
    Some((Code::Unavailable, "ISSUER_KEYS_UNAVAILABLE".to_owned()))
}

/// People who come all the time with the newest token that there is, until it is over.
struct Load {
    over: Arc<AtomicBool>,
    calls: Vec<JoinHandle<usize>>,
}

impl Load {
    fn begin(processes: &Arc<Processes>, provider: &Arc<Provider>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let calls: Vec<_> = (0..4)
            .map(|person| {
                let (over, processes, provider) = (over.clone(), processes.clone(), provider.clone());
                tokio::spawn(async move {
                    let mut calls = 0;
                    while !over.load(Ordering::SeqCst) {
                        let token = provider.token(&format!("person-{person}-{}", calls / 10));
                        assert_eq!(outcome(&processes, &token).await, None, "after {calls} calls");
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        Self { over, calls }
    }

    /// So many calls, none of which was refused.
    async fn end(self) -> usize {
        self.over.store(true, Ordering::SeqCst);
        join_all(self.calls).await.into_iter().map(|calls| calls.expect("no refusal")).sum()
    }
}

// The token lasts longer than its key.
async fn a_stream_ends_with_the_key_that_has_signed_its_token_and_goes_on_when_others_change(engine: Engine) {
    let provider = Provider::start().await;
    let services = format!("{},refresh=1", provider.setting().replace("kind=users", "kind=services"));
    let flags = ["--issuer", &services, "--journal-watcher", "corp:watcher"];
    let mut processes = serving(engine, &flags).await;
    for other in [Service::Membership, Service::Billing, Service::Marketplace] {
        processes.run(other).await;
    }
    let watcher = with(&processes, &provider.token("watcher"));
    let opened = watches_entries(&watcher, Service::Space, WatchEntriesRequest::default()).await;
    let mut entries = opened.expect("a stream");
    provider.adds("k2");
    assert!(is_taken(&processes, &provider.token("watcher")).await, "the new key is known");
    processes.user("alice").creates_space("Team").await;
    next_entry(&mut entries).await;
    drop(provider.removes("k1"));
    let end = timeout(Duration::from_secs(30), async {
        loop {
            if let Err(end) = entries.next().await.expect("an end that says why") {
                return end;
            }
        }
    });
    let refusal = refused(Err::<(), _>(end.await.expect("an end")));
    assert_eq!(refusal.kind(), (Code::Unauthenticated, "CREDENTIALS_INVALID"));
    assert!(refusal.metadata.contains(&("cause".to_owned(), "key".to_owned())), "{:?}", refusal.metadata);
}

async fn under_load_two_rotations_refuse_nobody_and_a_key_that_is_gone_opens_nothing(engine: Engine) {
    let provider = Arc::new(Provider::start().await);
    let processes = Arc::new(trusting(engine, &format!("{},refresh=1", provider.setting())).await);
    let first = provider.token("alice");
    assert!(is_taken(&processes, &first).await);
    let load = Load::begin(&processes, &provider);
    for kid in ["k2", "k3"] {
        provider.adds(kid);
        let token = provider.token("alice");
        assert!(is_taken(&processes, &token).await, "{kid}: the first token by a new key");
    }
    let gone = provider.removes("k1");
    // Also a token that was taken before.
    eventually(async || (outcome(&processes, &first).await == unknown_key()).then_some(())).await;
    assert_eq!(outcome(&processes, &provider.token_by(&gone, "k1", "bob")).await, unknown_key());
    assert!(load.end().await > 0);
}

async fn while_a_provider_is_down_its_keys_are_used_and_new_ones_waited_for(engine: Engine) {
    let provider = Provider::start().await;
    let processes = trusting(engine, &format!("{},refresh=1", provider.setting())).await;
    let token = provider.token("alice");
    assert!(is_taken(&processes, &token).await);
    for manner in [Manner::Gone, Manner::Status(503), Manner::Silent] {
        provider.answers(manner);
        let kid = format!("{manner:?}");
        provider.adds(&kid);
        let new = provider.token("bob");
        eventually(async || (outcome(&processes, &new).await == keys_missing()).then_some(())).await;
        assert!(is_taken(&processes, &token).await && is_taken(&processes, &provider_token(&provider)).await);
        provider.answers(Manner::Well);
        eventually(async || is_taken(&processes, &new).await.then_some(())).await;
    }
}

/// A token for somebody new by the first key: nobody has verified it before.
fn provider_token(provider: &Provider) -> String {
    let key = provider.removes("k1");
    let token = provider.token_by(&key, "k1", "carol");
    provider.has("k1", key);
    token
}

async fn a_service_starts_without_its_provider_and_takes_its_tokens_once_it_is_there(engine: Engine) {
    let provider = Provider::start().await;
    provider.answers(Manner::Gone);
    let mut processes = Processes::with(Databases::create(engine).await).await;
    let begun = Instant::now();
    let setting = format!("{},refresh=1", provider.setting());
    let mut children = Vec::new();
    for service in Service::ALL {
        let mut command = processes.command(service);
        command.args(["--issuer", &setting]);
        children.push((service, start(&mut command).await.0));
    }
    for (service, child) in children {
        processes.started(service, child);
        let address = processes.address(service);
        let ready = async || runs(&["health", "--address", &address]).await.status.success().then_some(());
        eventually(ready).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let token = provider.token("alice");
    assert_eq!(outcome(&processes, &token).await, keys_missing());
    processes.user("alice").creates_space("By the other issuer").await;
    provider.answers(Manner::Well);
    eventually(async || is_taken(&processes, &token).await.then_some(())).await;
}

async fn what_is_no_key_set_of_the_issuer_leaves_the_keys_of_before(engine: Engine) {
    let provider = Provider::start().await;
    let processes = trusting(engine, &format!("{},refresh=1", provider.setting())).await;
    let token = provider.token("alice");
    assert!(is_taken(&processes, &token).await);
    for manner in [Manner::Garbage, Manner::Huge, Manner::Redirect, Manner::AnothersName] {
        provider.answers(manner);
        provider.adds(&format!("{manner:?}"));
        assert_eq!(outcome(&processes, &provider.token("bob")).await, keys_missing(), "{manner:?}");
        assert!(is_taken(&processes, &token).await, "{manner:?}");
    }
}

async fn keys_that_are_too_old_for_the_operator_open_nothing(engine: Engine) {
    let provider = Provider::start().await;
    let processes = trusting(engine, &format!("{},refresh=1,max-age=2", provider.setting())).await;
    let token = provider.token("alice");
    assert!(is_taken(&processes, &token).await);
    provider.answers(Manner::Status(500));
    eventually(async || (outcome(&processes, &token).await == keys_missing()).then_some(())).await;
    provider.answers(Manner::Well);
    eventually(async || is_taken(&processes, &token).await.then_some(())).await;
}

async fn made_up_tokens_have_the_provider_asked_a_few_times(engine: Engine) {
    let provider = Provider::start().await;
    let processes = trusting(engine, &provider.setting()).await;
    assert!(is_taken(&processes, &provider.token("alice")).await);
    let (asked, key) = (provider.asked(), SigningKey::generate().expect("a key"));
    for round in 0..10 {
        let made_up = (0..20).map(|n| provider.token_by(&key, &format!("made-up-{round}-{n}"), "alice"));
        let outcomes = made_up.map(|token| {
            let processes = &processes;
            async move { outcome(processes, &token).await }
        });
        assert!(join_all(outcomes).await.into_iter().all(|outcome| outcome == unknown_key()));
    }
    // Three in short order, and another each ten seconds.
    assert!((1..=6).contains(&(provider.asked() - asked)), "{}", provider.asked() - asked);
    assert!(is_taken(&processes, &provider.token("bob")).await);
}

async fn a_key_set_in_a_file_is_read_again_when_it_changes(engine: Engine) {
    let folder = devspaces_tests::engine::temporary_folder();
    let file = folder.path().join("users.json");
    let (old, new) = (SigningKey::generate().expect("a key"), SigningKey::generate().expect("a key"));
    fs::write(&file, old.public_jwks("old")).expect("a file");
    let issuer = format!("kind=users,iss=id,aud=devspaces,prefix=corp:,jwks={}", file.display());
    let processes = trusting(engine, &issuer).await;
    let token = |key: &SigningKey, kid: &str| {
        let claims =
            serde_json::json!({ "iss": "id", "sub": "alice", "aud": "devspaces", "exp": 4_000_000_000_u64 });
        key.sign(kid, "JWT", &claims)
    };
    assert!(is_taken(&processes, &token(&old, "old")).await);
    // Half of a file that is being written.
    fs::write(&file, &new.public_jwks("new")[..40]).expect("a file");
    assert_eq!(outcome(&processes, &token(&new, "new")).await, keys_missing());
    assert!(is_taken(&processes, &token(&old, "old")).await);
    fs::write(&file, new.public_jwks("new")).expect("a file");
    assert!(is_taken(&processes, &token(&new, "new")).await, "the first token has the file looked at");
    assert_eq!(outcome(&processes, &token(&old, "old")).await, unknown_key());
}
