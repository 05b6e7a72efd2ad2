//! Following the journal as a stream (R-J4): who may, from where on, and how it ends.
use devspaces::Service;
use devspaces_kit::{clock::{Clock as _, SystemClock}, name::{Principal, SpaceName}};
use devspaces_ledger::{Act, Change};
use devspaces_proto::journal::v1::WatchEntriesRequest;
use devspaces_tests::{Engine, Suite, refused, sql::tamper, suite::eventually};
use futures::StreamExt as _;
use serde_json::Value;
use tonic::Code;

use crate::acts::{
    dev::Dev,
    journal::{
        after_cursor, entries_of, history_of_members, lists_entries, next_entry, takes_entries,
        watches_entries,
    },
    members::{VIEWER, adds_members},
    spaces::renames_space,
};

scenarios! {
    both engines:
        a_watcher_of_several_services_gets_all_or_the_one_it_names,
        a_watcher_gets_every_entry_from_the_first_on_and_each_as_it_is_written,
        a_cursor_goes_on_with_the_entry_after_it,
        a_watcher_of_one_scope_gets_its_entries_only,
        an_entry_that_commits_after_later_ones_were_read_is_not_missed,
        a_server_that_stops_ends_its_streams_in_order,
        a_cursor_into_what_a_restored_database_lost_is_refused,
        only_services_of_the_suite_and_those_that_the_operator_names_watch,
        too_many_watchers_are_told_so_and_room_is_made_by_those_who_leave;
    everywhere:
        every_bad_field_of_a_watch_is_told_at_once,
        a_journal_that_is_followed_verifies;
}

/// What a journal is changed by that no method has a hand in.
fn change(space: &str) -> (SpaceName, Act, Change) {
    let space: SpaceName = space.parse().expect("a space");
    let act = Act {
        actor: Principal::user("alice"),
        on_behalf_of: None,
        method: "devspaces.space.v1.SpaceService/UpdateSpace".into(),
        time: SystemClock.now(),
    };
    let change = Change {
        scope: space.into(),
        resources: vec![space.to_string()],
        before: Value::Null,
        after: Value::Null,
        facts: false,
    };
    (space, act, change)
}

// R-J4
async fn a_watcher_gets_every_entry_from_the_first_on_and_each_as_it_is_written(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let observer = suite.persona("services/observer");
    let mut stream =
        watches_entries(&observer, Service::Membership, after_cursor("")).await.expect("a stream");
    let read: Vec<_> = takes_entries(&mut stream, 5).await.into_iter().map(|(entry, _)| entry).collect();
    assert_eq!(
        read,
        lists_entries(&alice, Service::Membership, entries_of(&space)).await,
        "what a list says"
    );
    for name in ["dave", "erin"] {
        adds_members(&alice, &space, &[(&suite.user(name), VIEWER)]).await.expect("added");
        let (entry, _) = next_entry(&mut stream).await;
        assert_eq!(entry.resources, [suite.user(name).member_of(&space)]);
    }
}

// R-J4
async fn a_cursor_goes_on_with_the_entry_after_it(suite: Suite) {
    history_of_members(&suite).await;
    let observer = suite.persona("services/observer");
    let mut stream =
        watches_entries(&observer, Service::Membership, after_cursor("")).await.expect("a stream");
    let all = takes_entries(&mut stream, 5).await;
    for (index, (_, cursor)) in all.iter().enumerate().take(4) {
        let mut stream =
            watches_entries(&observer, Service::Membership, after_cursor(cursor)).await.expect("a stream");
        assert_eq!(takes_entries(&mut stream, 4 - index).await, all[index + 1..]);
    }
}

// R-J4
async fn a_watcher_of_one_scope_gets_its_entries_only(suite: Suite) {
    let (alice, observer) = (suite.user("alice"), suite.persona("services/observer"));
    let [one, other] = [alice.creates_space("One").await, alice.creates_space("Other").await];
    let request = WatchEntriesRequest { scope: one.clone(), ..after_cursor("") };
    let mut stream = watches_entries(&observer, Service::Space, request.clone()).await.expect("a stream");
    for name in ["a", "b"] {
        renames_space(&alice, &other, name).await;
        renames_space(&alice, &one, name).await;
    }
    let read = takes_entries(&mut stream, 3).await;
    assert!(read.iter().all(|(entry, _)| entry.scope == one));
    // The cursor is of the whole journal.
    let request = WatchEntriesRequest { scope: String::new(), cursor: read[1].1.clone(), ..request };
    let mut rest = watches_entries(&observer, Service::Space, request).await.expect("a stream");
    // How many of the other scope come before it depends on when they were numbered.
    while next_entry(&mut rest).await.0 != read[2].0 {}
}

// R-J4: a transaction that commits late is not passed over, however far the reader is by then.
async fn an_entry_that_commits_after_later_ones_were_read_is_not_missed(suite: Suite) {
    let (alice, observer) = (suite.user("alice"), suite.persona("services/observer"));
    let [late, other] = [alice.creates_space("Late").await, alice.creates_space("Other").await];
    let mut stream = watches_entries(&observer, Service::Space, after_cursor("")).await.expect("a stream");
    takes_entries(&mut stream, 2).await;
    let pool = suite.pool(Service::Space).await;
    let (space, act, change) = change(&late);
    let mut tx = pool.begin(&[space.into()], act).await.expect("a transaction");
    tx.record(change).await.expect("recorded");
    // SQLite has one writer: there nobody commits meanwhile.
    if suite.engine() == Engine::Postgres {
        renames_space(&alice, &other, "Renamed").await;
        assert_eq!(next_entry(&mut stream).await.0.scope, other);
    }
    tx.commit().await.expect("committed");
    assert_eq!(next_entry(&mut stream).await.0.scope, late);
}

// R-J4
async fn a_server_that_stops_ends_its_streams_in_order(suite: Suite) {
    let mut suite = suite;
    let (alice, observer) = (suite.user("alice"), suite.persona("services/observer"));
    let space = alice.creates_space("Team").await;
    let mut stream = watches_entries(&observer, Service::Space, after_cursor("")).await.expect("a stream");
    let (_, cursor) = next_entry(&mut stream).await;
    suite.stop(Service::Space).await;
    let end = refused(stream.next().await.expect("an end that says why"));
    assert_eq!((end.kind(), end.retry), ((Code::Unavailable, "SHUTTING_DOWN"), true));
    suite.restart(Service::Space).await;
    let (alice, observer) = (suite.user("alice"), suite.persona("services/observer"));
    renames_space(&alice, &space, "Renamed").await;
    let mut stream =
        watches_entries(&observer, Service::Space, after_cursor(&cursor)).await.expect("a stream");
    assert_eq!(next_entry(&mut stream).await.0.sequence, 2);
}

// R-J4
async fn a_cursor_into_what_a_restored_database_lost_is_refused(suite: Suite) {
    let (alice, observer) = (suite.user("alice"), suite.persona("services/observer"));
    let space = alice.creates_space("Team").await;
    for name in ["a", "b", "c"] {
        renames_space(&alice, &space, name).await;
    }
    let mut stream = watches_entries(&observer, Service::Space, after_cursor("")).await.expect("a stream");
    let all = takes_entries(&mut stream, 4).await;
    // Back to what it was before the last two.
    let pool = suite.pool(Service::Space).await;
    tamper(&pool, "DELETE FROM journal WHERE sequence > 2").await;
    tamper(&pool, "UPDATE head SET sequence = 2, hash = (SELECT hash FROM journal WHERE sequence = 2)").await;
    tamper(&pool, "UPDATE journal_numbering SET position = 2").await;
    let lost = async |cursor: &str| {
        let refusal = refused(watches_entries(&observer, Service::Space, after_cursor(cursor)).await);
        assert_eq!(refusal.kind(), (Code::FailedPrecondition, "CURSOR_LOST"));
        assert_eq!(refusal.blockers, ["CURSOR_LOST"]);
    };
    lost(&all[2].1).await;
    lost(&all[3].1).await;
    let mut stream =
        watches_entries(&observer, Service::Space, after_cursor(&all[1].1)).await.expect("it is still there");
    for (name, sequence) in [("d", 3), ("e", 4)] {
        renames_space(&alice, &space, name).await;
        assert_eq!(next_entry(&mut stream).await.0.sequence, sequence);
    }
    // Now there are entries at these positions, and they are others.
    lost(&all[2].1).await;
    lost(&all[3].1).await;
}

// R-J4, R-P7
async fn only_services_of_the_suite_and_those_that_the_operator_names_watch(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    for who in [&alice, &suite.persona("services/auditor"), &suite.user("observer")] {
        let refusal = refused(watches_entries(who, Service::Space, after_cursor("")).await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "{}", who.name);
    }
    for name in ["space", "membership", "billing", "marketplace"] {
        let mut stream = watches_entries(&suite.peer(name, "space"), Service::Space, after_cursor(""))
            .await
            .expect("a stream");
        assert_eq!(next_entry(&mut stream).await.0.scope, space);
        let other = WatchEntriesRequest { service: "membership".into(), ..after_cursor("") };
        let refusal = refused(watches_entries(&suite.peer(name, "space"), Service::Space, other).await);
        assert_eq!(refusal.code, Code::PermissionDenied, "a token is for one service's journal");
    }
}

// Order of answers, R-J4
async fn every_bad_field_of_a_watch_is_told_at_once(suite: Suite) {
    let observer = suite.persona("services/observer");
    suite.user("alice").creates_space("Team").await;
    let bad =
        WatchEntriesRequest { service: "membership".into(), cursor: "x".into(), scope: "spaces/1".into() };
    let all = refused(watches_entries(&observer, Service::Space, bad).await);
    assert_eq!(
        all.bad_fields(),
        (Code::InvalidArgument, "INVALID_FIELD", vec!["service", "scope", "cursor"])
    );
    let mut stream =
        watches_entries(&observer, Service::Membership, after_cursor("")).await.expect("a stream");
    let (_, cursor) = next_entry(&mut stream).await;
    let elsewhere = refused(watches_entries(&observer, Service::Space, after_cursor(&cursor)).await);
    assert_eq!(elsewhere.fields, ["cursor"], "it is of another service's journal");
}

// R-J2: what is numbered beside the chain does not touch it.
async fn a_journal_that_is_followed_verifies(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let mut stream =
        watches_entries(&suite.persona("services/observer"), Service::Membership, after_cursor(""))
            .await
            .expect("a stream");
    takes_entries(&mut stream, 5).await;
    let request = devspaces_proto::journal::v1::VerifyScopeRequest { scope: space };
    let verified =
        alice.journal(Service::Membership).verify_scope(request).await.expect("verified").into_inner();
    assert_eq!((verified.verifications[0].entries, verified.verifications[0].findings.len()), (5, 0));
}

/// R-J4: how many may follow is counted by each process for itself, of each caller and of all.
async fn too_many_watchers_are_told_so_and_room_is_made_by_those_who_leave(engine: Engine) {
    let suite = Suite::start_single(engine).await;
    let observer = suite.persona("services/observer");
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(watches_entries(&observer, Service::Space, after_cursor("")).await.expect("a stream"));
    }
    let refusal = refused(watches_entries(&observer, Service::Space, after_cursor("")).await);
    assert_eq!((refusal.kind(), refusal.retry), ((Code::ResourceExhausted, "CALLER_LIMITED"), true));
    assert_eq!(refusal.metadata, [("limit".to_owned(), "streams-per-caller".to_owned())]);
    let peer = suite.peer("billing", "space");
    let other = watches_entries(&peer, Service::Space, after_cursor("")).await.expect("a place for others");
    streams.pop();
    eventually(async || watches_entries(&observer, Service::Space, after_cursor("")).await.ok()).await;
    drop(other);
}

/// R-J4: one port with several services. Who names none gets all journals, a service of the suite that of its token.
async fn a_watcher_of_several_services_gets_all_or_the_one_it_names(engine: Engine) {
    let suite = Suite::start_on_one_port(engine).await;
    let (alice, observer) = (suite.user("alice"), suite.persona("services/observer"));
    let space = alice.creates_space("Team").await;
    let mut stream = watches_entries(&observer, Service::Space, after_cursor("")).await.expect("a stream");
    takes_entries(&mut stream, 2).await;
    renames_space(&alice, &space, "Renamed").await;
    adds_members(&alice, &space, &[(&suite.user("bob"), VIEWER)]).await.expect("added");
    let mut seen = takes_entries(&mut stream, 2).await;
    let mut rest =
        watches_entries(&observer, Service::Space, after_cursor(&seen[0].1)).await.expect("a stream");
    assert_eq!(next_entry(&mut rest).await.0, seen[1].0, "the cursor has a place in each journal");
    seen.sort_by_key(|(entry, _)| entry.service.clone());
    let services: Vec<_> = seen.iter().map(|(entry, _)| (entry.service.as_str(), entry.sequence)).collect();
    assert_eq!(services, [("membership", 2), ("space", 2)]);

    let named = WatchEntriesRequest { service: "membership".into(), ..after_cursor("") };
    for (who, request) in [(&observer, named), (&suite.peer("space", "membership"), after_cursor(""))] {
        let mut stream = watches_entries(who, Service::Space, request).await.expect("a stream");
        let read = takes_entries(&mut stream, 2).await;
        assert!(read.iter().all(|(entry, _)| entry.service == "membership"), "{}", who.name);
    }
}

// R-J4, R-P7: under `devspaces dev` a service may be any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_dev_every_service_watches_and_no_person_does() {
    let dev = Dev::start().await;
    let alice = dev.persona("users/alice");
    let space = alice.creates_space("Team").await;
    let mut stream = watches_entries(&dev.persona("services/any"), Service::Space, after_cursor(""))
        .await
        .expect("a stream");
    assert!(takes_entries(&mut stream, 2).await.iter().all(|(entry, _)| entry.scope == space));
    assert_eq!(
        refused(watches_entries(&alice, Service::Space, after_cursor("")).await).code,
        Code::PermissionDenied
    );
}
