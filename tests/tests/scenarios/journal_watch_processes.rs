//! Following the journal across processes and ports (R-J4).
use devspaces::Service;
use devspaces_kit::{db::Pool, name::Principal};
use devspaces_proto::{
    journal::v1::WatchEntriesRequest,
    space::v1::{Space, UpdateSpaceRequest},
};
use devspaces_tests::{Engine, Persona, Suite, process::Processes, sql::count, suite::eventually};
use futures::StreamExt as _;

use crate::{
    journal::renames,
    journal_watch::{ENTRIES, Seen, after, next, take, watch},
    members::{VIEWER, adds},
};

/// R-J4: one port with several services. Who names none gets all journals, a service of the suite that of its token.
async fn journals_of_one_port(engine: Engine) {
    let suite = Suite::start_on_one_port(engine).await;
    let (alice, observer) = (suite.user("alice"), suite.persona("services/observer"));
    let space = alice.creates_space("Team").await;
    let mut stream = watch(&observer, Service::Space, after("")).await.expect("a stream");
    take(&mut stream, 2).await;
    renames(&alice, &space, "Renamed").await;
    adds(&alice, &space, &[(&suite.user("bob"), VIEWER)]).await.expect("added");
    let mut seen = take(&mut stream, 2).await;
    let mut rest = watch(&observer, Service::Space, after(&seen[0].1)).await.expect("a stream");
    assert_eq!(next(&mut rest).await.0, seen[1].0, "the cursor has a place in each journal");
    seen.sort_by_key(|(entry, _)| entry.service.clone());
    let services: Vec<_> = seen.iter().map(|(entry, _)| (entry.service.as_str(), entry.sequence)).collect();
    assert_eq!(services, [("membership", 2), ("space", 2)]);

    let named = WatchEntriesRequest { service: "membership".into(), ..after("") };
    for (who, request) in [(&observer, named), (&suite.peer("space", "membership"), after(""))] {
        let mut stream = watch(who, Service::Space, request).await.expect("a stream");
        let read = take(&mut stream, 2).await;
        assert!(read.iter().all(|(entry, _)| entry.service == "membership"), "{}", who.name);
    }
}

/// R-J4: whatever is killed, and whenever.
async fn watched_through_kills(engine: Engine) {
    let mut suite = Processes::start(engine).await;
    let (alice, observer) = (suite.user("alice"), suite.persona(&Principal::service("observer")));
    let mut spaces = Vec::new();
    for _ in 0..3 {
        spaces.push(alice.creates_space("Team").await);
    }
    let writing: Vec<_> =
        spaces.iter().map(|space| tokio::spawn(keep_renaming(alice.clone(), space.clone()))).collect();
    let (mut seen, mut cursor) = (Seen::default(), String::new());
    for kill in 1..=4 {
        let goal = kill * 25;
        while seen.total() < goal {
            follow_to(&observer, &mut seen, &mut cursor, goal).await;
        }
        suite.kill(Service::Space).await;
        suite.run(Service::Space).await;
    }
    for writer in &writing {
        writer.abort();
    }
    for writer in writing {
        let _ = writer.await;
    }
    // A change whose caller is gone is still made: the end is where nothing comes any more and all is read.
    let pool = suite.pool(Service::Space).await;
    loop {
        let total = count(&pool, ENTRIES).await;
        while seen.total() < total {
            follow_to(&observer, &mut seen, &mut cursor, total).await;
        }
        if ends(&pool).await == seen.total() {
            break;
        }
    }
    assert_eq!(seen.0.len(), spaces.len());
}

async fn ends(pool: &Pool) -> i64 {
    count(pool, "SELECT CAST(SUM(sequence) AS BIGINT) FROM head").await
}

/// Reads on until so much is seen or the stream breaks.
async fn follow_to(observer: &Persona, seen: &mut Seen, cursor: &mut String, goal: i64) {
    let mut stream = eventually(async || watch(observer, Service::Space, after(cursor)).await.ok()).await;
    while seen.total() < goal {
        let Some(Ok(message)) = stream.next().await else { break };
        seen.note(&message.entry.expect("an entry"));
        *cursor = message.cursor;
    }
}

/// Renames a space for as long as it lives, also while the service is down.
async fn keep_renaming(who: Persona, space: String) {
    for number in 0_u64.. {
        let space = Space { name: space.clone(), display_name: number.to_string(), ..Space::default() };
        let request = UpdateSpaceRequest { space: Some(space), ..UpdateSpaceRequest::default() };
        // What fails now is renamed again in the next turn.
        let _ = who.spaces().update_space(request).await;
        tokio::task::yield_now().await;
    }
}

on_both! {
    journals_of_one_port() as a_watcher_of_a_port_with_several_services_gets_all_or_the_one_it_names;
    watched_through_kills() as a_watcher_misses_nothing_when_the_service_is_killed_and_restarted;
}
