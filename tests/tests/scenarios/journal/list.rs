//! Reading the journal: who may, what is found, and that pages neither skip nor repeat.
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use devspaces::Service;
use devspaces_proto::journal::v1::{Entry, ListEntriesRequest, ListEntriesResponse, VerifyScopeRequest};
use devspaces_tests::{CONSOLE, Engine, Persona, Suite, refused, sql::tamper, suite::eventually};
use prost_types::{Value, value::Kind};
use tonic::Code;

use crate::acts::{
    journal::{entries_of, erases_person, history_of_members, lists_entries, page_of_entries},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, removes_member},
    spaces::renames_space,
};

scenarios! {
    both engines:
        pages_of_several_services_skip_and_repeat_nothing,
        entries_are_found_by_time_actor_and_resource,
        an_app_is_not_told_of_while_an_owner_is_down,
        what_was_erased_reads_as_erased,
        a_long_journal_is_read_in_bounded_pages;
    everywhere:
        an_admin_reads_what_happened,
        pages_skip_and_repeat_nothing_while_others_write,
        only_who_administers_the_plane_reads,
        every_bad_field_of_a_list_is_told_at_once,
        a_page_token_is_for_the_list_that_gave_it;
}

const NO_APP: &str = "apps/0190a8d0-7b1c-7def-8000-000000000001";

fn sequences(entries: &[Entry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.sequence).collect()
}

/// A field of what was before or after.
fn text(value: Option<&Value>, field: &str) -> String {
    let Some(Kind::StructValue(fields)) = value.and_then(|value| value.kind.as_ref()) else {
        panic!("{value:?}")
    };
    let Some(Kind::StringValue(text)) = &fields.fields[field].kind else { panic!("{fields:?}") };
    text.clone()
}

/// Every page of a list, of three entries each, until it has so many, while others write.
async fn pages_until(who: &Persona, port: Service, space: &str, wanted: usize) -> Vec<Entry> {
    let (mut request, mut read) = (ListEntriesRequest { page_size: 3, ..entries_of(space) }, Vec::new());
    while read.len() < wanted {
        let page = page_of_entries(who, port, request.clone()).await.expect("a page");
        // The end so far: what comes later is found from the last token on.
        let Some(next) = Some(page.next_page_token).filter(|token| !token.is_empty()) else {
            tokio::task::yield_now().await;
            continue;
        };
        read.extend(page.entries);
        request.page_token = next;
    }
    read
}

/// Writers who rename a space and add to it, each so many times, until all is done.
fn write(suite: &Suite, space: &str, writers: usize, times: usize, done: &Arc<AtomicU64>) {
    for writer in 0..writers {
        let (alice, space, done) = (suite.user("alice"), space.to_owned(), done.clone());
        let people: Vec<_> = (0..times).map(|time| suite.user(&format!("p{writer}-{time}"))).collect();
        tokio::spawn(async move {
            for person in people {
                renames_space(&alice, &space, person.id()).await;
                adds_members(&alice, &space, &[(&person, VIEWER)]).await.expect("added");
                done.fetch_add(2, Ordering::SeqCst);
            }
        });
    }
}

// R-J3
async fn pages_of_several_services_skip_and_repeat_nothing(engine: Engine) {
    let suite = Suite::start_on_one_port(engine).await;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let done = Arc::default();
    write(&suite, &space, 4, 20, &done);
    // One entry of each service is the creation's. The last page has no token to go on from.
    let read = pages_until(&alice, Service::Space, &space, 2 + 160 - 3).await;
    eventually(async || (done.load(Ordering::SeqCst) == 160).then_some(())).await;
    let all =
        lists_entries(&alice, Service::Space, ListEntriesRequest { page_size: 7, ..entries_of(&space) })
            .await;
    assert_eq!(all.len(), 2 + 160);
    for service in ["space", "membership"] {
        let of_service = |entries: &[Entry]| -> Vec<i64> {
            entries.iter().filter(|entry| entry.service == service).map(|entry| entry.sequence).collect()
        };
        assert_eq!(of_service(&all), (1..=81).collect::<Vec<_>>(), "{service}");
        let read = of_service(&read);
        assert_eq!(read, (1..=i64::try_from(read.len()).expect("few")).collect::<Vec<_>>(), "{service}");
    }
    let key = |entry: &Entry| (entry.time.map(|time| (time.seconds, time.nanos)), entry.service.clone());
    assert!(all.is_sorted_by_key(key), "by time, then by service");
    let membership = lists_entries(
        &alice,
        Service::Space,
        ListEntriesRequest { service: "membership".into(), ..entries_of(&space) },
    );
    assert!(membership.await.iter().all(|entry| entry.service == "membership"));
}

// R-J1, R-J3
async fn an_admin_reads_what_happened(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let read = lists_entries(&alice, Service::Membership, entries_of(&space)).await;
    let who_did_what: Vec<_> = read
        .iter()
        .map(|entry| {
            (
                entry.sequence,
                entry.actor.as_str(),
                entry.on_behalf_of.as_str(),
                entry.method.rsplit('/').next().expect("a name"),
            )
        })
        .collect();
    let (alices, bob) = (alice.name.as_str(), suite.user("bob").name);
    assert_eq!(
        who_did_what,
        [
            (1, "services/space", alices, "CreateSpace"),
            (2, alices, "", "AddMembers"),
            (3, bob.as_str(), "", "AddMembers"),
            (4, alices, "", "UpdateMember"),
            (5, bob.as_str(), "", "RemoveMember"),
        ]
    );
    let demotion = &read[3];
    assert_eq!((demotion.service.as_str(), &demotion.scope), ("membership", &space));
    assert_eq!(demotion.resources, [suite.user("carol").member_of(&space)]);
    assert_eq!(
        [&demotion.before, &demotion.after].map(|value| text(value.as_ref(), "role")),
        ["DEVELOPER", "VIEWER"]
    );
    assert!(demotion.facts && demotion.hash.len() == 32 && demotion.time.is_some());
    assert_eq!(
        read[4].after,
        Some(Value { kind: Some(Kind::NullValue(0)) }),
        "nothing is left of the member"
    );
    let spaces = lists_entries(&alice, Service::Space, entries_of(&space)).await;
    assert_eq!((spaces.len(), spaces[0].service.as_str()), (1, "space"));
}

// R-J3
async fn entries_are_found_by_time_actor_and_resource(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let hour = async || {
        suite.clock.advance(Duration::from_hours(1));
        suite.clock_in(0)
    };
    let second = hour().await;
    adds_members(&alice, &space, &[(&bob, ADMIN), (&carol, VIEWER)]).await.expect("added");
    let third = hour().await;
    removes_member(&bob, &space, &carol).await.expect("removed");
    let found = async |request| sequences(&lists_entries(&alice, Service::Membership, request).await);

    assert_eq!(found(ListEntriesRequest { start_time: Some(second), ..entries_of(&space) }).await, [2, 3]);
    assert_eq!(found(ListEntriesRequest { end_time: Some(third), ..entries_of(&space) }).await, [1, 2]);
    let both = ListEntriesRequest { start_time: Some(second), end_time: Some(third), ..entries_of(&space) };
    assert_eq!(found(both).await, [2]);
    // A moment belongs to what starts with it and not to what ends with it.
    let all = lists_entries(&alice, Service::Membership, entries_of(&space)).await;
    assert_eq!(found(ListEntriesRequest { start_time: all[1].time, ..entries_of(&space) }).await, [2, 3]);
    assert_eq!(found(ListEntriesRequest { end_time: all[1].time, ..entries_of(&space) }).await, [1]);

    let by = |actor: &str| ListEntriesRequest { actor: actor.into(), ..entries_of(&space) };
    assert_eq!(found(by("users/alice")).await, [1, 2], "the first on her behalf");
    assert_eq!(found(by("users/bob")).await, [3]);
    assert_eq!(found(by("services/space")).await, [1]);
    assert_eq!(found(by("users/al")).await, [0; 0]);

    let about = |resource: &str| ListEntriesRequest { resource: resource.into(), ..entries_of(&space) };
    assert_eq!(found(about(&carol.member_of(&space))).await, [2, 3]);
    assert_eq!(found(about(&bob.member_of(&space))).await, [2]);
    assert_eq!(found(about(&space)).await, [1, 2, 3], "and what is below it");
    assert_eq!(found(about(&format!("{space}/members/car"))).await, [0; 0]);
    let narrow = ListEntriesRequest { actor: "users/bob".into(), ..about(&carol.member_of(&space)) };
    assert_eq!(found(narrow).await, [3]);
}

// R-J3
async fn pages_skip_and_repeat_nothing_while_others_write(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let done = Arc::default();
    write(&suite, &space, 4, 10, &done);
    let read = pages_until(&alice, Service::Space, &space, 1 + 40 - 3).await;
    let expected: Vec<_> = (1..).take(read.len()).collect();
    assert_eq!(sequences(&read), expected);
    eventually(async || (done.load(Ordering::SeqCst) == 80).then_some(())).await;
    for page_size in [1, 2, 40, 41, 42, 0] {
        let read =
            lists_entries(&alice, Service::Space, ListEntriesRequest { page_size, ..entries_of(&space) })
                .await;
        assert_eq!(sequences(&read), (1..=41).collect::<Vec<_>>(), "pages of {page_size}");
    }
    let whole =
        page_of_entries(&alice, Service::Space, ListEntriesRequest { page_size: 41, ..entries_of(&space) })
            .await
            .expect("a page");
    assert_eq!(
        (whole.entries.len(), whole.next_page_token.as_str()),
        (41, ""),
        "no page follows that is empty"
    );
}

// R-J3, R-P3
async fn only_who_administers_the_plane_reads(suite: Suite) {
    let [alice, bob, dora, victor] = ["alice", "bob", "dora", "victor"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN), (&dora, DEVELOPER), (&victor, VIEWER)])
        .await
        .expect("added");
    let denied = async |who: &Persona, parent: &str| {
        for port in CONSOLE {
            let message =
                format!("Permission 'journal.console.get' denied on '{parent}' (or it might not exist)");
            let request = VerifyScopeRequest { scope: parent.to_owned() };
            let verify = who.journal(port).verify_scope(request).await.map(drop);
            for refusal in [refused(page_of_entries(who, port, entries_of(parent)).await), refused(verify)] {
                assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
                assert_eq!(refusal.message, message);
            }
        }
    };
    for who in [&dora, &victor, &suite.user("mallory"), &suite.persona("services/auditor")] {
        denied(who, &space).await;
    }
    for port in CONSOLE {
        assert!(!lists_entries(&bob, port, entries_of(&space)).await.is_empty());
    }
    removes_member(&alice, &space, &bob).await.expect("removed");
    denied(&bob, &space).await;
    // An app that is not there, for whoever asks.
    for who in [&alice, &bob, &suite.user("mallory")] {
        denied(who, NO_APP).await;
    }
}

// R-P3: while the owner of apps, or of roles, is down, nobody learns which apps there are.
async fn an_app_is_not_told_of_while_an_owner_is_down(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    for (down, port) in [(Service::Space, Service::Membership), (Service::Membership, Service::Space)] {
        suite.stop(down).await;
        let refusal = refused(page_of_entries(&alice, port, entries_of(NO_APP)).await);
        assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
        suite.restart(down).await;
        eventually(async || {
            let answer = refused(page_of_entries(&alice, port, entries_of(NO_APP)).await);
            (answer.code == Code::PermissionDenied).then_some(())
        })
        .await;
    }
}

// R-J1, R-J3
async fn what_was_erased_reads_as_erased(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let pool = suite.pool(Service::Membership).await;
    erases_person(&pool, "carol").await;
    erases_person(&pool, "bob").await;
    let read = lists_entries(&alice, Service::Membership, entries_of(&space)).await;
    let origins: Vec<_> =
        read.iter().map(|entry| (entry.actor.as_str(), entry.resources[0].as_str())).collect();
    let alices = alice.member_of(&space);
    assert_eq!(
        origins,
        [
            ("services/space", alices.as_str()),
            ("users/alice", "(erased)"),
            ("(erased)", "(erased)"),
            ("users/alice", "(erased)"),
            ("(erased)", "(erased)"),
        ]
    );
    assert_eq!(text(read[3].after.as_ref(), "role"), "VIEWER", "what is not personal stays");
    assert!(!format!("{read:?}").contains("carol"));
    let found = lists_entries(
        &alice,
        Service::Membership,
        ListEntriesRequest { actor: "users/bob".into(), ..entries_of(&space) },
    );
    assert_eq!(sequences(&found.await), [0; 0]);
}

// Order of answers: the scope's name, then the permission, then everything else at once.
async fn every_bad_field_of_a_list_is_told_at_once(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let time = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
    let bad = ListEntriesRequest {
        service: "spaces".into(),
        start_time: time(-1, 0),
        end_time: time(0, -1),
        actor: "alice".into(),
        resource: "members".into(),
        page_size: -1,
        page_token: "x".into(),
        ..entries_of(&space)
    };
    let all = refused(page_of_entries(&alice, Service::Space, bad.clone()).await);
    let fields = ["service", "start_time", "end_time", "actor", "resource", "page_size"];
    assert_eq!(all.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", fields.to_vec()));
    for service in ["membership", "billing"] {
        let elsewhere = ListEntriesRequest { service: service.into(), ..entries_of(&space) };
        assert_eq!(refused(page_of_entries(&alice, Service::Space, elsewhere).await).fields, ["service"]);
    }
    let stranger = refused(page_of_entries(&suite.user("mallory"), Service::Space, bad.clone()).await);
    assert_eq!(stranger.code, Code::PermissionDenied);
    for parent in ["", "spaces", "spaces/1", "vendorProfiles/0190a8d0-7b1c-7def-8000-000000000001"] {
        let nameless = ListEntriesRequest { parent: parent.into(), ..bad.clone() };
        assert_eq!(
            refused(page_of_entries(&suite.user("mallory"), Service::Space, nameless).await).fields,
            ["parent"]
        );
        let request = VerifyScopeRequest { scope: parent.into() };
        assert_eq!(refused(alice.journal(Service::Space).verify_scope(request).await).fields, ["scope"]);
    }
}

async fn a_page_token_is_for_the_list_that_gave_it(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let other = alice.creates_space("Other").await;
    let list = ListEntriesRequest { page_size: 1, ..entries_of(&space) };
    let page_token =
        page_of_entries(&alice, Service::Membership, list.clone()).await.expect("a page").next_page_token;
    let list = ListEntriesRequest { page_token, ..list };
    let larger = ListEntriesRequest { page_size: 3, ..list.clone() };
    assert_eq!(
        sequences(&page_of_entries(&alice, Service::Membership, larger).await.expect("a page").entries),
        [2, 3, 4]
    );
    for changed in [
        ListEntriesRequest { parent: other, ..list.clone() },
        ListEntriesRequest { service: "membership".into(), ..list.clone() },
        ListEntriesRequest { start_time: Some(suite.clock_in(0)), ..list.clone() },
        ListEntriesRequest { end_time: Some(suite.clock_in(0)), ..list.clone() },
        ListEntriesRequest { actor: "users/bob".into(), ..list.clone() },
        ListEntriesRequest { resource: space.clone(), ..list.clone() },
        ListEntriesRequest { page_token: "x".into(), ..list.clone() },
    ] {
        let refusal = refused(page_of_entries(&alice, Service::Membership, changed).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "PAGE_TOKEN_INVALID", vec!["page_token"]));
    }
}

// R-J3: a page is bounded by what it looks at and by its size, and the list is whole all the same.
async fn a_long_journal_is_read_in_bounded_pages(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let pool = suite.pool(Service::Membership).await;
    let copies = |from: i64, to: i64, content: &str| {
        format!(
            "WITH RECURSIVE number (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM number WHERE n < {to})
             INSERT INTO journal (scope, sequence, time, content, personal, hash)
             SELECT scope, n, time, {content}, personal, hash FROM journal, number WHERE sequence = 4"
        )
    };
    tamper(&pool, &copies(6, 12_000, "content")).await;
    let nobodys = ListEntriesRequest { actor: "users/nobody".into(), ..entries_of(&space) };
    let first = page_of_entries(&alice, Service::Membership, nobodys.clone()).await.expect("a page");
    assert!(first.entries.is_empty() && !first.next_page_token.is_empty(), "short, and not the last");
    let second = ListEntriesRequest { page_token: first.next_page_token, ..nobodys };
    assert_eq!(
        page_of_entries(&alice, Service::Membership, second).await.expect("a page"),
        ListEntriesResponse::default()
    );
    let bobs = lists_entries(
        &alice,
        Service::Membership,
        ListEntriesRequest { actor: "users/bob".into(), ..entries_of(&space) },
    )
    .await;
    assert_eq!(sequences(&bobs), [3, 5]);

    // 30 entries of 200 kB, more than a client takes in one message.
    let long = format!("replace(content, 'VIEWER', '{}')", "x".repeat(200_000));
    tamper(&pool, &copies(12_001, 12_030, &long)).await;
    let all = lists_entries(
        &alice,
        Service::Membership,
        ListEntriesRequest { page_size: 1000, ..entries_of(&space) },
    )
    .await;
    let sequences: BTreeSet<_> = all.iter().map(|entry| entry.sequence).collect();
    assert_eq!((all.len(), sequences.len(), sequences.last()), (12_030, 12_030, Some(&12_030)));
}
