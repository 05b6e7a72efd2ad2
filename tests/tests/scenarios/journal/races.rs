//! Following the journal while many write it (R-J4): nothing is missed, whoever is slow, hangs up, or is killed.
use std::{collections::BTreeMap, pin::pin};

use devspaces::Service;
use devspaces_kit::name::Principal;
use devspaces_ledger::db::Pool;
use devspaces_proto::{
    journal::v1::Entry,
    space::v1::{Space, UpdateSpaceRequest},
};
use devspaces_tests::{
    CONSOLE, Engine, Persona, Suite,
    process::Processes,
    sql::{ENTRIES, count},
    suite::eventually,
};
use futures::{
    StreamExt as _,
    future::{join, join_all},
    poll,
};

use crate::{
    acts::{
        journal::{after_cursor, next_entry, takes_entries, watches_entries},
        members::{VIEWER, adds_members},
        spaces::renames_space,
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_watcher_misses_nothing_when_the_service_is_killed_and_restarted,
        a_slow_reader_holds_nobody_up_and_misses_nothing,
        watchers_agree_on_the_order_while_many_write,
        a_watcher_that_hangs_up_at_any_point_goes_on_without_a_gap;
}

/// What a reader has seen of each scope of each service: its last sequence.
#[derive(Default)]
struct Seen(BTreeMap<(String, String), i64>);

impl Seen {
    /// The entry is one that was seen, or the next.
    fn note(&mut self, entry: &Entry) {
        let last = self.0.entry((entry.service.clone(), entry.scope.clone())).or_default();
        assert!(entry.sequence <= *last + 1, "after {last} of {}: {}", entry.scope, entry.sequence);
        *last = entry.sequence.max(*last);
    }

    fn total(&self) -> i64 {
        self.0.values().sum()
    }
}

/// Writers of several spaces, several to each, in both services.
async fn write(suite: &Suite, spaces: &[String], writers: usize, times: usize) {
    let writers = spaces.iter().flat_map(|space| (0..writers).map(move |writer| (space, writer)));
    let writing = writers.map(async |(space, writer)| {
        let alice = suite.user("alice");
        for time in 0..times {
            let person = suite.user(&format!("p{writer}-{time}"));
            renames_space(&alice, space, person.id()).await;
            adds_members(&alice, space, &[(&person, VIEWER)]).await.expect("added");
        }
    });
    join_all(writing).await;
}

async fn spaces(suite: &Suite, count: usize) -> Vec<String> {
    let alice = suite.user("alice");
    join_all((0..count).map(|_| alice.creates_space("Team"))).await
}

// R-J4: with many writers and a reader who reads nothing until all is written, which holds nobody up.
async fn a_slow_reader_holds_nobody_up_and_misses_nothing(suite: Suite) {
    let observer = suite.persona("services/observer");
    let spaces = spaces(&suite, 4).await;
    let mut streams = Vec::new();
    for port in CONSOLE {
        let mut stream = watches_entries(&observer, port, after_cursor("")).await.expect("a stream");
        next_entry(&mut stream).await;
        streams.push((port, stream));
    }
    write(&suite, &spaces, 4, 20).await;
    for (port, mut stream) in streams {
        let total = count(&suite.pool(port).await, ENTRIES).await;
        assert_eq!(total, 4 * (1 + 4 * 20));
        let mut again = watches_entries(&observer, port, after_cursor("")).await.expect("a stream");
        let mut seen = Seen::default();
        seen.note(&next_entry(&mut again).await.0);
        while seen.total() < total {
            let message = next_entry(&mut stream).await;
            seen.note(&message.0);
            assert_eq!(next_entry(&mut again).await, message, "the order is the same for everybody");
        }
    }
}

// R-J4: whoever follows gives positions, all of them at once.
async fn watchers_agree_on_the_order_while_many_write(suite: Suite) {
    let observer = suite.persona("services/observer");
    let spaces = spaces(&suite, 4).await;
    let total = 4 * (1 + 4 * 15);
    let watching = (0..8).map(async |_| {
        let mut stream =
            watches_entries(&observer, Service::Space, after_cursor("")).await.expect("a stream");
        takes_entries(&mut stream, total).await
    });
    let (read, ()) = join(join_all(watching), write(&suite, &spaces, 4, 15)).await;
    let mut seen = Seen::default();
    read[0].iter().for_each(|(entry, _)| seen.note(entry));
    assert!(seen.0.values().all(|last| *last == 1 + 4 * 15));
    for other in &read[1..] {
        assert_eq!(*other, read[0]);
    }
}

// R-J4
async fn a_watcher_that_hangs_up_at_any_point_goes_on_without_a_gap(suite: Suite) {
    let observer = suite.persona("services/observer");
    let spaces = spaces(&suite, 3).await;
    let mut writing = pin!(write(&suite, &spaces, 3, 15));
    let total = 3 * (1 + 3 * 15);
    let (mut seen, mut cursor, mut written) = (Seen::default(), String::new(), false);
    for round in 0_usize.. {
        let mut stream =
            watches_entries(&observer, Service::Space, after_cursor(&cursor)).await.expect("a stream");
        // It hangs up after a few entries, and now and then while the next is looked for.
        for _ in 0..round * 7 % 11 {
            if seen.total() == total {
                break;
            }
            let entry = async { next_entry(&mut stream).await };
            let mut entry = pin!(entry);
            let (read, to) = loop {
                if let std::task::Poll::Ready(read) = poll!(&mut entry) {
                    break read;
                }
                if written {
                    break entry.await;
                }
                written = poll!(&mut writing).is_ready();
                tokio::task::yield_now().await;
            };
            let before = seen.total();
            seen.note(&read);
            assert_eq!(seen.total(), before + 1, "what was acknowledged by its cursor does not come again");
            cursor = to;
        }
        if seen.total() == total {
            break;
        }
    }
    assert!(seen.0.values().all(|last| *last == 1 + 3 * 15));
}

/// R-J4: whatever is killed, and whenever.
async fn a_watcher_misses_nothing_when_the_service_is_killed_and_restarted(engine: Engine) {
    let mut suite = Processes::start(engine).await;
    let (alice, observer) = (suite.user("alice"), suite.persona(&Principal::service("observer")));
    let mut spaces = Vec::new();
    for _ in 0..3 {
        spaces.push(alice.creates_space("Team").await);
    }
    let writing: Vec<_> =
        spaces.iter().map(|space| tokio::spawn(keep_renaming(alice.clone(), space.clone()))).collect();
    let (mut seen, mut cursor) = (Seen::default(), String::new());
    for kill in 1..=rounds::<i64>(4) {
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
    let mut stream =
        eventually(async || watches_entries(observer, Service::Space, after_cursor(cursor)).await.ok()).await;
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
